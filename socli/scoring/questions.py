"""How good sub-questions are, against reference ones and against their problem; accuracy by number of steps.

Owner of `sacrebleu`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from socli.answer import canonical
from socli.arithmetic import NUMBER, comes_to
from socli.problem import Prediction, Problem, Step

Solved = tuple[Problem, Prediction]
"""A problem, with reference steps if it has any, and what was answered to it."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Corpus BLEU and chrF of all sub-questions, 0 to 100, with strings that say how they were computed."""

    n: int
    """Problems with reference sub-questions."""
    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str


@dataclass(frozen=True, slots=True)
class Asking:
    """How a student asks. Shares are fractions in 0 to 1; None where there is nothing to take a share of."""

    questions: int
    leaks: float | None
    """Of the sub-questions: those that hold the value of their own answer."""
    repeats: float | None
    """Of the sub-questions: those that were asked before in the same problem."""
    same_count: float | None
    """#Q: of the problems with reference steps, those with as many sub-questions as steps."""


def overlap(solved: Iterable[Solved]) -> Overlap | None:
    """The sub-questions against the reference ones by sacrebleu; None where no problem has any.

    The sub-questions of a problem are one segment, joined by blanks. A problem to which none were asked
    counts with an empty one.
    """
    asked, wanted = [], []
    for problem, prediction in solved:
        reference = _joined(problem.steps)
        if reference:
            wanted.append(reference)
            asked.append(_joined(prediction.steps))
    if not wanted:
        return None
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu, chrf = BLEU(), CHRF()
    return Overlap(
        n=len(wanted),
        bleu=float(bleu.corpus_score(asked, [wanted]).score),
        bleu_signature=str(bleu.get_signature()),
        chrf=float(chrf.corpus_score(asked, [wanted]).score),
        chrf_signature=str(chrf.get_signature()),
    )


def asking(solved: Iterable[Solved]) -> Asking:
    """Leaks, repeats and #Q over all predictions; steps without a sub-question are not counted."""
    questions = leaking = repeated = alike = known = 0
    for problem, prediction in solved:
        asked = sum(bool(step.question.strip()) for step in prediction.steps)
        questions += asked
        leaking += len(leaks(problem, prediction.steps))
        repeated += len(repeats(prediction.steps))
        if problem.steps:
            known += 1
            alike += asked == len(problem.steps)
    return Asking(
        questions=questions,
        leaks=leaking / questions if questions else None,
        repeats=repeated / questions if questions else None,
        same_count=alike / known if known else None,
    )


def leaks(problem: Problem, steps: Sequence[Step]) -> list[int]:
    """The indexes of sub-questions that hold the value their own answer comes to.

    A value that the problem states, or that an earlier step came to, is no leak.
    """
    known = _numbers(f"{problem.question} {problem.context}")
    found = []
    for index, step in enumerate(steps):
        value = _value(step)
        if value is not None:
            if value not in known and value in _numbers(step.question):
                found.append(index)
            known.add(value)
    return found


def repeats(steps: Sequence[Step]) -> list[int]:
    """The indexes of sub-questions that were asked before, whatever their case and punctuation."""
    seen: set[tuple[str, ...]] = set()
    found = []
    for index, step in enumerate(steps):
        words = tuple(_WORD.findall(step.question.casefold()))
        if words in seen:
            found.append(index)
        elif words:
            seen.add(words)
    return found


def _joined(steps: Sequence[Step]) -> str:
    return " ".join(step.question.strip() for step in steps if step.question.strip())


def _numbers(text: str) -> set[str]:
    """The normal forms of the numbers in a text."""
    return {canonical(number, "number") or number for number in NUMBER.findall(text)}


def _value(step: Step) -> str | None:
    """The normal form of what a worked answer comes to."""
    stated = comes_to(step.text)
    return canonical(stated, "number") if stated else None
