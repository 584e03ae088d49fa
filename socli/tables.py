"""The tables of a recipe: every key is declared here with what it means; unknown ones are refused."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from socli.events import Role
from socli.problem import full_set_name
from socli.records import RUN
from socli.scheme import Decomposer, Guide, Roles, Scheme, SchemeName, Solves, Working

_SECRET = re.compile(r"(key|token|secret|password|signature|sig|auth)[^=&]*=", re.IGNORECASE)
LARGEST_SEED = 2**32 - 1
"""What every generator of random numbers and the store can hold."""
Budget = Literal["problems", "steps", "tokens"]
Size = Literal["smoke", "small", "full"]
_Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
_Variants = Annotated[int, Field(ge=0, le=100)]


class Table(BaseModel):
    """What all have in common: unknown keys are refused, values are frozen."""

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


def _together(price_in: float | None, price_out: float | None) -> None:
    if (price_in is None) != (price_out is None):
        raise ValueError("price_in and price_out belong together")


def arm_name(name: str) -> str:
    """The name, if it fits on a line of a table; ValueError else."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
        raise ValueError("must be up to 32 of a-z, 0-9, `_` and `-`, beginning with a letter or digit")
    return name


def _distinct(given: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(given)) < len(given):
        raise ValueError("must be different from each other")
    return given


class ProblemsTable(Table):
    """What the student learns from."""

    train: Annotated[str, AfterValidator(full_set_name)]
    """The set (`gsm8k:train`, `stories:train` …), part of a data set (`gsm8k:train[:-500]`: all but the last
    500), or the JSONL or CSV file that is learnt from."""
    limit: int | None = Field(default=None, ge=1)
    """Use the first so many problems; all where not given."""
    steps: Annotated[tuple[int, int] | None, AfterValidator(_ordered)] = None
    """Least and most steps of a problem; `stories` only."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Which stories are told, and which numbers `augment` puts in."""
    augment: _Variants = 0
    """Learn also from so many variants of each problem, where it can be made: the numbers of problem,
    sub-questions and steps are replaced together and the steps computed anew."""

    @property
    def set_name(self) -> str:
        """What the set is called in the store; stories of other steps or seeds are another set."""
        if not self.train.startswith("stories:"):
            return self.train
        least, most = self.steps or (1, 6)
        return f"{self.train} steps {least}-{most} seed {self.seed}"


