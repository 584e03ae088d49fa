"""socli traces: list, show"""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from socli.cli import app, options, wiring

group = typer.Typer(help="List and show traces.", invoke_without_command=True)
app.add_typer(group, name="traces")


@group.callback()
def _traces(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@group.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")] = 20,
    verdict: Annotated[
        Literal["kept", "refused"] | None, typer.Option(help="Only those kept, or only those refused.")
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """List traces, the newest first."""
    with wiring.opened(store) as db:
        rows = list(db.traces(limit, verdict))
    if json:
        for row in rows:
            wiring.print_json({"id": row.trace.id, **asdict(row)})
        return
    if not rows:
        wiring.say("there is none; next: socli annotate --recipe quickstart")
        return
    wiring.table(
        ("trace", "teacher", "steps", "answer", "verdict", "reason"),
        [
            (r.trace.id, r.trace.teacher, str(len(r.trace.steps)), r.trace.answer, r.verdict, r.reason)
            for r in rows
        ],
    )


@group.command()
def show(
    trace: Annotated[str, typer.Argument(help="A trace's id or the beginning of one.")],
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Show a trace as a tree, with a tick or cross at each step from the arithmetic check."""
    with wiring.opened(store) as db:
        row = db.trace(trace)
        problem = db.problem(row.trace.problem_id)
    if json:
        wiring.print_json({"id": row.trace.id, "question": problem.question, **asdict(row)})
        return
    from rich.console import Console

    from socli.render import branches, safe

    console = Console(highlight=False)
    console.print(branches(problem, row.trace.steps, row.trace.answer))
    console.print(
        safe(f"{row.verdict} {row.reason}".strip() + f", teacher {row.trace.teacher}, {row.created}")
    )
