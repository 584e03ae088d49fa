"""How far the same student differs from itself where only the batch and the precision are other ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from socli.problem import Scorecard
from socli.records import BenchRow, PredictionRow


@dataclass(frozen=True, slots=True)
class Differing:
    """A problem that was not answered alike every time."""

    position: int
    problem_id: str
    answers: tuple[str | None, ...]
    correct: tuple[bool | None, ...]


@dataclass(frozen=True, slots=True)
class Noise:
    """Several benches of one student on one set: how alike they are."""

    settings: tuple[tuple[int, str], ...]
    """Batch and precision of each."""
    cards: tuple[Scorecard, ...]
    n: int
    """Problems."""
    texts: int
    """Of these, how many were not written alike every time."""
    answers: int
    verdicts: int
    """How many were right at one time and wrong at another."""
    spread: float
    """The highest accuracy less the lowest."""
    differing: tuple[Differing, ...]


def noise(benches: Sequence[tuple[BenchRow, Sequence[PredictionRow]]]) -> Noise:
    """What differs between benches of the same problems, each with its predictions in input order."""
    cards = tuple(bench.scorecard for bench, _ in benches if bench.scorecard)
    columns = list(zip(*(rows for _, rows in benches), strict=True))
    differing = tuple(
        Differing(
            column[0].position,
            column[0].problem_id,
            tuple(row.answer for row in column),
            tuple(row.correct for row in column),
        )
        for column in columns
        if len({row.answer for row in column}) > 1
    )
    shares = [card.accuracy for card in cards]
    return Noise(
        settings=tuple((bench.settings["batch"], bench.settings["precision"]) for bench, _ in benches),
        cards=cards,
        n=len(columns),
        texts=sum(len({row.text for row in column}) > 1 for column in columns),
        answers=len(differing),
        verdicts=sum(len(set(one.correct)) > 1 for one in differing),
        spread=max(shares) - min(shares),
        differing=differing,
    )
