"""What the screen knows after the events so far: a pure fold, with no clock and no terminal.

`scene = scene.after(event)` is the only way it changes; `render` draws it. Events that belong to
nothing that has begun are left out, so any stream of events can be folded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, assert_never, cast

from socli.arithmetic import holds, marks
from socli.check import Funnel, funnel
from socli.events import (
    AnnotateBegan,
    BenchBegan,
    Checkpointed,
    DistillBegan,
    Evaluated,
    Event,
    Judged,
    Noted,
    Opened,
    Refused,
    Saved,
    Scored,
    Solved,
    Tallied,
    Traced,
    Trained,
    Wrote,
)
from socli.problem import FinishReason, Prediction, Scorecard, Step
from socli.records import RUN, Code
from socli.scheme import Reading, read

POINTS = 200
"""Points a loss curve keeps, however long the training."""
NOTES = 20
"""Notes that are kept."""
LOST = "no reply: "
"""How the reason begins where a teacher answered nothing that could be used."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Curve:
    """A loss curve of fewer than `POINTS` points, each the mean of `stride` losses in order."""

    points: tuple[float, ...] = ()
    stride: int = 1
    total: float = 0.0
    """Sum of the `count` losses that wait to become a point."""
    count: int = 0

    def after(self, loss: float) -> Curve:
        """The curve with one more loss; points are merged in pairs when there are too many."""
        total, count = self.total + loss, self.count + 1
        if count < self.stride:
            return replace(self, total=total, count=count)
        points = (*self.points, total / count)
        if len(points) < POINTS:
            return Curve(points, self.stride)
        pairs = zip(points[::2], points[1::2], strict=True)
        return Curve(tuple((one + other) / 2 for one, other in pairs), self.stride * 2)


@dataclass(frozen=True, slots=True)
class Annotating:
    """How far a teacher is: what it made since it began, what became of it, and what it took."""

    began: AnnotateBegan
    traced: int = 0
    refused: int = 0
    lost: str = ""
    """Why the last problem without a reply has none."""
    judged: Mapping[Code | None, int] = field(default_factory=dict)
    """Traces by what they were refused for; None is for the kept ones."""
    used: Judged | None = None
    """The last one: it says what was used so far."""

    @property
    def draws(self) -> bool:
        """Whether the teacher is a run, which draws solutions."""
        return self.began.teacher.startswith(RUN)

    @property
    def now(self) -> int:
        """Problems answered since it began, kept or refused."""
        return self.traced + self.refused

    @property
    def funnel(self) -> Funnel:
        """What became of all that was asked since it began."""
        return funnel(self.began.total, self.judged)

    @property
    def done(self) -> int:
        """Problems answered, those of earlier runs included."""
        return self.began.done + self.now


@dataclass(frozen=True, slots=True)
class Training:
    """How far the training of one role is."""

    began: DistillBegan
    last: Trained | None = None
    curve: Curve = Curve()
    kept: int | None = None
    """The step of the last checkpoint."""
    tried: tuple[Evaluated, ...] = ()
    """What came out on dev problems, in order."""

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self.last.step if self.last else self.began.step


@dataclass(frozen=True, slots=True)
class Solving:
    """One problem and what a student has written about it so far."""

    opened: Opened
    text: str = ""
    last: Wrote | None = None
    pieces: int = 0
    """Pieces the student wrote; the calculator's are not counted."""
    solved: Solved | None = None
    shares: tuple[float, ...] = ()
    """Where samples vote: the winners' shares so far."""

    @property
    def votes(self) -> tuple[tuple[float, ...], float | None]:
        """The shares of the steps, where samples voted on them, and that of the answer, once it is there."""
        if not self.shares:
            return (), None
        shares, reading = self.shares, self.reading
        if len(shares) > len(reading.steps) or (len(shares) == 1 and (reading.answer or self.solved)):
            return shares[:-1], shares[-1]
        return shares, None

    @property
    def reading(self) -> Reading:
        """The steps and the answer: the prediction's once there is one, until then the transcript's."""
        if self.solved is None:
            return read(self.text)
        return Reading(self.solved.prediction.steps, self.solved.prediction.answer)


