"""A recipe: which problems, which teacher, which scheme, which student, how to train and to bench.

TOML in, frozen settings out. Every key is declared in `tables`; unknown ones are refused with the nearest
key named.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, ValidationError, model_validator

from socli.errors import RecipeError
from socli.faults import faults_of
from socli.scheme import Scheme
from socli.tables import (
    ArmProblemsTable,
    ArmTable,
    ArmTrainTable,
    BenchTable,
    ProblemsTable,
    SamplingTable,
    SchemeTable,
    Size,
    SizeTable,
    StudentTable,
    Table,
    TeacherTable,
    TrainTable,
    arm_name,
)

_HERE = Path(__file__).parent
_Changes = Sequence[tuple[list[str], Any]]
"""Keys, from the outermost table on, and the value that is set there."""
FOLDERS = (_HERE / "recipes", _HERE.parent / "recipes")
"""Where shipped recipes lie: inside an installed package, or beside it in a checkout."""


class Recipe(Table):
    """The whole recipe."""

    about: str = ""
    """One line that says what the recipe is for."""
    size: Size = "full"
    """How much of it is done: `full` is the recipe as written, `small` and `smoke` have `[sizes.NAME]` change
    it. Runs of different sizes never mix."""
    problems: ProblemsTable
    teacher: TeacherTable = TeacherTable()
    scheme: SchemeTable = SchemeTable()
    student: StudentTable = StudentTable()
    train: TrainTable = TrainTable()
    sampling: SamplingTable = SamplingTable()
    bench: BenchTable = BenchTable()
    arms: dict[Annotated[str, AfterValidator(arm_name)], ArmTable] = Field(default_factory=dict)
    """Schemes and other choices that are compared, each by its name."""
    sizes: dict[Literal["smoke", "small"], SizeTable] = Field(default_factory=dict)
    """Smaller sizes, each by its name."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, tables: Any) -> Any:
        """Each arm's tables with the keys of the recipe's own that it does not change."""
        arms = tables.get("arms") if isinstance(tables, dict) else None
        if not isinstance(arms, dict):
            return tables
        return {**tables, "arms": {name: _with_shared(arm, tables) for name, arm in arms.items()}}

    def to_scheme(self) -> Scheme:
        """The `[scheme]` table as the value the rules work with."""
        return self.scheme.to_scheme()

    def schemes(self) -> tuple[Scheme, ...]:
        """What its arms write, or `[scheme]` where there are no arms."""
        return tuple(arm.scheme.to_scheme() for arm in self.arms.values()) or (self.to_scheme(),)

    def teachers(self) -> tuple[str, ...]:
        """Whose traces its arms learn: `teacher.model`, and what arms name instead."""
        named = [arm.scheme.teacher for arm in self.arms.values()] or [self.scheme.teacher]
        return tuple(dict.fromkeys(name or self.teacher.model for name in named))

    def queue(self) -> "list[tuple[str, Recipe]]":
        """Each run as the name of its arm and a recipe of it alone: all arms of a seed, then the next seed.

        The name is empty where there are no arms.
        """
        alone: dict[str, dict[str, Table]] = {
            name: {key: getattr(self, key).model_copy(update=dict(own)) for key, own in arm}
            for name, arm in self.arms.items()
        } or {"": {"scheme": self.scheme, "train": self.train}}
        if len(self.teachers()) > 1:
            for own in alone.values():
                own["scheme"] = cast(SchemeTable, own["scheme"]).learning(self.teacher.model)
        return [
            (arm, self.model_copy(update={**own, "arms": {}, "sizes": {}, "train": train}))
            for seed in self.train.seeds or (self.train.seed,)
            for arm, own in alone.items()
            for train in [own["train"].model_copy(update={"seed": seed, "seeds": ()})]
        ]

    def shared(self, alone: "Recipe") -> dict[str, dict[str, Any]]:
        """What its other arms have where one of them, alone, has something else, by table; schemes aside."""
        told = {}
        for name, table in _OF_ARMS.items():
            whole, its = (getattr(one, name).model_dump(mode="json") for one in (self, alone))
            told[name] = {key: whole[key] for key in table.model_fields if whole[key] != its[key]}
        return {name: keys for name, keys in told.items() if keys}

    def rounds(self) -> "list[Recipe]":
        """A recipe of each round alone, which says `train.rounds = 0` first; that one draws no samples."""
        tables = [self.train.model_copy(update={"rounds": n}) for n in range(self.train.rounds + 1)]
        return [
            self.model_copy(update={"train": table} | ({} if table.rounds else {"sampling": SamplingTable()}))
            for table in tables
        ]


