"""What the students of a recipe start from: known models, folders, or the students of a finished run."""

from pathlib import Path
from typing import TYPE_CHECKING

from socli.cli import wiring
from socli.records import RUN

if TYPE_CHECKING:
    from socli.events import Role
    from socli.recipe import Recipe
    from socli.store import Store


def pinned(recipe: "Recipe", db: "Store") -> "Recipe":
    """The recipe with the whole id in each `run:`, so that what is stored means the same run for good.

    MissingError where there is no such run or it is not finished, UsageError where several begin so.
    """
    from socli.release.folder import refuse_unfinished

    named = {}
    for key, base in recipe.student:
        if base and base.startswith(RUN):
            row = db.run(base.removeprefix(RUN))
            refuse_unfinished(row)
            named[key] = f"{RUN}{row.id}"
    return recipe.model_copy(update={"student": recipe.student.model_copy(update=named)})


def places(recipe: "Recipe", db: "Store", *, json: bool = False) -> "dict[Role, Path]":
    """The folder that each role of a pinned recipe starts from, fetched where it is not here yet."""
    from socli import scheme

    roles = dict.fromkeys(role for form in recipe.schemes() for role in scheme.roles(form))
    return {role: _place(recipe.student.base_of(role), role, db, json=json) for role in roles}


def _place(base: str, role: "Role", db: "Store", *, json: bool) -> Path:
    from socli.release.folder import weights_of
    from socli.release.lineage import part_of

    if not base.startswith(RUN):
        return wiring.base_folder(base, json=json)
    run = db.run(base.removeprefix(RUN))
    return weights_of(run, part_of(run, role))
