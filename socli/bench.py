"""Score a model on problem sets: decode in batches of similar length, store and tell each prediction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from time import monotonic

from socli import answer, scheme
from socli.events import BenchBegan, Event, Scored, Solved, Tallied
from socli.problem import Prediction, Problem, Scorecard
from socli.records import BenchPlan, PredictionRow
from socli.scoring.score import Tally
from socli.solve import Solvers, solve
from socli.store import Store
from socli.tables import BenchTable
from socli.writers.pieces import LONGEST, UNDER_WAY

WINDOW = 8
"""Batches read ahead, so that problems of similar length are decoded together."""


def bench(
    set_name: str,
    problems: Iterable[Problem],
    who: Solvers,
    store: Store,
    table: BenchTable,
    *,
    total: int | None = None,
    again: bool = False,
) -> Iterator[BenchBegan | Scored | Tallied]:
    """Score one set; each prediction is stored before it is told, in the order they finish.

    What the store has of the same model, set and settings is told first and not solved again, unless `again`
    asks for it. `total` is how many problems there are, where that is known before they are read.
    """
    book = _Book(store, _plan(set_name, who, table), again=again)
    rest, start, tally, began = iter(problems), 1, Tally(), False
    while (window := list(islice(rest, table.batch * WINDOW))) or not began:
        store.add_problems(set_name, window, start)
        known = book.known(window, start)
        if not began:
            book.expect(total)
            yield BenchBegan(set_name, who.name, total, store.solved(book.row.id), who.calculator)
            began = True
        missing = []
        for number, problem in enumerate(window, start):
            if number in known:
                tally.add(problem, known[number])
                yield Scored(set_name, number, problem, known[number], before=True)
            else:
                missing.append((number, problem))
        book.clock = monotonic()
        for number, event in _solved(missing, who, table):
            book.add(number, event.prediction)
            tally.add(event.problem, event.prediction)
            yield Scored(set_name, number, event.problem, event.prediction)
        start += len(window)
    yield Tallied(book.finish(tally, start))


def in_order(events: Iterable[Event]) -> Iterator[Event]:
    """The same events with each set's `Scored` in the order of their numbers: some wait for those before."""
    waiting: dict[int, Scored] = {}
    following = 1
    for event in events:
        match event:
            case BenchBegan():
                following = 1
            case Scored():
                waiting[event.number] = event
                while following in waiting:
                    yield waiting.pop(following)
                    following += 1
                continue
            case _:
                pass
        yield event


class _Book:
    """Where the predictions of a bench are written down, and what stands there already.

    `row` is a bench of the plan as long as the input is the same as its; from the first difference on it is
    a new one, its copy, in which alone the difference is made: nothing stored before is ever changed.
    """

    def __init__(self, store: Store, plan: BenchPlan, *, again: bool) -> None:
        found = None if again else store.find_bench(plan)
        self._store, self._plan = store, plan
        self.row = found or store.start_bench(plan)
        self._own = found is None
        self._seconds = self.row.seconds
        self._total: int | None = None
        self.clock = monotonic()
        """When solving went on: what passes while stored predictions are read does not count."""

    def known(self, window: Sequence[Problem], start: int) -> dict[int, Prediction]:
        """By number from `start` on, what is stored of these problems."""
        stored = {row.position: row for row in self._within(start, start + len(window) - 1)}
        found = {
            number: _prediction(stored[number], problem, self._plan.calculator)
            for number, problem in enumerate(window, start)
            if number in stored and stored[number].problem_id == problem.id
        }
        judged = [n for n, row in stored.items() if n in found and found[n].correct != row.correct]
        other = [n for n in stored if n not in found]
        if other or judged or (self.row.status == "done" and len(found) < len(window)):
            self._fork()
        if judged:
            self._store.drop_predictions(self.row.id, judged)
            self._store.add_predictions(self.row.id, [(n, found[n]) for n in judged])
        self._drop(other)
        return found

    def expect(self, total: int | None) -> None:
        """Note how many problems there are, where that is known."""
        self._total = total
        if total is not None and total != self.row.total:
            self._store.note_total(self.row.id, total)

    def add(self, number: int, prediction: Prediction) -> None:
        """Store a prediction, and how long solving took so far."""
        self._store.add_predictions(self.row.id, [(number, prediction)])
        now = monotonic()
        self._seconds, self.clock = self._seconds + now - self.clock, now
        self._store.note_seconds(self.row.id, self._seconds)

    def finish(self, tally: Tally, end: int) -> Scorecard:
        """The scorecard of the problems before number `end`, which are all there were."""
        if beyond := [row.position for row in self._within(end, 2**62)]:
            self._fork()
            self._drop(beyond)
        plan = self._plan
        card = tally.card(plan.set, plan.model, plan.calculator, self._seconds, self.row.id)
        if card != self.row.scorecard:
            self._store.finish_bench(self.row.id, card, plan.settings)
        return card

    def _within(self, first: int, last: int) -> Iterator[PredictionRow]:
        return self._store.predictions(self.row.id, first, last)

    def _drop(self, numbers: Sequence[int]) -> None:
        """Take out what is not of the input, with the time that it took."""
        if numbers:
            self._seconds *= 1 - self._store.drop_predictions(self.row.id, numbers)

    def _fork(self) -> None:
        """Go on in a copy, unless this is one already."""
        if not self._own:
            self.row, self._own = self._store.fork_bench(self.row.id, self._plan), True
            self.expect(self._total)


