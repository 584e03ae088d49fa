"""Turn problems into traces, check each, and keep every one in the store with its verdict."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from socli import answer, check, scheme, teacher
from socli.events import AnnotateBegan, Refused, Traced
from socli.problem import Problem, Trace, digest
from socli.recipe import TeacherTable
from socli.records import TraceRow, Verdict
from socli.scheme import Scheme
from socli.store import Store
from socli.teacher import REFERENCE, Reply

Told = AnnotateBegan | Traced | Refused
FLUSH = 100
"""Reference traces in one transaction."""


def annotate(
    problems: Sequence[Problem], set_name: str, table: TeacherTable, form: Scheme, store: Store
) -> Iterator[Told]:
    """A trace for each problem that has none of this teacher yet; stored before it is told."""
    store.add_problems(set_name, problems)
    if table.model == REFERENCE:
        yield AnnotateBegan(REFERENCE, len(problems), 0)
        yield from _from_reference(problems, form, store)
        return
    traced: set[str] = set()
    for kind in {problem.kind for problem in problems}:
        traced |= store.traced(teacher.asked(table, form, kind))
    missing = list({problem.id: problem for problem in problems if problem.id not in traced}.values())
    yield AnnotateBegan(table.model, len(problems), len(problems) - len(missing))
    yield from _from_api(missing, table, form, store)


def _from_reference(problems: Iterable[Problem], form: Scheme, store: Store) -> Iterator[Told]:
    for some in _batched(problems, FLUSH):
        rows = [_referred(problem, form) for problem in some]
        store.add_traces(rows)
        for problem, row in zip(some, rows, strict=True):
            yield _told(problem, row)


def _from_api(problems: Iterable[Problem], table: TeacherTable, form: Scheme, store: Store) -> Iterator[Told]:
    for replies in teacher.ask(problems, table, form):
        rows = [(reply.problem, _judged(reply, table, form)) for reply in replies if not reply.fault]
        store.add_traces([row for _, row in rows], paid=True)
        for problem, row in rows:
            yield _told(problem, row)
        for reply in replies:
            if reply.fault:  # not stored: the same command asks again
                yield Refused(reply.problem, reply.fault)


def refusal(problem: Problem, trace: Trace, form: Scheme) -> str:
    """Why a trace must not be trained on; empty where it may."""
    return check.judge(problem, trace, form).reason


def _referred(problem: Problem, form: Scheme) -> TraceRow:
    """The data set's own steps as a trace.

    Its prompt hash is that of the steps, the answer and the scheme: all that the verdict depends on, so
    that a trace refused for one scheme, or for a wrong answer put right since, is not refused for good.
    """
    parts = [part for step in problem.steps for part in (step.question, step.text)]
    told = digest(form.name, str(form.sub_answers), problem.gold or "", *parts)
    trace = Trace(problem.id, problem.steps, problem.gold or "", REFERENCE, prompt_hash=told)
    return _row(trace, refusal(problem, trace, form))


def _judged(reply: Reply, table: TeacherTable, form: Scheme) -> TraceRow:
    asked = teacher.asked(table, form, reply.problem.kind)
    reading = scheme.read(reply.text)
    found = answer.canonical(reading.answer or "", reply.problem.kind) or ""
    trace = Trace(
        reply.problem.id,
        reading.steps,
        found,
        asked.teacher,
        asked.prompt_hash,
        asked.temperature,
        asked.top_p,
        asked.seed,
    )
    reason = "truncated" if reply.finish_reason == "length" else refusal(reply.problem, trace, form)
    return _row(trace, reason, reply)


def _row(trace: Trace, reason: str, reply: Reply | None = None) -> TraceRow:
    verdict: Verdict = "refused" if reason else "kept"
    if reply is None:
        return TraceRow(trace, verdict, reason)
    return TraceRow(
        trace, verdict, reason, reply.text, reply.finish_reason, reply.tokens_in, reply.tokens_out
    )


def _told(problem: Problem, row: TraceRow) -> Traced | Refused:
    return Refused(problem, row.reason) if row.reason else Traced(problem, row.trace)


def _batched(problems: Iterable[Problem], size: int) -> Iterator[list[Problem]]:
    rest = iter(problems)
    while some := list(islice(rest, size)):
        yield some
