"""Split students with one part taken by the reference: what is lost in asking, what in answering.

With gold questions the reference asks and the student's solver answers. With gold answers the student's
decomposer asks, and each sub-question is answered by the reference step that asks most nearly the same, by
the words they share; the final answer is what the last of these steps comes to. A decomposer that stops
early or asks beside the point loses the problem there, and not for its solver's arithmetic.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from socli import scheme
from socli.arithmetic import marks
from socli.errors import UsageError
from socli.problem import Problem, Step
from socli.scheme import ASK, END, WORK
from socli.solve import Solvers

if TYPE_CHECKING:
    from socli.engine.decode import Piece, Stop

Part = Literal["questions", "answers"]
PARTS: tuple[Part, ...] = ("questions", "answers")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Line:
    """What `socli.engine.decode.Piece` is, without torch."""

    row: int
    text: str
    stop: "Stop"
    tokens: int = 0
    computed: bool = False


def swapped(who: Solvers, problems: Iterable[Problem], part: Part) -> Solvers:
    """The solvers with one part gold for these problems; UsageError where there is nothing to swap.

    They belong to no run any more, so that no bench of theirs is taken for one of the run's.
    """
    if who.decomposer is None:
        raise UsageError("only a decomposer and a solver have parts to swap", hint='scheme.roles = "split"')
    if part == "answers" and not who.scheme.works:
        raise UsageError("these sub-questions have no answers of their own", hint="scheme.sub_answers = true")
    known = {scheme.prompt(problem): problem for problem in problems}
    name = f"{who.name} with gold {part}"
    if part == "questions":
        return replace(who, name=name, run=None, decomposer=_Asks(known))
    return replace(who, name=name, run=None, student=_Answers(known))


def fit(problem: Problem) -> bool:
    """Whether the reference has sub-questions and answers to stand in with."""
    return bool(problem.steps) and all(step.question and step.text for step in problem.steps)


class _Asks:
    """The reference as a decomposer: a sub-question a turn, then the end."""

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        self._problems = problems
        self._left: list[list[Step]] = []

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        self._left = [list(self._problems[prompt].steps) for prompt in prompts]

    def add(self, number: int, text: str) -> None:
        """Asks the same whatever was answered."""

    def write(
        self, limits: Mapping[int, int], *, line: bool, together: int | None = None
    ) -> "Iterator[Piece]":
        for row in limits:
            if self._left[row]:
                asked = scheme.one_line(self._left[row].pop(0).question)
                yield _piece(row, f"{ASK} {asked}\n", "line")
            else:
                yield _piece(row, "", "end")


class _Answers:
    """The reference as a solver."""

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        self._problems = problems
        self._rows: list[Problem] = []
        self._read: list[str] = []
        self._last: list[Step | None] = []

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        self._rows = [self._problems[prompt] for prompt in prompts]
        self._read = ["" for _ in prompts]
        self._last = [None for _ in prompts]

    def add(self, number: int, text: str) -> None:
        self._read[number] += text

    def write(
        self, limits: Mapping[int, int], *, line: bool, together: int | None = None
    ) -> "Iterator[Piece]":
        for row in limits:
            problem = self._rows[row]
            if self._read[row].endswith(END):
                yield _piece(row, f" {_value(problem, self._last[row])}", "end")
                continue
            asked = self._read[row].removesuffix(WORK).rpartition(ASK)[2]
            step = self._last[row] = max(problem.steps, key=lambda one: _alike(asked, one.question))
            self._read[row] = ""
            yield _piece(row, f" {scheme.one_line(step.text)}\n", "line")


def _piece(row: int, text: str, stop: "Stop") -> "Piece":
    return cast("Piece", _Line(row, text, stop))


def _alike(one: str, other: str) -> float:
    """Of the words of both, the share that they have in common (Dice)."""
    first, second = (set(_WORD.findall(text.casefold())) for text in (one, other))
    return 2 * len(first & second) / max(1, len(first) + len(second))


def _value(problem: Problem, last: Step | None) -> str:
    """The gold answer where the last step is the reference's last, else what the step comes to."""
    if last is None:
        return ""
    if last == problem.steps[-1]:
        return problem.gold or ""
    found = marks(last.text)
    return found[-1].stated if found else (re.findall(r"[0-9][0-9.,]*", last.text) or [""])[-1].rstrip(".,")
