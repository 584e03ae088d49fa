"""A recipe: which problems, which teacher, which scheme, which student, how to train and to bench.

TOML in, frozen settings out. Every key is declared below with what it means; unknown ones are
refused with the nearest key named.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from socli.errors import RecipeError
from socli.scheme import Roles, Scheme, SchemeName

_HERE = Path(__file__).parent
FOLDERS = (_HERE / "recipes", _HERE.parent / "recipes")
"""Where shipped recipes lie: inside an installed package, or beside it in a checkout."""
_SECRET = re.compile(r"(key|token|secret|password|signature|sig|auth)[^=&]*=", re.IGNORECASE)
LARGEST_SEED = 2**32 - 1
"""What every generator of random numbers and the store can hold."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _ordered(steps: tuple[int, int] | None) -> tuple[int, int] | None:
    if steps is not None and not 1 <= steps[0] <= steps[1] <= 6:
        raise ValueError("must be [least, most] with 1 <= least <= most <= 6")
    return steps


def _address(url: str | None) -> str | None:
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://localhost:8000/v1")
        if parts.username or parts.password:  # a recipe is stored with every run
            raise ValueError("must hold no password; `teacher.api_key_env` names the variable that does")
        if _SECRET.search(parts.query):
            raise ValueError("must hold no key or token; `teacher.api_key_env` names the variable that does")
    return url


class ProblemsTable(_Table):
    """What the student learns from."""

    train: str
    """The set (`gsm8k:train`, `stories:train` …) or the JSONL or CSV file that is learnt from."""
    limit: int | None = Field(default=None, ge=1)
    """Use the first so many problems; all where not given."""
    steps: Annotated[tuple[int, int] | None, AfterValidator(_ordered)] = None
    """Least and most steps of a problem; `stories` only."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Which stories are told; `stories` only."""

    @property
    def set_name(self) -> str:
        """What the set is called in the store; stories of other steps or seeds are another set."""
        if not self.train.startswith("stories:"):
            return self.train
        least, most = self.steps or (1, 6)
        return f"{self.train} steps {least}-{most} seed {self.seed}"


