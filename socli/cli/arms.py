"""What commands connect for recipes of several runs: arms by name, and the runs that are done."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from socli.cli import bases, wiring
from socli.errors import MissingError, SocliError, UsageError

if TYPE_CHECKING:
    from socli.recipe import Recipe
    from socli.records import RunRow
    from socli.store import Store


def check(recipe: "Recipe", names: Collection[str]) -> None:
    """UsageError where one of the names is no arm of the recipe."""
    for name in names:
        if name not in recipe.arms:
            near = difflib.get_close_matches(name, recipe.arms, n=1)
            known = ", ".join(recipe.arms) or "it has none"
            raise UsageError(
                f"the recipe has no arm {name[:80]!r}",
                hint=f"did you mean `{near[0]}`?" if near else f"its arms: {known}",
            )


def runs_of(store: "Store", name: str, recipe: "Recipe", overrides: Sequence[str] = ()) -> "list[RunRow]":
    """The last finished run of each of the recipe's arms and seeds; MissingError where there is none.

    Where the recipe has further rounds, that is the one of the last round; the newest where there is none.
    `overrides` are those of the recipe, for the command that trains what is missing.
    """
    train = wiring.command("distill", recipe=name, overrides=overrides)
    with suppress(SocliError):  # of a run that is gone: what was trained from it is there by its whole id
        recipe = bases.pinned(recipe, store)
    queue = recipe.queue()
    if len(queue) == 1 and not queue[0][1].train.rounds:
        return [wiring.chosen_run(store, None, name)]
    found, missing = [], []
    for arm, alone in queue:
        rows = [row for row in store.runs() if _trained(row, name, arm, alone, recipe.shared(alone))]
        rounds = alone.train.rounds
        good = next((row for row in rows if row.round == rounds), None) if rounds else None
        if rows:
            found.append(good or rows[0])
        if not rows or (rounds and not good):
            missing.append(title(arm, alone.train.seed, rounds))
    if not found:
        raise MissingError(f"there is no finished run of recipe {name} yet", hint=train)
    if missing:
        wiring.say(f"not trained yet: {'; '.join(missing)}; next: {train}")
    return found


def title(arm: str, seed: int, round: int = 0) -> str:
    """`arm cot, seed 2`, and which round where it is not the first."""
    return f"arm {arm}, " * bool(arm) + f"seed {seed}" + f", round {round}" * bool(round)


def _trained(
    row: "RunRow", name: str, arm: str, alone: "Recipe", own: "Mapping[str, Collection[str]]"
) -> bool:
    """Whether it is a finished run of this arm and seed, from the same student in the same scheme and with
    what else is the arm's `own`.
    """
    from socli.recipe import full_name
    from socli.tables import SchemeTable, StudentTable

    return (
        (row.status, row.arm, row.seed) == ("done", arm, alone.train.seed)
        and row.recipe_name == full_name(name)
        and row.size == alone.size
        and StudentTable.model_validate(row.recipe["student"]) == alone.student
        and SchemeTable.model_validate(row.recipe["scheme"]) == alone.scheme
        and all(
            row.recipe[table].get(key) == getattr(getattr(alone, table), key)
            for table in own
            for key in own[table]
            if key != "rounds"  # whichever there are is the caller's to choose among
        )
    )
