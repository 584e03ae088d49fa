"""Find the final answer in text, and say whether two answers are the same.

Numbers compare by value, yes and no by word, everything else letter by letter after trimming. What could
mean two things (`10-20`, `2 hours 30 minutes`, `18 or 19`, `10:30`, `1.234,56`) is unreadable: a reading
that may be wrong is worse than none.
"""

import re
import unicodedata
from fractions import Fraction
from functools import partial

from socli.arithmetic import Unreadable, evaluate
from socli.problem import AnswerKind

_LONGEST = 1000
"""Characters of an answer that are read; cut at a space, so that no number loses digits."""
_TAIL = 100_000
"""Characters at the end of a text in which words that announce an answer are looked for."""
_POWERS = 60
"""The largest power of ten that is read, and the most decimals that are written out."""
_ENDS = "." + "".join(filter(str.isspace, map(chr, range(0x3001))))

_SAID = re.compile(r"\banswers?\b[^.:=\n]{0,40}?(?:\b(?:is|are|was|be)\b|[:=])", re.IGNORECASE)
_YES_NO = re.compile(
    r"(?<!\bnot )(?<!n't )\b(?:(yes|true)|(no(?=\s*(?:$|[^\w\s]))|false))\b", re.IGNORECASE | re.MULTILINE
)
_BOTH = re.compile(r"\b(?:yes|true)(?:\s+(?:or|and)\s+|\s*/\s*)(?:no|false)\b", re.IGNORECASE)
_STARTS = re.compile(r"\W*(yes|no|true|false)\b", re.IGNORECASE)

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?:\.[0-9]++)?|[0-9]++(?:\.[0-9]++)?|\.[0-9]++)"
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NUMBER = re.compile(
    rf"(?<![\w^])(?<![0-9][.,:/])(?P<sign>[-+]?[$€£¥]?[-+]?)(?P<number>{_DIGITS})"
    rf"(?:[eE](?P<e>[-+]?[0-9]+)|\s?[*×x]\s?10\^\{{?(?P<power>-?[0-9]+)\}}?|\s?/\s?(?P<over>{_DIGITS})"
    r"|\s(?P<part>[0-9]+\s?/\s?[0-9]+))?"
    rf"(?:\s?(?P<scale>(?:{'|'.join(_SCALES)})s?|(?<=[0-9])[kKM])\b)?"
    r"(?![0-9_(^]|[.,:][0-9]|\s?/\s?[0-9]|[eE][0-9])"
)
_SUM = re.compile(r"\W*?(?P<sum>[-(.$0-9][-+*/×÷·x().,$\s0-9]*[0-9)])(?![0-9^])")
_SIGN = re.compile(r"[0-9)]\s*[*/×÷·x+]\s*[(.$0-9]")
_MORE = re.compile(r"\s*[-*/×÷·x+]\s*[(.$0-9]")
_RANGE = re.compile(r"[0-9)]\s*-\s*[(.$0-9]")
_STOP = re.compile(r"[;!?\n#\[|]|(?<=[\w%.]) \(|\.(?=\s|$|\.)|—|\b(?:because|since|which)\b")
_REMARK = re.compile(r",\s+(?=[^\W\d])|\s(?=[A-Z])")
_ALSO = re.compile(r"\W*[^\W\d_]*\W*(?:and|or|to|by|plus)?\W*[0-9]")
_PLAIN_LEAD = re.compile(
    r"\W*(?:about|around|approximately|roughly|nearly|almost|only|just|exactly|a total of|total)?\W*",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\bnot\b|n't\b|[<>≤≥]\s*$", re.IGNORECASE)

_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEEN = ["thir", "four", "fif", "six", "seven", "eigh", "nine"]
_TEENS = ["ten", "eleven", "twelve", *(f"{n}teen" for n in _TEEN)]
_TENS = [f"{n}ty" for n in ["twen", "thir", "for", "fif", "six", "seven", "eigh", "nine"]]
_WORDS = (
    {"zero": 0, "a": 1}
    | {word: n for n, word in enumerate([*_ONES, *_TEENS], 1)}
    | {word: 10 * n for n, word in enumerate(_TENS, 2)}
)
_SMALL = rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)}))?|{'|'.join(['zero', *_TEENS, *_ONES])})\b"
_GROUP = rf"(?:(?:a|{'|'.join(_ONES)}) hundred(?:(?: and)? {_SMALL})?|{_SMALL})"
_OTHERS = "|".join(["[0-9]", "hal(?:f|ves)", "thirds?", "quarters?", *_SCALES, *_ONES, *_TEENS, *_TENS])
_IN_WORDS = re.compile(
    rf"(?P<minus>(?:minus|negative) )?"
    rf"(?P<words>(?:a|{_GROUP}) (?:thousand|million|billion)(?:(?:,| and)? {_GROUP})?|{_GROUP})"
    rf"(?!-)(?!.*\b(?:{_OTHERS}))",
    re.IGNORECASE,
)