class TeacherTable(_Table):
    """Who writes the traces."""

    model: str = "reference"
    """`reference` for the data set's own steps, or the name of a model behind an OpenAI-compatible API."""
    base_url: Annotated[str | None, AfterValidator(_address)] = None
    """Where that API is; OpenAI's own where not given."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key. The key itself is never stored."""
    temperature: float = Field(default=0.0, ge=0, le=2, allow_inf_nan=False)
    """0 writes the likeliest trace; more varies it."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of the likeliest tokens that is sampled from."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Sampling seed sent to the API."""
    max_tokens: int = Field(default=1024, ge=1)
    """Longest reply that is asked for."""
    more_tokens: int | None = Field(default=None, ge=1)
    """Longest reply of one more try where all were refused and one was cut off."""
    concurrency: int = Field(default=32, ge=1, le=512)
    """Most requests in flight at a time; fewer are where the server is busy."""
    rpm: int | None = Field(default=None, ge=1)
    """Requests a minute; what the server's headers say where not given."""
    tpm: int | None = Field(default=None, ge=1)
    """Tokens a minute, read and written; what the server's headers say where not given."""
    timeout: float = Field(default=300.0, gt=0, allow_inf_nan=False)
    """Seconds a reply may take."""
    replay: str | None = None
    """A JSONL file of recorded replies (`socli annotate --record`) that are read instead of asking."""
    guided: bool = False
    """Whether the data's own steps are shown: a sub-question is written for each known step, or an answer to
    each known sub-question."""
    samples: int = Field(default=1, ge=1, le=1000)
    """Traces asked for each problem; more than one needs a temperature above 0."""
    until_correct: int = Field(default=1, ge=1, le=1000)
    """Ask again, so often in all, until a trace is kept; more than once needs a temperature above 0."""
    price_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Dollars for a million tokens read; a dated table of OpenAI's own models otherwise."""
    price_out: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Dollars for a million tokens written."""

    @model_validator(mode="after")
    def _asks_sensibly(self) -> Self:
        if max(self.samples, self.until_correct) > 1 and self.temperature == 0:
            raise ValueError("more than one trace of a problem needs a temperature above 0")
        if self.samples > 1 and self.until_correct > 1:
            raise ValueError("samples and until_correct exclude each other")
        if self.more_tokens is not None and self.more_tokens <= self.max_tokens:
            raise ValueError("more_tokens must be more than max_tokens")
        if (self.price_in is None) != (self.price_out is None):
            raise ValueError("price_in and price_out belong together")
        return self


class SchemeTable(_Table):
    """How a trace is written and who learns which part."""

    name: SchemeName = "socratic"
    """`answer`: the answer alone; `cot`: the worked steps; `socratic`: sub-questions and worked steps."""
    roles: Roles = "unified"
    """`unified`: one student asks and answers; `split`: a decomposer asks, a solver answers."""
    sub_answers: bool = True
    """Whether each sub-question gets a worked answer; false where the data has none (StrategyQA)."""


class StudentTable(_Table):
    """Which small model is trained."""

    base: str = "smollm2-135m"
    """A name from `socli models`, a folder, or a Hub id."""


class TrainTable(_Table):
    """How it is trained."""

    epochs: int = Field(default=3, ge=1)
    """Passes over the lessons."""
    batch: int = Field(default=16, ge=1)
    """Lessons in one optimizer step."""
    lr: float = Field(default=3e-4, gt=0, allow_inf_nan=False)
    """Peak learning rate, reached after the warm-up, then down along a cosine to a tenth of it."""
    warmup: float = Field(default=0.05, ge=0, le=1)
    """Share of the steps in which the rate rises from nothing."""
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """AdamW's decoupled decay, on matrices alone."""
    clip: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Largest gradient norm."""
    seed: int = Field(default=1, ge=0, le=LARGEST_SEED)
    """Order of the lessons and any dropout."""
    checkpoint_minutes: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    """Minutes between two checkpoints; a killed run goes on from the last."""
    lora_rank: int = Field(default=0, ge=0, le=1024)
    """Train low-rank adapters of this rank instead of all weights; 0 trains all. Saved weights are merged."""
    dev: int = Field(default=0, ge=0)
    """So many problems are not trained on but solved now and then; the weights that solve most are kept."""
    dev_times: int = Field(default=4, ge=1)
    """How often these are solved in a training, evenly apart, the last time at its end."""


class BenchTable(_Table):
    """What it is measured on."""

    sets: tuple[str, ...] = ()
    """Sets that `socli bench --recipe` scores."""
    limit: int | None = Field(default=None, ge=1)
    """Score the first so many problems of each set."""
    steps: Annotated[tuple[int, int] | None, AfterValidator(_ordered)] = None
    """Least and most steps of a problem; `stories` only."""
    calculator: bool = True
    """Whether the values of marked equations are computed instead of guessed."""
    max_tokens: int = Field(default=512, ge=1)
    """Longest transcript a student may write for one problem."""
    batch: int = Field(default=32, ge=1)
    """Problems decoded side by side."""


class Recipe(_Table):
    """The whole recipe."""

    about: str = ""
    """One line that says what the recipe is for."""
    problems: ProblemsTable
    teacher: TeacherTable = TeacherTable()
    scheme: SchemeTable = SchemeTable()
    student: StudentTable = StudentTable()
    train: TrainTable = TrainTable()
    bench: BenchTable = BenchTable()

    def to_scheme(self) -> Scheme:
        """The `[scheme]` table as the value the rules work with."""
        return Scheme(self.scheme.name, self.scheme.roles, self.scheme.sub_answers)


def shipped() -> dict[str, Path]:
    """Name to file of every recipe that comes with socli."""
    folder = next((f for f in FOLDERS if f.is_dir()), None)
    return {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder else {}


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
    for override in overrides:
        _override(tables, override)
    return parse(tables, path.name)


def parse(tables: dict[str, Any], where: str) -> Recipe:
    """Tables, checked; `where` names them in errors."""
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        faults = list(_faults(error))
        more = "".join(f"; {sentence}" for sentence, _ in faults[1:])
        hint = next((hint for _, hint in faults if hint), None)
        raise RecipeError(f"{where}: {faults[0][0]}{more}", hint=hint) from error


def title(name: str) -> str:
    """What runs of a recipe are called: its name, or that of its file."""
    return Path(name).stem if name.endswith(".toml") else name


def dump(recipe: Recipe) -> str:
    """The recipe with every default written out, as JSON: what a Run is frozen with."""
    return json.dumps(recipe.model_dump(mode="json"), sort_keys=True)


def _override(tables: dict[str, Any], override: str) -> None:
    """Set one `table.key=value` in place; the value is read as TOML, else as a string."""
    path, equals, value = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(
            f"--set {override!r} is not table.key=value", hint="for example --set train.epochs=2"
        )
    table = tables
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {override!r}: `{key}` is not a table")
    try:
        table[keys[-1]] = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        table[keys[-1]] = value


def _faults(error: ValidationError) -> Iterator[tuple[str, str | None]]:
    """Each fault as a sentence and a hint."""
    for fault in error.errors():
        path = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(fault["loc"][-1]), _keys_at(fault["loc"][:-1]), n=1)
            yield (
                f"there is no setting `{path}`",
                f"did you mean `{near[0]}`?" if near else _known(fault["loc"][:-1]),
            )
        elif fault["type"] == "missing":
            yield f"`{path}` is missing", None
        else:
            message = fault["msg"].removeprefix("Value error, ")
            got = "" if path in ("teacher.base_url", "teacher") else f" (got {str(fault['input'])[:60]!r})"
            yield f"`{path}`: {message[0].lower()}{message[1:]}{got}", None


def _known(loc: tuple[int | str, ...]) -> str:
    return f"known here: {', '.join(_keys_at(loc))}"


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    table: type[BaseModel] = Recipe
    for part in loc:
        field = table.model_fields.get(str(part))
        kind = field.annotation if field else None
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            table = kind
    return list(table.model_fields)
