"""What the store remembers of traces, runs and benches beside the nouns of `problem`: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from socli.events import Role
from socli.problem import FinishReason, Scorecard, Trace

Verdict = Literal["kept", "refused"]
Code = Literal[
    "no-reply",
    "truncated",
    "declined",
    "no-gold",
    "unreadable",
    "wrong-answer",
    "misfit",
    "wrong-arithmetic",
    "leaked-answer",
    "unused-step",
    "duplicate",
    "other",
]
"""Why a trace may not be trained on, in the order in which it is asked; the first that fits is the reason."""
RunStatus = Literal["started", "done", "failed"]
BenchStatus = Literal["started", "done"]
RUN = "run:"
"""How the name of a teacher or a base begins that is a run; its id follows."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace, whether it may be trained on, and what it cost."""

    trace: Trace
    verdict: Verdict
    reason: str = ""
    """Why it was refused; empty when kept."""
    reply: str = ""
    """What the teacher wrote, word for word."""
    finish_reason: str = ""
    """Why the teacher stopped, in its own words."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    """None where the teacher did not say."""
    created: str = ""
    """ISO 8601, UTC; set by the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run is going to do, frozen before it begins."""

    name: str
    recipe: Mapping[str, Any]
    """Resolved: every key with the value it had, as JSON holds it."""
    seed: int
    scheme: str
    roles: str
    base: str
    """The student before training."""
    versions: Mapping[str, str]
    """Of libraries; the device's name; and, where that is known, which weights `base` stands for."""
    note: str = ""
    arm: str = ""
    """Which of the recipe's arms; empty where it has none."""
    budget: str = "problems"
    """What the arms of the recipe get the same of."""
    traces: str = ""
    """Hash of what it learns from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow(RunPlan):
    """A plan and what became of it."""

    id: str
    """Empty where it is no run of the store but a released folder."""
    status: RunStatus
    folder: Path
    """Where its weights lie."""
    created: str
    finished: str | None

    @property
    def title(self) -> str:
        """What it is called: its name, its arm and its round, where it has these."""
        return " ".join(
            [self.name, *[self.arm] * bool(self.arm), *[f"round {self.round}"] * bool(self.round)]
        )

    @property
    def recipe_name(self) -> str:
        """What to give `--recipe` for its recipe: a shipped one's name, or the path of a file."""
        return str(self.recipe.get("name", self.name))

    @property
    def teacher(self) -> str:
        """Whose traces it learns: its arm's own teacher or the recipe's."""
        asked = self.recipe.get("teacher", {}).get("model", "reference")
        return str(self.recipe.get("scheme", {}).get("teacher") or asked)

    @property
    def size(self) -> str:
        """In which size of its recipe it was trained."""
        return str(self.recipe.get("size", "full"))

    @property
    def solves(self) -> bool:
        """Whether its students write solutions; a verifier weighs those of others."""
        return self.scheme != "verify"

    @property
    def round(self) -> int:
        """Of how many rounds of samples it learnt, each drawn by the run before; 0 where of none."""
        return int(self.recipe.get("train", {}).get("rounds", 0))


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One optimizer step. `loss` may be NaN; `seconds` count from the beginning of the training."""

    run: str
    role: Role
    step: int
    loss: float
    lr: float
    tokens_per_second: float
    seconds: float
    accuracy: float | None = None
    """Share of the dev problems that came out right after it; None where they were not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """Which model solves which set, how."""

    model: str
    set: str
    calculator: bool
    settings: Mapping[str, Any]
    """All else that the result depends on, as JSON holds it: limit, steps, seed, precision."""
    run: str | None = None
    """None for an untrained student."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow(BenchPlan):
    """A plan and how far it came; it has a scorecard when it is done."""

    id: str
    status: BenchStatus
    created: str
    finished: str | None
    scorecard: Scorecard | None
    seconds: float = 0.0
    """What solving took so far."""
    total: int | None = None
    """How many problems the set had when it was begun; None where that was not known."""

    def so_far(self, solved: int) -> str:
        """How many of the problems are solved, as it is said: `3 of 1,319`, or `3`."""
        return f"{solved:,}" if self.total is None else f"{solved:,} of {self.total:,}"


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """A prediction as stored: its steps are in `text`, to be read by the scheme that wrote them."""

    position: int
    problem_id: str
    answer: str | None
    correct: bool | None
    finish_reason: FinishReason
    tokens: int
    seconds: float
    text: str
    shares: tuple[float, ...] = ()