_DASHES = dict.fromkeys(map(ord, "−–‐‑‒﹣－"), "-")
_REWRITES = [
    (re.compile(r"<<[^<>]{0,300}>>"), " "),  # a marked equation: its result stands behind it
    (re.compile(r"\\[dt]?frac(?:\{([0-9]+)\}\s?\{([0-9]+)\}|\s?([0-9])\s?([0-9]))"), r" \1\3/\2\4"),
    (re.compile(r"\\(?:times|cdot)\b"), "*"),
    (re.compile(r"\\(?:rightarrow|to|approx)\b|[-=]>|[→⇒≈]"), "="),
    (re.compile(r"\\(?:left|right|text|textbf|mathrm|mathbf|boxed|displaystyle|quad)(?![a-zA-Z])"), ""),
    (re.compile(r"\^\s?\{?\\circ\}?"), ""),
    (re.compile(r"(?<=[0-9])(?:\{,\}|\\,|\\!|[\u00a0\u2009\u202f])(?=[0-9]{3}(?![0-9]))"), ""),
    (re.compile(r"\\([$%#&])"), r"\1"),
    (re.compile(r"\\[()\[\],!;: ]"), " "),
    (re.compile(r"(?<![0-9])\*\*|\*\*(?![0-9])|__|`"), " "),
    (re.compile(r"(?<=[A-Za-z])\^\{?[0-9]\}?"), ""),  # cm^2
    (re.compile(r"(?<!\^)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\s+and\s+(?:a|one)[\s-]half\b", re.IGNORECASE), " 1/2"),
    (re.compile(r"^\s*(?:minus|negative)\s+(?=[$€£]?[.0-9])", re.IGNORECASE), "-"),
    (re.compile(r"^\s*-\s+(?=[$€£]?[.0-9])"), "-"),
]


def final(text: str, kind: AnswerKind) -> str | None:
    """The final answer in `text` as it was written; None where nothing can be read as one.

    Tried in this order, the last occurrence of each: a line after `####`, what follows "the answer is" or
    "Answer:", `\\boxed{…}`; then for a number the last number, for yes/no the word it begins with or else the
    last such word, for text the text itself if it is a single line. A place that holds digits which cannot be
    read as one number ends the search: `#### 2 hours 30 minutes` is not 30. Time is linear in the length.
    """
    for find in (_marked, _said, _boxed, partial(_unmarked, kind)):
        candidate = find(text)
        if candidate and canonical(candidate, kind) is not None:
            return candidate
        if kind == "number" and re.search("[0-9]", candidate):
            return None
    return None


def canonical(text: str, kind: AnswerKind) -> str | None:
    """The normal form of an answer, by which it is stored and compared; None where it cannot be read.

    Numbers become an exact integer, decimal or, where a decimal would not end, fraction: `$1,234.50` is
    `1234.5`, `36/2` is `18`, `1/3` stays. Units are ignored, and a percent sign is a unit: `50%` is `50`,
    since sets that ask for a percentage state it without the sign. Yes/no answers become `yes` or `no`; text
    loses its case, the space around it and full stops at its end.
    """
    if kind == "text":
        return text.casefold().rstrip(_ENDS).strip() or None
    text = _cut(text)
    if kind == "yes/no":
        return _yes_or_no(text)
    if re.fullmatch("[1-9][0-9]{0,99}", text):
        return text  # nearly every answer there is: 20 times as fast
    value = _value(_plain(text))
    return None if value is None else _exactly(value)


def same(a: str | None, b: str | None, kind: AnswerKind) -> bool:
    """Whether two answers mean the same; what is missing or unreadable equals nothing, not even itself.

    Numbers are compared exactly, never at fewer digits than were given.
    """
    if a is None or b is None:
        return False
    first = canonical(a, kind)
    return first is not None and first == canonical(b, kind)


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition(" ")[0]


def _line_from(text: str, start: int) -> str:
    """The line that begins at `start`, or the next that says something."""
    for line in text[start : start + 2 * _LONGEST].splitlines()[:4]:
        if bare := line.strip(" \t:*_`#"):
            return _cut(bare)
    return ""


def _marked(text: str) -> str:
    at = text.rfind("####")
    return "" if at < 0 else _line_from(text, at + 4)


def _said(text: str) -> str:
    end = -1
    for found in _SAID.finditer(text, max(0, len(text) - _TAIL)):
        end = found.end()
    return "" if end < 0 else _line_from(text, end)


def _boxed(text: str) -> str:
    r"""What is in the braces of the last `\boxed{…}`, however many are nested in them."""
    start = text.rfind(r"\boxed{") + len(r"\boxed{")
    depth = 1
    for at, letter in enumerate(text[start : start + _LONGEST], start):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return text[start:at] if text[:start].endswith(r"\boxed{") else ""
    return ""


def _unmarked(kind: AnswerKind, text: str) -> str:
    match kind:
        case "number":
            return _last_number(text)
        case "yes/no":
            if started := _STARTS.match(text):
                return "" if _BOTH.match(text, started.start(1)) else started[1]
            last = ""
            for found in _YES_NO.finditer(text, max(0, len(text) - _TAIL)):
                last = found[0]
            return last
        case "text":
            lines = text.strip().splitlines()
            return lines[0].strip() if len(lines) == 1 else ""


