"""Write a finished Run as a folder of plain transformers files, and read such a folder as a Run again.

One student lies in the folder itself, several in one folder for each role. `socli.json` beside them says how
they write, so that socli needs no store to solve with them.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from pydantic import ValidationError

from socli import __version__, models, scheme
from socli.errors import MissingError, StorageError, UsageError
from socli.events import Role
from socli.faults import faults_of
from socli.problem import AnswerKind
from socli.records import RunRow
from socli.release.card import Released, base_names, card
from socli.release.lineage import FACTS, Origin, licence_texts, origins
from socli.store import Store
from socli.tables import BenchTable, ProblemsTable, SchemeTable, Table, frozen_scheme

CARD = "README.md"
VERSION = 1
"""Of the form of `socli.json`."""
_UNFIT = ("chat_template.jinja",)
"""Files of a base that its student has no use for: it was taught transcripts, not chats."""


class _Facts(Table):
    """What `socli.json` holds."""

    version: int
    socli: str
    run: str
    name: str
    seed: int
    base: str
    learnt: str
    kind: AnswerKind
    scheme: SchemeTable
    max_tokens: int
    batch: int
    origins: Mapping[Role, tuple[Origin, ...]]


def save(run: RunRow, store: Store, folder: Path) -> Path:
    """Write the students of a run that is done into a new or empty folder, whole or not at all.

    MissingError where the run is not done or its weights are gone, UsageError where something is there.
    """
    told = _released(run, store)
    where = folder.expanduser().absolute()
    if where.exists() and not (where.is_dir() and not any(where.iterdir())):
        raise UsageError(f"{folder} is there already and is not empty", hint="name a new folder")
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{where.name}-", dir=where.parent) as work:
            ready = Path(work) / "ready"
            _write(ready, told)
            if where.exists():
                where.rmdir()  # empty; Windows renames to nothing that is there
            ready.replace(where)
    except OSError as error:
        raise StorageError(
            f"cannot write {folder}: {error.strerror}", hint="nothing was left there; try another place"
        ) from error
    return where


def read(folder: Path) -> RunRow:
    """A released folder as a run that no store knows: its id is empty, its name says folder and content.

    UsageError where it is no such folder, MissingError where weights are not there or cut short.
    """
    folder = folder.expanduser()
    facts = _facts(folder)
    form = facts.scheme.to_scheme()
    places = [place_of(folder, role) for role in scheme.roles(form)]
    for place in places:
        models.refuse_unsafe(place)
    table = BenchTable(max_tokens=facts.max_tokens, batch=facts.batch)
    return RunRow(
        id="",
        name=f"{folder.resolve().name}@{_content(folder / FACTS, *places)}",
        recipe={
            "scheme": facts.scheme.model_dump(mode="json"),
            "bench": table.model_dump(mode="json"),
            "kind": facts.kind,
        },
        seed=facts.seed,
        scheme=form.name,
        roles=form.roles,
        base=facts.base,
        versions={"socli-distill": facts.socli},
        status="done",
        folder=folder,
        created="",
        finished=None,
    )


def place_of(folder: Path, role: Role) -> Path:
    """Where the files of a role lie: in the folder itself where it holds a model, else in one of its name."""
    return folder if (folder / "config.json").is_file() else folder / role


def kind_of(run: RunRow, store: Store) -> AnswerKind:
    """What a run's students answer with: the kind of the problems they learnt from."""
    if "kind" in run.recipe:  # of a folder
        return cast("AnswerKind", run.recipe["kind"])
    learnt = store.problems(ProblemsTable.model_validate(run.recipe["problems"]).set_name, limit=1)
    return next((problem.kind for problem in learnt), "number")


def weights_of(run: RunRow, role: Role) -> Path:
    """The folder of a role of a run of the store; MissingError where its weights are gone."""
    place = run.folder / role
    if not (place / "model.safetensors").is_file():
        raise MissingError(
            f"the weights of run {run.id} are not in {place}",
            hint="train it again with `socli distill --again`",
        )
    return place


def is_path(name: str) -> bool:
    """Whether what was typed can be a path alone: no run's id or name has such signs."""
    return name.startswith((".", "~")) or "/" in name or "\\" in name


def refuse_unfinished(run: RunRow) -> None:
    """MissingError where the run is not done."""
    if run.status != "done":
        raise MissingError(
            f"run {run.id} is not finished", hint=f"go on with it: socli distill --recipe {run.recipe_name}"
        )


