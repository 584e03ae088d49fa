"""One arm against another: which of their seeds meet, the test, and its correction by family."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from socli.report.results import RIGHT, Entry
from socli.report.text import Table
from socli.scoring import stats
from socli.scoring.compare import LEVEL


@dataclass(frozen=True, slots=True)
class Row:
    """An arm with all its seeds on one set with one setting of the calculator."""

    arm: str
    entries: tuple[Entry, ...]
    places: tuple[int, ...]
    """The problems, by their place in the set, that all its seeds were scored on."""

    def outcomes(self, places: Sequence[int]) -> list[list[bool]]:
        """By seed, whether the problems at these places came out right."""
        return [[one.verdicts[n] == RIGHT for n in places] for one in self.entries]

    def right(self) -> float:
        """How many problems come out right, the mean over its seeds."""
        return sum(map(sum, self.outcomes(self.places))) / len(self.entries)


@dataclass(frozen=True, slots=True)
class Contest:
    """One arm against another."""

    first: str
    second: str
    seeds: str
    """`1, 2` of both, or those of the second `against` those of the first."""
    family: str
    """The tests that p is corrected for."""
    paired: stats.Paired
    corrected: float
    """p after Holm's correction for its family."""

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `cannot tell`, of the second."""
        if self.corrected >= LEVEL:
            return "cannot tell"
        return "better" if self.paired.difference.value > 0 else "worse"


def common(one: Row, other: Row) -> list[int]:
    """The places of problems that both were scored on."""
    return sorted(set(one.places) & set(other.places))


def tested(couples: Sequence[tuple[Row, Row]], arms: Container[str]) -> list[Contest]:
    """Each couple with a problem in common, tested; p is corrected within its family.

    A family is the arms among themselves, the parts that are gold, or what stands beside the arms: what is
    named on the command line, or was swapped, changes nothing of what is said of the arms.
    """
    met = [(one, other, *_met(one, other)) for one, other in couples if common(one, other)]
    families = [_family(one, other, arms) for one, other, *_ in met]
    corrected: dict[int, float] = {}
    for family in set(families):
        places = [n for n, its in enumerate(families) if its == family]
        corrected |= zip(places, stats.holm([met[n][3].p for n in places]), strict=True)
    return [
        Contest(one.arm, other.arm, seeds, families[n], paired, corrected[n])
        for n, (one, other, seeds, paired) in enumerate(met)
    ]


def _family(one: Row, other: Row, arms: Container[str]) -> str:
    if other.entries[0].swapped:
        return "gold parts"
    return "arms" if one.arm in arms and other.arm in arms else "students beside the arms"


def _met(one: Row, other: Row) -> tuple[str, stats.Paired]:
    """The seeds that are compared, those both have where there are such, and what came of it."""
    places = common(one, other)
    mine, theirs = (
        {entry.seed: right for entry, right in zip(row.entries, row.outcomes(places), strict=True)}
        for row in (one, other)
    )
    if shared := [seed for seed in mine if seed in theirs]:
        mine, theirs = ({seed: some[seed] for seed in shared} for some in (mine, theirs))
    seeds, others = (
        ", ".join("none" if seed is None else str(seed) for seed in some) for some in (theirs, mine)
    )
    said = seeds if seeds == others else f"{seeds} against {others}"
    return said, stats.paired(list(mine.values()), list(theirs.values()))


def table(contests: Sequence[Contest]) -> Table:
    """A line for each pair of arms that was compared."""
    head = "arm", "against", "seeds", "points", "95 %, uncorrected", "p", "p, corrected", "verdict"
    rows = []
    for one in contests:
        ends = one.paired.difference
        rows.append(
            (
                one.second,
                one.first,
                one.seeds,
                f"{100 * ends.value:+.1f}",
                f"{100 * ends.low:+.1f} to {100 * ends.high:+.1f}",
                _likely(one.paired.p),
                _likely(one.corrected),
                one.verdict,
            )
        )
    return head, rows


def _likely(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def notes(rows: Sequence[Row], contests: Sequence[Contest]) -> Iterator[str]:
    """What is to be said beside the tests."""
    families = Counter(one.family for one in contests)
    if len(families) > 1:
        told = ", ".join(f"{count} of {family}" for family, count in families.items())
        yield f"p is corrected for each kind of test by itself: {told}."
    several = {one.arm for one in rows if len(one.entries) > 1}
    single = {one.arm for one in rows if len(one.entries) == 1}
    if several and any({one.first, one.second} & single for one in contests):
        yield "Where an arm has one seed, or none, its tests speak of that student alone."
