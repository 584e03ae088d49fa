"""The calculator, and the check of the equations that steps mark as `<<48/2=24>>`.

Exact rationals throughout; an own grammar, never `eval`; every input is bounded in length, depth and
digits, so the worst expression costs less than five milliseconds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from socli.problem import Step

MAX_LENGTH = 200
"""Characters an expression may have; the longest of GSM8K's 27,998 marks has 30."""
MAX_DEPTH = 32
"""How deep parentheses may nest."""
MAX_DIGITS = 30
"""Digits a number in an expression may have."""
MAX_WHOLE = 20
"""Digits a value may have before its point, so that whatever is written can be read again."""
EXACT_DECIMALS = 6
"""Decimals up to which a value is written exactly. People needed three at most in GSM8K's training marks."""
TOLERANCE = Fraction(1, 100)
"""How far from its value, relative to it, a rounded result may lie."""

NUMBER = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+")
"""A number in prose, without its sign."""
_MARK = re.compile(r"<<([^<>=]{1,200})=([^<>]{1,100})>>")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?P<sign>of\b|//|[xX](?=\s*[0-9.($€£])|[-−–+*×·/÷()%$€£]))"
)
_MEANS = {"−": "-", "–": "-", "×": "*", "x": "*", "X": "*", "·": "*", "÷": "/", "//": "/", "€": "$", "£": "$"}


class Unreadable(ValueError):
    """The calculator refuses the expression: not its grammar, too big, or divided by zero."""


def evaluate(expression: str) -> Fraction:
    """The exact value of `expression`; Unreadable where there is none.

    Read are + − × ÷ (also - – * x X · / //), parentheses, signs, numbers such as `1,234.5` and `.5`, a
    currency sign before a number (ignored), and percent: `50%` is 1/2 wherever it stands, `20% of 50` is 10.
    An x is times before a number or parenthesis alone: `5x-3` is refused.
    """
    if len(expression) > MAX_LENGTH:
        raise Unreadable(f"longer than {MAX_LENGTH} characters")
    reader = _Reader(_tokens(expression))
    value = reader.sum(0)
    if reader.next is not None:
        raise Unreadable(f"`{reader.next}` is not expected there")
    if abs(value) >= 10**MAX_WHOLE:
        raise Unreadable("the value is too large")
    return value