def _prediction(row: PredictionRow, problem: Problem, calculator: bool) -> Prediction:
    """What was stored, compared with the gold answer of today."""
    correct = None if problem.gold is None else answer.same(row.answer, problem.gold, problem.kind)
    return Prediction(
        problem_id=row.problem_id,
        steps=scheme.read(row.text).steps,
        answer=row.answer,
        correct=correct,
        finish_reason=row.finish_reason,
        calculator=calculator,
        tokens=row.tokens,
        seconds=row.seconds,
        text=row.text,
        shares=row.shares,
    )


def _solved(
    numbered: Sequence[tuple[int, Problem]], who: Solvers, table: BenchTable
) -> Iterator[tuple[int, Solved]]:
    """Each problem's number with its solution; the same problem may stand in the input twice."""
    two, rows = who.decomposer or who.planner, who.sampling.repeats if who.sampling else 1
    # the next problem takes the place of one that is done; not so where two students vote
    most = max(1, table.batch * (UNDER_WAY if two and rows > 1 else WINDOW) // rows)
    held = table.batch * (UNDER_WAY if two else 1)
    for some in _batches(sorted(numbered, key=_length), most, held):
        numbers: dict[Problem, list[int]] = {}
        for number, problem in some:
            numbers.setdefault(problem, []).append(number)
        for event in solve([problem for _, problem in some], who, table.max_tokens, table.batch):
            if isinstance(event, Solved):
                yield numbers[event.problem].pop(0), event


def _batches(
    numbered: Sequence[tuple[int, Problem]], most: int, held: int
) -> Iterator[list[tuple[int, Problem]]]:
    """Up to `most` problems at a time, fewer where they are very long; keys of `held` are kept."""
    some: list[tuple[int, Problem]] = []
    for pair in numbered:
        if some and (len(some) == most or _length(pair) * min(len(some) + 1, held) > LONGEST):
            yield some
            some = []
        some.append(pair)
    if some:
        yield some


def _length(pair: tuple[int, Problem]) -> int:
    return pair[1].length


def _plan(set_name: str, who: Solvers, table: BenchTable) -> BenchPlan:
    settings = table.model_dump(mode="json", exclude={"calculators", "sets"})
    settings = {"precision": who.precision, "scheme": who.scheme.name, **settings}
    if who.sampling:
        settings["sampling"] = asdict(who.sampling)
    if who.verifier:
        settings["verifier"] = who.verifier
    return BenchPlan(model=who.name, set=set_name, calculator=who.calculator, settings=settings, run=who.run)
