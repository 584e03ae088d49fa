"""Parts of a pair put in by others: gold or typed sub-questions, gold answers where the questions match.

What a student loses by its own questions and what by its own answers is the difference such swaps make.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from socli import scheme
from socli.problem import Problem, Step
from socli.scheme import ASK, WORK, Scheme
from socli.solve import Solvers, Writes
from socli.writers.pieces import Piece

Ask = Callable[[str, str], str | None]
"""The next sub-question for a prompt and the transcript so far; None where there is none."""

MATCHES = 0.8
"""Share of words two questions have in common (F1) from which on they ask the same."""


def swapped(who: Solvers, *, decomposer: Writes | None = None, solver: Writes | None = None) -> Solvers:
    """The same solvers with one part or both put in by others; a student that wrote alone now solves."""
    form = Scheme("socratic", "split", who.scheme.sub_answers, facts=who.scheme.facts)
    return replace(who, scheme=form, decomposer=decomposer or who.decomposer, student=solver or who.student)


class Asked:
    """A decomposer whose questions come from elsewhere: the data set, a person."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._prompts: list[str] = []
        self._texts: list[str] = []

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch, one row a prompt."""
        self._prompts, self._texts = list(prompts), [""] * len(prompts)

    def add(self, number: int, text: str) -> None:
        """Let a row read text."""
        self._texts[number] += text

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """The next question of each row, or its end."""
        for number in limits:
            question = self._ask(self._prompts[number], self._texts[number])
            if question is None or not question.strip():
                yield Piece(number, "", tokens=0, stop="end")
            else:
                text = f"{ASK} {scheme.one_line(question)}\n"
                self._texts[number] += text
                yield Piece(number, text, tokens=0, stop="line")


def gold_questions(problems: Iterable[Problem]) -> Asked:
    """A decomposer that asks the reference sub-questions of these problems, in their order."""
    known = {
        scheme.prompt(problem, facts=facts): [step.question for step in problem.steps]
        for problem in problems
        for facts in (True, False)
    }

    def ask(prompt: str, transcript: str) -> str | None:
        asked = sum(line.startswith(ASK) for line in transcript.splitlines())
        return next(iter(known.get(prompt, [])[asked:]), None)

    return Asked(ask)


class GoldAnswers:
    """A solver that gives the reference answer to each sub-question that matches a reference one; the rest,
    and the final answer, the `student` writes, which reads everything.
    """

    def __init__(self, student: Writes, problems: Iterable[Problem]) -> None:
        self._student = student
        self._known = {scheme.prompt(problem): problem.steps for problem in problems}
        self._steps: list[Sequence[Step]] = []
        self._texts: list[str] = []
        self.matched = 0
        """Sub-questions that were answered from the reference."""

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch, one row a prompt."""
        self._steps, self._texts = [self._known.get(prompt, ()) for prompt in prompts], [""] * len(prompts)
        self._student.open(prompts, prefix)

    def add(self, number: int, text: str) -> None:
        """Let a row read text."""
        self._texts[number] += text
        self._student.add(number, text)

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """Write rows until each has stopped: those that match at once, then the student the others."""
        left = {}
        for number, most in limits.items():
            work = self._reference(number)
            if work is None:
                left[number] = most
                continue
            self.matched += 1
            self.add(number, f" {work}\n")
            yield Piece(number, f" {work}\n", tokens=0, stop="line")
        for piece in self._student.write(left, line=line, together=together) if left else ():
            self._texts[piece.row] += piece.text
            yield piece

    def _reference(self, number: int) -> str | None:
        """The worked answer to the question that is open, where a reference question matches it."""
        *_, asked, begun = ["", "", *self._texts[number].split("\n")]
        if begun != WORK or not asked.startswith(ASK):
            return None
        best = max(
            self._steps[number], key=lambda step: alike(asked[len(ASK) :], step.question), default=None
        )
        if best is None or not best.text or alike(asked[len(ASK) :], best.question) < MATCHES:
            return None
        return scheme.one_line(best.text)


def alike(one: str, other: str) -> float:
    """How much of their words two questions share, 0 to 1: the F1 of their sets of words."""
    a, b = (set(re.findall(r"\w+", text.casefold())) for text in (one, other))
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0
