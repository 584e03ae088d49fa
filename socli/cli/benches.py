"""socli benches"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from socli.cli import app, options, wiring
from socli.problem import shown_set_name

if TYPE_CHECKING:
    from socli.records import BenchRow
    from socli.store import Store


@app.command()
def benches(
    what: Annotated[
        str | None,
        typer.Argument(help="Only those of a run or an untrained student.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")] = 20,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """List what was scored, the newest first: ids for `compare`, `rescore` and `report`.

    A bench that was stopped is partial and has no accuracy; the same `socli bench` goes on with it.
    """
    from socli.scoring import outputs

    with wiring.opened(store) as db:
        found = db.benches() if what is None else outputs.named(db, what)[0]
        rows = [(bench, _recipe(db, bench), db.solved(bench.id)) for bench in found[:limit]]
    if json:
        for bench, recipe, solved in rows:
            wiring.print_json({**asdict(bench), "recipe": recipe, "solved": solved})
        return
    if not rows:
        wiring.say("there is none; next: socli bench --recipe quickstart")
        return
    wiring.table(
        ("bench", "recipe", "model", "set", "calculator", "right", "95 % interval", "begun"),
        [_shown(*row) for row in rows],
    )


def _recipe(db: "Store", bench: "BenchRow") -> str:
    return db.run(bench.run).name if bench.run else ""


def _shown(bench: "BenchRow", recipe: str, solved: int) -> tuple[Any, ...]:
    from socli.screen.render import percent

    card = bench.scorecard
    right, interval = f"partial, {bench.so_far(solved)} solved", ""
    if card:
        right = f"{percent(card.accuracy)} of {card.n:,}" if card.n else f"{solved:,} without gold"
        interval = f"{100 * card.low:.1f} to {percent(card.high)}" if card.n else ""
    calculator = "on" if bench.calculator else "off"
    begun = bench.created[:16].replace("T", " ")
    return bench.id, recipe, bench.model, shown_set_name(bench.set), calculator, right, interval, begun