def _last_number(text: str) -> str:
    at = max(text.rfind(digit) for digit in "0123456789")
    if at < 0:
        return _cut(text)
    start = max(0, at - 300)
    near = _plain(text[start : at + 100])
    last = max(near.rfind(digit) for digit in "0123456789")
    for found in _NUMBER.finditer(near):
        if found.start() <= last < found.end() and (found.start() > 0 or start == 0):
            return found[0].strip()
    return ""


def _yes_or_no(text: str) -> str | None:
    if _BOTH.search(text):
        return None
    if started := _STARTS.match(text):
        return "yes" if started[1].lower() in ("yes", "true") else "no"
    found = _YES_NO.search(text)
    return None if found is None else "yes" if found[1] else "no"


def _plain(text: str) -> str:
    """`text` without the LaTeX, Markdown and typography that numbers are dressed in."""
    text = re.sub(
        "[¼-¾⅐-⅞]", lambda f: " " + unicodedata.normalize("NFKC", f[0]).replace("\u2044", "/"), text
    ).translate(_DASHES)
    for pattern, plain in _REWRITES:
        text = pattern.sub(plain, text)
    return text.strip()


def _value(text: str) -> Fraction | None:
    """The one number that `text` states: alone, as a sum, before or in a few words."""
    clauses = [clause for clause in _STOP.split(text) if clause and clause.strip()]
    clause = next((clause for clause in clauses if re.search("[0-9]", clause)), None)
    if clause is None:
        return _in_words(clauses[0].strip()) if clauses else None
    before, _, after = clause.rpartition("=")
    clause = after if re.search("[0-9]", after) else before
    if re.search(r"\\[a-zA-Z]", clause):
        return None  # \sqrt{2} is not 2
    return _as_sum(clause) if _is_sum(clause) else _as_number(clause)


def _is_sum(clause: str) -> bool:
    """Whether it begins with arithmetic rather than with a number or words."""
    clause = clause.strip()
    found = _NUMBER.match(clause)
    if found is not None and not _MORE.match(clause, found.end()):
        return False
    begins = _SUM.match(clause)
    return begins is not None and bool(_SIGN.search(begins["sum"]) or _RANGE.search(begins["sum"]))


def _as_sum(clause: str) -> Fraction | None:
    begins = _SUM.match(clause)
    if begins is None or _RANGE.search(begins["sum"]):
        return None  # 10-20 is a range or a date as often as a difference
    if re.search("[0-9]", clause[begins.end() :]):
        return None
    try:
        return evaluate(begins["sum"])
    except Unreadable:
        return None


def _as_number(clause: str) -> Fraction | None:
    found = _NUMBER.search(clause)
    if found is None:
        return None
    lead, rest = clause[: found.start()], _REMARK.split(clause[found.end() :], maxsplit=1)[0]
    if _ALSO.match(rest) or _DENIED.search(lead) or re.search("[0-9]", lead):
        return None
    if not _PLAIN_LEAD.fullmatch(lead) and re.search("[0-9]", rest):
        return None  # several numbers in a sentence
    return _read(found)


def _read(found: re.Match[str]) -> Fraction | None:
    value = Fraction(found["number"].replace(",", ""))
    power = int(found["e"] or found["power"] or 0) if len(found["e"] or found["power"] or "") < 4 else 999
    if abs(power) > _POWERS:
        return None
    over = Fraction((found["over"] or "1").replace(",", ""))
    above, _, below = (found["part"] or "0/1").partition("/")
    if over == 0 or int(below) == 0:
        return None
    value = (value * Fraction(10) ** power / over + Fraction(int(above), int(below))) * _scale(found["scale"])
    return -value if "-" in found["sign"] else value


def _scale(word: str | None) -> int:
    if word is None:
        return 1
    return {"k": 10**3, "K": 10**3, "M": 10**6}.get(word) or _SCALES[word.removesuffix("s")]


def _in_words(text: str) -> Fraction | None:
    """`text` begins with a number in English words, below 10^12, and holds no other."""
    found = _IN_WORDS.match(text)
    if found is None:
        return None
    total = group = 0
    for word in re.findall("[a-z]+", found["words"].lower()):
        if word == "hundred":
            group *= 100
        elif word in _SCALES:
            total, group = total + group * _SCALES[word], 0
        elif word != "and":
            group += _WORDS[word]
    return Fraction(-(total + group) if found["minus"] else total + group)


def _exactly(value: Fraction) -> str | None:
    """`value` without rounding; None where it would need more than 120 characters."""
    places = next((n for n in range(_POWERS + 1) if (value * 10**n).denominator == 1), None)
    if places is None or places == 0:
        text = str(value)
    else:
        digits = str(abs(value.numerator) * 10**places // value.denominator).zfill(places + 1)
        text = f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return text if len(text) <= 120 else None