@dataclass(frozen=True, slots=True)
class Benching:
    """How far a set is: what was scored since it began, and its scorecard at the end."""

    began: BenchBegan
    scored: int = 0
    correct: int = 0
    judged: int = 0
    """Predictions that could be compared with a gold answer."""
    finishes: Mapping[FinishReason, int] = field(default_factory=dict)
    card: Scorecard | None = None

    @property
    def done(self) -> int:
        """Problems scored, those of earlier runs included."""
        return self.began.done + self.scored


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the screen shows. A workflow that has not begun is None or empty."""

    notes: tuple[str, ...] = ()
    annotating: Annotating | None = None
    training: tuple[Training, ...] = ()
    saved: Saved | None = None
    solving: Solving | None = None
    benching: tuple[Benching, ...] = ()

    def after(self, event: Event) -> Scene:
        """What the screen knows once `event` has happened too."""
        match event:
            case Noted(text):
                return replace(self, notes=(*self.notes, text)[-NOTES:])
            case AnnotateBegan() | Traced() | Refused() | Judged():
                # where a run that was trained draws, its training goes
                training = () if isinstance(event, AnnotateBegan) else self.training
                return replace(self, annotating=_annotating(self.annotating, event), training=training)
            case DistillBegan() | Trained() | Evaluated() | Checkpointed():
                return replace(self, training=_training(self.training, event))
            case Saved():
                return replace(self, saved=event)
            case Opened() | Wrote() | Solved():
                return replace(self, solving=_solving(self.solving, event))
            case BenchBegan() | Scored() | Tallied():
                return replace(self, benching=_benching(self.benching, event))
            case _:
                assert_never(event)


def sound(step: Step) -> bool | None:
    """Whether the marked equations of a step hold; None where it has none or they cannot be read."""
    verdicts = {holds(mark) for mark in marks(step.text)}
    if False in verdicts:
        return False
    return True if verdicts == {True} else None


def _annotating(
    now: Annotating | None, event: AnnotateBegan | Traced | Refused | Judged
) -> Annotating | None:
    match event:
        case AnnotateBegan():
            return Annotating(event)
        case _ if now is None:
            return None
        case Traced():
            return replace(now, traced=now.traced + 1)
        case Refused(_, reason):
            lost = reason if reason.startswith(LOST) else now.lost
            return replace(now, refused=now.refused + 1, lost=lost)
        case Judged(kept, refused):
            judged = {**now.judged, None: now.judged.get(None, 0) + kept}
            for code, count in cast("Mapping[Code, int]", refused).items():
                judged[code] = judged.get(code, 0) + count
            return replace(now, judged=judged, used=event)
        case _:
            assert_never(event)


def _training(
    now: tuple[Training, ...], event: DistillBegan | Trained | Evaluated | Checkpointed
) -> tuple[Training, ...]:
    at = _last(now, lambda one: one.began.role == event.role)
    match event:
        case DistillBegan():  # where it is the next run of a queue, the last one's roles go
            return (*(one for one in now if one.began.run == event.run), Training(event))
        case _ if at is None:
            return now
        case Trained():
            return _put(now, at, replace(now[at], last=event, curve=now[at].curve.after(event.loss)))
        case Evaluated():
            return _put(now, at, replace(now[at], tried=(*now[at].tried, event)[-POINTS:]))
        case Checkpointed(_, step):
            return _put(now, at, replace(now[at], kept=step))
        case _:
            assert_never(event)


def _solving(now: Solving | None, event: Opened | Wrote | Solved) -> Solving | None:
    match event:
        case Opened():
            return Solving(event)
        case Solved(problem, prediction):
            if now is None or now.opened.problem.id != problem.id:
                now = Solving(Opened(problem, prediction.calculator), prediction.text)
            return replace(now, solved=event, shares=event.prediction.shares)
        case Wrote():
            if now is None or now.opened.problem.id != event.problem_id or now.solved:
                return now
            pieces = now.pieces + (not event.computed)
            shares = now.shares if event.share is None else (*now.shares, event.share)
            return replace(now, text=now.text + event.text, last=event, pieces=pieces, shares=shares)
        case _:
            assert_never(event)


def _benching(now: tuple[Benching, ...], event: BenchBegan | Scored | Tallied) -> tuple[Benching, ...]:
    match event:
        case BenchBegan():
            return (*now, Benching(event))
        case Scored():
            at = _last(now, lambda one: one.began.set == event.set)
            return now if at is None else _put(now, at, _scored(now[at], event.prediction, event.before))
        case Tallied(card):
            at = _last(now, lambda one: one.began.set == card.set)
            if at is None:
                began = BenchBegan(card.set, card.model, card.n, card.n, card.calculator)
                return (*now, Benching(began, card=card))
            return _put(now, at, replace(now[at], card=card))
        case _:
            assert_never(event)


def _scored(now: Benching, prediction: Prediction, before: bool) -> Benching:
    reason = prediction.finish_reason
    return replace(
        now,
        scored=now.scored + (not before),
        correct=now.correct + (prediction.correct is True),
        judged=now.judged + (prediction.correct is not None),
        finishes={**now.finishes, reason: now.finishes.get(reason, 0) + 1},
    )


def _last(many: Sequence[T], wanted: Callable[[T], bool]) -> int | None:
    """The index of the last one that is wanted."""
    return next((at for at in reversed(range(len(many))) if wanted(many[at])), None)


def _put(many: tuple[T, ...], at: int, one: T) -> tuple[T, ...]:
    return (*many[:at], one, *many[at + 1 :])


_LACKING: dict[FinishReason, str] = {
    "answered": "No answer that can be read",
    "unreadable": "No answer that can be read",
    "truncated": "No answer: it ran out of tokens",
    "too many steps": "No answer: it did not stop asking",
    "repeated step": "No answer: a step came twice",
    "empty question": "No answer: a question was empty",
    "looping": "No answer: it said the same over and over",
    "stopped": "No answer: it was stopped",
}


def lacking(reason: FinishReason) -> str:
    """What is shown in the place of an answer that is not there."""
    return _LACKING[reason]
