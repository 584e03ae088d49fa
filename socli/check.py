"""Judge a trace without another model: its answer against the gold one, its steps against arithmetic.

What is wrong with fewer than one in a hundred of the right traces that people wrote refuses every trace. A
step that is never used is found in more of them: it refuses what a model wrote, which can be asked again, and
only warns of the data's own steps (docs/concepts/how-it-works.md has the counts).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

from socli import answer, arithmetic, scheme
from socli.problem import Problem, Step, Trace
from socli.records import Code
from socli.scheme import Scheme

UNANSWERED: frozenset[Code] = frozenset({"no-reply", "truncated", "declined"})
UNREAD: frozenset[Code] = UNANSWERED | {"unreadable"}
NOT_RIGHT: frozenset[Code] = UNREAD | {"no-gold", "wrong-answer"}
WRONG_STEPS: frozenset[Code] = frozenset({"wrong-arithmetic", "leaked-answer"})
"""The answer is right and the way to it is not."""

_BEGINNINGS: dict[str, Code] = {
    "no reply": "no-reply",
    "truncated": "truncated",
    "refused by the teacher": "declined",
    "the right answer is not known": "no-gold",
    "unreadable": "unreadable",
    "wrong answer": "wrong-answer",
    "it has no steps": "misfit",
    "a step has no": "misfit",
    "wrong arithmetic": "wrong-arithmetic",
    "answer leaked": "leaked-answer",
    "step ": "unused-step",
    "duplicate": "duplicate",
}

_DECLINES = re.compile(
    r"\W*(?:(?:I['’]?m|I am) (?:very |really )?(?:sorry|afraid|not able|unable)|sorry|I apologi[sz]e"
    r"|(?:unfortunately,? )?I (?:can ?not|can['’]t|won['’]t|will not)|as an AI)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,30})?|[0-9]{1,30}(?:\.[0-9]{1,30})?|\.[0-9]{1,30}"
)
_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty"""
_IN_WORDS = {word: n for n, word in enumerate(_SMALL.split())} | {
    "once": 1, "twice": 2, "half": 2, "third": 3, "dozen": 12,
}  # fmt: skip
_EVERYWHERE = (0, 1, 100)
"""Numbers that say nothing: `the cost of 1 bag`, `100 %`."""
_UNUSED = "step {} unused: its value is not used later and is not the answer"
_FOLD = re.compile(r"[^\w+*/=<>.-]+|(?<!\d)[.]|[.](?!\d)")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a trace may be trained on. `code` is None, and `reason` empty, where it may."""

    code: Code | None = None
    reason: str = ""
    """A sentence for the store; the step is in it, counted from 1."""
    step: int | None = None
    """The index of the first wrong step, from 0."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of what teachers were asked: each count but the first is a part of the one before."""

    problems: int
    """In the set that was asked about; in all sets where none is named."""
    asked: int
    """Traces in the store, kept or refused; a problem that was asked k times has k."""
    answered: int
    read: int
    right: int
    right_steps: int
    kept: int
    right_answer_wrong_steps: int
    reasons: Mapping[Code, int]
    """How many were refused for what, the most frequent first."""


def outdated(problem: Problem, trace: Trace) -> bool:
    """Whether a kept trace comes to an answer that the problem no longer has: its answer was corrected."""
    return problem.gold is not None and not scheme.is_right(problem, trace)


