"""How a Trace is written as text and read back, and which parts of that text each role learns.

One transcript serves every scheme, one labelled line a thing, so that a line of model text can
never be taken for a label:

    Problem: Mia buys 3 packs of 12 pencils and gives 6 away. How many are left?
    Ask: How many pencils does Mia buy?
    Work: She buys 3*12 = <<3*12=36>>36 pencils.
    Ask: How many pencils are left?
    Work: 36-6 = <<36-6=30>>30 pencils are left.
    #### 30

`answer` writes the last line alone, `cot` the Work lines and the last, `socratic` all of them.
With `roles = "split"` the decomposer learns the Ask lines and when to stop, the solver the Work
lines and the answer; both read the same transcript. No label contains `Question:` or `Q:`,
where evaluation harnesses cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

from socli.events import Role
from socli.problem import Problem, Step, Trace

SchemeName = Literal["answer", "cot", "socratic"]
Roles = Literal["unified", "split"]

PROBLEM, FACTS, ASK, WORK, END = "Problem:", "Facts:", "Ask:", "Work:", "####"


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a student writes: which lines, by one model or two, with or without worked sub-answers."""

    name: SchemeName = "socratic"
    roles: Roles = "unified"
    sub_answers: bool = True

    @property
    def asks(self) -> bool:
        """Whether Ask lines are written."""
        return self.name == "socratic"

    @property
    def works(self) -> bool:
        """Whether Work lines are written."""
        return self.name == "cot" or (self.name == "socratic" and self.sub_answers)

    @property
    def split(self) -> bool:
        """Whether two models take turns."""
        return self.asks and self.roles == "split"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a lesson's text; the loss is taken on it or not."""

    text: str
    learnt: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one role learns from one trace: the transcript cut into read and learnt spans.

    An end token follows the last span and is always learnt. One lesson of several learnt spans
    trains on the same (prompt, target) pairs as `pairs` lists, with one pass over the transcript.
    """

    role: Role
    problem_id: str
    spans: tuple[Span, ...]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """(prompt, target) for each learnt span: the prompt is all the text before it."""
        before = ""
        for span in self.spans:
            if span.learnt:
                yield before, span.text
            before += span.text


@dataclass(frozen=True, slots=True)
class Reading:
    """What a transcript says so far; `answer` is None until the last line has begun."""

    steps: tuple[Step, ...]
    answer: str | None


def roles(scheme: Scheme) -> tuple[Role, ...]:
    """Who is trained under the scheme."""
    return ("decomposer", "solver") if scheme.split else ("student",)


def prompt(problem: Problem) -> str:
    """What a student reads before it writes: the problem, and its context if it has any."""
    facts = f"{FACTS} {one_line(problem.context)}\n" if problem.context else ""
    return f"{PROBLEM} {one_line(problem.question)}\n{facts}"


def write(steps: tuple[Step, ...], answer: str, scheme: Scheme) -> str:
    """The transcript after the prompt, without an end token."""
    return "".join(_lines(steps, scheme)) + f"{END} {one_line(answer)}"


def read(transcript: str) -> Reading:
    """The steps and the answer of a transcript, whole or still growing; never fails.

    Lines without a label are left out. Reading what `write` wrote gives its steps and answer
    again, as far as the scheme writes them and on one line each.
    """
    steps: list[Step] = []
    for line in transcript.split("\n"):
        label, _, rest = line.partition(" ")
        match label:
            case "Ask:":
                steps.append(Step(rest.strip(), ""))
            case "Work:" if steps and not steps[-1].text:
                steps[-1] = Step(steps[-1].question, rest.strip())
            case "Work:":
                steps.append(Step("", rest.strip()))
            case "####":
                return Reading(tuple(steps), rest.strip())
    return Reading(tuple(steps), None)


def lessons(problem: Problem, trace: Trace, scheme: Scheme) -> list[Lesson]:
    """One lesson for each role the scheme trains. The trace must fit the scheme (`misfit`)."""
    return [Lesson(role, problem.id, tuple(_spans(problem, trace, scheme, role))) for role in roles(scheme)]


def misfit(trace: Trace, scheme: Scheme) -> str | None:
    """Why a trace cannot be taught under the scheme, or None where it can."""
    if scheme.name == "answer":
        return None
    if not trace.steps:
        return "it has no steps"
    if scheme.asks and not all(step.question.strip() for step in trace.steps):
        return "a step has no sub-question"
    if scheme.works and not all(step.text.strip() for step in trace.steps):
        return "a step has no worked answer"
    return None


def one_line(text: str) -> str:
    """The text with every run of white space made one blank."""
    return " ".join(text.split())


def _lines(steps: tuple[Step, ...], scheme: Scheme) -> Iterator[str]:
    for step in steps:
        if scheme.asks and step.question:
            yield f"{ASK} {one_line(step.question)}\n"
        if scheme.works and step.text:
            yield f"{WORK} {one_line(step.text)}\n"


def _spans(problem: Problem, trace: Trace, scheme: Scheme, role: Role) -> Iterator[Span]:
    """Cut where the decoding loop cuts, so that training and decoding see the same tokens."""
    yield Span(prompt(problem), learnt=False)
    match role:
        case "student":
            yield Span(write(trace.steps, trace.answer, scheme), learnt=True)
        case "decomposer":
            for line in _lines(trace.steps, scheme):
                yield Span(line, learnt=line.startswith(ASK))
        case "solver":
            for line in _lines(trace.steps, scheme):
                if line.startswith(ASK):
                    yield Span(line, learnt=False)
                else:
                    yield Span(WORK, learnt=False)
                    yield Span(line.removeprefix(WORK), learnt=True)
            yield Span(END, learnt=False)
            yield Span(f" {one_line(trace.answer)}", learnt=True)
        case _:
            assert_never(role)
