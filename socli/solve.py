"""Solve problems: one student writes the whole transcript, or two take turns writing it.

The decomposer writes an `Ask:` line or ends; the solver answers it on a `Work:` line; when the
decomposer has ended, the solver writes the answer. A `planned` decomposer writes all its `Ask:` lines
and ends before the solver begins. Where there is a guide, a planner writes the `Plan:` line first, and
whoever asks reads it.
"""

import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from socli import answer, scheme
from socli.events import Opened, Role, Solved, Wrote
from socli.problem import FinishReason, Prediction, Problem
from socli.scheme import END, PLAN, WORK, Scheme
from socli.writers import guards
from socli.writers.pieces import Piece, Sampling, Stop

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


@dataclass(frozen=True, slots=True)
class _Abreast:
    """A writer that writes at most so many rows at a time."""

    writer: Writes
    together: int | None

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
    prompts = [scheme.prompt(problem) for problem in problems]
    planner, decomposer = (one and _Abreast(one, together) for one in (who.planner, who.decomposer))
    who = replace(who, planner=planner, decomposer=decomposer, student=_Abreast(who.student, together))
    for writer in (who.planner, who.decomposer, who.student):
        if writer is not None:
            writer.open(prompts, who.prefix)
    for event in _solving(attempts, who):
        yield event if isinstance(event, Wrote) else _solved(event, who.calculator)


_Done = tuple[_Attempt, FinishReason]
_Asking = Generator[Wrote | _Done, None, dict[int, list[str]]]
_REASONS: dict[Stop, FinishReason] = {"length": "truncated", "loop": "looping"}


def _solving(attempts: _Attempts, who: Solvers) -> Iterator[Wrote | _Done]:
    if who.planner is not None:
        yield from _plan(attempts, who.planner, who.decomposer or who.student)
    if who.decomposer is None:
        yield from _alone(attempts, who.student)
    elif who.scheme.planned:
        asked = yield from _planned(attempts, who.decomposer)
        yield from _in_order(attempts, asked, who.student, works=who.scheme.works)
    else:
        yield from _in_turns(attempts, who.decomposer, who.student, works=who.scheme.works)


def _plan(attempts: _Attempts, planner: Writes, asker: Writes) -> Iterator[Wrote | _Done]:
    """The planner writes what guides each problem, and whoever asks reads it."""
    for n, attempt in attempts.items():
        yield _label(planner, n, attempt, "", PLAN)
    stops = yield from _turn(attempts, planner, "planner")
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


def _in_turns(
    attempts: _Attempts, decomposer: Writes, solver: Writes, *, works: bool
) -> Iterator[Wrote | _Done]:
    """Ask, answer, ask … in step for all problems, until each decomposer ends and its solver answers."""
    for _ in range(MOST_QUESTIONS + 1):
        before = {n: len(attempt.text) for n, attempt in attempts.items()}
        stops = yield from _turn(attempts, decomposer, "decomposer")
        asked = {n: attempt.text[before[n] :] for n, attempt in attempts.items()}
        yield from _cut_short(attempts, stops)
        for n in list(attempts):
            if asked[n] and (reason := guards.of_question(asked[n])):
                yield from _drop(attempts, [n], reason)
        ended = [n for n in attempts if stops[n] == "end"]
        yield from _answer({n: attempts.pop(n) for n in ended}, solver)
        before = {n: len(attempt.text) for n, attempt in attempts.items()}
        yield from _work(attempts, asked, solver, works=works)
        if not attempts:
            return
        for n, attempt in attempts.items() if works else ():
            decomposer.add(n, attempt.text[before[n] :])
    yield from _drop(attempts, list(attempts), "too many steps")


def _planned(attempts: _Attempts, decomposer: Writes) -> _Asking:
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


def _in_order(
    attempts: _Attempts, asked: Mapping[int, Sequence[str]], solver: Writes, *, works: bool
) -> Iterator[Wrote | _Done]:
    """The solver answers what was asked, one sub-question after the other, then the problem."""
    for turn in range(MOST_QUESTIONS + 1):
        done = [n for n in attempts if len(asked[n]) == turn]
        yield from _answer({n: attempts.pop(n) for n in done}, solver)
        yield from _work(attempts, {n: asked[n][turn] for n in attempts}, solver, works=works)


def _answer(attempts: _Attempts, solver: Writes) -> Iterator[Wrote | _Done]:
    """The solver writes the answer of each problem whose decomposer has ended."""
    for n, attempt in attempts.items():
        yield _label(solver, n, attempt, "", END)
    stops = yield from _turn(attempts, solver, "solver")
    for n, stop in stops.items():
        yield attempts[n], _REASONS.get(stop, "answered")


def _work(
    attempts: _Attempts, asked: Mapping[int, str], solver: Writes, *, works: bool
) -> Iterator[Wrote | _Done]:
    """The solver reads the questions and, where sub-answers are written, answers them."""
    if not works:
        for n in attempts:
            solver.add(n, asked[n])
        return
    for n, attempt in attempts.items():
        yield _label(solver, n, attempt, asked[n], WORK)
    stops = yield from _turn(attempts, solver, "solver")
    yield from _cut_short(attempts, stops)
    yield from _drop(attempts, [n for n in attempts if stops[n] == "end"], "unreadable")
    for n, attempt in list(attempts.items()):
        if reason := guards.of_steps(scheme.read(attempt.text).steps):
            yield from _drop(attempts, [n], reason)


def _turn(attempts: _Attempts, writer: Writes, by: Role, *, line: bool = True) -> _Writing:
    """Let the writer write all attempts; returns how each stopped."""
    stops: dict[int, Stop] = {}
    if attempts:
        for piece in writer.write(_limits(attempts), line=line):
            yield from _note(attempts, piece, by)
            if piece.stop:
                stops[piece.row] = piece.stop
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
