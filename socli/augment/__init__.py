"""The same problem with other numbers: in its text, its sub-questions and its steps, the chain recomputed.

Every step of a trace marks what it computes, `<<48/2=24>>`, so it can be executed with other numbers. A
number is replaced where it can be traced to the problem's text or to an earlier result. Where it could stand
for two things (a given 7 and the days of a week, a given 36 and a result of 36) a variant is kept only if all
of them agree on what is to be written, so that it is right under every reading. A trace with a number that
can be traced to nothing is left alone, and so are numbers in words.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from socli.arithmetic import evaluate, marks, written
from socli.augment.drawing import drawn
from socli.augment.tracing import Chain, Line, Source, exact, holds_unmarked, traced
from socli.problem import Problem, Step, Trace

TRIES = 40
"""Draws for each variant that is asked for; then the problem has fewer."""
RESULT_FACTOR = 4
"""A result is at most so many times smaller or larger than it was."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A problem made from another one, with its trace. `parent` is the id of the problem it was made from."""

    problem: Problem
    trace: Trace
    parent: str


def variants(problem: Problem, trace: Trace, count: int, seed: int) -> list[Variant]:
    """Up to `count` variants, all different; the first ones are the same however many are asked for.

    Fewer, or none, where the trace cannot be traced or draws do not fit.
    """
    chain = traced(problem, trace)
    if chain is None or not chain.swapped:
        return []
    draw = random.Random(f"{seed} {problem.id}")  # noqa: S311  a choice, not a secret
    made: dict[str, Variant] = {}
    for attempt in range(TRIES * count):
        if len(made) == count:
            break
        values = drawn(chain, draw, every=attempt % 2 == 0)
        variant = _varied(problem, trace, chain, values, seed, len(made)) if values else None
        if variant is not None and variant.problem.id != problem.id:
            made.setdefault(variant.problem.id, variant)
    return list(made.values())


def augmented(pairs: Sequence[tuple[Problem, Trace]], count: int, seed: int) -> list[Variant]:
    """The variants of all, none of which repeats a problem of theirs or another variant."""
    seen = {problem.id for problem, _ in pairs}
    kept = []
    for problem, trace in pairs:
        for variant in variants(problem, trace, count, seed):
            if variant.problem.id not in seen:
                seen.add(variant.problem.id)
                kept.append(variant)
    return kept


def _varied(
    problem: Problem, trace: Trace, chain: Chain, givens: Sequence[Fraction], seed: int, number: int
) -> Variant | None:
    """The problem and its trace with these numbers, or None where something would not be plausible."""
    results: list[Fraction] = []
    for equation in chain.equations:
        expression = _rewritten(equation.expression, givens, results)
        value = None if expression is None else evaluate(expression)
        if value is None or not _plausible(equation.value, value):
            return None
        results.append(value)
    lines = [chain.question, *(line for step in chain.steps for line in step)]
    texts = [_rewritten(line, givens, results) for line in lines]
    if any(text is None for text in texts):
        return None
    asked, *told = (text or "" for text in texts)
    steps = tuple(Step(question, text) for question, text in zip(told[::2], told[1::2], strict=True))
    gold = written(results[-1])
    source = f"{problem.source}, numbers swapped, from {problem.id}, seed {seed}"
    varied = replace(problem, question=asked, gold=gold, source=source, steps=())
    teacher = f"number swap of {trace.teacher}"
    made = Trace(varied.id, steps, gold, teacher, prompt_hash=trace.id, seed=seed, sample=number)
    return Variant(varied, made, problem.id) if _sound(made) else None


def _sound(trace: Trace) -> bool:
    """Whether every equation, marked or not, holds exactly as it is written."""
    return all(
        holds_unmarked(step.text) and all(exact(mark) is not None for mark in marks(step.text))
        for step in trace.steps
    )


def _plausible(before: Fraction, value: Fraction) -> bool:
    """Whether a result may take the place of another: whole as that was, no new 0 or 1, of its magnitude."""
    if value == before:
        return True
    if value <= 0 or 1 in (before, value) or (before.denominator == 1) != (value.denominator == 1):
        return False
    within = before <= value * RESULT_FACTOR and value <= before * RESULT_FACTOR
    return within and (value * 100).denominator in (1, (before * 100).denominator)


def _rewritten(line: Line, givens: Sequence[Fraction], results: Sequence[Fraction]) -> str | None:
    """The text with its numbers replaced; None where one would have to be two things at once."""
    parts, at = [], 0
    for number in line.numbers:
        values = {_new(source, givens, results) for source in number.sources}
        if values <= {number.value}:
            continue
        if len(values) > 1 or number.pinned:
            return None
        parts += [line.text[at : number.start], _like(number.text, values.pop())]
        at = number.end
    return "".join([*parts, line.text[at:]])


def _new(source: Source, givens: Sequence[Fraction], results: Sequence[Fraction]) -> Fraction:
    match source.kind:
        case "given":
            return givens[source.index]
        case "share":
            return givens[source.index] / 100
        case "result":
            return results[source.index]
        case "fixed":
            return source.value


def _like(text: str, value: Fraction) -> str:
    """A value written as the number it replaces was: decimals, commas, a bare point."""
    decimals = len(text.partition(".")[2])
    if (value * 10**decimals).denominator == 1:
        new = f"{round(value * 10**decimals):0{decimals + 1}d}"
        whole, rest = (new[:-decimals], f".{new[-decimals:]}") if decimals else (new, "")
    else:
        whole, _, rest = written(value).partition(".")
        rest = f".{rest}"
    whole = f"{int(whole):,}" if "," in text else whole
    return rest if text.startswith(".") and whole == "0" else whole + rest
