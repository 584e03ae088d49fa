"""Turn problems into traces, check each, and keep every one in the store with its verdict."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from socli import answer, api, arithmetic, scheme, teacher
from socli.events import AnnotateBegan, Refused, Traced
from socli.problem import Problem, Trace, digest
from socli.recipe import TeacherTable
from socli.records import TraceRow, Verdict
from socli.scheme import Scheme
from socli.store import Store
from socli.teacher import REFERENCE, Asking, Reply

Told = AnnotateBegan | Traced | Refused
FLUSH = 100
"""Reference traces in one transaction."""


def annotate(
    problems: Sequence[Problem],
    set_name: str,
    table: TeacherTable,
    form: Scheme,
    store: Store,
    *,
    stop_asked: Callable[[], bool] = lambda: False,
    backoff: float = api.BACKOFF,
) -> Iterator[Told]:
    """A trace for each problem that has none of this teacher yet; stored before it is told.

    When `stop_asked` says so, nothing more is asked, what is in flight is waited for and stored, and
    KeyboardInterrupt is raised. `backoff` is the seconds before a request is made a second time.
    """
    store.add_problems(set_name, problems)
    if table.model == REFERENCE:
        yield AnnotateBegan(REFERENCE, len(problems), 0)
        yield from _from_reference(problems, form, store)
        return
    done: set[str] = set()
    for kind in {problem.kind for problem in problems}:
        done |= store.traced(teacher.asked(table, form, kind))
    yield AnnotateBegan(table.model, len(problems), sum(problem.id in done for problem in problems))
    missing = _missing(problems, done)
    for replies in api.ask(lambda: next(missing, None), table, form, stop_asked, backoff):
        yield from _stored(replies, table, form, store)
    if stop_asked():
        raise KeyboardInterrupt


def _missing(problems: Iterable[Problem], done: set[str]) -> Iterator[Asking]:
    """What is to be asked, each once; `done` grows by it."""
    for problem in problems:
        if problem.id not in done:
            done.add(problem.id)
            yield Asking(problem)


def _from_reference(problems: Iterable[Problem], form: Scheme, store: Store) -> Iterator[Told]:
    for some in _batched(problems, FLUSH):
        rows = [_referred(problem, form) for problem in some]
        store.add_traces(rows)
        for problem, row in zip(some, rows, strict=True):
            yield _told(problem, row)


def _stored(replies: list[Reply], table: TeacherTable, form: Scheme, store: Store) -> Iterator[Told]:
    """Judge replies, commit them in one transaction, then tell of them."""
    rows = [(reply.asking.problem, _judged(reply, table, form)) for reply in replies if not reply.fault]
    store.add_traces([row for _, row in rows], paid=True)
    for problem, row in rows:
        yield _told(problem, row)
    for reply in replies:
        if reply.fault:  # not stored: the same command asks again
            yield Refused(reply.asking.problem, reply.fault)


def refusal(problem: Problem, trace: Trace, form: Scheme) -> str:
    """Why a trace must not be trained on; empty where it may."""
    if problem.gold is None:
        return "the right answer is not known"
    if not trace.answer:
        return "unreadable"
    if not answer.same(trace.answer, problem.gold, problem.kind):
        return "wrong answer"
    if misfit := scheme.misfit(trace, form):
        return misfit
    wrong = arithmetic.first_wrong(trace.steps)
    return f"wrong arithmetic at step {wrong + 1}" if wrong is not None else ""


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
    problem = reply.asking.problem
    asked = teacher.asked(table, form, problem.kind, reply.asking.sample)
    reading = scheme.read(reply.text)
    found = answer.canonical(reading.answer or "", problem.kind) or ""
    trace = replace(asked, problem_id=problem.id, steps=reading.steps, answer=found)
    match reply.finish_reason:
        case "length":
            reason = "truncated"
        case "content_filter":
            reason = "withheld by the teacher's filter"
        case _:
            reason = refusal(problem, trace, form)
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
