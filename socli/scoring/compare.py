"""Is the second better than the first? Outcomes paired on the same problems, tested, said in a sentence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from socli.errors import UsageError
from socli.events import Noted
from socli.scoring import outputs, stats
from socli.scoring.outputs import Output, Skipped
from socli.scoring.stats import Interval, Pairs
from socli.sources import STDIN, Fields
from socli.store import Store

LEVEL = 0.05
"""Two-sided, for all comparisons of one command together."""

Verdict = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One problem as one side did it."""

    key: str | None
    """The problem's id; None where the row has no question."""
    id: str | None
    """What the row calls itself."""
    question: str
    gold: str | None
    answer: str | None
    correct: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One bench or one file: who answered what, each problem once."""

    name: str
    set: str
    """Empty for a file."""
    calculator: bool | None
    """None where the file does not say, or says both."""
    exact: bool
    """Whether it was named itself, and not chosen as the newest of a run."""
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """A problem that one got right and the other wrong, with both answers."""

    question: str
    gold: str | None
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second against the first on the problems that both have."""

    first: str
    second: str
    set: str
    calculators: tuple[bool | None, bool | None]
    pairs: Pairs
    unpaired: tuple[int, int]
    """Problems of the first and of the second that the other does not have."""
    difference: Interval
    p: float
    corrected: float
    """p after Holm's correction for the comparisons made together."""
    together: int
    verdict: Verdict
    problems_needed: int | None
    """To see the difference that was found four times of five; None where it is seen or is 0."""
    seeds_needed: int | None
    """The same with more seeds of each on these problems: at least so many."""
    won: tuple[Flip, ...]
    lost: tuple[Flip, ...]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, with what it rests on."""
        n, ends = self.pairs.n, self.difference
        shares = (
            f"{_share(self.pairs.both + self.pairs.second, n)} against "
            f"{_share(self.pairs.both + self.pairs.first, n)} on {n:,} problems"
        )
        likely = "p < 0.0001" if self.corrected < 1e-4 else f"p = {self.corrected:.2g}"
        several = f" corrected for {self.together} comparisons" if self.together > 1 else ""
        found = (
            f"{shares}, {_points(ends.value)} points (95 % interval {_points(ends.low)} to "
            f"{_points(ends.high)}, exact McNemar {likely}{several})"
        )
        if self.verdict != "cannot tell":
            return f"{self.second} is {self.verdict} than {self.first}: {found}"
        if self.problems_needed is None:
            return f"cannot tell {self.second} from {self.first}: {found}"
        return (
            f"cannot tell {self.second} from {self.first}: {found}; about {_about(self.problems_needed)} "
            f"problems or {self.seeds_needed:,} seeds of each would be needed to see so small a difference"
        )


def of_file(name: str, fields: Fields) -> Side:
    """The rows of a file, or of stdin for `-`."""
    shown = "stdin" if name == STDIN else name
    rows = outputs.outputs(outputs.lines_of(name), shown, fields, Skipped())
    side = _side(rows, shown, "", None, exact=True)
    if not side.outcomes:
        raise UsageError(
            f"there is nothing to compare in {shown}",
            hint="one JSON object a line with `question` or `id`, and `correct` or an `answer` to go by",
        )
    return side


def of_store(name: str, store: Store, sets: Sequence[str], calculator: bool | None) -> list[Side]:
    """The finished benches that a run, a model or a bench's id stands for, the newest first."""
    found = []
    for bench in outputs.benches(store, name, sets, calculator):
        run = store.run(bench.run) if bench.run else None
        shown = f"{run.title} {run.id}" if run else bench.model
        exact = bench.id.startswith(name) and not (run and name in (run.name, run.id[: len(name)]))
        rows = outputs.stored(store, bench)
        found.append(_side(rows, f"bench {bench.id}" if exact else shown, bench.set, bench.calculator, exact))
    return found


def matched(first: Sequence[Side], second: Sequence[Side]) -> list[tuple[Side, Side]]:
    """The sides that are to be compared: of each set both were scored on, with the calculator alike.

    Each list has the newest first, so the newest are taken. Sides that were named themselves may differ in
    the calculator. UsageError where nothing fits.
    """
    chosen: dict[str, tuple[Side, Side]] = {}
    differ = None
    for a in first:
        for b in second:
            if a.set and b.set and a.set != b.set:
                continue
            if _unlike(a, b) and not (a.exact and b.exact):
                differ = (a, b)
            elif (a.set or b.set) not in chosen and _paired(a, b):
                chosen[a.set or b.set] = (a, b)
    if chosen:
        return list(chosen.values())
    a, b = differ or (first[0], second[0])
    if differ:
        raise UsageError(
            f"{a.name} was scored {_calculator(a)} on {a.set or b.set}, {b.name} {_calculator(b)}",
            hint="bench one of them again, or compare two benches by their ids",
        )
    if a.set and b.set and not {side.set for side in first} & {side.set for side in second}:
        has = " and ".join(", ".join(side.set for side in some) for some in (first, second))
        raise UsageError(f"{a.name} and {b.name} were scored on different sets: {has}")
    raise UsageError(
        f"{a.name} and {b.name} have no problem in common",
        hint="rows are paired by `question` and `context`, or by an `id` that both have",
    )


