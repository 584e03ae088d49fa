"""socli power"""

from typing import Annotated, Any

import typer

from socli.cli import app, options, wiring
from socli.errors import UsageError

SIZES = {"gsm8k:test": 1_319, "stories:test": 1_000, "svamp:test": 300, "strategyqa:dev": 229}
"""Problems of the sets that are known by name."""


@app.command()
def power(
    delta: Annotated[float, typer.Option("--delta", help="The difference to be seen, in percentage points.")],
    accuracy: Annotated[
        float, typer.Option("--accuracy", min=0, max=100, help="Of the worse of the two, in per cent.")
    ] = 10.0,
    discordance: Annotated[
        float | None,
        typer.Option(
            "--discordance",
            min=0,
            max=100,
            help="Problems that one gets right and the other wrong, in per cent, as `socli compare` counts "
            "them; as if the two erred independently otherwise.",
        ),
    ] = None,
    spread: Annotated[
        float,
        typer.Option("--spread", min=0, help="Standard deviation between seeds, in percentage points."),
    ] = 0.0,
    chance: Annotated[
        float, typer.Option("--power", min=0.5, max=0.999, help="How often the difference is to be found.")
    ] = 0.8,
    problems: Annotated[
        int | None, typer.Option("--problems", min=1, help="The size of a set of your own.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Tell how many problems, and how many seeds, a difference in accuracy needs before it can be seen.

    For McNemar's exact test at 5 %. Seeds are of each of the two, averaged on the same problems.
    """
    from socli.scoring import stats

    apart = abs(delta) / 100
    try:
        flips = stats.independent(accuracy / 100, apart) if discordance is None else discordance / 100
        needed = stats.problems_needed(apart, flips, chance)
        sizes = SIZES if problems is None else {"yours": problems}
        seeds = {name: stats.seeds_needed(apart, n, flips, spread / 100, chance) for name, n in sizes.items()}
    except ValueError as error:
        raise UsageError(str(error), hint="for example --delta 2 --accuracy 10 --discordance 12") from error
    found: dict[str, Any] = {
        "delta": apart,
        "accuracy": accuracy / 100,
        "discordance": flips,
        "spread": spread / 100,
        "power": chance,
        "problems": needed,
        "seeds": seeds,
    }
    if json:
        wiring.print_json(found)
    else:
        _print(found, {name: sizes[name] for name in seeds}, assumed=discordance is None)


def _print(found: dict[str, Any], sizes: dict[str, int], *, assumed: bool) -> None:
    from socli.screen.render import percent

    why = "as if the two erred independently: fewer flip where both learnt the same" if assumed else "as said"
    print(
        f"{found['problems']:,} problems show {100 * found['delta']:g} points in {100 * found['power']:g} of "
        f"100 comparisons, where {percent(found['discordance'])} of the problems flip ({why})"
    )
    wiring.table(
        ("set", "problems", "seeds of each"),
        [(name, f"{sizes[name]:,}", f"{seeds:,}") for name, seeds in found["seeds"].items()],
    )
    if not found["spread"]:
        print(
            "seeds: at least, as if trainings differed by the problems alone; --spread says by how much more"
        )