def refuse_verifier(run: RunRow) -> None:
    """UsageError where the run is asked to solve and has a verifier alone."""
    if not run.solves:
        name = run.id or run.folder
        raise UsageError(
            f"run {name} is a verifier: it weighs what others write and solves nothing",
            hint=f"let it weigh samples of another run: --run RUN --votes 5 --verifier {name}",
        )


def _released(run: RunRow, store: Store) -> Released:
    refuse_unfinished(run)
    form = frozen_scheme(run.recipe)
    for role in scheme.roles(form):
        weights_of(run, role)
    runs, bases = store.runs(), base_names(run, form)
    lines = {role: origins(base, runs, role) for role, base in bases.items()}
    found = [licence_texts(base, runs, role) for role, base in bases.items()]
    texts = {name: text for some in found for name, text in some.items()}
    siblings = [bench for one in runs if _sibling(one, run) for bench in store.benches(one.id)]
    return Released(run, kind_of(run, store), lines, store.benches(run.id), texts, siblings)


def _sibling(one: RunRow, run: RunRow) -> bool:
    """Whether a run is done and differs from another in its seed alone."""
    alike = [
        {
            **{
                key: row.recipe.get(key)
                for key in ("name", "problems", "teacher", "scheme", "student", "size")
            },
            **{key: value for key, value in row.recipe["train"].items() if key not in ("seed", "seeds")},
        }
        for row in (one, run)
    ]
    return one.status == "done" and (one.arm, alike[0]) == (run.arm, alike[1]) and one.seed != run.seed


def _write(ready: Path, told: Released) -> None:
    form, run = told.form, told.run
    roles = scheme.roles(form)
    table = BenchTable.model_validate(run.recipe.get("bench", {}))
    for role in roles:
        place = ready / role if len(roles) > 1 else ready
        place.mkdir(parents=True)
        _copy(run.folder / role, place, table.max_tokens)
    for name, text in told.licences.items():
        shutil.copyfile(text, ready / name)
    facts = _Facts(
        version=VERSION,
        socli=__version__,
        run=run.id,
        name=run.name,
        seed=run.seed,
        base=Path(run.base).name,
        learnt=Path(run.recipe["problems"]["train"]).name,
        kind=told.kind,
        scheme=SchemeTable.model_validate(run.recipe["scheme"]),
        max_tokens=table.max_tokens,
        batch=table.batch,
        origins={role: tuple(line) for role, line in told.origins.items()},
    )
    _dump(ready / FACTS, facts.model_dump(mode="json"))
    (ready / CARD).write_text(card(told), encoding="utf-8", newline="\n")


def _copy(source: Path, place: Path, max_tokens: int) -> None:
    """The files of a trained student, set to write greedily up to its end token."""
    for file in sorted(source.iterdir()):
        if file.is_file() and file.name not in _UNFIT:
            shutil.copyfile(file, place / file.name)
    settings = _json(place / "tokenizer_config.json")
    settings.pop("chat_template", None)
    _dump(place / "tokenizer_config.json", settings)
    end = _end(place, settings)
    how = {"do_sample": False, "max_new_tokens": max_tokens, "eos_token_id": end, "pad_token_id": end}
    _dump(place / "generation_config.json", how)


def _end(place: Path, settings: Mapping[str, Any]) -> int:
    """The id of the end token."""
    token = settings["eos_token"]
    spelt = token["content"] if isinstance(token, dict) else token
    added = _json(place / "tokenizer.json")["added_tokens"]
    return int(next(one["id"] for one in added if one["content"] == spelt))


def _facts(folder: Path) -> _Facts:
    if not folder.is_dir():
        raise MissingError(f"there is no folder {folder}", hint="`socli runs` lists runs; or name a folder")
    try:
        raw = _json(folder / FACTS)
    except FileNotFoundError:
        raise UsageError(
            f"{folder} has no {FACTS}, so how its student writes is not known",
            hint="`socli export RUN FOLDER` writes one; an untrained student is named with --model",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{folder / FACTS} cannot be read") from error
    if isinstance(raw, dict) and isinstance(raw.get("version"), int) and raw["version"] > VERSION:
        raise UsageError(f"{folder} was written by a newer socli", hint="pip install -U socli-distill")
    try:
        return _Facts.model_validate(raw)
    except ValidationError as error:
        sentence, hint = next(faults_of(error, _Facts, {}))
        raise UsageError(f"{folder / FACTS}: {sentence}", hint) from error


def _content(facts: Path, *places: Path) -> str:
    """Eight digits that change with the weights or with how they write."""
    found = hashlib.sha256()
    for file in (facts, *(file for place in places for file in sorted(place.glob("*.safetensors")))):
        with file.open("rb") as opened:
            found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()[:8]


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8", newline="\n")