_OF_ARMS: dict[str, type[Table]] = {
    "problems": ArmProblemsTable,
    "train": ArmTrainTable,
    "student": StudentTable,
}
"""The tables of which an arm may change keys without writing in another way."""


def _with_shared(arm: Any, tables: dict[str, Any]) -> Any:
    if not isinstance(arm, dict):
        return arm
    filled = dict(arm)
    kinds: dict[str, type[Table]] = {"scheme": SchemeTable, **_OF_ARMS}
    for name, table in kinds.items():
        shared, own = tables.get(name, {}), arm.get(name, {})
        if isinstance(shared, dict) and isinstance(own, dict):
            filled[name] = {key: value for key, value in shared.items() if key in table.model_fields} | own
    return filled


def shipped() -> dict[str, Path]:
    """Name to file of every recipe that comes with socli, in the order of the names."""
    folder = next((f for f in FOLDERS if f.is_dir()), None)
    return dict(sorted((path.stem, path) for path in folder.glob("*.toml"))) if folder else {}


def find(name: str) -> Path:
    """The file of a shipped recipe's name or of a path that ends in `.toml`."""
    known = shipped()
    if name in known:
        return known[name]
    if name.endswith(".toml"):
        with suppress(OSError, ValueError):  # too long for a file's name, or a NUL in it
            if Path(name).is_file():
                return Path(name)
        raise RecipeError(
            f"there is no recipe file {name[:80]!r}", hint="`socli recipes` lists those that ship"
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}; or a path ending in .toml"
    raise RecipeError(f"there is no recipe {name[:80]!r}", hint=hint)


def full_name(name: str) -> str:
    """The name that finds the recipe from every folder: a shipped one's, or its file's whole path."""
    return str(Path(name).absolute()) if name.endswith(".toml") else name


