"""Turn problems into traces, check each, and keep every one in the store with its verdict."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from socli import answer, check, prompts, scheme, teacher
from socli.events import AnnotateBegan, Judged, Noted, Refused, Traced
from socli.problem import Problem, Step, Trace, digest
from socli.records import Code, TraceRow, Verdict
from socli.scheme import Reading, Scheme
from socli.store import Store
from socli.store.sqlitefile import batches
from socli.tables import TeacherTable
from socli.teacher import REFERENCE, Asking, Reply, api, replies
from socli.teacher.cached import Cache
from socli.teacher.ladder import Ladder
from socli.teacher.money import Purse, money

Told = AnnotateBegan | Noted | Traced | Refused | Judged
FLUSH = 100
"""Reference traces in one transaction."""


def annotate(  # noqa: PLR0913  each is the caller's to choose
    problems: Sequence[Problem],
    set_name: str,
    table: TeacherTable,
    form: Scheme,
    store: Store,
    *,
    purse: Purse | None = None,
    probe: int | None = None,
    record: Path | None = None,
    cache: Cache | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
    backoff: float = api.BACKOFF,
) -> Iterator[Told]:
    """The traces of this teacher that are missing; each is stored before it is told.

    `purse` is what may be spent, `probe` asks only so many, spread over all that are missing, `record`
    is a JSONL file that the replies are added to, `cache` holds replies that were paid for before. When
    `stop_asked` says so, nothing more is asked, what is in flight is waited for and stored, and
    KeyboardInterrupt is raised. `backoff` is the seconds before a request is made a second time.
    """
    if (stronger := table.escalated()) and not table.replay:
        api.key(stronger)  # now rather than when all others have been asked
    store.add_problems(set_name, problems)
    if table.model == REFERENCE:
        yield AnnotateBegan(REFERENCE, len(problems), 0)
        yield from _from_reference(problems, form, store)
        return
    purse = purse or Purse(model=table.model)
    askings = Askings(problems, set_name, table, form, store, probe)
    unguided = [problem for problem in problems if table.guided and not prompts.half(problem)]
    yield AnnotateBegan(table.model, len(problems) * table.samples, askings.done - len(unguided))
    yield from (Refused(problem, "it has no known steps to be guided by") for problem in unguided)
    ladder = begun(table, cache)
    if table.replay:
        ladder.notes.clear()
        batches = replies.replay(Path(table.replay), askings.next, table, form)
    else:
        batches = api.ask(askings.next, table, form, purse, ladder, cache, stop_asked, backoff)
    if askings.missing:
        yield from map(Noted, [*_prices(table, purse), *_others(askings, table)])
        yield from _notes(ladder, cache)
    for came in batches:
        yield from _notes(ladder, cache)
        yield from _stored(came, table, form, store, askings, purse, ladder)
        if record:
            replies.record(record, came, table, form)
    yield from _notes(ladder, cache)
    if stop_asked():
        raise KeyboardInterrupt
    if table.stronger and not probe:
        kept = askings.kept()
        left = [problem for problem in problems if problem.id not in kept]
        more = {"record": record, "cache": cache, "stop_asked": stop_asked, "backoff": backoff}
        yield from _escalated(left, set_name, table, form, store, purse, **more)


def _escalated(
    left: Sequence[Problem],
    set_name: str,
    table: TeacherTable,
    form: Scheme,
    store: Store,
    purse: Purse,
    **more: Any,
) -> Iterator[Told]:
    """Ask the stronger teacher for what has no kept trace of this one."""
    stronger = table.escalated()
    if stronger and left:
        yield Noted(f"{len(left):,} problems have no kept trace of {table.model}: asking {stronger.model}")
        yield from annotate(left, set_name, stronger, form, store, purse=purse.handed_on(stronger), **more)


def _prices(table: TeacherTable, purse: Purse) -> Iterator[str]:
    """What each rung costs, as far as it is known."""
    if told := purse.asks(table.max_tokens):
        yield f"{table.model}: {told}"
        if table.more_tokens:
            most = money(purse.price.of(0, table.more_tokens)) if purse.price else ""
            yield f"a reply that is cut off is asked for once more: at most {most} for what that writes"


def _others(askings: "Askings", table: TeacherTable) -> Iterator[str]:
    """What was kept before under another prompt, model or setting, and what becomes of it."""
    if askings.others and table.reuse:
        yield f"{askings.others:,} problems have kept traces of other models, prompts or settings: used again"
    elif askings.others:
        yield (
            f"{askings.others:,} problems have kept traces of other models, prompts or settings and are"
            " asked anew; --reuse uses those"
        )


def begun(table: TeacherTable, cache: Cache | None) -> Ladder:
    """Where asking begins: on the recipe's rung, or on the one that worked for this model before."""
    name = digest("rung", table.base_url or "", table.model)
    ladder = Ladder(table.model, table.output, cache.get(name) if cache else None)
    if cache:
        ladder.worked = lambda rung: cache.put(name, rung, days=30)  # the server may learn more
    return ladder


