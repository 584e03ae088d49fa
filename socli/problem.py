"""The nouns: Problem, Step, Trace, Prediction, Scorecard; what sets are called. Standard library only."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

AnswerKind = Literal["number", "yes/no", "text"]
"""How two answers are compared: by value, by word, letter by letter."""

FinishReason = Literal[
    "answered",
    "unreadable",
    "truncated",
    "too many steps",
    "repeated step",
    "empty question",
    "looping",
    "stopped",
]
"""Why a student stopped: it gave an answer, it ended without one, it ran out of tokens; its decomposer
did not stop asking, a step was one there was before, or a question was empty; it wrote the same words over
and over; or the user stopped it."""
ENDED: frozenset[FinishReason] = frozenset({"answered", "unreadable"})
"""The reasons of texts that were not cut short: an answer is looked for in these alone."""


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with NUL and lone surrogates as U+FFFD: SQLite cuts text at the one and refuses the other."""
    return _UNSTORABLE.sub("\ufffd", text)


def digest(*parts: str) -> str:
    """Sixteen hex digits that stand for the parts, made storable: ids of this project are content hashes."""
    return hashlib.sha256(storable("\x1f".join(parts)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Step:
    """One sub-question and its worked answer; either may be empty where the source has none."""

    question: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is asked, what the right answer is, and the reference steps if the source has any.

    `context` is shown to the student with the question (StrategyQA's facts).
    `gold` is None where the answer is not known.
    """

    question: str
    gold: str | None = None
    kind: AnswerKind = "number"
    source: str = ""
    context: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def id(self) -> str:
        """Hash of question and context: the same problem is the same row, whatever set it is in."""
        return digest(self.question, self.context)

    @property
    def length(self) -> int:
        """Characters of question and context."""
        return len(self.question) + len(self.context)


@dataclass(frozen=True, slots=True)
class Trace:
    """The ordered steps for a problem, where they ended, and who made them."""

    problem_id: str
    steps: tuple[Step, ...]
    answer: str
    teacher: str
    prompt_hash: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    sample: int = 0

    @property
    def id(self) -> str:
        """Hash of what was asked of whom; never of the token limit, a filter or the reply."""
        knobs = f"{self.temperature:g} {self.top_p:g} {self.seed} {self.sample}"
        return digest(self.problem_id, self.prompt_hash, self.teacher, knobs)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered to a problem. `text` is the whole transcript it wrote."""

    problem_id: str
    steps: tuple[Step, ...]
    answer: str | None
    correct: bool | None
    finish_reason: FinishReason
    calculator: bool
    tokens: int
    seconds: float
    text: str
    shares: tuple[float, ...] = ()
    """Where samples voted: the share of the winner, for each step where they voted on it, and the answer."""

    @property
    def confidence(self) -> float | None:
        """The share of the samples that came to the answer; None where none voted or there is no answer."""
        return self.shares[-1] if self.shares and self.answer is not None else None


@dataclass(frozen=True, slots=True)
class ByLength:
    """The accuracy on the problems of one number of reference steps, with its 95 % interval."""

    steps: int
    n: int
    correct: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The predictions of one model on one problem set: shares are fractions of `n`, in 0 to 1."""

    set: str
    model: str
    calculator: bool
    n: int
    correct: int
    accuracy: float
    low: float
    high: float
    unreadable: float
    truncated: float
    tokens: int
    seconds: float
    majority: float | None = None
    """Share of the most frequent gold answer, for yes/no sets."""
    unsound: float | None = None
    """Of the right answers: those with a marked equation that does not hold; None where none is right."""
    looped: float | None = None
    """Share of the outputs that never ended because they said the same again; None where not looked for."""
    by_steps: tuple[ByLength, ...] = ()
    """The accuracy by number of reference steps, where the problems have any."""
    bench: str = ""
    """The id under which the predictions are in the store; empty where they are not."""


def full_set_name(name: str) -> str:
    """What a set is called in the store: a file by its whole path, for two folders may have one of a name."""
    file = Path(name)
    is_file = file.suffix.lower() in (".jsonl", ".csv") or (file.name != name and ":" not in name)
    return str(file.absolute()) if is_file and not name.startswith("hf:") else name


def shown_set_name(name: str, among: Collection[str] = ()) -> str:
    """What a set is called before people: a file by its name, for its path is nobody's business.

    Where another set `among` these has the same name, with that of its folder.
    """
    file = Path(name)
    if not file.is_absolute():
        return name
    alike = any(other != name and Path(other).name == file.name for other in among)
    return f"{file.parent.name}/{file.name}" if alike else file.name


def is_set_among(name: str, wanted: Collection[str]) -> bool:
    """Whether a set is one of these, as they are typed; of stories, whatever their steps and seed."""
    return bool({name, name.split()[0], shown_set_name(name)} & {*wanted, *map(full_set_name, wanted)})
