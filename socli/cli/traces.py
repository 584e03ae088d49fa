"""socli traces: list, search, show, funnel, export"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from socli.cli import app, options, wiring
from socli.errors import MissingError
from socli.problem import full_set_name
from socli.records import Code

if TYPE_CHECKING:
    from socli.check import Funnel
    from socli.records import TraceRow

group = typer.Typer(help="List, search, show, count and export traces.", invoke_without_command=True)
app.add_typer(group, name="traces")

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")]
Kept = Annotated[
    Literal["kept", "refused"] | None,
    typer.Option("--verdict", help="Only those kept, or only those refused."),
]
Reason = Annotated[Code | None, typer.Option(help="Only those refused for this.")]
Teacher = Annotated[str | None, typer.Option(help="Only those of one teacher.")]
Problems = Annotated[
    str | None, typer.Option("--problems", metavar="SET", help="Only those of the problems of a set.")
]


@group.callback()
def _traces(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@group.command("list")
def list_(
    limit: Limit = 20,
    verdict: Kept = None,
    reason: Reason = None,
    teacher: Teacher = None,
    problems: Problems = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """List traces, the newest first."""
    with wiring.opened(store) as db:
        rows = list(db.traces(limit, verdict, reason=reason, teacher=teacher, set_name=_set(problems)))
    if json:
        _print(rows)
        return
    if not rows:
        filtered = verdict or reason or teacher or problems
        wiring.say("there is none like that" if filtered else _NONE)
        return
    wiring.table(
        ("trace", "teacher", "steps", "answer", "verdict", "reason"),
        [
            (r.trace.id, r.trace.teacher, str(len(r.trace.steps)), r.trace.answer, r.verdict, r.reason)
            for r in rows
        ],
    )


_NONE = "there is none; next: socli annotate --recipe quickstart"


@group.command()
def search(
    words: Annotated[list[str], typer.Argument(help="Words that must all be there, in any order.")],
    limit: Limit = 20,
    verdict: Kept = None,
    reason: Reason = None,
    teacher: Teacher = None,
    problems: Problems = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Find traces by words of the question and the steps, the newest first."""
    text = " ".join(words)
    with wiring.opened(store) as db:
        found = db.traces(limit, verdict, reason=reason, teacher=teacher, set_name=_set(problems), words=text)
        rows = [(row, db.problem(row.trace.problem_id).question) for row in found]
    if json:
        _print([row for row, _ in rows])
        return
    if not rows:
        wiring.say("there is none like that")
        return
    wiring.table(
        ("trace", "teacher", "answer", "verdict", "question"),
        [(row.trace.id, row.trace.teacher, row.trace.answer, row.verdict, asked) for row, asked in rows],
    )


def _print(rows: "list[TraceRow]") -> None:
    for row in rows:
        wiring.print_json({"id": row.trace.id, **asdict(row)})


@group.command()
def show(
    trace: Annotated[str, typer.Argument(help="A trace's id or the beginning of one.")],
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Show a trace as a tree, with a tick or cross at each step and the first wrong step marked."""
    from socli import check

    with wiring.opened(store) as db:
        row = db.trace(trace)
        problem = db.problem(row.trace.problem_id)
    wrong, warnings = check.first_wrong(problem, row.trace), check.warnings(row.trace)
    if json:
        found = {"first_wrong": wrong, "warnings": warnings}
        wiring.print_json({"id": row.trace.id, "question": problem.question, **asdict(row), **found})
        return
    from rich.console import Console

    from socli.screen.render import branches, safe

    console = Console(highlight=False)
    console.print(branches(problem, row.trace.steps, row.trace.answer, wrong))
    for warning in warnings:
        console.print(safe(f"warning: {warning}"))
    console.print(
        safe(f"{row.verdict} {row.reason}".strip() + f", teacher {row.trace.teacher}, {row.created}")
    )


@group.command()
def funnel(
    teacher: Teacher = None,
    problems: Problems = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Show what became of what teachers were asked: answered, read, right, right in every step, kept."""
    with wiring.opened(store) as db:
        told = db.funnel(problems, teacher)
    if json:
        wiring.print_json(asdict(told))
        return
    if not told.asked:
        wiring.say(_NONE)
        return
    wiring.table(("stage", "traces", "of asked", ""), list(_stages(told)))


def _stages(told: "Funnel") -> Iterator[tuple[str, str, str, str]]:
    """Each stage with its share of what was asked and a bar of at most 40 signs."""
    from socli import check

    for stage, count in check.stages(told).items():
        share = count / told.asked
        yield stage, f"{count:,}", f"{100 * share:.1f} %", "#" * round(40 * share)


def _set(name: str | None) -> str | None:
    """A set as the store calls it."""
    return None if name is None else full_set_name(name)


@group.command()
def export(
    file: Annotated[Path, typer.Argument(help="A new file; its card is written beside it.")],
    format_: Annotated[
        Literal["jsonl", "chat", "trl"],
        typer.Option("--format", help="Whole traces, chat messages, or TRL's prompt and completion."),
    ] = "jsonl",
    recipe: options.RecipeName = "quickstart",
    set_: options.Set = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Write the kept traces of a recipe's set and teacher to a file, with a card: source, licence, counts."""
    from socli import exports
    from socli import recipe as recipes
    from socli.check import outdated

    loaded = recipes.load(recipe, set_ or [])
    set_name, form = loaded.problems.set_name, loaded.to_scheme()
    with wiring.opened(store) as db:
        teacher = wiring.teachers(db, loaded.teacher)
        first = {problem.id for problem in db.problems(set_name, loaded.problems.limit)}
        found = (pair for pair in db.kept(set_name, teacher) if pair[0].id in first)
        kept = (pair for pair in found if not outdated(*pair))
        if not any(True for _ in db.kept(set_name, teacher, limit=1)):
            annotate = wiring.command("annotate", recipe=recipe, overrides=set_, store=store)
            raise MissingError("there is no kept trace to export", hint=annotate)
        tally = exports.save(file, kept, form, format_)
        text = exports.card(file, set_name, form, format_, tally, db.funnel(set_name, teacher))
    card = exports.save_card(file, text)
    if json:
        wiring.print_json({"file": str(file), "card": str(card), "rows": tally.rows, "traces": tally.traces})
        return
    print(file)
    wiring.say(f"wrote {tally.rows:,} rows of {tally.traces:,} traces; what they are: {card}")
