"""What a student descends from: the models it was made from, each with its licence, as far as known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socli import models, scheme
from socli.errors import SocliError
from socli.events import Role
from socli.models import Known
from socli.records import RUN, RunRow
from socli.tables import StudentTable, frozen_scheme

FACTS = "socli.json"
"""The file of a released folder that says how its students write; see `release.folder`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A model that a student was made from. `licence` is empty where it is not known."""

    name: str
    licence: str
    said: str
    """What is known of these very weights, in a few words."""
    repo: str = ""
    """Its Hub id, where it has one."""


def part_of(run: RunRow, role: Role) -> Role:
    """Which of a run's students a role starts from: its own kind where the run has it, else who answers."""
    there = scheme.roles(frozen_scheme(run.recipe))
    return role if role in there else there[-1]


def origins(base: str, runs: Sequence[RunRow], role: Role = "student") -> tuple[Origin, ...]:
    """The model named `base`, then what that was made from, and so on; `runs` are those of the store.

    `role` is who starts from it. They are looked up as they lie here now: a base that was fetched anew
    since a training may differ.
    """
    if start := _start(base, runs, role):
        return _descent(*start, runs)
    if base.startswith(RUN):
        return (_lost(base),)
    folder = _folder(base)
    known = next((one for one in models.catalogue() if base in (one.name, one.repo)), None)
    if folder is None:
        return (_gone(base, known),)
    if told := models.provenance(folder):
        return (_fetched(told),)
    for place in (folder, folder.parent):
        if (place / FACTS).is_file():
            return _released(place, folder.name)
    return (Origin(folder.name, "", "a folder of model files of which nothing else is known"),)


def licence_texts(base: str, runs: Sequence[RunRow], role: Role = "student") -> dict[str, Path]:
    """The texts of the licences that lie beside a base or what it was made from, by the name to give them."""
    if start := _start(base, runs, role):
        run, there = start
        return licence_texts(_base(run, there), runs, there)
    folder = _folder(base)
    if folder is None:
        return {}
    if (folder / "LICENSE").is_file():
        return {f"LICENSE-{Path(base).name}": folder / "LICENSE"}
    return {path.name: path for place in (folder, folder.parent) for path in place.glob("LICENSE-*")}


def _start(base: str, runs: Sequence[RunRow], role: Role) -> tuple[RunRow, Role] | None:
    """The run and which of its students a role starts from; None where the base is none of these runs'."""
    if base.startswith(RUN):
        named = next((one for one in runs if one.id == base.removeprefix(RUN)), None)
        return (named, part_of(named, role)) if named else None
    folder = _folder(base)
    run = next((one for one in runs if folder and one.folder.resolve() in folder.parents), None)
    if run is None or folder is None:
        return None
    name = folder.relative_to(run.folder.resolve()).parts[0].removesuffix("-last")
    there = scheme.roles(frozen_scheme(run.recipe))
    return run, next((one for one in there if one == name), there[-1])


def _base(run: RunRow, role: Role) -> str:
    """What a role of a run was trained from."""
    return StudentTable.model_validate(run.recipe["student"]).base_of(role)


def _descent(run: RunRow, role: Role, runs: Sequence[RunRow]) -> tuple[Origin, ...]:
    """A student of a run and what it was made from."""
    of = f"the {role} of " * (len(scheme.roles(frozen_scheme(run.recipe))) > 1)
    return (_trained(f"{of}run {run.id}", run.recipe), *origins(_base(run, role), runs, role))


def _lost(base: str) -> Origin:
    name = f"run {base.removeprefix(RUN)}"
    return Origin(name, "", "not in this store any more, so what it was made from is not known")


def _folder(base: str) -> Path | None:
    try:
        return models.located(base)
    except SocliError:  # it was good enough to be trained from; now it is not there as it was
        return None


def _gone(base: str, known: Known | None) -> Origin:
    said = "not on this machine now, so which files it was is not known"
    if known is None:
        return Origin(Path(base).name, "", said)
    return Origin(known.name, known.licence, said, known.repo)


def _fetched(told: dict[str, Any]) -> Origin:
    where = f"the Hub at revision {told['revision']}" if "revision" in told else str(told.get("package", ""))
    made = f", made from {told['made_from']}" if "made_from" in told else ""
    said = f"weights {told.get('weights', 'not described')}; from {where or 'an unknown place'}{made}"
    upstream = str(told.get("upstream", ""))
    return Origin(str(told.get("name", upstream)), str(told.get("licence", "")), said, upstream)


def _trained(name: str, recipe: Any) -> Origin:
    learnt = Path(str(recipe.get("problems", {}).get("train", "unknown problems"))).name
    return Origin(name, "", f"trained by socli on {learnt}; under the licence of what it was made from")


def _released(folder: Path, role: str) -> tuple[Origin, ...]:
    """What a released folder says of its student in that role; of one that cannot be read, that it cannot."""
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        lines = facts["origins"]
        before = [Origin(**one) for one in lines.get(role) or next(iter(lines.values()), [])]
        return (_trained(f"run {facts['run']}", {"problems": {"train": facts["learnt"]}}), *before)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return (Origin(folder.name, "", f"a folder whose {FACTS} cannot be read"),)
