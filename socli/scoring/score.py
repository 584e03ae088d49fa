"""Score what others decoded: no model, one pass, memory that does not grow with the number of rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic
from typing import assert_never

from socli.arithmetic import Mark, holds, marks
from socli.events import BenchBegan, Noted, Scored, Tallied
from socli.problem import ENDED, ByLength, Prediction, Problem, Scorecard
from socli.records import BenchPlan
from socli.scoring import stats
from socli.scoring.extract import Extractor, Found, extract
from socli.scoring.outputs import Output, judged
from socli.store import Store
from socli.store.sqlitefile import BATCH
from socli.writers import guards


def wrong_step(prediction: Prediction) -> int | None:
    """The index of the first step with a marked equation that does not hold; None where there is none.

    As `arithmetic.first_wrong`, with the verdicts remembered: the same small sums come again and again.
    """
    for index, step in enumerate(prediction.steps):
        if "<<" in step.text and any(_wrong(mark.expression, mark.stated) for mark in marks(step.text)):
            return index
    return None


@lru_cache(20_000)  # about 5 MB
def _wrong(expression: str, stated: str) -> bool:
    return holds(Mark(expression, stated, 0, 0)) is False


def looped(prediction: Prediction) -> bool:
    """Whether it never came to an end because it said the same again and again, word for word.

    That is: it was stopped for it, the decomposer did not stop asking, or the tokens ran out in a text that
    ends in one piece three times in a row: fewer than a guard waits for, since it was cut off.
    """
    if prediction.finish_reason != "truncated":
        return prediction.finish_reason in {"too many steps", "looping", "repeated step"}
    return guards.loops(prediction.text, times=3, least=40, most=1_500)


@dataclass(slots=True)
class Tally:
    """What a scorecard needs, counted as predictions come."""

    n: int = 0
    scored: int = 0
    correct: int = 0
    tokens: int = 0
    unsound: int = 0
    """Right answers whose steps hold a wrong equation."""
    looped: int = 0
    finishes: Counter[str] = field(default_factory=Counter)
    golds: Counter[str] = field(default_factory=Counter)
    asked: Counter[int] = field(default_factory=Counter)
    """Problems that are scored, by number of reference steps."""
    solved: Counter[int] = field(default_factory=Counter)
    """Those of them that are right."""

    def add(self, problem: Problem, prediction: Prediction) -> None:
        """Count one."""
        self.n += 1
        self.scored += prediction.correct is not None
        self.correct += prediction.correct is True
        self.unsound += prediction.correct is True and wrong_step(prediction) is not None
        self.looped += looped(prediction)
        self.tokens += prediction.tokens
        if problem.steps and prediction.correct is not None:
            self.asked[len(problem.steps)] += 1
            self.solved[len(problem.steps)] += prediction.correct
        self.finishes[prediction.finish_reason] += 1
        if problem.gold is not None and problem.kind == "yes/no":
            self.golds[problem.gold] += 1

    def card(self, set_name: str, model: str, calculator: bool, seconds: float, bench: str = "") -> Scorecard:
        """Accuracy is of the problems whose answer is known, where what cannot be read counts as wrong.

        Unreadable, truncated and looped are shares of all.
        """
        n = self.scored
        low, high = stats.wilson(self.correct, n) if n else (0.0, 1.0)
        return Scorecard(
            set=set_name,
            model=model,
            calculator=calculator,
            n=n,
            correct=self.correct,
            accuracy=self.correct / n if n else 0.0,
            low=low,
            high=high,
            unreadable=sum(
                self.finishes[reason] for reason in self.finishes if reason not in ("answered", "truncated")
            )
            / max(1, self.n),
            truncated=self.finishes["truncated"] / max(1, self.n),
            tokens=self.tokens,
            seconds=seconds,
            majority=max(self.golds.values()) / n if self.golds and n else None,
            unsound=self.unsound / self.correct if self.correct else None,
            looped=self.looped / max(1, self.n),
            by_steps=tuple(
                ByLength(steps, n, self.solved[steps], *stats.wilson(self.solved[steps], n))
                for steps, n in sorted(self.asked.items())
            ),
            bench=bench,
        )


def score(
    rows: Iterable[Output | Noted],
    store: Store | None,
    *,
    set_name: str,
    model: str,
    calculator: bool = False,
    steps: bool = True,
) -> Iterator[BenchBegan | Noted | Scored | Tallied]:
    """Score outputs in their order; with a store, as a bench of `model` on `set_name`, stored before told.

    `steps`: whether the marked equations of the texts are checked too, at two thirds of the time.
    """
    yield BenchBegan(set_name, model, None, 0, calculator)
    tally, began = Tally(), monotonic()
    plan = BenchPlan(model=model, set=set_name, calculator=calculator, settings={"outputs": set_name})
    bench = store.start_bench(plan).id if store else ""
    waiting: list[tuple[int, Problem, Prediction]] = []
    for row in rows:
        if isinstance(row, Noted):
            yield row
            continue
        prediction = judged(row, steps=steps)
        tally.add(row.problem, prediction)
        waiting.append((row.number, row.problem, prediction))
        if store is None or len(waiting) == BATCH:
            yield from _told(waiting, set_name, store, bench)
            waiting = []
    yield from _told(waiting, set_name, store, bench)
    card = tally.card(set_name, model, calculator, monotonic() - began, bench)
    if store:
        store.finish_bench(bench, card)
    if tally.unsound:
        yield Noted(f"{tally.unsound:,} of {tally.correct:,} right answers rest on a wrong equation")
    yield Tallied(card)


def _told(
    waiting: Sequence[tuple[int, Problem, Prediction]], set_name: str, store: Store | None, bench: str
) -> Iterator[Scored]:
    if store and waiting:
        store.add_problems(set_name, [problem for _, problem, _ in waiting], waiting[0][0])
        store.add_predictions(bench, [(number, prediction) for number, _, prediction in waiting])
    for number, problem, prediction in waiting:
        yield Scored(set_name, number, problem, prediction)


@dataclass(frozen=True, slots=True)
class Rescored:
    """What several extractors made of one text."""

    number: int
    problem: Problem
    text: str
    found: Mapping[Extractor, Found]

    @property
    def differ(self) -> bool:
        """Whether some call it right and others wrong or, where the gold is not known, read other answers."""
        if self.problem.gold is None:
            return len({found.answer for found in self.found.values()}) > 1
        return len({found.right for found in self.found.values()}) > 1


def rescore(rows: Iterable[Output | Noted], extractors: Sequence[Extractor]) -> Iterator[Rescored | Noted]:
    """Read each text again with every extractor, in order. A row without a text lends its bare answer.

    `socli` does not look into what ran out of tokens, as a bench does not; the others do.
    """
    for row in rows:
        match row:
            case Noted():
                yield row
            case Output():
                text = row.text if row.text is not None else row.answer or ""
                cut = row.finish_reason is not None and row.finish_reason not in ENDED
                wrong = Found(None, None if row.problem.gold is None else False)
                found = {
                    name: wrong
                    if name == "socli" and cut
                    else extract(name, text, row.problem.gold, row.problem.kind)
                    for name in extractors
                }
                yield Rescored(row.number, row.problem, text, found)
            case _:
                assert_never(row)


@dataclass(slots=True)
class Reading:
    """How an extractor did, counted as texts come."""

    n: int = 0
    scored: int = 0
    right: int = 0
    unreadable: int = 0

    def add(self, found: Found) -> None:
        """Count one."""
        self.n += 1
        self.scored += found.right is not None
        self.right += found.right is True
        self.unreadable += found.answer is None
