"""What a report says of runs and benches: values, gathered from the store, shown as a page or as text."""

from collections.abc import Mapping
from dataclasses import dataclass

from socli.check import Funnel
from socli.problem import Prediction, Problem, Scorecard
from socli.scoring.compare import Comparison
from socli.scoring.stats import Interval


@dataclass(frozen=True, slots=True)
class Arm:
    """One line of a comparison: a recipe with all else alike but the seed, or one student as it came."""

    name: str
    runs: tuple[str, ...]
    """Ids, one a seed; none for an untrained student."""
    seeds: tuple[int, ...] = ()
    base: str = ""
    scheme: str = ""
    learnt: str = ""
    """The set it learnt from."""
    teacher: str = ""
    minutes: float | None = None
    """Training took, a run; None where nothing was noted."""
    dollars: float | None = None
    """What the teacher's traces cost; None where the price is not known."""

    def told(self) -> tuple[str, ...]:
        """All but the name as text, in the order of the table of arms; empty where nothing is known."""
        return (
            self.scheme,
            self.base,
            self.learnt,
            self.teacher,
            ", ".join(map(str, self.seeds)),
            "" if self.minutes is None else f"{self.minutes:,.1f}",
            "" if self.dollars is None else f"{self.dollars:,.2f}",
            ", ".join(self.runs),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """An arm on one set, all seeds together."""

    arm: int
    """Its index in the report's arms."""
    cards: tuple[Scorecard, ...]
    accuracy: Interval
    """Over seeds and problems; of one seed it is Wilson's."""
    seed_sd: float | None
    """Between seeds beyond chance on the problems; None for one seed."""
    answered: Mapping[str, Prediction]
    """By problem, those of the first seed."""


@dataclass(frozen=True, slots=True)
class Section:
    """What was measured on one set with one setting of the calculator."""

    set: str
    calculator: bool
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    """Each arm against the first, by their first seeds."""
    problems: Mapping[str, Problem]
    """By id, in the set's order."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The losses of one role of a run: (step, loss), thinned out."""

    arm: int
    run: str
    role: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    arms: tuple[Arm, ...]
    sections: tuple[Section, ...]
    curves: tuple[Curve, ...]
    funnels: Mapping[str, Funnel]
    """By what was learnt from and who taught."""
    notes: tuple[str, ...]
    """What is missing: benches that are partial, comparisons that cannot be made."""
