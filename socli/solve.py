"""Solve problems: one student writes the whole transcript, or two take turns writing it.

The decomposer writes an `Ask:` line or ends; the solver answers it on a `Work:` line; when the
decomposer has ended, the solver writes the answer. A `planned` decomposer writes all its `Ask:` lines
and ends before the solver begins. Where there is a guide, a planner writes the `Plan:` line first, and
whoever asks reads it.
"""

import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from socli import answer, scheme
from socli.events import Opened, Role, Solved, Wrote
from socli.problem import FinishReason, Prediction, Problem
from socli.scheme import END, PLAN, WORK, Scheme
from socli.writers import guards
from socli.writers.pieces import UNDER_WAY, Piece, Sampling, Stop, Waiting

MOST_QUESTIONS = 12
"""Twice the longest built-in problem; GSM8K's longest solution has nine steps."""
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class Writes(Protocol):
    """What solving needs of a model: `socli.engine.decode.Writer`, or a scripted one."""

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch, one row a prompt."""

    def add(self, number: int, text: str) -> None:
        """Let a row read text."""

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """Write rows until each has stopped, so many at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Solvers:
    """Who solves: a student alone, or a solver and the decomposer that asks it; and who plans for them.

    `prefix` stands before every prompt: worked examples for a student that was never trained. `run`
    is None for such a one. `calculator` and `precision` say how the writers were made.
    """

    name: str
    scheme: Scheme
    student: Writes
    decomposer: Writes | None = None
    prefix: str = ""
    run: str | None = None
    calculator: bool = True
    precision: str = ""
    planner: Writes | None = None
    sampling: Sampling | None = None
    """How samples are drawn, where they are: a problem then has as many rows as there are `repeats`."""
    verifier: str = ""
    """The run whose student weighs the samples."""


@dataclass(frozen=True, slots=True)
class _Abreast:
    """A writer that writes at most so many rows at a time."""

    writer: Writes
    together: int | None

    @property
    def takes_more(self) -> bool:
        """Whether it takes up rows as it goes, for which others must be left."""
        return hasattr(self.writer, "leave")

    def leave(self, number: int) -> None:
        if hasattr(self.writer, "leave"):
            self.writer.leave(number)

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        self.writer.open(prompts, prefix)

    def add(self, number: int, text: str) -> None:
        self.writer.add(number, text)

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        return self.writer.write(limits, line=line, together=together or self.together)


@dataclass(slots=True)
class _Attempt:
    """One problem under way: what was written for it and how many tokens are left to it."""

    problem: Problem
    left: int
    text: str = ""
    tokens: int = 0
    shares: tuple[float, ...] = ()
    began: float = field(default_factory=time.perf_counter)


_Attempts = dict[int, _Attempt]
_Writing = Generator[Wrote, None, dict[int, Stop]]


def solve(
    problems: Sequence[Problem], who: Solvers, max_tokens: int, together: int | None = None
) -> Iterator[Opened | Wrote | Solved]:
    """Solve the problems side by side; each yields one `Solved`, in the order they finish.

    `max_tokens` bounds what is written for one problem, both students together. No student writes more than
    `together` rows at a time: where one is done with its turn, the next takes its place.
    """
    attempts = {n: _Attempt(problem, max_tokens) for n, problem in enumerate(problems)}
    for problem in problems:
        yield Opened(problem, who.calculator)
    prompts = [scheme.prompt(problem, facts=who.scheme.facts) for problem in problems]
    planner = _Abreast(who.planner, together) if who.planner else None
    decomposer = _Abreast(who.decomposer, together) if who.decomposer else None
    student = _Abreast(who.student, together)
    for writer in (planner, decomposer, student):
        if writer is not None:
            writer.open(prompts, who.prefix)
    for event in _solving(attempts, who.scheme, planner, decomposer, student):
        yield event if isinstance(event, Wrote) else _solved(event, who.calculator)


_Done = tuple[_Attempt, FinishReason]
_Asking = Generator[Wrote | _Done, None, dict[int, list[str]]]
_REASONS: dict[Stop, FinishReason] = {"length": "truncated", "loop": "looping"}


def _solving(
    attempts: _Attempts,
    form: Scheme,
    planner: _Abreast | None,
    decomposer: _Abreast | None,
    student: _Abreast,
) -> Iterator[Wrote | _Done]:
    if planner is not None:
        yield from _plan(attempts, planner, decomposer or student)
    if decomposer is None:
        yield from _alone(attempts, student)
    else:
        asked = (yield from _planned(attempts, decomposer)) if form.planned else None
        yield from _in_turns(attempts, asked, decomposer, student, works=form.works)


