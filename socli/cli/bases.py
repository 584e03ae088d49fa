"""What the students of a recipe start from: known models, folders, or the students of a finished run."""

from pathlib import Path
from typing import TYPE_CHECKING

from socli.cli import wiring
from socli.records import RUN

if TYPE_CHECKING:
    from socli.events import Role
    from socli.recipe import Recipe
    from socli.store import Store
    from socli.tables import StudentTable


def pinned(recipe: "Recipe", db: "Store") -> "Recipe":
    """The recipe with the whole id in each `run:`, so that what is stored means the same run for good.

    MissingError where there is no such run or it is not finished, UsageError where several begin so.
    """
    arms = {
        name: arm.model_copy(update={"student": _pinned(arm.student, db)})
        for name, arm in recipe.arms.items()
    }
    return recipe.model_copy(update={"student": _pinned(recipe.student, db), "arms": arms})


def _pinned(table: "StudentTable", db: "Store") -> "StudentTable":
    from socli.release.folder import refuse_unfinished

    named = {}
    for key, base in table:
        if base and base.startswith(RUN):
            row = db.run(base.removeprefix(RUN))
            refuse_unfinished(row)
            named[key] = f"{RUN}{row.id}"
    return table.model_copy(update=named)


def places(recipe: "Recipe", db: "Store", *, json: bool = False) -> "dict[tuple[str, Role], Path]":
    """The folder that each role of a pinned recipe and its arms starts from, by what `[student]` calls it and
    the role; fetched where it is not here yet.
    """
    from socli import scheme

    starts = dict.fromkeys(
        (alone.student.base_of(role), role)
        for _, alone in recipe.queue()
        for role in scheme.roles(alone.to_scheme())
    )
    return {(base, role): _place(base, role, db, json=json) for base, role in starts}


def _place(base: str, role: "Role", db: "Store", *, json: bool) -> Path:
    from socli.release.folder import weights_of
    from socli.release.lineage import part_of

    if not base.startswith(RUN):
        return wiring.base_folder(base, json=json)
    run = db.run(base.removeprefix(RUN))
    return weights_of(run, part_of(run, role))
