"""What several commands connect in the same way."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from socli import home
from socli.errors import MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from socli.engine.student import Precision
    from socli.problem import AnswerKind, Problem, Scorecard
    from socli.recipe import Recipe
    from socli.records import MetricRow, RunRow
    from socli.scheme import Scheme
    from socli.screen.live import Screen
    from socli.solve import Solvers
    from socli.sources import Fields
    from socli.store import Store
    from socli.tables import BenchTable, TeacherTable
    from socli.teacher.cached import Cache

CURVE_ROWS = 5
"""Lines of a loss curve."""


def opened(path: Path | None) -> "Store":
    """The store at the path chosen, or the default one."""
    from socli.store import Store

    where = home.store_path(path)
    home.made(where.parent)
    return Store(where)


@contextmanager
def cache(db: "Store") -> Iterator["Cache"]:
    """The disposable cache of replies that belongs to a store."""
    from socli.teacher.cached import Cache

    opened = Cache(home.cache_folder(db.path))
    try:
        yield opened
    finally:
        opened.close()


def talk(as_json: bool = False) -> "Screen":
    """Progress on stderr: a picture on a terminal, lines in a pipe, JSON where asked."""
    from socli.screen.live import Screen, mode

    return Screen(mode(sys.stderr.isatty(), as_json))


def two_numbers(text: str | None) -> tuple[int, int] | None:
    """`1-3` or `4` as least and most steps."""
    if text is None:
        return None
    found = re.fullmatch(r"([1-6])(?:-([1-6]))?", text.strip())
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (2, 1)
    if least > most:
        raise UsageError(
            f"--steps {text!r} is not a range of steps", hint="for example --steps 1-3, from 1 to 6"
        )
    return least, most


def refuse_steps(text: str | None, specs: "Sequence[str]") -> None:
    """UsageError where steps are chosen and none of the sets has any to choose from."""
    from socli.sources import STORIES

    if text is not None and not any(spec in STORIES for spec in specs):
        raise UsageError(
            f"--steps chooses among stories, and {specs[0]} is none", hint=f"stories are {', '.join(STORIES)}"
        )


@contextmanager
def waiting(why: str) -> Iterator[None]:
    """A sign of life on a terminal for seconds in which nothing else is shown."""
    from rich.console import Console

    with Console(stderr=True).status(why) if sys.stderr.isatty() else nullcontext():
        yield


def base_folder(base: str, *, json: bool = False) -> Path:
    """The folder of a student, fetched where it is not here yet: with a progress bar, or as events."""
    from socli import models

    folder = models.located(base)
    if folder is not None:
        return folder
    if json:
        from socli.events import Noted

        return models.fetch(base, note=lambda sentence: talk(as_json=True).show(Noted(sentence)))
    with _bar() as (note, progress):
        return models.fetch(base, note=note, progress=progress)


@contextmanager
def _bar() -> Iterator[tuple["Callable[[str], None]", "Callable[[int, int], None]"]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from socli.screen.render import safe

    console = Console(stderr=True, highlight=False)
    columns = BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield (
            lambda sentence: console.print(safe(sentence), soft_wrap=True),
            lambda done, total: bar.update(task, completed=done, total=total),
        )


def untrained(
    model: str | None,
    form: "Scheme",
    kind: "AnswerKind",
    calculator: bool,
    precision: "Precision | None" = None,
) -> "Solvers":
    """A student as it came, fetched where it is not here yet."""
    from socli import solvers

    if model is None:
        raise UsageError("there is no model named", hint="name one with --model")
    folder = base_folder(model)
    return solvers.untrained(folder, model, form, kind, calculator=calculator, precision=precision)


def refuse_both(run: str | None, model: str | None) -> None:
    """UsageError where both a run and an untrained model are named."""
    if run is not None and model is not None:
        raise UsageError("--run and --model exclude each other", hint="name the one that is to answer")


def chosen_run(store: "Store", run: str | None, recipe: str | None = None) -> "RunRow":
    """The run or released folder named, or the last good run (of the recipe, where one is named)."""
    if run is not None:
        return _named(store, run)
    from socli.recipe import full_name

    if recipe is None:
        good = store.last_good_run()
    else:
        rows = (row for row in store.runs() if row.recipe_name == full_name(recipe))
        good = next((row for row in rows if row.status == "done" and row.solves), None)
    if good is None:
        which = f" of recipe {recipe}" if recipe else ""
        raise MissingError(
            f"there is no finished run{which} yet", hint=command("distill", recipe=recipe or "quickstart")
        )
    return good


def _named(store: "Store", run: str) -> "RunRow":
    """A run of the store by its id or name, else a released folder; what looks like a path is a path."""
    from socli.release import folder

    if folder.is_path(run):
        return folder.read(Path(run))
    try:
        return store.run(run)
    except MissingError:
        if Path(run).is_dir():
            return folder.read(Path(run))
        raise


@contextmanager
def stop_after_step() -> Iterator["Callable[[], bool]"]:
    """Ctrl-C or SIGTERM once: the step under way is finished and saved; twice: at once."""
    import signal

    from socli.cli import Terminated

    asked: list[int] = []

    def remember(number: int, frame: object) -> None:
        signal.signal(number, before[number])  # the second time it does what it always does
        asked.append(number)

    before = {int(number): signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    except KeyboardInterrupt:
        if asked[:1] == [signal.SIGTERM]:
            raise Terminated from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def recipe_problems(recipe: "Recipe") -> "list[Problem]":
    """The problems a recipe learns from."""
    from socli import sources

    table = recipe.problems
    return list(sources.problems(table.train, limit=table.limit, steps=table.steps, seed=table.seed))


def remember(db: "Store", recipe: "Recipe", problems: "Sequence[Problem]") -> None:
    """Make a file's set what the file is now: what was deleted or worded anew is no longer learnt from."""
    table = recipe.problems
    if Path(table.train).is_absolute():
        db.set_problems(table.set_name, problems, whole=table.limit is None)