def written(value: Fraction) -> str:
    """`value` as the calculator writes it: `24`, `0.5`, `-2.125`, `6.67`; no exponent, no `-0`.

    Integers have no point and decimals of up to six places are exact. Anything longer is rounded to two
    places, or to three significant digits where that is finer. What people wrote settles only the first half:
    of the 23,716 values marked in GSM8K's training set 23,302 are integers and 333, 75 and 6 end after one,
    two and three places (23,049 are written letter by letter as here, most others as `4.80` or `.5`). None
    goes on for ever; the one such sum in the prose, 31 / 3, is given two places. Three significant digits
    keep the error below half a per cent, so that what the calculator writes holds (down to 10^-10).
    """
    sign = "-" if value < 0 else ""
    value = abs(value)
    places = EXACT_DECIMALS
    if (value * 10**places).denominator != 1:
        # 12 places at most: below 10^-12 a value is written as 0
        places = next((n for n in range(2, 12) if value * 10**n >= 100), 12)
    digits = str(round(value * 10**places)).zfill(places + 1)
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")
    return text if text == "0" else sign + text


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked equation: what was to be computed, what was stated, and the span of `<<…>>` in its text."""

    expression: str
    stated: str
    start: int
    end: int


def marks(text: str) -> list[Mark]:
    """The marked equations of `text` in order, in time linear in its length whatever it holds."""
    return [Mark(found[1], found[2], found.start(), found.end()) for found in _MARK.finditer(text)]


def comes_to(text: str) -> str | None:
    """What a worked answer comes to, as written: its last marked value or, without one, its last number."""
    stated = [mark.stated for mark in marks(text)] or NUMBER.findall(text)
    return stated[-1] if stated else None


def holds(mark: Mark) -> bool | None:
    """Whether the stated result is right; None where the expression or the result cannot be read.

    Right is: equal; or cut or rounded to the decimals that are stated and within 1 % of the value; or
    correctly rounded to two or more decimals (1/6 = .17 is 2 % off). So `1005/2=502` and `2/3=.66` hold;
    `7/2=4`, `1000+5=1000` and `1/300=.00` do not.
    """
    try:
        value, stated = evaluate(mark.expression), evaluate(mark.stated)
    except Unreadable:
        return None
    error = abs(value - stated)
    decimals = len(mark.stated.partition(".")[2].strip(" %"))
    unit = Fraction(1, 10**decimals) / (100 if "%" in mark.stated else 1)
    cut = error < unit and error <= TOLERANCE * abs(value)
    rounded = decimals >= 2 and error <= unit / 2 and stated != 0
    return error == 0 or cut or rounded


def first_wrong(steps: Sequence[Step]) -> int | None:
    """The index of the first step with a marked equation that does not hold; None where there is none."""
    for index, step in enumerate(steps):
        if any(holds(mark) is False for mark in marks(step.text)):
            return index
    return None


def open_mark(text: str) -> str | None:
    """What the calculator writes next if `text` ends in `<<expression=`; None where it does not or cannot.

    Looks at the last 203 characters only, for it is asked after every token that ends in `=`.
    """
    if not text.endswith("="):
        return None
    _, opened, expression = text[-(MAX_LENGTH + 3) : -1].rpartition("<<")
    if not opened or any(sign in expression for sign in "<>="):
        return None
    try:
        return written(evaluate(expression))
    except Unreadable:
        return None


def operators(expression: str) -> str:
    """The signs between numbers in order, `+-` for `3+4-1`; empty where the expression is unreadable."""
    try:
        tokens = _tokens(expression)
    except Unreadable:
        return ""
    before = [None, *tokens]
    return "".join(
        sign
        for last, sign in zip(before, tokens, strict=False)
        if isinstance(sign, str) and sign in "+-*/" and (isinstance(last, Fraction) or last in (")", "%"))
    )


def _tokens(expression: str) -> list[Fraction | str]:
    """Numbers as exact values and signs in their ASCII form."""
    tokens: list[Fraction | str] = []
    rest = expression.rstrip()
    at = 0
    while at < len(rest):
        found = _TOKEN.match(rest, at)
        if found is None:
            raise Unreadable(f"`{rest[at:][:20]}` is not arithmetic")
        if found["number"] is not None:
            digits = found["number"].replace(",", "")
            if len(digits.replace(".", "")) > MAX_DIGITS:
                raise Unreadable(f"a number of more than {MAX_DIGITS} digits")
            tokens.append(Fraction(digits))
        elif found["sign"] == "of" and tokens[-1:] != ["%"]:
            raise Unreadable("`of` stands after a percentage alone")
        else:
            tokens.append("*" if found["sign"] == "of" else _MEANS.get(found["sign"], found["sign"]))
        at = found.end()
    return tokens


class _Reader:
    """Reads sums of products of signed numbers and parentheses from tokens, each token once."""

    def __init__(self, tokens: list[Fraction | str]) -> None:
        self._tokens = iter(tokens)
        self.next: Fraction | str | None = next(self._tokens, None)

    def _take(self) -> Fraction | str | None:
        taken, self.next = self.next, next(self._tokens, None)
        return taken

    def sum(self, depth: int) -> Fraction:
        value = self._product(depth)
        while self.next in ("+", "-"):
            value = value + self._product(depth) if self._take() == "+" else value - self._product(depth)
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._signed(depth)
        while self.next in ("*", "/"):
            if self._take() == "*":
                value *= self._signed(depth)
            else:
                divisor = self._signed(depth)
                if divisor == 0:
                    raise Unreadable("divided by zero")
                value /= divisor
        return value

    def _signed(self, depth: int) -> Fraction:
        sign = 1
        while self.next in ("+", "-", "$"):
            sign = -sign if self._take() == "-" else sign
        value = self._whole(depth)
        while self.next == "%":
            self._take()
            value /= 100
        return sign * value

    def _whole(self, depth: int) -> Fraction:
        taken = self._take()
        if isinstance(taken, Fraction):
            return taken
        if taken != "(" or depth >= MAX_DEPTH:
            raise Unreadable("a number is missing" if taken != "(" else "parentheses too deep")
        value = self.sum(depth + 1)
        if self._take() != ")":
            raise Unreadable("a parenthesis is not closed")
        return value