def _notes(ladder: Ladder, cache: Cache | None) -> Iterator[Noted]:
    """What is to be said, once."""
    for notes in (ladder.notes, cache.notes if cache else []):
        yield from map(Noted, notes)
        notes.clear()


class Askings:
    """What is to be asked, in order, each once; what is in the store is not asked again."""

    def __init__(
        self,
        problems: Sequence[Problem],
        set_name: str,
        table: TeacherTable,
        form: Scheme,
        store: Store,
        probe: int | None = None,
    ) -> None:
        self._problems, self._table, self._store = problems, table, store
        self._tries = range(max(table.samples, table.until_correct))
        kinds = {problem.kind for problem in problems}
        self._likes = likes = [
            [teacher.asked(table, form, kind, sample) for kind in kinds]
            for sample in (*self._tries, len(self._tries))  # the last one is the longer try
        ]
        self._made = [{id for like in some for id in store.traced(like)} for some in likes]
        elsewhere = _elsewhere(set_name, likes[0], form, store)
        self._reused = elsewhere if table.reuse else Counter[str]()
        self._kept = self.kept()
        self._cut = _those(store, likes[:-1], "truncated")
        self.missing = sum(1 for _ in self._first())
        """Requests that are to be made; more where `until_correct` asks again."""
        wanted = (
            (problem.id for problem in problems) if table.reuse else (a.problem.id for a in self._first())
        )
        self.others = len({id for id in wanted if id in elsewhere}) if elsewhere else 0
        """Problems with kept traces that were asked for in other ways."""
        self.done = table.samples * len(problems) - self.missing
        every = max(1, self.missing // probe) if probe else 1
        self._rest = islice(self._first(), 0, probe * every if probe else None, every)
        self._again: deque[Asking] = deque()

    def next(self) -> Asking | None:
        """The next one; None where there is none, or none until replies have been judged."""
        return self._again.popleft() if self._again else next(self._rest, None)

    def kept(self) -> set[str]:
        """Problems that need no other trace to be learnt from."""
        judged = _those(self._store, self._likes, None) | _those(self._store, self._likes, "duplicate")
        return judged | set(self._reused)

    def judged(self, asking: Asking, reason: str) -> bool:
        """Whether that was the last word on this asking; else it is asked again."""
        again = None
        code = check.code(reason)
        if code not in (None, "duplicate") and asking.sample + 1 < self._table.until_correct:
            again = Asking(asking.problem, asking.sample + 1)
        elif code == "truncated" and self._lengthens(asking.problem.id) and not asking.more:
            self._made[-1].add(asking.problem.id)
            again = Asking(asking.problem, len(self._tries), more=True)
        if again:
            self._again.append(again)
        return not again

    def _lengthens(self, id: str) -> bool:
        return self._table.more_tokens is not None and id not in self._made[-1] and id not in self._kept

    def _first(self) -> Iterator[Asking]:
        """What is missing, as far as that is known before any reply."""
        seen: set[str] = set()
        for problem in self._problems:
            id = problem.id
            if id in seen or (self._table.guided and not prompts.half(problem)):
                continue
            seen.add(id)
            open_ = [sample for sample in self._tries if id not in self._made[sample]]
            if self._table.until_correct > 1:
                open_ = [] if id in self._kept else open_[:1]
            elif self._reused:
                open_ = open_[self._reused[id] :]
            yield from (Asking(problem, sample) for sample in open_)
            if not open_ and id in self._cut and self._lengthens(id):
                yield Asking(problem, len(self._tries), more=True)


def _elsewhere(set_name: str, likes: Sequence[Trace], form: Scheme, store: Store) -> Counter[str]:
    """How many kept traces that fit the scheme a problem has that were asked for in other ways."""
    if not likes:
        return Counter()
    others = store.kept_otherwise(set_name, likes[0], {like.prompt_hash for like in likes})
    return Counter(trace.problem_id for trace in others if scheme.misfit(trace, form) is None)


def _those(store: Store, likes: Iterable[Iterable[Trace]], code: Code | None) -> set[str]:
    """Problems with a trace asked for like one of these that was refused for that, or kept."""
    return {id for some in likes for like in some for id in store.traced(like, judged=(code,))}


def _from_reference(problems: Iterable[Problem], form: Scheme, store: Store) -> Iterator[Told]:
    for some in batches(problems, FLUSH):
        rows = [_referred(problem, form) for problem in some]
        store.add_traces(rows)
        for problem, row in zip(some, rows, strict=True):
            yield _told(problem, row)
        yield _counted(row.reason for row in rows)


def _stored(
    came: list[Reply],
    table: TeacherTable,
    form: Scheme,
    store: Store,
    askings: Askings,
    purse: Purse,
    ladder: Ladder,
) -> Iterator[Told]:
    """Judge replies, commit them in one transaction, then tell of those that are the last of a problem."""
    answered = [reply for reply in came if not reply.fault]
    rows = _judged(answered, table, form, store)
    store.add_traces([row for _, row in rows], paid=True)
    for reply, (asking, row) in zip(answered, rows, strict=True):
        if (code := check.code(row.reason)) not in check.UNANSWERED:
            ladder.came(reply.rung, code != "unreadable")
        if askings.judged(asking, row.reason):
            yield _told(asking.problem, row)
    for reply in came:
        if reply.fault:  # not stored: the same command asks again
            yield Refused(reply.asking.problem, reply.fault)
    reasons = [row.reason for _, row in rows] + [reply.fault for reply in came if reply.fault]
    yield _counted(reasons, purse)


def _counted(reasons: Iterable[str], purse: Purse | None = None) -> Judged:
    """How many have no reason to be refused, how many have which, and what the purse has seen so far."""
    refused = Counter(check.code(reason) for reason in reasons)
    kept = refused.pop(None, 0)
    by_code: dict[str, int] = {code: count for code, count in refused.items() if code}
    if purse is None:
        return Judged(kept, by_code)
    spent = None if purse.price is None else purse.spent
    return Judged(kept, by_code, purse.tokens_in, purse.tokens_out, spent, purse.budget)


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


def _judged(
    came: Sequence[Reply], table: TeacherTable, form: Scheme, store: Store
) -> list[tuple[Asking, TraceRow]]:
    """Each reply as a trace with its verdict; a duplicate repeats one of the same prompt."""
    kept = store.kept_of((reply.asking.problem.id for reply in came), table.model)
    rows = []
    for reply in came:
        problem, trace = reply.asking.problem, _read(reply, table, form)
        others = [other for other in kept[problem.id] if other.prompt_hash == trace.prompt_hash]
        told = check.judge(
            problem, trace, form, reply=reply.text, finish_reason=reply.finish_reason, others=others
        )
        if told.code is None:
            kept[problem.id].append(trace)
        rows.append((reply.asking, _row(trace, told.reason, reply)))
    return rows


def _read(reply: Reply, table: TeacherTable, form: Scheme) -> Trace:
    """What a reply says, as a trace, right or wrong."""
    problem = reply.asking.problem
    asked = teacher.asked(table, form, problem.kind, reply.asking.sample)
    reading = _guided(problem, reply.text) if table.guided else replies.reading(reply.text)
    found = answer.canonical(reading.answer or "", problem.kind) or ""
    return replace(asked, problem_id=problem.id, steps=reading.steps, answer=found)


def _guided(problem: Problem, text: str) -> Reading:
    """The half that was written beside the half that is known; nothing where they do not match."""
    reading, known = replies.reading(text), problem.steps
    if len(reading.steps) != len(known):
        return Reading((), None)
    pairs = list(zip(known, reading.steps, strict=True))
    if prompts.half(problem) == "ask":
        return Reading(tuple(Step(wrote.question, step.text) for step, wrote in pairs), problem.gold)
    return Reading(tuple(Step(step.question, wrote.text) for step, wrote in pairs), reading.answer)


def _row(trace: Trace, reason: str, reply: Reply | None = None) -> TraceRow:
    verdict: Verdict = "refused" if reason else "kept"
    if reply is None:
        return TraceRow(trace, verdict, reason)
    return TraceRow(
        trace, verdict, reason, reply.text, reply.finish_reason, reply.tokens_in, reply.tokens_out
    )


def _told(problem: Problem, row: TraceRow) -> Traced | Refused:
    return Refused(problem, row.reason) if row.reason else Traced(problem, row.trace)
