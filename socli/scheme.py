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
lines and the answer. A `planned` decomposer asks everything before anything is answered: then the
Ask lines stand before the Work lines. Where there is a guide, a planner writes one more line first,
`Plan: 2` or `Plan: *; -` or `Plan: <<3*12=36>>; <<36-6=30>>`, and whoever asks reads it. With
`work = "equations"` a Work line holds the marked equations of its step and nothing else. `verify` solves
nothing: its one student reads a whole transcript, then `Right:`, and learns ` yes` or ` no`. With `also`
whoever answers learns more lessons of the same trace, those of a solver in other schemes. No label contains
`Question:` or `Q:`, where evaluation harnesses cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from socli.answer import same
from socli.arithmetic import marks, operators
from socli.events import Role
from socli.problem import Problem, Step, Trace

Solves = Literal["answer", "cot", "socratic"]
SchemeName = Literal[Solves, "verify"]
Roles = Literal["unified", "split"]
Decomposer = Literal["interleaved", "planned"]
"""The next sub-question after the answers so far, or all of them from the problem alone."""
Guide = Literal["none", "count", "operators", "equations"]
Working = Literal["words", "equations"]
"""What a Work line holds: the worked answer as it is, or its marked equations alone."""

PROBLEM, FACTS, PLAN, ASK, WORK, END = "Problem:", "Facts:", "Plan:", "Ask:", "Work:", "####"
CLAIM, YES, NO = "Right:", " yes", " no"
"""What a verifier reads last, and the words one of which it writes."""
UNMARKED = "none"
"""What a plan says of a step without a marked equation."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What is written: which lines in which order, by one model or two, with or without worked sub-answers.

    `decomposer` and `guide` say how sub-questions are asked; schemes without any leave them aside.
    """

    name: SchemeName = "socratic"
    roles: Roles = "unified"
    sub_answers: bool = True
    decomposer: Decomposer = "interleaved"
    guide: Guide = "none"
    facts: bool = True
    """Whether the facts of a problem that has any are shown."""
    work: Working = "words"
    also: tuple[Solves, ...] = ()
    """Schemes in which the student or solver learns to answer too; when solving it writes its own."""

    @property
    def asks(self) -> bool:
        """Whether Ask lines are written."""
        return self.name == "socratic"

    @property
    def works(self) -> bool:
        """Whether Work lines are written."""
        return self.name == "cot" or (self.name == "socratic" and self.sub_answers)

    @property
    def bare(self) -> bool:
        """Whether Work lines are written that hold equations alone."""
        return self.works and self.work == "equations"

    @property
    def split(self) -> bool:
        """Whether one model asks and another answers."""
        return self.asks and self.roles == "split"

    @property
    def planned(self) -> bool:
        """Whether all sub-questions are asked before one is answered."""
        return self.asks and self.decomposer == "planned"

    @property
    def guided(self) -> bool:
        """Whether whoever asks reads a plan first."""
        return self.asks and self.guide != "none"

    @property
    def others(self) -> "tuple[Scheme, ...]":
        """Those it learns beside its own, alike in all else."""
        return tuple(replace(self, name=name, also=()) for name in self.also)


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
    if scheme.name == "verify":
        return ("verifier",)
    trained: tuple[Role, ...] = ("decomposer", "solver") if scheme.split else ("student",)
    return ("planner", *trained) if scheme.guided else trained


def described(scheme: Scheme) -> str:
    """The scheme in a few words: `cot`, `cot, equations alone`, `socratic split planned, guide count`."""
    last = ", equations alone" * scheme.bare + ", no facts" * (not scheme.facts)
    last += f", also {' and '.join(scheme.also)}" * bool(scheme.also)
    if not scheme.asks:
        return scheme.name + last
    words = [scheme.name, scheme.roles, *["planned"] * scheme.planned]
    extra = [", no sub-answers"] * (not scheme.sub_answers) + [f", guide {scheme.guide}"] * scheme.guided
    return " ".join(words) + "".join(extra) + last


def prompt(problem: Problem, *, facts: bool = True) -> str:
    """What a student reads before it writes: the problem, and its context if it has any and is shown it."""
    known = f"{FACTS} {one_line(problem.context)}\n" if problem.context and facts else ""
    return f"{PROBLEM} {one_line(problem.question)}\n{known}"


def write(steps: tuple[Step, ...], answer: str, scheme: Scheme) -> str:
    """The transcript after the prompt, without an end token, in the order in which it is written."""
    return "".join(_guide(steps, scheme)) + _told(steps, answer, scheme)


def claim(prompt: str, steps: tuple[Step, ...], answer: str) -> str:
    """What a verifier reads: a problem's prompt, and a solution as `read` reads it, whatever scheme wrote it.

    So the same steps and answer are the same text: whether an answer was written 6 or 6.00, and what stood
    between the labelled lines, tells nothing.
    """
    return f"{prompt}{_told(steps, answer, Scheme())}\n{CLAIM}"


def plan(steps: tuple[Step, ...], guide: Guide) -> str:
    """What the planner is to say of the steps: how many, or the operators or marked equations of each."""
    match guide:
        case "none":
            return ""
        case "count":
            return str(len(steps))
        case "operators":
            said = [[operators(mark.expression) for mark in marks(step.text)] for step in steps]
        case "equations":
            said = [_equations(step) for step in steps]
        case _:
            assert_never(guide)
    return "; ".join(" ".join(filter(None, parts)) or UNMARKED for parts in said)