class StrongerTable(Table):
    """Who is asked in the same way where the teacher has no kept trace of a problem."""

    model: str
    """Name of the model."""
    base_url: Annotated[str | None, AfterValidator(_address)] = None
    """Where its API is; the teacher's own where not given."""
    api_key_env: str | None = None
    """Name of the environment variable that holds its key; the teacher's own where not given."""
    price_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Dollars for a million tokens read; a dated table of OpenAI's own models otherwise."""
    price_out: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Dollars for a million tokens written."""

    @model_validator(mode="after")
    def _priced(self) -> Self:
        _together(self.price_in, self.price_out)
        return self


class TeacherTable(Table):
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
    output: Literal["schema", "json", "text"] = "schema"
    """As what a reply is asked for first: JSON by a schema, JSON, lines of text. The next is asked for where
    the server refuses one or nothing can be read."""
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
    reuse: bool = False
    """Whether kept traces of other models, prompts and settings count, where they fit the scheme."""
    stronger: StrongerTable | None = None
    """Who is asked where this teacher has no kept trace of a problem; not set where nobody is."""

    @property
    def draws(self) -> bool:
        """Whether it is a run, whose students draw their traces."""
        return self.model.startswith(RUN)

    @property
    def models(self) -> tuple[str, ...]:
        """Whose traces are learnt from."""
        return (self.model, self.stronger.model) if self.stronger else (self.model,)

    def escalated(self) -> Self | None:
        """The stronger teacher, asked as this one is: once, for as long a reply as this one may write."""
        if self.stronger is None:
            return None
        own = self.stronger
        asked = {"samples": 1, "until_correct": 1, "more_tokens": None, "stronger": None}
        asked["max_tokens"] = self.more_tokens or self.max_tokens
        where = {
            "base_url": own.base_url or self.base_url,
            "api_key_env": own.api_key_env or self.api_key_env,
        }
        price = {"price_in": own.price_in, "price_out": own.price_out}
        return self.model_copy(update={"model": own.model, **asked, **where, **price})

    @model_validator(mode="after")
    def _asks_sensibly(self) -> Self:
        if max(self.samples, self.until_correct) > 1 and self.temperature == 0:
            raise ValueError("more than one trace of a problem needs a temperature above 0")
        if self.samples > 1 and self.until_correct > 1:
            raise ValueError("samples and until_correct exclude each other")
        if self.more_tokens is not None and self.more_tokens <= self.max_tokens:
            raise ValueError("more_tokens must be more than max_tokens")
        if self.stronger is not None and "reference" in self.models:
            raise ValueError("`reference` is asked nothing, so it has no stronger teacher and is none")
        if self.stronger is not None and self.stronger.model == self.model:
            raise ValueError("the stronger teacher must be another model")
        _together(self.price_in, self.price_out)
        return self


class SchemeTable(Table):
    """How a trace is written and who learns which part."""

    name: SchemeName = "socratic"
    """`answer`: the answer alone; `cot`: the worked steps; `socratic`: sub-questions and worked steps;
    `verify`: none of these, but whether a sample of the run that is `teacher.model` is right."""
    roles: Roles = "unified"
    """`unified`: one student asks and answers; `split`: a decomposer asks, a solver answers."""
    sub_answers: bool = True
    """Whether each sub-question gets a worked answer; false where the data has none (StrategyQA)."""
    decomposer: Decomposer = "interleaved"
    """`interleaved`: each sub-question is asked after the answers so far; `planned`: all are asked first."""
    guide: Guide = "none"
    """What a planner tells whoever asks: the number of sub-questions (`count`), the `operators` of each
    step, or its marked `equations`; with `none` there is no planner."""
    facts: bool = True
    """Whether a problem's facts are shown, where it has any (StrategyQA)."""
    work: Working = "words"
    """`words`: a worked answer as it is; `equations`: its marked equations alone, which takes fewer tokens. A
    trace with a step that marks none is left out."""
    also: Annotated[tuple[Solves, ...], AfterValidator(_distinct)] = ()
    """Other schemes in which the student or solver learns to answer the same problems: their labels and
    sub-questions are read, what follows is learnt. When solving, it writes its own."""
    teacher: str | None = None
    """Whose traces an arm learns, where not those of `teacher.model`: `reference` or a model's name. Problems
    of which not every arm's teacher has a kept trace are left out for all."""

    @model_validator(mode="after")
    def _mixes_others(self) -> Self:
        if self.also and self.name == "verify":
            raise ValueError("a verifier learns no other scheme, so `also` goes with the others alone")
        if self.name in self.also:
            raise ValueError(f"also must name other schemes than {self.name}")
        return self

    def learning(self, teacher: str) -> Self:
        """It says whose traces are learnt: these where it names nobody."""
        return self.model_copy(update={"teacher": self.teacher or teacher})

    def to_scheme(self) -> Scheme:
        """The table as the value the rules work with."""
        how = self.decomposer, self.guide
        return Scheme(self.name, self.roles, self.sub_answers, *how, self.facts, self.work, self.also)


def frozen_scheme(recipe: Mapping[str, Any]) -> Scheme:
    """The scheme of a recipe as it was stored with a run."""
    return SchemeTable.model_validate(recipe["scheme"]).to_scheme()


class SizeTable(Table):
    """What `size = "NAME"` changes, where `NAME` is `smoke` or `small`. Without a key the recipe's stays."""

    arms: tuple[str, ...] = ()
    """These arms alone; all where none is named."""
    limit: int | None = Field(default=None, ge=1)
    """`problems.limit`."""
    epochs: int | None = Field(default=None, ge=1)
    """`train.epochs`."""
    batch: int | None = Field(default=None, ge=1)
    """`train.batch`."""
    seeds: Annotated[tuple[_Seed, ...], AfterValidator(_distinct)] = ()
    """`train.seeds`."""
    dev: int | None = Field(default=None, ge=0)
    """`train.dev`."""
    bench_limit: int | None = Field(default=None, ge=1)
    """`bench.limit`."""

    def settings(self) -> dict[str, Any]:
        """The keys of the recipe that it changes, and their values."""
        named = {
            "problems.limit": self.limit,
            "train.epochs": self.epochs,
            "train.batch": self.batch,
            "train.seeds": self.seeds or None,
            "train.dev": self.dev,
            "bench.limit": self.bench_limit,
        }
        return {key: value for key, value in named.items() if value is not None}