def _plan(attempts: _Attempts, planner: _Abreast, asker: Writes) -> Iterator[Wrote | _Done]:
    """The planner writes what guides each problem, and whoever asks reads it."""
    for n, attempt in attempts.items():
        yield _label(planner, n, attempt, "", PLAN)
    stops = yield from _turn(attempts, planner, "planner", last=True)
    yield from _cut_short(attempts, stops)
    yield from _drop(attempts, [n for n in attempts if stops[n] == "end"], "unreadable")
    for n, attempt in attempts.items():
        asker.add(n, attempt.text)


def _alone(attempts: _Attempts, student: Writes) -> Iterator[Wrote | _Done]:
    """One student writes each transcript in one go."""
    for piece in student.write(_limits(attempts), line=False):
        yield from _note(attempts, piece, "student")
        if piece.stop:
            yield attempts.pop(piece.row), _REASONS.get(piece.stop, "answered")


def _planned(attempts: _Attempts, decomposer: _Abreast) -> _Asking:
    """Ask everything from the problem alone; returns the lines asked, by problem."""
    before = {n: len(attempt.text) for n, attempt in attempts.items()}
    stops = yield from _turn(attempts, decomposer, "decomposer", line=False)
    asked = {n: _LINE.findall(attempt.text, before[n]) for n, attempt in attempts.items()}
    yield from _cut_short(attempts, stops)
    for n in list(attempts):
        if reasons := [reason for line in asked[n] if (reason := guards.of_question(line))]:
            yield from _drop(attempts, [n], reasons[0])
    many = [n for n in attempts if len(asked[n]) > MOST_QUESTIONS]
    yield from _drop(attempts, many, "too many steps")
    return asked


def _in_turns(
    attempts: _Attempts,
    asked: Mapping[int, Sequence[str]] | None,
    decomposer: _Abreast,
    solver: _Abreast,
    *,
    works: bool,
) -> Iterator[Wrote | _Done]:
    """Let two students take turns at each problem. `asked`: all that is asked, where that was planned.

    Whichever has more problems waiting writes on, so that neither writes for a few alone; where a problem is
    done, the next is begun.
    """
    asking, solving = _Side(decomposer, "decomposer"), _Side(solver, "solver")
    talks = {
        n: _talk(n, attempt, asking, solving, works=works)
        if asked is None
        else _answers(n, attempt, asked[n], solving, works=works)
        for n, attempt in attempts.items()
    }
    together = (solver.together if solver.takes_more else None) or len(talks)
    rest = iter(talks)
    now, other = asking, solving
    stops: dict[int, Stop] = {}
    while True:
        idle = max(0, UNDER_WAY * together - len(asking.rows) - len(solving.rows))
        for n in islice(rest, idle):
            yield from _go_on(attempts, n, talks[n], None)
        if not (now.busy or other.busy):
            return
        if not now.busy or (now.takes_more and 2 * len(now.rows) < len(other.rows)):
            now, other = other, now
        piece = now.next()
        if piece is not None:
            yield from _note(attempts, piece, now.by)
            stops |= {piece.row: piece.stop} if piece.stop else {}
        if piece is None or now.takes_more:
            for n, stop in stops.items():
                yield from _go_on(attempts, n, talks[n], stop)
                for writer in (decomposer, solver) if n not in attempts else ():
                    writer.leave(n)
            stops = {}


class _Side:
    """One of two students and the problems that wait for it or that it writes."""

    def __init__(self, writer: _Abreast, by: Role) -> None:
        self.writer, self.by, self.takes_more = writer, by, writer.takes_more
        self.rows: set[int] = set()
        self._waiting = Waiting()
        self._pieces: Iterator[Piece] | None = None

    @property
    def busy(self) -> bool:
        """Whether there is more to come of it."""
        return bool(self.rows) or self._pieces is not None

    def put(self, n: int, most: int) -> None:
        """Let it write a line of so many tokens, as soon as it can."""
        self.rows.add(n)
        self._waiting[n] = most

    def next(self) -> Piece | None:
        """The next piece of what it writes; None at the end of what it had taken up."""
        if self._pieces is None:
            given = self._waiting
            if not self.takes_more:
                self._waiting = Waiting()
            self._pieces = iter(self.writer.write(given, line=True))
        piece = next(self._pieces, None)
        if piece is None:
            self._pieces = None
        elif piece.stop:
            self.rows.discard(piece.row)
        return piece


_Talk = Generator[Wrote | _Side, Stop | None, FinishReason]
"""One problem's turns: what is read, and who is to write next; it is sent how that stopped."""


def _go_on(attempts: _Attempts, n: int, talk: _Talk, stop: Stop | None) -> Iterator[Wrote | _Done]:
    """Go on with a problem up to where one of the two has to write."""
    try:
        told = talk.send(stop)
        while isinstance(told, Wrote):
            yield told
            told = next(talk)
    except StopIteration as end:
        yield attempts.pop(n), end.value
    else:
        told.put(n, attempts[n].left)