def compare(couples: Sequence[tuple[Side, Side]]) -> list[Comparison]:
    """Test each couple, with all of them corrected together."""
    tables = [(_paired(a, b), a, b) for a, b in couples]
    ps = [stats.mcnemar(_pairs(paired)) for paired, _, _ in tables]
    corrected = stats.holm(ps)
    return [
        _comparison(a, b, paired, p, after, len(ps))
        for (paired, a, b), p, after in zip(tables, ps, corrected, strict=True)
    ]


def _comparison(
    a: Side, b: Side, paired: list[tuple[Outcome, Outcome]], p: float, corrected: float, together: int
) -> Comparison:
    pairs = _pairs(paired)
    found = pairs.difference
    verdict: Verdict = "cannot tell"
    if corrected < LEVEL:
        verdict = "better" if found > 0 else "worse"
    problems = seeds = None
    if verdict == "cannot tell" and found != 0:
        level = LEVEL / together
        problems = stats.problems_needed(found, pairs.discordance, alpha=level)
        seeds = max(2, stats.seeds_needed(found, pairs.n, pairs.discordance, alpha=level))
    return Comparison(
        first=a.name,
        second=b.name,
        set=a.set or b.set,
        calculators=(a.calculator, b.calculator),
        pairs=pairs,
        unpaired=(len(a.outcomes) - pairs.n, len(b.outcomes) - pairs.n),
        difference=stats.difference(pairs),
        p=p,
        corrected=corrected,
        together=together,
        verdict=verdict,
        problems_needed=problems,
        seeds_needed=seeds,
        won=tuple(_flip(x, y) for x, y in paired if y.correct and not x.correct),
        lost=tuple(_flip(x, y) for x, y in paired if x.correct and not y.correct),
    )


def _side(
    rows: Iterable[Output | Noted], name: str, set_name: str, calculator: bool | None, exact: bool
) -> Side:
    """Each problem once, the first time it comes; what was left out is noted."""
    seen: dict[str, Outcome] = {}
    said: set[bool | None] = set()
    notes, unjudged, repeated, nameless = [], 0, 0, 0
    for row in rows:
        if isinstance(row, Noted):
            notes.append(row.text)
            continue
        prediction = outputs.judged(row, steps=False)
        correct = prediction.correct if row.correct is None else row.correct
        said.add(row.calculator)
        key = row.problem.id if row.asked else None
        if correct is None:
            unjudged += 1
        elif key is None and row.id is None:
            nameless += 1
        elif (key or f"id {row.id}") in seen:
            repeated += 1
        else:
            seen[key or f"id {row.id}"] = Outcome(
                key, row.id, row.problem.question, row.problem.gold, prediction.answer, correct
            )
    for count, why in (
        (unjudged, "without a right answer to go by"),
        (nameless, "with neither question nor id"),
        (repeated, "that repeat a problem"),
    ):
        if count:
            notes.append(f"left out: {count:,} rows of {name} {why}")
    if calculator is None and len(said) == 1:
        (calculator,) = said
    return Side(name, set_name, calculator, exact, tuple(seen.values()), tuple(notes))


def _paired(a: Side, b: Side) -> list[tuple[Outcome, Outcome]]:
    """By the problem's id where both have a question, else by what the rows call themselves."""
    by_key: dict[str | None, Outcome] = {y.key: y for y in b.outcomes if y.key is not None}
    by_id: dict[str | None, Outcome] = {y.id: y for y in b.outcomes if y.id is not None}
    unasked: dict[str | None, Outcome] = {y.id: y for y in b.outcomes if y.key is None}
    found: dict[Outcome, Outcome] = {}
    for x in a.outcomes:
        if x.key is None:
            y = by_id.get(x.id) or by_key.get(x.id)
        else:
            y = by_key.get(x.key) or unasked.get(x.id) or unasked.get(x.key)
        if y is not None:
            found.setdefault(y, x)
    return [(x, y) for y, x in found.items()]


def _pairs(paired: Sequence[tuple[Outcome, Outcome]]) -> Pairs:
    counted = [(x.correct, y.correct) for x, y in paired]
    return Pairs(
        *(counted.count(case) for case in ((True, True), (True, False), (False, True), (False, False)))
    )


def _flip(x: Outcome, y: Outcome) -> Flip:
    asked = x if x.key is not None else y
    return Flip(asked.question, x.gold if x.gold is not None else y.gold, x.answer, y.answer)


def _unlike(a: Side, b: Side) -> bool:
    return None not in (a.calculator, b.calculator) and a.calculator != b.calculator


def _calculator(side: Side) -> str:
    return "with the calculator" if side.calculator else "without the calculator"


def _share(count: int, n: int) -> str:
    return f"{100 * count / n:.1f} %"


def _about(n: int) -> str:
    """Rounded up to two digits."""
    unit = 10 ** max(0, len(str(n)) - 2)
    return f"{-(-n // unit) * unit:,}"


def _points(difference: float) -> str:
    """`+2.1`: a difference in percentage points."""
    return f"{100 * difference:+.1f}"
