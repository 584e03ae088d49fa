"""Split students with one part taken by the reference: what is lost in asking, what in answering.

With gold questions the reference asks and the student's solver answers. With gold answers the student's
decomposer asks, and each sub-question is answered by the reference step that asks most nearly the same, by
the words they share; the final answer is what the last of these steps comes to. A decomposer that stops
early or asks beside the point loses the problem there, and not for its solver's arithmetic.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from socli import scheme
from socli.arithmetic import comes_to
from socli.errors import UsageError
from socli.problem import Problem, Step
from socli.scheme import ASK, END, WORK, Scheme
from socli.solve import Solvers
from socli.writers.pieces import Piece
from socli.writers.swapping import alike, gold_questions

Part = Literal["questions", "answers"]
PARTS: tuple[Part, ...] = ("questions", "answers")


def swapped(who: Solvers, problems: Iterable[Problem], part: Part) -> Solvers:
    """The solvers with one part gold for these problems; UsageError where there is nothing to swap.

    They belong to no run any more, so that no bench of theirs is taken for one of the run's.
    """
    if who.decomposer is None:
        raise UsageError("only a decomposer and a solver have parts to swap", hint='scheme.roles = "split"')
    if part == "answers" and not who.scheme.works:
        raise UsageError("these sub-questions have no answers of their own", hint="scheme.sub_answers = true")
    name = gold(who.name, part)
    if part == "questions":
        return replace(who, name=name, run=None, decomposer=gold_questions(problems))
    known = {scheme.prompt(problem, facts=who.scheme.facts): problem for problem in problems}
    return replace(who, name=name, run=None, student=_Answers(known, who.scheme))


def gold(name: str, part: Part) -> str:
    """What solvers of that name are called with one part gold."""
    return f"{name} with gold {part}"


def fit(problem: Problem, form: Scheme) -> bool:
    """Whether the reference has sub-questions and answers to stand in with, as they are written there."""
    return bool(problem.steps) and all(step.question and scheme.worked(step, form) for step in problem.steps)


class _Answers:
    """The reference as a solver."""

    def __init__(self, problems: Mapping[str, Problem], form: Scheme) -> None:
        self._problems, self._form = problems, form
        self._rows: list[Problem] = []
        self._read: list[str] = []
        self._last: list[Step | None] = []

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        self._rows = [self._problems[prompt] for prompt in prompts]
        self._read = ["" for _ in prompts]
        self._last = [None for _ in prompts]

    def add(self, number: int, text: str) -> None:
        self._read[number] += text

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        for row in limits:
            problem = self._rows[row]
            if self._read[row].endswith(END):
                yield Piece(row, f" {_value(problem, self._last[row])}", tokens=0, stop="end")
                continue
            asked = self._read[row].removesuffix(WORK).rpartition(ASK)[2]
            step = self._last[row] = max(problem.steps, key=lambda one: alike(asked, one.question))
            self._read[row] = ""
            yield Piece(row, f" {scheme.worked(step, self._form)}\n", tokens=0, stop="line")


def _value(problem: Problem, last: Step | None) -> str:
    """The gold answer where the last step is the reference's last, else what the step comes to."""
    if last is None:
        return ""
    if last == problem.steps[-1]:
        return problem.gold or ""
    return comes_to(last.text) or ""
