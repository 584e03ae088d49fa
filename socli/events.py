"""What a workflow tells as it goes: one frozen value per thing that happened.

`annotate`, `distill`, `solve` and `bench` are generators of these. `scene` folds them for the
screen, `--json` prints them as they are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from socli.problem import Prediction, Problem, Scorecard, Trace

Role = Literal["planner", "student", "decomposer", "solver", "verifier"]
"""Who writes: the one unified student, or one of the two; before them the planner, where there is a guide. A
verifier alone says whether what others wrote is right."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A sentence the user should see: what is fetched, what was derived, what was changed."""

    text: str


@dataclass(frozen=True, slots=True)
class AnnotateBegan:
    """A teacher is about to be asked `total` problems; `done` were already in the store.

    A teacher `run:ID` is a run that draws samples: `total` solutions.
    """

    teacher: str
    total: int
    done: int


@dataclass(frozen=True, slots=True)
class Traced:
    """A trace was made, checked and stored."""

    problem: Problem
    trace: Trace


@dataclass(frozen=True, slots=True)
class Refused:
    """What a teacher wrote was stored and will not be trained on."""

    problem: Problem
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What came together was checked and stored, samples that are not a problem's last one included.

    What was used is counted from the beginning of the command; a call that failed and may be billed counts.
    """

    kept: int
    refused: Mapping[str, int] = field(default_factory=dict)
    """How many were refused, by reason code."""
    tokens_in: int = 0
    """Tokens the teacher read so far."""
    tokens_out: int = 0
    """Tokens it wrote so far."""
    dollars: float | None = None
    """Spent so far; None where the price is not known."""
    budget: float | None = None
    """Dollars that must not be exceeded; None where nothing was said."""


@dataclass(frozen=True, slots=True)
class DistillBegan:
    """Training of one role begins, or goes on from `step`."""

    run: str
    role: Role
    lessons: int
    steps: int
    step: int
    tokens: int
    """Tokens in one pass over the lessons, prompts included, padding not."""
    parameters: int
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class Trained:
    """One optimizer step. Speeds count prompt and target tokens, not padding."""

    role: Role
    step: int
    steps: int
    loss: float
    lr: float
    tokens_per_second: float
    seconds_left: float
    share: float | None = None
    """Useful operations a second over those of one matrix product on this machine; None where not known."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A role in training wrote for `problems` that it is not trained on, and `right` of them came out right.

    Of a student that is the answer; of a solver the answer to the reference's sub-questions; of a
    decomposer as many sub-questions as the reference has, when it reads the reference's answers.
    """

    role: Role
    step: int
    right: int
    problems: int
    best: bool
    """Whether it is more than ever before in this training; these weights are kept."""


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """Everything needed to go on from this step is on disk."""

    role: Role
    step: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A run is done and its weights are in `folder`."""

    run: str
    folder: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Opened:
    """A student is about to solve this problem."""

    problem: Problem
    calculator: bool


@dataclass(frozen=True, slots=True)
class Wrote:
    """A piece of the transcript, in order. `by` is the role; `computed` pieces are the calculator's."""

    problem_id: str
    text: str
    by: Role
    computed: bool = False
    share: float | None = None
    """Where samples voted, at the end of what they voted on: the share that agreed with this one."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A problem is done, one way or another."""

    problem: Problem
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class BenchBegan:
    """A set is about to be decoded; `done` of its `total` problems were already in the store.

    `total` is None where it is not known before all are read.
    """

    set: str
    model: str
    total: int | None
    done: int
    calculator: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A prediction was compared with the gold answer and stored; `number` counts from 1 in input order.

    `before`: it was in the store already, and the bench's `done` counts it.
    """

    set: str
    number: int
    problem: Problem
    prediction: Prediction
    before: bool = False


@dataclass(frozen=True, slots=True)
class Tallied:
    """A set is done."""

    scorecard: Scorecard


Event = (
    Noted
    | AnnotateBegan
    | Traced
    | Refused
    | Judged
    | DistillBegan
    | Trained
    | Evaluated
    | Checkpointed
    | Saved
    | Opened
    | Wrote
    | Solved
    | BenchBegan
    | Scored
    | Tallied
)


def as_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object; its `event` key names it."""
    return {"event": type(event).__name__.lower(), **asdict(event)}
