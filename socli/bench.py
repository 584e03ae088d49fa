"""Score a model on problem sets: decode in batches of similar length, store and tell each prediction."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from time import monotonic

from socli.events import BenchBegan, Scored, Solved, Tallied
from socli.problem import Problem
from socli.recipe import BenchTable
from socli.records import BenchPlan
from socli.scoring.score import Tally
from socli.solve import Solvers, solve
from socli.store import Store

WINDOW = 8
"""Batches read ahead, so that problems of similar length are decoded together."""
LONGEST = 64_000
"""Most characters of a batch, each problem counted as long as its longest: bounds the cache of keys."""


def bench(
    set_name: str,
    problems: Iterable[Problem],
    who: Solvers,
    store: Store,
    table: BenchTable,
    *,
    total: int | None = None,
) -> Iterator[BenchBegan | Scored | Tallied]:
    """Score one set; each prediction is stored before it is told, in the order they finish.

    `total` is how many problems there are, where that is known before they are read.
    """
    row = store.start_bench(_plan(set_name, who, table))
    yield BenchBegan(set_name, who.name, total, 0, who.calculator)
    tally, began, rest, start = Tally(), monotonic(), iter(problems), 1
    while window := list(islice(rest, table.batch * WINDOW)):
        store.add_problems(set_name, window, start)
        for number, event in _solved(window, start, who, table):
            store.add_predictions(row.id, [(number, event.prediction)])
            tally.add(event.problem, event.prediction)
            yield Scored(set_name, number, event.problem, event.prediction)
        start += len(window)
    card = tally.card(set_name, who.name, who.calculator, monotonic() - began)
    store.finish_bench(row.id, card)
    yield Tallied(card)


def _solved(
    window: list[Problem], start: int, who: Solvers, table: BenchTable
) -> Iterator[tuple[int, Solved]]:
    """Each problem's number with its solution; the same problem may stand in the input twice."""
    # one student takes up the next problem where one is done; two go through a batch in step
    most = table.batch if who.decomposer else table.batch * WINDOW
    for some in _batches(sorted(enumerate(window, start), key=_length), most, table.batch):
        numbers: dict[Problem, list[int]] = {}
        for number, problem in some:
            numbers.setdefault(problem, []).append(number)
        for event in solve([problem for _, problem in some], who, table.max_tokens, table.batch):
            if isinstance(event, Solved):
                yield numbers[event.problem].pop(0), event


def _batches(
    numbered: Sequence[tuple[int, Problem]], most: int, together: int
) -> Iterator[list[tuple[int, Problem]]]:
    """Up to `most` problems at a time, fewer where `together` of them are very long; the shortest first."""
    some: list[tuple[int, Problem]] = []
    for pair in numbered:
        if some and (len(some) == most or _length(pair) * min(len(some) + 1, together) > LONGEST):
            yield some
            some = []
        some.append(pair)
    if some:
        yield some


def _length(pair: tuple[int, Problem]) -> int:
    return len(pair[1].question) + len(pair[1].context)


def _plan(set_name: str, who: Solvers, table: BenchTable) -> BenchPlan:
    return BenchPlan(
        model=who.name,
        set=set_name,
        calculator=who.calculator,
        settings={"precision": who.precision, "scheme": who.scheme.name, **table.model_dump(mode="json")},
        run=who.run,
    )
