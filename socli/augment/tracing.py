"""Every number of a problem and its trace, with all that it may stand for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Literal

from socli import answer
from socli.arithmetic import Mark, Unreadable, evaluate, marks, written
from socli.problem import Problem, Trace

_NUMBER = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_STATED = re.compile(r"\s*[$€£]?\s*(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)\s*")
_BOUND_BEFORE = re.compile(r"(?:[A-Za-z:/#]|[0-9][-–])$|[0-9]\s*/\s*$|(?:bill|note|coin)s? of [$€£]?$")
_BOUND_AFTER = re.compile(r"[A-Za-z:]|\s*/\s*[0-9]|[-–][0-9]|\s[0-9]+/[0-9]")
"""What makes a number of a problem's text a part of something else: a time, a fraction, a range, `3rd`."""
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_UNMARKED = re.compile(r"([^=<>]*)=\s*[$€£]?\s*(?=[0-9.])([0-9,]*(?:\.[0-9]+)?)")
"""An equation outside of marks, in a text without them."""
_ARITHMETIC = re.compile(r"[0-9.,+*×/÷()$€£%\sx–-]*$")
_COIN = re.compile(r"\s?[$€£]?[\s-]?(?:dollars?[\s-])?(?:bill|note|coin)s?\b")
"""There are $20 bills and no $35 bills."""
_CENTS = re.compile(r"\s?(?:¢|cents?\b)")
_PERCENT = re.compile(r"\s?(?:%|percent\b|per cent\b)")
_ONES = "two three four five six seven eight nine"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_IN_WORDS = (
    {word: n for n, word in enumerate(_ONES.split(), 2)}
    | {word: n for n, word in enumerate(_TEENS.split(), 10)}
    | {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
)
_WORD = re.compile(
    rf"\b(?:(?:{_TENS.replace(' ', '|')})[- ](?:one|{_ONES.replace(' ', '|')})|{'|'.join(_IN_WORDS)})\b",
    re.IGNORECASE,
)
_KNOWN = {
    "1": "",
    "2": "half|halves|halved|twice|doubl|couple|pair|both|twin|another|also|same|round trip|each way|second",
    "3": "third|tripl|thrice|yard",
    "4": "quarter|fourth|quadrupl|week|month|square",
    "5": "fifth|nickel|weekday|work|school",
    "6": "sixth",
    "7": "week|day",
    "8": "eighth",
    "9": "ninth",
    "10": "tenth|dime|decade",
    "12": "dozen|month|year|annual|foot|feet|inch",
    "16": "ounce|pound",
    "24": "hour|day",
    "25": "quarter",
    "28": "month|february|week",
    "30": "month|half|april|june|september|november|day",
    "31": "month|january|march|may|july|august|october|december|day",
    "50": "half",
    "52": "week|year|card",
    "60": "minute|hour|second",
    "100": "%|percent|cent|dollar|\\$|meter|metre|hundred",
    "180": "angle|degree|triangle",
    "360": "angle|degree|circle",
    "365": "year|day",
    "366": "year|day",
    "1000": "kilo|thousand|gram|liter|litre|meter|metre|km|kg",
    "0.5": "half|halves|halved",
    "0.25": "quarter|fourth",
    "0.75": "quarter|fourth",
    "0.2": "fifth",
    "0.1": "tenth|dime",
    "0.05": "nickel",
    "0.01": "%|percent|cent|penny|pennies",
}
_CONSTANTS = [(Fraction(value), re.compile(words, re.IGNORECASE)) for value, words in _KNOWN.items()]
"""Numbers that a step may use without the problem stating them, where one of the words is about."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number may come from: the text, a percentage of it as a fraction, a result, or nowhere else."""

    kind: Literal["given", "share", "result", "fixed"]
    value: Fraction
    index: int = 0
    """Of the given or the result."""
    percent: bool = False
    hundredths: bool = False
    """Whether steps may write it divided by 100: percentages and cents."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text and all it may stand for; a `pinned` one cannot be written otherwise."""

    start: int
    end: int
    text: str
    value: Fraction
    sources: tuple[Source, ...]
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A text with its numbers, in order."""

    text: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """What a mark computes, as a line of its own, and its value."""

    expression: Line
    value: Fraction


@dataclass(frozen=True, slots=True)
class Chain:
    """A problem and its trace with every number traced."""

    question: Line
    steps: tuple[tuple[Line, Line], ...]
    equations: tuple[Equation, ...]
    givens: tuple[Source, ...]
    swapped: tuple[int, ...]
    """Which givens are used in an equation, so that they may be replaced."""
    sums: tuple[tuple[int, tuple[int, ...]], ...]
    """Givens that are the sum of others: 14 years, of which 8 and 4 and 2. It may be no accident."""


def traced(problem: Problem, trace: Trace) -> Chain | None:
    """Every number with its sources; None where one has none or the trace is not a chain to the answer."""
    told = [part for step in trace.steps for part in (step.question, step.text)]
    if problem.kind != "number" or problem.context or not trace.steps:
        return None
    givens = _givens(problem.question)
    known = [*givens, *_shares(givens), *_fixed(problem.question, " ".join([problem.question, *told]))]
    equations: list[Equation] = []
    steps = []
    for step in trace.steps:
        asked = _line(step.question, known)
        mine = _equations(step.text, known, len(equations)) if asked else None
        if asked is None or mine is None:
            return None
        results = [Source("result", one.value, number) for number, one in enumerate(mine, len(equations))]
        equations += mine
        known += results
        worked = _line(step.text, known, _stated(step.text, results))
        if worked is None:
            return None
        steps.append((asked, worked))
    question = _question(problem.question, givens)
    if not equations or not _ends_in(problem, trace, equations[-1].value):
        return None
    used = {s.index for e in equations for n in e.expression.numbers for s in n.sources if s.kind in _VARY}
    if not all(holds_unmarked(step.text) for step in trace.steps):
        return None
    return Chain(
        question, tuple(steps), tuple(equations), tuple(givens), tuple(sorted(used)), tuple(_sums(givens))
    )


_VARY = ("given", "share")


def _ends_in(problem: Problem, trace: Trace, value: Fraction) -> bool:
    """Whether the last value is the trace's answer and the right one."""
    last = written(value)
    return answer.same(trace.answer, last, "number") and (
        problem.gold is None or answer.same(problem.gold, last, "number")
    )


def holds_unmarked(text: str) -> bool:
    """Whether every equation outside of marks can be read and holds exactly."""
    bare = text
    for mark in reversed(marks(text)):  # what follows one is its value
        bare = f"{bare[: mark.start]}#{bare[mark.end :]}"
    for found in _UNMARKED.finditer(bare):
        left = _ARITHMETIC.search(found[1])
        try:
            if left is None or evaluate(left[0]) != evaluate(found[2]):
                return False
        except Unreadable:
            return False
    return True


def _sums(givens: Sequence[Source]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each given with two to four others that make it up; percentages may make up 100, which is given -1."""
    for percent in (False, True):
        alike = [given for given in givens if given.percent == percent][:8]
        totals = {given.index: given.value for given in alike} | ({-1: Fraction(100)} if percent else {})
        for size in (2, 3, 4):
            for some in combinations(alike, size):
                total = sum(given.value for given in some)
                yield from (
                    (index, tuple(g.index for g in some)) for index, value in totals.items() if value == total
                )


def _givens(text: str) -> list[Source]:
    """The numbers of a problem's text that may be replaced, each value once."""
    found: dict[tuple[Fraction, bool], Source] = {}
    for one in _NUMBER.finditer(text):
        value, percent = _value(one[0]), bool(_PERCENT.match(text, one.end()))
        if _bound(text, one) or not _replaceable(value, one[0], percent=percent):
            continue
        parts = percent or bool(_CENTS.match(text, one.end()))
        found.setdefault((value, percent), Source("given", value, len(found), percent, parts))
    return list(found.values())


def _replaceable(value: Fraction, text: str, *, percent: bool) -> bool:
    """No 0 or 1, no year, no percentage of 100 or more, no more than two decimals."""
    if percent:
        return 2 <= value <= 99 and value.denominator == 1
    year = "," not in text and value.denominator == 1 and 1900 <= value <= 2100
    return value > 0 and value != 1 and not year and (value * 100).denominator == 1


def _bound(text: str, one: re.Match[str]) -> bool:
    """Whether a number of a problem's text is a part of something that must stay as it is."""
    before, after = text[max(0, one.start() - 16) : one.start()], one.end()
    return bool(_BOUND_BEFORE.search(before) or _BOUND_AFTER.match(text, after) or _COIN.match(text, after))


def _shares(givens: Sequence[Source]) -> Iterator[Source]:
    """Percentages and cents as steps write them: 20 % is also .2."""
    for one in givens:
        if one.hundredths:
            yield replace(one, kind="share", value=one.value / 100)


def _fixed(question: str, everything: str) -> Iterator[Source]:
    """What stays: bound numbers and number words of the problem, constants whose words are about."""
    for one in _NUMBER.finditer(question):
        value, percent = _value(one[0]), bool(_PERCENT.match(question, one.end()))
        if _bound(question, one) or not _replaceable(value, one[0], percent=percent):
            yield Source("fixed", value)
            if percent:
                yield Source("fixed", value / 100)
    for one in _WORD.finditer(question):
        yield Source("fixed", _word_value(one[0]))
    for value, words in _CONSTANTS:
        if words.search(everything):
            yield Source("fixed", value)


def _equations(text: str, known: Sequence[Source], first: int) -> list[Equation] | None:
    """What the marks of a step compute; a later one may use the results of those before it."""
    known, made = [*known], []
    for number, mark in enumerate(marks(text), first):
        value, line = exact(mark), _line(mark.expression, known)
        if value is None or line is None:
            return None
        made.append(Equation(line, value))
        known.append(Source("result", value, number))
    return made


def exact(mark: Mark) -> Fraction | None:
    """The value of a mark that states it exactly, as a plain number; None for all others."""
    try:
        value = evaluate(mark.expression)
        right = _STATED.fullmatch(mark.stated) and evaluate(mark.stated) == value
    except Unreadable:
        return None
    return value if right and value > 0 else None


def _stated(text: str, results: Sequence[Source]) -> dict[range, Source]:
    """Where a number can be the result of a mark alone: in the mark after `=`, and right behind it."""
    places = [range(one.start + 2 + len(one.expression), one.end + 2) for one in marks(text)]
    return dict(zip(places, results, strict=True))


def _line(text: str, known: Sequence[Source], stated: Mapping[range, Source] | None = None) -> Line | None:
    """A text of a trace with its numbers traced; None where a number is traced to nothing known."""
    numbers = []
    for one in _NUMBER.finditer(text):
        value = _value(one[0])
        only = [source for place, source in (stated or {}).items() if one.start() in place]
        sources = tuple(source for source in only or known if source.value == value)
        if not sources:
            return None
        pinned = bool(_ORDINAL.match(text, one.end()))
        numbers.append(Number(one.start(), one.end(), one[0], value, sources, pinned))
    return _with_words(text, numbers, known)


def _question(text: str, givens: Sequence[Source]) -> Line:
    """A problem's own text with the numbers that are given; all else in it stays."""
    numbers = []
    for one in _NUMBER.finditer(text):
        value, percent = _value(one[0]), bool(_PERCENT.match(text, one.end()))
        sources = tuple(given for given in givens if (given.value, given.percent) == (value, percent))
        if sources and not _bound(text, one):
            numbers.append(Number(one.start(), one.end(), one[0], value, sources))
    return _with_words(text, numbers, givens)


def _with_words(text: str, numbers: Sequence[Number], known: Sequence[Source]) -> Line:
    """The line with its number words, which stay, and so hold what they may stand for where it is."""
    words = [(one, _word_value(one[0])) for one in _WORD.finditer(text)]
    pinned = [
        Number(
            one.start(), one.end(), one[0], value, tuple(s for s in known if s.value == value), pinned=True
        )
        for one, value in words
    ]
    return Line(text, tuple(sorted([*numbers, *pinned], key=lambda number: number.start)))


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _word_value(word: str) -> Fraction:
    first, _, second = word.lower().replace(" ", "-").partition("-")
    return Fraction(_IN_WORDS[first] + ({"one": 1} | _IN_WORDS).get(second, 0))