class StudentTable(Table):
    """Which small model is trained."""

    base: str = "smollm2-135m"
    """A name from `socli models`, a folder, a Hub id, or `run:ID`: the students of a finished run, by its id
    or name. Each role then starts from the same role of that run or, where it has none, from the one that
    answers."""
    decomposer: str | None = None
    """What the decomposer starts from, where that is another one than `base`."""
    planner: str | None = None
    """What the planner starts from, where that is another one than `base`."""

    def base_of(self, role: Role) -> str:
        """What the role starts from."""
        other = {"decomposer": self.decomposer, "planner": self.planner}.get(role)
        return self.base if other is None else other


class ArmTrainTable(Table):
    """What an arm may change of how it is trained."""

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
    average: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """Share of the last steps after each of which the weights are taken into a mean, which is what is saved:
    0.25 averages over the last quarter; 0 saves the last weights."""
    lora_rank: int = Field(default=0, ge=0, le=1024)
    """Train low-rank adapters of this rank instead of all weights; 0 trains all. Saved weights are merged."""
    rounds: int = Field(default=0, ge=0, le=100)
    """Self-training: so often the trained student solves the problems itself, and another one is trained from
    `student.base` on what came out right too. `[sampling]` says how it solves them."""


class TrainTable(ArmTrainTable):
    """How it is trained."""

    seed: int = Field(default=1, ge=0, le=LARGEST_SEED)
    """Order of the lessons and any dropout."""
    seeds: Annotated[tuple[_Seed, ...], AfterValidator(_distinct)] = ()
    """Several seeds, a run each, in place of `seed`."""
    budget: Budget = "problems"
    """What all arms get the same of. `problems`: each student makes `epochs` passes. `steps`: an arm's
    students share the optimizer steps of `epochs` passes. `tokens`: they share the tokens of `epochs` passes
    over whole transcripts."""
    checkpoint_minutes: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    """Minutes between two checkpoints; a killed run goes on from the last."""
    dev: int = Field(default=0, ge=0)
    """So many problems are not trained on but solved now and then; the weights that solve most are kept."""
    dev_times: int = Field(default=4, ge=1)
    """How often these are solved in a training, evenly apart, the last time at its end."""


class ArmProblemsTable(Table):
    """What an arm may change of what is learnt from."""

    augment: _Variants = 0
    """`problems.augment`."""


class ArmTable(Table):
    """What one of several arms does otherwise. `NAME` is the arm's, up to 32 of a-z, 0-9, `_` and `-`.

    All arms share the problems, the traces, the seeds and the budget. What an arm names it has in every size.
    """

    scheme: SchemeTable = SchemeTable()
    """Keys of `[scheme]`; those that are not given are as there."""
    problems: ArmProblemsTable = ArmProblemsTable()
    """Of `[problems]`, `augment`."""
    train: ArmTrainTable = ArmTrainTable()
    """Of `[train]`, `epochs`, `batch`, `lr`, `warmup`, `weight_decay`, `clip`, `average`, `lora_rank` and
    `rounds`."""
    student: StudentTable = StudentTable()
    """Keys of `[student]`."""


class SamplingTable(Table):
    """How a trained student solves the problems it learnt from, for the next of `train.rounds`."""

    samples: int = Field(default=4, ge=1, le=256)
    """Solutions of each problem that are drawn in a round; right and sound ones with other equations than
    there were before are learnt."""
    temperature: float = Field(default=0.7, gt=0, le=2, allow_inf_nan=False)
    """Above 0, for greedy samples would all be the same; more varies them."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Share of the likeliest tokens that is drawn from."""


class BenchTable(Table):
    """What it is measured on."""

    sets: tuple[str, ...] = ()
    """Sets that `socli bench --recipe` scores."""
    limit: int | None = Field(default=None, ge=1)
    """Score the first so many problems of each set."""
    steps: Annotated[tuple[int, int] | None, AfterValidator(_ordered)] = None
    """Least and most steps of a problem; `stories` only."""
    calculator: bool = True
    """Whether the values of marked equations are computed instead of guessed."""
    calculators: tuple[bool, ...] = ()
    """Several settings, a score each, in place of `calculator`: `[true, false]`."""
    max_tokens: int = Field(default=512, ge=1)
    """Longest transcript a student may write for one problem."""
    batch: int = Field(default=32, ge=1)
    """Problems decoded side by side."""

    def each(self) -> "list[BenchTable]":
        """The table with one setting of the calculator, for each that is asked for."""
        settings = self.calculators or (self.calculator,)
        return [self.model_copy(update={"calculator": one, "calculators": ()}) for one in settings]
