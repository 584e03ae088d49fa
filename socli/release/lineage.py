"""What a student descends from: the models it was made from, each with its licence, as far as known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socli import models
from socli.errors import SocliError
from socli.models import Known
from socli.records import RunRow

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


def origins(base: str, runs: Sequence[RunRow]) -> tuple[Origin, ...]:
    """The model named `base`, then what that was made from, and so on; `runs` are those of the store.

    They are looked up as they lie here now: a base that was fetched anew since a training may differ.
    """
    folder = _folder(base)
    known = next((one for one in models.catalogue() if base in (one.name, one.repo)), None)
    if folder is None:
        return (_gone(base, known),)
    if told := models.provenance(folder):
        return (_fetched(told),)
    if run := _run_of(folder, runs):
        return (_trained(f"run {run.id}", run.recipe), *origins(run.base, runs))
    for place in (folder, folder.parent):
        if (place / FACTS).is_file():
            return _released(place)
    return (Origin(folder.name, "", "a folder of model files of which nothing else is known"),)


def licence_texts(base: str, runs: Sequence[RunRow]) -> dict[str, Path]:
    """The texts of the licences that lie beside a base or what it was made from, by the name to give them."""
    folder = _folder(base)
    if folder is None:
        return {}
    if (folder / "LICENSE").is_file():
        return {f"LICENSE-{Path(base).name}": folder / "LICENSE"}
    if run := _run_of(folder, runs):
        return licence_texts(run.base, runs)
    return {path.name: path for place in (folder, folder.parent) for path in place.glob("LICENSE-*")}


def _run_of(folder: Path, runs: Sequence[RunRow]) -> RunRow | None:
    """The run whose student lies in the folder."""
    return next((one for one in runs if one.folder.resolve() in folder.parents), None)


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


def _released(folder: Path) -> tuple[Origin, ...]:
    """What a released folder says of itself; of one that cannot be read, that it cannot."""
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        before = [Origin(**one) for line in facts["origins"].values() for one in line]
        return (_trained(f"run {facts['run']}", {"problems": {"train": facts["learnt"]}}), *before)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return (Origin(folder.name, "", f"a folder whose {FACTS} cannot be read"),)