def _talk(n: int, attempt: _Attempt, asking: _Side, solving: _Side, *, works: bool) -> _Talk:
    """Ask, answer, ask … until the decomposer ends and the solver answers."""
    for _ in range(MOST_QUESTIONS + 1):
        begun = len(attempt.text)
        stop = yield asking
        asked = attempt.text[begun:]
        if stop in _REASONS:
            return _REASONS[stop]
        if asked and (reason := guards.of_question(asked)):
            return reason
        if stop == "end":
            return (yield from _answer(n, attempt, solving))
        if not works:
            solving.writer.add(n, asked)
            continue
        begun = len(attempt.text)
        if reason := (yield from _work(n, attempt, asked, solving)):
            return reason
        asking.writer.add(n, attempt.text[begun:])
    return "too many steps"


def _answers(n: int, attempt: _Attempt, asked: Sequence[str], solving: _Side, *, works: bool) -> _Talk:
    """The solver answers what was asked, one sub-question after the other, then the problem."""
    for line in asked:
        if not works:
            solving.writer.add(n, line)
        elif reason := (yield from _work(n, attempt, line, solving)):
            return reason
    return (yield from _answer(n, attempt, solving))


def _answer(n: int, attempt: _Attempt, solving: _Side) -> _Talk:
    """The solver writes the answer."""
    yield _label(solving.writer, n, attempt, "", END)
    stop = yield solving
    return _REASONS.get(stop, "answered") if stop else "answered"


def _work(
    n: int, attempt: _Attempt, asked: str, solving: _Side
) -> Generator[Wrote | _Side, Stop | None, FinishReason | None]:
    """The solver reads a question and answers it; why the problem is over by that, if it is."""
    yield _label(solving.writer, n, attempt, asked, WORK)
    stop = yield solving
    if stop in _REASONS:
        return _REASONS[stop]
    return "unreadable" if stop == "end" else guards.of_steps(scheme.read(attempt.text).steps)


def _turn(
    attempts: _Attempts, writer: _Abreast, by: Role, *, line: bool = True, last: bool = False
) -> _Writing:
    """Let the writer write all attempts, for the `last` time or not; returns how each stopped."""
    stops: dict[int, Stop] = {}
    if attempts:
        for piece in writer.write(_limits(attempts), line=line):
            yield from _note(attempts, piece, by)
            if piece.stop:
                stops[piece.row] = piece.stop
                if last:
                    writer.leave(piece.row)
    return stops


def _note(attempts: _Attempts, piece: Piece, by: Role) -> Iterator[Wrote]:
    attempt = attempts[piece.row]
    attempt.text += piece.text
    attempt.tokens += piece.tokens + piece.lost
    if piece.share is not None:
        attempt.shares += (piece.share,)
    attempt.left -= piece.tokens
    if piece.text or piece.share is not None:
        yield Wrote(attempt.problem.id, piece.text, by, piece.computed, piece.share)


def _label(writer: Writes, n: int, attempt: _Attempt, read: str, label: str) -> Wrote:
    """The solver, or the planner, reads `read` and the label it is to write after."""
    writer.add(n, read)
    writer.add(n, label)
    attempt.text += label
    return Wrote(attempt.problem.id, label, "planner" if label == PLAN else "solver")


def _cut_short(attempts: _Attempts, stops: Mapping[int, Stop]) -> Iterator[_Done]:
    """The problems whose turn did not come to its own end are over."""
    for n, stop in stops.items():
        if stop in _REASONS:
            yield attempts.pop(n), _REASONS[stop]


def _drop(attempts: _Attempts, numbers: list[int], reason: FinishReason) -> Iterator[_Done]:
    for n in numbers:
        yield attempts.pop(n), reason


def _limits(attempts: _Attempts) -> dict[int, int]:
    return {n: attempt.left for n, attempt in attempts.items()}


def _solved(done: _Done, calculator: bool) -> Solved:
    """Read the transcript and compare its answer with the gold one."""
    attempt, reason = done
    problem, reading = attempt.problem, scheme.read(attempt.text)
    found = reading.answer if reason == "answered" else None
    if found is not None:
        found = answer.canonical(found, problem.kind)
    if reason == "answered" and found is None:
        reason = "unreadable"
    prediction = Prediction(
        problem_id=problem.id,
        steps=reading.steps,
        answer=found,
        correct=None if problem.gold is None else answer.same(found, problem.gold, problem.kind),
        finish_reason=reason,
        calculator=calculator,
        tokens=attempt.tokens,
        seconds=time.perf_counter() - attempt.began,
        text=attempt.text,
        shares=attempt.shares,
    )
    return Solved(problem, prediction)
