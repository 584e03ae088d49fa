"""Parts of a pair put in by others: gold or typed sub-questions, other students and teachers."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from socli import scheme
from socli.problem import Problem
from socli.scheme import ASK, Scheme
from socli.solve import Solvers, Writes
from socli.writers.pieces import Piece

Ask = Callable[[str, str], str | None]
"""The next sub-question for a prompt and the transcript so far; None where there is none."""


def swapped(who: Solvers, *, decomposer: Writes | None = None, solver: Writes | None = None) -> Solvers:
    """The same solvers with one part or both put in by others; a student that wrote alone now solves."""
    own = who.scheme
    form = Scheme("socratic", "split", own.sub_answers, facts=own.facts, work=own.work)
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


def alike(one: str, other: str) -> float:
    """How much of their words two questions share, 0 to 1: the F1 of their sets of words."""
    a, b = (set(re.findall(r"\w+", text.casefold())) for text in (one, other))
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0