def read(transcript: str) -> Reading:
    """The steps and the answer of a transcript, whole or still growing; never fails.

    A `Work:` line answers the first sub-question that waits. Lines without a label, and the plan, are
    left out. Reading what `write` wrote gives its steps and answer again, as far as the scheme writes
    them and on one line each.
    """
    steps: list[Step] = []
    worked = 0
    """Steps at the beginning that no later line can answer."""
    for line in transcript.split("\n"):
        label, _, rest = line.partition(" ")
        match label:
            case "Ask:":
                steps.append(Step(rest.strip(), ""))
            case "Work:" if worked < len(steps):
                steps[worked] = Step(steps[worked].question, rest.strip())
                worked += 1
            case "Work:":
                steps.append(Step("", rest.strip()))
                worked += 1
            case "####":
                return Reading(tuple(steps), rest.strip())
    return Reading(tuple(steps), None)


def lessons(problem: Problem, trace: Trace, scheme: Scheme) -> list[Lesson]:
    """One lesson for each role the scheme trains, then those of `also` for the last, which answers.

    In these no label is learnt, so what begins a transcript stays its own. The trace must fit (`misfit`).
    """
    trained = roles(scheme)
    own = [Lesson(role, problem.id, tuple(_spans(problem, trace, scheme, role))) for role in trained]
    more = [tuple(_spans(problem, trace, other, "solver")) for other in scheme.others]
    return own + [Lesson(trained[-1], problem.id, spans) for spans in more]


def misfit(trace: Trace, scheme: Scheme) -> str | None:
    """Why a trace cannot be taught under the scheme, or None where it can."""
    writes = scheme.asks or scheme.works
    if writes and not trace.steps:
        return "it has no steps"
    if scheme.asks and not all(step.question.strip() for step in trace.steps):
        return "a step has no sub-question"
    if scheme.works and not all(step.text.strip() for step in trace.steps):
        return "a step has no worked answer"
    if scheme.bare and not all(marks(step.text) for step in trace.steps):
        return "a step has no marked equation"
    return next(filter(None, (misfit(trace, other) for other in scheme.others)), None)


def is_right(problem: Problem, trace: Trace) -> bool:
    """Whether a trace comes to the problem's right answer."""
    return problem.gold is not None and same(trace.answer, problem.gold, problem.kind)


def worked(step: Step, scheme: Scheme) -> str:
    """What the Work line of a step holds, on one line; empty where the step has none of it."""
    return " ".join(_equations(step)) if scheme.bare else one_line(step.text)


def one_line(text: str) -> str:
    """The text with every run of white space made one blank."""
    return " ".join(text.split())


def _equations(step: Step) -> list[str]:
    """The marked equations of a worked answer: `<<3*12=36>>`."""
    return [one_line(step.text[mark.start : mark.end]) for mark in marks(step.text)]


def _told(steps: tuple[Step, ...], answer: str, scheme: Scheme) -> str:
    """The transcript after the plan."""
    return "".join(_lines(steps, scheme)) + f"{END} {one_line(answer)}"


def _lines(steps: tuple[Step, ...], scheme: Scheme) -> Iterator[str]:
    """The Ask and Work lines in the order in which they are written."""
    if scheme.planned and scheme.works:
        yield from _asked(steps)
        yield from (line for line in _turns(steps, scheme) if line.startswith(WORK))
    else:
        yield from _turns(steps, scheme)


def _asked(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        if step.question:
            yield f"{ASK} {one_line(step.question)}\n"


def _turns(steps: tuple[Step, ...], scheme: Scheme) -> Iterator[str]:
    """Each sub-question with its worked answer below it: what a solver reads, however it was asked."""
    for step in steps:
        if scheme.asks:
            yield from _asked((step,))
        if scheme.works and (text := worked(step, scheme)):
            yield f"{WORK} {text}\n"


def _guide(steps: tuple[Step, ...], scheme: Scheme) -> Iterator[str]:
    if scheme.guided:
        yield f"{PLAN} {plan(steps, scheme.guide)}\n"


def _spans(problem: Problem, trace: Trace, scheme: Scheme, role: Role) -> Iterator[Span]:
    """Cut where the decoding loop cuts, so that training and decoding see the same tokens."""
    given = prompt(problem, facts=scheme.facts)
    if role == "verifier":
        yield Span(claim(given, trace.steps, trace.answer), learnt=False)
        yield Span(YES if is_right(problem, trace) else NO, learnt=True)
        return
    yield Span(given, learnt=False)
    guide = [Span(line, learnt=False) for line in _guide(trace.steps, scheme)]
    match role:
        case "planner":
            yield Span(PLAN, learnt=False)
            yield Span(f" {plan(trace.steps, scheme.guide)}\n", learnt=True)
        case "student":
            yield from guide
            yield Span(_told(trace.steps, trace.answer, scheme), learnt=True)
        case "decomposer":
            yield from guide
            if scheme.planned:
                yield Span("".join(_asked(trace.steps)), learnt=True)
                return
            for line in _turns(trace.steps, scheme):
                yield Span(line, learnt=line.startswith(ASK))
        case "solver":
            yield from _answers(trace, scheme)
        case _:
            assert_never(role)


def _answers(trace: Trace, scheme: Scheme) -> Iterator[Span]:
    """What a solver reads of a trace and what it learns."""
    for line in _turns(trace.steps, scheme):
        if line.startswith(ASK):
            yield Span(line, learnt=False)
        else:
            yield Span(WORK, learnt=False)
            yield Span(line.removeprefix(WORK), learnt=True)
    yield Span(END, learnt=False)
    yield Span(f" {one_line(trace.answer)}", learnt=True)
