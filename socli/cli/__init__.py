"""The commands. Each is wiring: resolve, run, show. Heavy imports stand inside the functions.

Every error ends here: one sentence and a hint on stderr, the exit code of `socli.errors`.
"""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from socli import __version__
from socli.errors import SocliError, StorageError, TryAgainError

STOPPED, TERMINATED = 130, 143
KEEPS = {
    "annotate": "; what was done so far is kept, and the same command goes on from there",
    "distill": "; what was done so far is kept, and the same command goes on from there",
    "bench": "; the predictions made so far are in the store, and the same command goes on from there",
}
"""What a command that was stopped leaves, and how to go on."""


class Terminated(BaseException):
    """SIGTERM arrived; like KeyboardInterrupt it passes every `except Exception`."""


class Boundary(TyperGroup):
    """The one place where an error becomes a sentence and an exit code."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the options; `--help` and `--version` print here."""
        _prepare_streams()
        with _told():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; nothing but an exit leaves."""
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            with _told(ctx):
                return super().invoke(ctx)
        finally:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def _told(ctx: Any = None) -> Iterator[None]:
    """Errors as a sentence, a hint and an exit code; what waits for stdout is written before the end."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except SocliError as error:
        _say(error)
        raise typer.Exit(error.exit_code) from error
    except BrokenPipeError as error:
        raise typer.Exit(_unread(ctx)) from error
    except OSError as error:
        raise typer.Exit(_failed(error)) from error
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # Rich's way out of one
            raise typer.Exit(_unread(ctx)) from error
        raise
    except (KeyboardInterrupt, typer.Abort) as error:  # the second: Ctrl-C or Ctrl-D at a question
        _note(f"stopped{_kept(ctx)}")
        raise typer.Exit(STOPPED) from error
    except Terminated as error:
        _note(f"terminated{_kept(ctx)}")
        raise typer.Exit(TERMINATED) from error


def _unread(ctx: Any) -> int:
    """The reader has seen enough: no failure, unless work that nobody reads was cut short by it."""
    _leave_quietly()
    return TryAgainError.exit_code if ctx and ctx.invoked_subcommand in ("annotate", "distill") else 0


def _failed(error: OSError) -> int:
    """Say what the system refused; the exit code."""
    if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS):
        _leave_quietly()
        _say(StorageError(f"writing failed: {error.strerror}"))
    elif error.filename is not None:
        _say(StorageError(f"cannot use {error.filename}: {error.strerror}"))
    else:
        raise error
    return StorageError.exit_code


def _kept(ctx: Any) -> str:
    return KEEPS.get(ctx.invoked_subcommand, "") if ctx else ""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def _prepare_streams() -> None:
    """Streams that were closed lead nowhere; a sign that a stream cannot show is no reason to stop."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def _say(error: SocliError) -> None:
    _note(f"error: {error}")
    if error.hint:
        _note(f"hint: {error.hint}")


def _note(sentence: str) -> None:
    from socli.screen.render import line

    print(line(sentence), file=sys.stderr)


def _leave_quietly() -> None:
    """Let the interpreter's last flush of stdout go nowhere instead of failing a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    name="socli",
    cls=Boundary,
    help="Distil a large model's step-by-step reasoning into a small model that asks itself sub-questions.",
    epilog="Begin with: socli solve --yes, or make demo. Docs: docs/index.md",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"socli {__version__}")
        raise typer.Exit


@app.callback()
def _socli(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Distil a large model's step-by-step reasoning into a small model that asks itself sub-questions."""


def main() -> None:
    """The `socli` command."""
    app()


from socli.cli import (  # noqa: E402
    annotate,
    bench,
    benches,
    compare,
    distill,
    doctor,
    export,
    models,
    power,
    problems,
    recipes,
    report,
    rescore,
    runs,
    solve,
    store,
    traces,
)

__all__ = [
    "annotate",
    "app",
    "bench",
    "benches",
    "compare",
    "distill",
    "doctor",
    "export",
    "main",
    "models",
    "power",
    "problems",
    "recipes",
    "report",
    "rescore",
    "runs",
    "solve",
    "store",
    "traces",
]
