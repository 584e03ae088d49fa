"""socli runs: list, show, remove"""

import math
import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from socli.cli import app, options, wiring
from socli.errors import SocliError, UsageError

if TYPE_CHECKING:
    from socli.records import RunRow

group = typer.Typer(help="List, show and remove training runs.", invoke_without_command=True)
app.add_typer(group, name="runs")

Which = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or its name.")]


@group.callback()
def _runs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@group.command("list")
def list_(store: options.Store = None, json: options.Json = False) -> None:
    """List the runs, the newest first."""
    with wiring.opened(store) as db:
        rows = db.runs()
    if json:
        for row in rows:
            wiring.print_json(_plain(row))
        return
    if not rows:
        wiring.say("there is none; next: socli distill --recipe quickstart")
        return
    wiring.table(
        ("run", "recipe", "arm", "seed", "scheme", "base", "status", "begun"),
        [
            (r.id, r.name, r.arm, str(r.seed), wiring.scheme_of(r), r.base, r.status, _minute(r.created))
            for r in rows
        ],
    )


@group.command()
def show(run: Which, store: options.Store = None, json: options.Json = False) -> None:
    """Show a run: its losses, its scores, and the command that repeats it."""
    with wiring.opened(store) as db:
        row = db.run(run)
        metrics, benches = db.metrics(row.id), db.benches(row.id)
    cards = [bench.scorecard for bench in benches if bench.scorecard]
    if json:
        losses = [
            {"role": m.role, "step": m.step, "loss": m.loss if math.isfinite(m.loss) else None}
            | ({} if m.accuracy is None else {"accuracy": m.accuracy})
            for m in metrics
        ]
        wiring.print_json(_plain(row) | {"losses": losses, "scorecards": [asdict(card) for card in cards]})
        return
    wiring.run(row, metrics, cards)


@group.command()
def remove(
    run: Which,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: options.Store = None,
) -> None:
    """Remove a run with its weights, metrics and predictions."""
    with wiring.opened(store) as db:
        row = db.run(run)
        if not yes:
            _confirm(f"remove run {row.id} ({row.name}) and its weights?")
        db.remove_run(row.id)
    shutil.rmtree(row.folder, ignore_errors=True)
    wiring.say(f"removed run {row.id}")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", hint="say --yes")
    if not typer.confirm(question, err=True):
        raise SocliError("nothing was removed")


def _minute(time: str) -> str:
    """`2026-11-23T07:21:15.961Z` as `2026-11-23 07:21`."""
    return time[:16].replace("T", " ")


def _plain(row: "RunRow") -> dict[str, Any]:
    return {**asdict(row), "round": row.round, "folder": str(row.folder)}