def funnel(problems: int, judged: Mapping[Code | None, int]) -> Funnel:
    """The funnel of so many traces of each code; None is the code of kept ones."""

    def left(out: frozenset[Code]) -> int:
        return sum(count for code, count in judged.items() if code not in out)

    refused = {code: count for code, count in judged.items() if code is not None}
    return Funnel(
        problems,
        asked=left(frozenset()),
        answered=left(UNANSWERED),
        read=left(UNREAD),
        right=left(NOT_RIGHT),
        right_steps=left(NOT_RIGHT | WRONG_STEPS | {"misfit"}),
        kept=judged.get(None, 0),
        right_answer_wrong_steps=sum(judged.get(code, 0) for code in WRONG_STEPS),
        reasons=dict(sorted(refused.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def stages(told: Funnel) -> dict[str, int]:
    """The counts of a funnel by name, in order, then what was refused for what."""
    return {
        "asked": told.asked,
        "answered": told.answered,
        "read": told.read,
        "right answer": told.right,
        "right steps": told.right_steps,
        "kept": told.kept,
        "right answer, wrong steps": told.right_answer_wrong_steps,
        **{f"refused: {reason}": count for reason, count in told.reasons.items()},
    }


def judge(
    problem: Problem,
    trace: Trace,
    form: Scheme,
    *,
    reply: str = "",
    finish_reason: str = "",
    others: Iterable[Trace] = (),
) -> Judgement:
    """What is wrong with a trace, if anything.

    `reply` and `finish_reason` are the teacher's, word for word; `others` are kept traces of the same
    problem. Nothing in the reply can speak for itself: only numbers, labels and equations are read. A trace
    is asked for and stored in words, so it is judged by them whatever the scheme makes of them.
    """
    form = replace(form, work="words")
    told = _ended(trace, reply, finish_reason) or _answered(problem, trace)
    if told is None and (misfit := scheme.misfit(trace, form)):
        told = Judgement("misfit", misfit)
    told = told or _stepped(problem, trace)
    if told is None and reply and not _own_steps(problem, trace):
        told = _idle(trace)
    return told or _repeated(trace, others) or Judgement()


def code(reason: str) -> Code | None:
    """The code of a reason as the store holds it, of this version or an older one; None for an empty one."""
    if not reason:
        return None
    found = (code for beginning, code in _BEGINNINGS.items() if reason.startswith(beginning))
    return next(found, "other")


def first_wrong(problem: Problem, trace: Trace) -> int | None:
    """The index of the first step that is wrong, whatever the trace was refused for."""
    told = _stepped(problem, trace)
    return told.step if told else None


def warnings(trace: Trace) -> list[str]:
    """What looks odd in a trace and does not refuse the data's own, for people's right traces have it too."""
    return [_UNUSED.format(index + 1) for index in unused(trace.steps, trace.answer)]


def arrives(trace: Trace) -> bool:
    """Whether the steps come to the answer: every mark is whole, and the last that is there states it.

    No verdict rests on it. Words are not read, so what marks nothing comes to its answer, and all comes to
    an answer that is no number.
    """
    texts = [step.text for step in trace.steps if "<<" in step.text or ">>" in step.text]
    whole = all(text.count(sign) == len(arithmetic.marks(text)) for text in texts for sign in ("<<", ">>"))
    result = _number(trace.answer)
    return whole and (not texts or result is None or result in _values(texts[-1]))


def unused(steps: Sequence[Step], ends: str) -> list[int]:
    """Indexes of steps whose values no later step mentions and that are not the answer `ends`.

    A value counts as used also as a percentage or with another sign, and wherever the text after it turns it
    into another unit. The last step and steps without a mark are not judged. In about 1 % of GSM8K's human
    solutions a step feeds no other (a comparison that settles which case holds).
    """
    result = _number(ends)
    later: set[Fraction] = set()
    found = []
    for index in range(len(steps) - 1, -1, -1):
        text = steps[index].text
        values = _values(text)
        forms = {form for value in values for form in (value, -value, value * 100, value / 100)}
        if values and index < len(steps) - 1 and result not in values and not forms & later:
            found.append(index)
        later |= set(_numbers(text)) | set(_numbers(steps[index].question))
    return found[::-1]


def _ended(trace: Trace, reply: str, finish_reason: str) -> Judgement | None:
    if finish_reason in ("length", "max_tokens"):
        return Judgement("truncated", "truncated")
    declined = not trace.answer and _DECLINES.match(reply[:300])
    if declined or finish_reason in ("content_filter", "refusal"):
        return Judgement("declined", "refused by the teacher")
    return None


def _answered(problem: Problem, trace: Trace) -> Judgement | None:
    if problem.gold is None:
        return Judgement("no-gold", "the right answer is not known")
    if not trace.answer:
        return Judgement("unreadable", "unreadable")
    if not answer.same(trace.answer, problem.gold, problem.kind):
        return Judgement("wrong-answer", "wrong answer")
    return None


def _stepped(problem: Problem, trace: Trace) -> Judgement | None:
    wrong = arithmetic.first_wrong(trace.steps)
    if wrong is not None:
        return Judgement("wrong-arithmetic", f"wrong arithmetic at step {wrong + 1}", wrong)
    leak = _leak(problem, trace) if problem.kind == "number" else None
    if leak is not None:
        return Judgement("leaked-answer", f"answer leaked into the sub-question of step {leak + 1}", leak)
    return None


def _own_steps(problem: Problem, trace: Trace) -> bool:
    """Whether the worked answers are the data's, and the teacher wrote sub-questions alone."""
    return bool(problem.steps) and [s.text for s in problem.steps] == [s.text for s in trace.steps]


def _idle(trace: Trace) -> Judgement | None:
    idle = unused(trace.steps, trace.answer)
    return Judgement("unused-step", _UNUSED.format(idle[0] + 1), idle[0]) if idle else None


def _leak(problem: Problem, trace: Trace) -> int | None:
    """The first step whose sub-question states the answer before anything has led to it."""
    result = _number(trace.answer)
    if result is None or result in _EVERYWHERE:
        return None
    given = f"{problem.question} {problem.context}"
    words = re.findall("[a-z]+", given.casefold())
    if result in _numbers(given) or any(_IN_WORDS.get(word) == result for word in words):
        return None
    for index, step in enumerate(trace.steps):
        if result in _numbers(step.question):
            return index
        if result in _numbers(step.text):
            return None
    return None


def _repeated(trace: Trace, others: Iterable[Trace]) -> Judgement | None:
    told = folded(trace)
    for other in others:
        if other.id != trace.id and other.problem_id == trace.problem_id and folded(other) == told:
            return Judgement("duplicate", f"duplicate of {other.id}")
    return None


def folded(trace: Trace) -> str:
    """The steps and the answer without case, spacing and punctuation."""
    parts = chain((trace.answer,), *((step.question, step.text) for step in trace.steps))
    return "\n".join(" ".join(_FOLD.sub(" ", part.casefold()).split()) for part in parts)


def _values(text: str) -> set[Fraction]:
    """What a step comes to: the results of its marks, and the numbers after the last of them."""
    found = arithmetic.marks(text)
    stated = {value for mark in found if (value := _number(mark.stated)) is not None}
    return stated | set(_numbers(text[found[-1].end :])) if stated else stated


def _number(text: str) -> Fraction | None:
    try:
        return arithmetic.evaluate(text)
    except arithmetic.Unreadable:
        return None


def _numbers(text: str) -> Iterator[Fraction]:
    return (Fraction(found[0].replace(",", "")) for found in _NUMBER.finditer(text))
