"""Ctrl-C and SIGTERM in every command there is, in a terminal: a new command is covered by itself."""

import inspect
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pexpect
import pyte
import pytest
import typer
from command_line import PATIENCE

from socli.cli import KEEPS, app

WIDTH = 200
"""Columns, so that no sentence is broken."""
SIGNALS = {signal.SIGINT: (130, "stopped"), signal.SIGTERM: (143, "terminated")}


def commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    inner = getattr(found, "commands", {})
    if path and (not inner or found.invoke_without_command):
        yield path, found
    for name, one in inner.items():
        yield from commands(one, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


def words(path: tuple[str, ...]) -> list[str]:
    """The shortest line that calls a command: what it cannot do without is there, and need not make sense."""
    given = list(path)
    for param in COMMANDS[path].params:
        if param.required:
            options = [max(param.opts, key=len)] if param.param_type_name == "option" else []
            given += [*options, "1"]
    return given


def stop_each(number: int) -> None:
    """Call every command in turn and send this process a signal as each begins; its exit code is printed."""
    for path, command in COMMANDS.items():
        code = inspect.unwrap(command.callback).__code__

        def begun(frame: FrameType, event: str, _: Any, code: Any = code) -> None:
            if event == "call" and frame.f_code is code:
                sys.setprofile(None)
                os.kill(os.getpid(), number)

        print(f"--- {' '.join(path)}")
        sys.setprofile(begun)
        try:
            app(words(path))
        except SystemExit as done:
            print(f"exit {done.code}")
        finally:
            sys.setprofile(None)
    print("--- end")


@cache
def screens(number: int) -> tuple[dict[str, list[str]], bool]:
    """What a terminal shows of each command, and whether its cursor is hidden at the end."""
    here = Path(__file__).parent
    code = f"import sys; sys.path[:0] = {[str(here), str(here.parent)]!r}; import test_stopped as t"
    given = ["-c", f"{code}; t.stop_each({number})"]
    height = 20 * len(COMMANDS)
    child = pexpect.spawn(sys.executable, given, dimensions=(height, WIDTH), timeout=PATIENCE)
    raw = child.read()
    child.close()
    screen = pyte.Screen(WIDTH, height)
    pyte.ByteStream(screen).feed(raw)
    shown: dict[str, list[str]] = {}
    for row in map(str.rstrip, screen.display):
        if row.startswith("--- "):
            shown[row.removeprefix("--- ")] = []
        elif row:
            shown[list(shown)[-1]].append(row)
    return shown, screen.cursor.hidden


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_t18_every_command_that_is_stopped_says_so_and_how_to_go_on(
    path: tuple[str, ...], number: signal.Signals
) -> None:
    code, said = SIGNALS[number]
    shown, hidden = screens(number)
    assert shown[" ".join(path)] == [f"{said}{KEEPS.get(path[0], '')}", f"exit {code}"]
    assert not hidden


def test_t18_the_commands_that_can_go_on_are_those_that_say_so() -> None:
    assert set(KEEPS) == {"annotate", "distill", "bench"}
    assert ("solve",) in COMMANDS
    assert ("runs", "remove") in COMMANDS
    assert len(COMMANDS) > 20