def teachers(db: "Store", table: "TeacherTable") -> "list[str]":
    """Whose traces a recipe learns from: its own; with `teacher.reuse` every model's but no student's."""
    from socli.records import RUN

    known = db.teachers() if table.reuse else []
    others = [name for name in known if name != "reference" and not name.startswith(RUN)]
    return list(dict.fromkeys([*table.models, *others]))


def command(
    *words: str,
    recipe: str | None = None,
    overrides: "Sequence[str] | None" = None,
    store: Path | None = None,
) -> str:
    """A socli command as it is typed, for the same recipe, settings and store."""
    flags = ["--recipe", recipe] if recipe is not None else []
    flags += [word for override in overrides or () for word in ("--set", override)]
    flags += ["--store", str(store)] if store is not None else []
    return shlex.join(["socli", *words, *flags])


LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""What JSON may hold as it is and some readers of lines take for the end of one."""


def print_json(row: "Mapping[str, Any]") -> None:
    """One object as a line on stdout; in ASCII where a terminal might obey it or the stream lacks a sign."""
    text = json.dumps(row, ensure_ascii=sys.stdout.isatty()).translate(LINE_ENDS)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(row)
    print(text, flush=True)


def say(sentence: str) -> None:
    """A sentence on stderr."""
    from socli.screen.render import line

    print(line(sentence), file=sys.stderr)


def bench_problems(
    spec: str,
    table: "BenchTable",
    seed: int,
    fields: "Fields",
    stdin: "Iterable[bytes] | None" = None,
) -> "tuple[Iterable[Problem], int | None, AnswerKind]":
    """The problems of a set, file or stdin, how many there are where that is known, and their kind."""
    from functools import partial
    from itertools import chain

    from socli import sources

    read = partial(sources.problems, spec, limit=table.limit, steps=table.steps, seed=seed, fields=fields)
    problems = read(stdin=stdin)
    first = next(problems, None)
    if first is None:
        raise UsageError(f"there is no problem in {'stdin' if spec == sources.STDIN else spec}")
    if sources.is_known(spec) or spec.startswith("hf:"):
        known = [first, *problems]
        return known, len(known), first.kind
    file = spec != sources.STDIN and Path(spec).is_file()  # it can be read a second time
    return chain([first], problems), sum(1 for _ in read()) if file else None, first.kind


def table(
    header: tuple[str, ...],
    rows: "Sequence[tuple[str, ...]]",
    *,
    shown: bool = True,
    headed: bool = False,
) -> None:
    """Rows on stdout: a table on a terminal, tab-separated values in a pipe, `headed` with their header."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from socli.screen.render import line, safe

    if not sys.stdout.isatty():
        for row in [header, *rows] if headed else rows:
            print("\t".join(line(cell) for cell in row))
        return
    drawn = Table(box=box.SIMPLE_HEAD, show_header=shown, pad_edge=False)
    for name in header:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(safe(cell) for cell in row))
    Console(highlight=False).print(drawn)


def run(row: "RunRow", metrics: "Sequence[MetricRow]", cards: "Sequence[Scorecard]") -> None:
    """A run on stdout: what it was, its loss curve, its scores, and the command that repeats it."""
    from rich.console import Console

    from socli.cli.repeating import repeating
    from socli.screen.progress import plot, scoreboard, sparkline
    from socli.screen.render import line

    console = Console(highlight=False)
    which = f"{scheme_of(row)}, " + f"arm {row.arm}, " * bool(row.arm) + f"seed {row.seed}"
    print(line(f"run {row.id}: recipe {row.name}, {which}, base {row.base}{_other_bases(row)}"))
    print(line(f"{row.status}, begun {row.created}, ended {row.finished or 'not yet'}, {row.note}"))
    print(line(f"budget {row.budget}, epochs {row.recipe['train']['epochs']}, weights in {row.folder}"))
    ramp = " ▁▂▃▄▅▆▇█" if console.encoding.startswith("utf") else " .:-=+*#"
    for role in dict.fromkeys(metric.role for metric in metrics):
        losses = [metric.loss for metric in metrics if metric.role == role]
        last = max(metric.step for metric in metrics if metric.role == role)
        print(line(f"{role}: loss {losses[0]:.3f} to {losses[-1]:.3f} in {last:,} steps"))
        print("\n".join(plot(losses, min(60, console.width - 12), CURVE_ROWS, ramp)))
        if tried := [(m.step, m.accuracy) for m in metrics if m.role == role and m.accuracy is not None]:
            rates = ", ".join(f"{100 * share:.1f} % at step {step:,}" for step, share in tried)
            print(
                line(f"dev problems right {sparkline([share for _, share in tried], 40, ramp[1:])} {rates}")
            )
    if cards:
        console.print(scoreboard(cards))
    print(line(f"repeat it: {repeating(row)}"))


def scheme_of(row: "RunRow") -> str:
    """The scheme of a run in a few words, and its round where there was one before."""
    from socli.scheme import described
    from socli.tables import frozen_scheme

    return described(frozen_scheme(row.recipe)) + f", round {row.round}" * bool(row.round)


def _other_bases(row: "RunRow") -> str:
    """The roles that started elsewhere."""
    table = row.recipe["student"]
    return "".join(f", {role} from {table[role]}" for role in ("decomposer", "planner") if table.get(role))
