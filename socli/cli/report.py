"""socli report"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from socli.cli import app, options, wiring
from socli.errors import MissingError, StorageError, UsageError

if TYPE_CHECKING:
    from socli.report import Report
    from socli.report.results import Results
    from socli.store import Store

MARK = "socli report"
"""Stands in every report that is written; what lacks it is not replaced."""


@app.command()
def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN…",
            help="Runs, untrained students, or benches; the last good run otherwise.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="All finished runs of this recipe.")
    ] = None,
    size: Annotated[
        Literal["smoke", "small", "full"] | None,
        typer.Option("--size", help="Only runs of this size of the recipe."),
    ] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="NAME", help="Only this set.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one page.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write tables for an appendix; - for stdout."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="FOLDER",
            help="With --recipe: write what its tables are made of, ids and verdicts without any text.",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option("--examples", min=0, help="Problems and flips that are shown, of each set.")
    ] = 40,
    store: options.Store = None,
) -> None:
    """Put runs side by side: accuracy with intervals, by steps, losses, costs, flips and solved trees.

    The arms of --recipe are tested against each other, all seeds together, other runs against the first.
    Without --html or --markdown the tables are printed. Runs that differ in nothing but the seed are one
    line. The page fetches nothing and runs no script.
    """
    from socli.report.gather import gather

    if results is not None and recipe is None:
        raise UsageError("--results are those of a recipe, and none is named", hint="name one with --recipe")
    for one in sets or []:
        _refuse_setting(one)
    with wiring.opened(store) as db:
        told = _experiments(db, recipe, size, names or [])
        found = gather(db, _names(db, names or [], recipe, size), sets or [], compared=not told)
    made = _made()
    if html is not None:
        from socli.report.page import page
        from socli.report.paper import told as shown

        _write(html, page(found, made, examples, [part for one in told for part in shown(one)]))
    if markdown is not None:
        from socli.report import paper, text

        tables = (paper.markdown(one) for one in told)
        _write(markdown, "\n".join([text.markdown(found, made, examples), *tables]))
    if results is not None:
        _write_results(results, told)
    for note in found.notes:
        wiring.say(note)
    if html is None and markdown is None and results is None:
        _print(found)
        _print_paper(told)


def _refuse_setting(word: str) -> None:
    """UsageError where `--set` changes a recipe, as it does in other commands; sets have no `=`."""
    key, equals, value = word.partition("=")
    if equals and not Path(word).exists():
        hint = f"--size {value}" if key == "size" else "a report is of settings as they were: name runs"
        raise UsageError(f"--set of a report names a set, and {word!r} is a setting", hint=hint)


def _names(db: "Store", names: list[str], recipe: str | None, size: str | None) -> list[str]:
    if size is not None and recipe is None:
        raise UsageError("--size is that of a recipe, and none is named", hint="name one with --recipe")
    if recipe is not None:
        from socli.recipe import full_name

        runs = [
            run
            for run in db.runs()
            if run.recipe_name == full_name(recipe) and run.status == "done" and size in (None, run.size)
        ]
        if not runs:
            of_size = f" in size {size}" if size else ""
            overrides = [f"size={size}"] if size else []
            raise MissingError(
                f"there is no finished run of recipe {recipe}{of_size} yet",
                hint=wiring.command("distill", recipe=recipe, overrides=overrides),
            )
        names = [*names, *(run.id for run in reversed(runs))]
    return names or [wiring.chosen_run(db, None).id]


def _experiments(db: "Store", recipe: str | None, size: str | None, others: list[str]) -> "list[Results]":
    """What the arms of the recipe came to; nothing where it has none."""
    if recipe is None:
        return []
    from socli.report.experiment import experiments

    return experiments(db, recipe, size, others)


def _write_results(folder: Path, told: "list[Results]") -> None:
    from socli.report.plots import picture
    from socli.report.results import FORMAT, written

    if not told:
        raise MissingError("there are no results: no arm of the recipe has a finished run")
    for one in told:
        _write(folder / f"{one.name}.json", written(one), FORMAT)
        _write(folder / f"{one.name}.svg", picture(one), FORMAT)


def _made() -> str:
    from datetime import UTC, datetime

    from socli import __version__

    return f"Made by {MARK} {__version__} on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."


def _write(path: Path, text: str, mark: str = MARK) -> None:
    """Whole or not at all; a file that is there is replaced only if it bears the mark of its kind too. The
    path `-` is stdout.
    """
    from socli.home import made

    if path == Path("-"):
        print(text)
        return

    there = ""
    with suppress(FileNotFoundError, UnicodeDecodeError):
        there = path.read_text(encoding="utf-8") if path.exists() else mark
    if mark not in there:
        what = "no report" if mark == MARK else "none of its results"
        raise UsageError(f"{path} is there already and is {what}", hint="name another file")
    partial = made(path.absolute().parent) / f".{path.name}.partial"
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    print(path)


def _print(found: "Report") -> None:
    from socli.report import text
    from socli.screen.render import ASCII, UNICODE, line

    wiring.table(*text.arms(found), headed=True)
    for section in found.sections:
        print(line(text.title(section)))
        wiring.table(*text.scores(found, section, 24), headed=True)
        lengths = text.by_steps(found, section)
        if lengths[1]:
            wiring.table(*lengths, headed=True)
        for one in section.comparisons:
            print(line(one.sentence))
    unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    for curve in text.curves(found, (UNICODE if unicode else ASCII).ramp):
        print(line(curve))
    for name, table in text.funnels(found):
        print(line(name))
        wiring.table(*table, headed=True)


def _print_paper(told: "list[Results]") -> None:
    """The experiment's tables, one for each set and setting of the calculator."""
    from socli.report import paper
    from socli.screen.render import line

    for one in told:
        for shown in paper.told(one):
            print(line(shown.title))
            for head, rows in shown.tables.values():
                wiring.table(head, rows, headed=True)
            for note in shown.notes:
                print(line(note))
