"""How others find an answer in a text, beside how socli does: a closed set of named extractors.

Each is written from what the other tool does, not with its code; `docs/guides/reading-a-bench.md` says how
far they agree with the originals and with each other. Owner of `math_verify`, which is an extra.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, assert_never, get_args

from socli import answer
from socli.errors import MissingError
from socli.problem import AnswerKind

Extractor = Literal[
    "socli", "strict", "last-number", "lm-eval-strict", "lm-eval-flexible", "inspect", "math-verify"
]
EXTRACTORS: tuple[Extractor, ...] = get_args(Extractor)
BUILT_IN: tuple[Extractor, ...] = EXTRACTORS[:-1]
"""Those that need nothing installed."""

_SIMPLE = re.compile(r"[-+]?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
_AFTER_HASHES = re.compile(r"#### (-?[0-9.,]+)")
_LOOSE = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
_UP_TO_HASHES = re.compile(r".*#### ", re.DOTALL)
_DRESS = re.compile(r"\\?[$,£€*_]")
_POINT = re.compile(r"\.(?![0-9])")


@dataclass(frozen=True, slots=True)
class Found:
    """What an extractor took for the answer, and whether it calls that right; None: the gold is not known."""

    answer: str | None
    right: bool | None


def extract(name: Extractor, text: str, gold: str | None, kind: AnswerKind) -> Found:
    """What the extractor makes of a text. `gold` is a normal form, as problems have it."""
    match name:
        case "socli":
            found = _compared(answer.final(text, kind), gold, kind)
        case "strict":
            found = _compared(_line_after_hashes(text), gold, kind)
        case "last-number":
            found = _compared(_last(_SIMPLE, text), gold, kind)
        case "lm-eval-strict":
            after = _AFTER_HASHES.search(text)
            found = _lm_eval(after[1] if after else None, gold)
        case "lm-eval-flexible":
            found = _lm_eval(_last(_LOOSE, text), gold)
        case "inspect":
            found = _inspect(text, gold)
        case "math-verify":
            found = _math_verify(text, gold)
        case _:
            assert_never(name)
    return found


def _compared(found: str | None, gold: str | None, kind: AnswerKind) -> Found:
    """By socli's own comparison; what cannot be read is no answer."""
    normal = None if found is None else answer.canonical(found, kind)
    return Found(normal, None if gold is None else answer.same(normal, gold, kind))


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    every = pattern.findall(text)
    return every[-1] if every else None


def _line_after_hashes(text: str) -> str | None:
    _, hashes, rest = text.rpartition("####")
    return rest.strip().partition("\n")[0] if hashes else None


def _lm_eval(found: str | None, gold: str | None) -> Found:
    """Letter by letter, without commas, dollar signs, what ends in `#### ` and one full stop at the end."""
    return Found(found, None if gold is None else found is not None and _bare(found) == _bare(gold))


def _bare(text: str) -> str:
    text = _UP_TO_HASHES.sub("", text.replace(",", "").replace("$", ""))
    return text.removesuffix(".").lower()


def _inspect(text: str, gold: str | None) -> Found:
    """`match(location="end", numeric=True)`: the last word that is a number, compared at five digits.

    Its Chinese numerals, superscripts and other digits than 0 to 9 are left out. Where the gold answer is no
    number, whether the text ends in it, whatever the case and the punctuation.
    """
    words = _undressed(text).split()
    found = next((word for word in reversed(words) if _number(word) is not None), None)
    if gold is None:
        return Found(found, None)
    wanted = _number(_undressed(gold))
    if wanted is None:
        return Found(text.strip(), _trimmed(text).endswith(_trimmed(gold)))
    value = None if found is None else _number(found)
    return Found(found, value is not None and f"{value:.5g}" == f"{wanted:.5g}")


def _undressed(text: str) -> str:
    return _POINT.sub("", _DRESS.sub("", text.casefold()))


def _trimmed(text: str) -> str:
    return text.casefold().strip(" \t\r\n\f\v!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def _number(word: str) -> float | None:
    word = word.strip("!?:;()[]{}'\"`").translate({0x2212: "-", 0xFF0D: "-", 0xFE63: "-"})
    try:
        if word and unicodedata.category(word[-1]) == "No" and 0 < unicodedata.numeric(word[-1]) < 1:
            whole = float(word[:-1].lstrip("-") or 0) + unicodedata.numeric(word[-1])  # 2½
            value = -whole if word.startswith("-") else whole
        else:
            value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _math_verify(text: str, gold: str | None) -> Found:
    try:
        from math_verify import parse, verify
    except ImportError as error:
        raise MissingError(
            "the extractor math-verify is not installed", hint="pip install 'socli-distill[math]'"
        ) from error
    found = parse(text)
    return Found(str(found[-1]) if found else None, None if gold is None else verify(parse(gold), found))