def load(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe of that name or file, with `table.key=value` overrides, checked.

    Raises RecipeError naming file, key and, where there is one, the nearest known key.
    """
    path = find(name)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:  # not all of tomllib's are TOMLDecodeErrors
        reason = error.strerror if isinstance(error, OSError) else error
        raise RecipeError(f"{path.name} cannot be read: {reason}") from error
    changes = [_read(override) for override in overrides]
    _change(tables, changes)
    whole = parse(tables, path.name)
    _refuse_unknown_arms(whole, path.name)
    sized = _sized(whole, tables, changes, path.name)
    _refuse_idle_verifier(sized, path.name)
    _refuse_mixed_teachers(sized, path.name)
    return sized


def _refuse_unknown_arms(whole: Recipe, where: str) -> None:
    for name, size in whole.sizes.items():
        for arm in size.arms:
            if arm not in whole.arms:
                near = difflib.get_close_matches(arm, whole.arms, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"its arms: {', '.join(whole.arms)}"
                raise RecipeError(f"{where}: `sizes.{name}.arms`: there is no arm {arm[:40]!r}", hint=hint)


def _refuse_idle_verifier(recipe: Recipe, where: str) -> None:
    """RecipeError where a verifier is to learn from what no run wrote, or beside others."""
    if "verify" not in (recipe.scheme.name, *(arm.scheme.name for arm in recipe.arms.values())):
        return
    if recipe.arms or recipe.train.rounds or recipe.problems.augment:
        raise RecipeError(
            f'{where}: `scheme.name = "verify"` learns from stored samples, on its own',
            hint="leave out arms, train.rounds and problems.augment",
        )
    if not recipe.teacher.draws:
        raise RecipeError(
            f'{where}: `scheme.name = "verify"` learns from the samples of a run, and'
            f" `teacher.model` is {recipe.teacher.model[:80]!r}",
            hint="--set teacher.model=run:ID, whose samples `socli annotate --teacher run:ID` draws",
        )


def _refuse_mixed_teachers(recipe: Recipe, where: str) -> None:
    """RecipeError where arms have teachers of their own and learn from more than their traces."""
    teacher = recipe.teacher
    more = {
        "teacher.reuse": teacher.reuse,
        "teacher.stronger": teacher.stronger,
        "problems.augment": any(arm.problems.augment for arm in recipe.arms.values()),
        "train.rounds": any(arm.train.rounds for arm in recipe.arms.values()),
    }
    if len(recipe.teachers()) > 1 and any(more.values()):
        named = ", ".join(key for key, value in more.items() if value)
        raise RecipeError(
            f"{where}: arms with a `scheme.teacher` of their own learn its traces alone",
            hint=f"leave out {named}",
        )


def _sized(whole: Recipe, tables: dict[str, Any], changes: _Changes, where: str) -> Recipe:
    """The recipe in the size it asks for; what `--set` changes has the last word."""
    if whole.size == "full":
        return whole
    size = whole.sizes.get(whole.size)
    if size is None:
        known = ", ".join([*whole.sizes, "full"])
        raise RecipeError(f"{where} has no size `{whole.size}`", hint=f"it has {known}")
    arms = tables.get("arms", {})
    sized = {key: value for key, value in tables.items() if key != "sizes"}
    sized["arms"] = {name: arms[name] for name in size.arms or arms}
    _change(sized, [(key.split("."), value) for key, value in size.settings().items()])
    _change(sized, changes)
    return parse(sized, where)


def parse(tables: dict[str, Any], where: str) -> Recipe:
    """Tables, checked; `where` names them in errors."""
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        faults = list(faults_of(error, Recipe, {"arms": ArmTable, "sizes": SizeTable}))
        more = "".join(f"; {sentence}" for sentence, _ in faults[1:])
        hint = next((hint for _, hint in faults if hint), None)
        raise RecipeError(f"{where}: {faults[0][0]}{more}", hint=hint) from error


def title(name: str) -> str:
    """What runs of a recipe are called: its name, or that of its file."""
    return Path(name).stem if name.endswith(".toml") else name


def dump(recipe: Recipe) -> str:
    """The recipe with every default written out, as JSON: what a Run is frozen with."""
    return json.dumps(recipe.model_dump(mode="json"), sort_keys=True)


def settled(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as it was stored with a run, without its name; keys that it is older than have their defaults.

    It stays as it is where its keys were others.
    """
    told = {key: value for key, value in frozen.items() if key not in ("name", "shared")}
    with suppress(RecipeError):
        told = parse(told, "").model_dump(mode="json")
    return told


def settled_as_shared(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with what the other arms have where the run's own has something else."""
    told, shared = settled(frozen), frozen.get("shared", {})
    return told | {name: {**told.get(name, {}), **shared[name]} for name in _OF_ARMS if name in shared}


def _read(override: str) -> tuple[list[str], Any]:
    """The keys and the value of `table.key=value`, which is read as TOML, else as a string."""
    path, equals, value = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(
            f"--set {override!r} is not table.key=value", hint="for example --set train.epochs=2"
        )
    try:
        return keys, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return keys, value


def _change(tables: dict[str, Any], changes: _Changes) -> None:
    """Set each value at its keys, in place."""
    for keys, value in changes:
        table = tables
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                said = f"{'.'.join(keys)}={value}"
                raise RecipeError(f"--set {said!r}: `{key}` is not a table")
        table[keys[-1]] = value
