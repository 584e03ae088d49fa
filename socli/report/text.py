"""A report as tables: Markdown for a paper's appendix, and rows for a terminal."""

import re
from collections.abc import Iterator, Sequence

from socli import check
from socli.problem import ByLength
from socli.report import Report, Result, Section
from socli.scoring.compare import Comparison
from socli.scoring.stats import Interval
from socli.screen.progress import sparkline
from socli.screen.render import line, percent

SCORES = (
    "arm", "accuracy", "95 % interval", "problems", "seeds", "between seeds", "unreadable", "truncated",
    "looped", "right on wrong steps", "tokens each", "seconds each",
)  # fmt: skip
ARMS = "arm", "scheme", "base", "learnt from", "teacher", "seeds", "minutes of training", "teacher, $", "runs"
FEW = 3
"""Seeds whose accuracies are told one by one."""
Table = tuple[tuple[str, ...], Sequence[tuple[str, ...]]]
_SIGNS = re.compile(r"([\\`*_{}\[\]<>|#~$&])")


def title(section: Section) -> str:
    """What a section is about."""
    return f"{section.set}, calculator {'on' if section.calculator else 'off'}"


def scores(report: Report, section: Section, width: int = 0) -> Table:
    """A line for each arm; with a picture of the interval of so many characters, if any."""
    top = max(result.accuracy.high for result in section.results)
    head = SCORES
    rows = [score(report, result) for result in section.results]
    if not width:
        return without_empty(head, rows)
    drawn = [interval(result, top, width) for result in section.results]
    pictured = [(row[0], picture, *row[1:]) for row, picture in zip(rows, drawn, strict=True)]
    return without_empty(("arm", f"0 to {percent(top)}", *head[1:]), pictured)


def score(report: Report, result: Result) -> tuple[str, ...]:
    """The cells of `SCORES`; a share that not all seeds have, as that of wrong steps, is of those that do."""
    cards = result.cards
    n = max(1, sum(card.n for card in cards))
    shares = [
        [share for card in cards if (share := getattr(card, what)) is not None]
        for what in ("unreadable", "truncated", "looped", "unsound")
    ]
    return (
        report.arms[result.arm].name,
        percent(result.accuracy.value),
        ends_of(result.accuracy),
        f"{cards[0].n:,}",
        str(len(cards)),
        between(result.seed_sd, [card.accuracy for card in cards]),
        *(percent(sum(some) / len(some)) if some else "" for some in shares),
        f"{sum(card.tokens for card in cards) / n:,.0f}",
        f"{sum(card.seconds for card in cards) / n:.2g}",
    )


def interval(result: Result, top: float, width: int) -> str:
    """`..[--o--].....`: the dot and the ends on a line from 0 to `top`."""
    ends = result.accuracy
    low, value, high = (round(share / top * (width - 1)) for share in (ends.low, ends.value, ends.high))
    drawn = ["." if not low <= at <= high else "-" for at in range(width)]
    drawn[low], drawn[high] = "[", "]"
    drawn[value] = "o"
    return "".join(drawn)


def ends_of(interval: Interval | ByLength) -> str:
    """`1.7 to 4.6 %`."""
    return f"{100 * interval.low:.1f} to {percent(interval.high)}"


def between(seed_sd: float | None, shares: Sequence[float]) -> str:
    """How far seeds lie apart: the accuracy of each of a few, the standard deviation of more.

    Of two or three that deviation is mostly chance, and often 0. Empty for one seed.
    """
    if seed_sd is None or len(shares) < 2:
        return ""
    if len(shares) <= FEW:
        return ", ".join(f"{100 * share:.1f}" for share in shares) + " %"
    return f"± {100 * seed_sd:.1f} points"


def by_steps(report: Report, section: Section) -> Table:
    """Accuracy by number of reference steps: a line for each number, a column for each arm."""
    found = [{one.steps: one for one in result.cards[0].by_steps} for result in section.results]
    head = ("steps", *(report.arms[result.arm].name for result in section.results))
    rows = []
    for steps in sorted({steps for one in found for steps in one}):
        cells = [
            f"{percent(one[steps].correct / one[steps].n)} of {one[steps].n:,} ({ends_of(one[steps])})"
            if steps in one
            else ""
            for one in found
        ]
        rows.append((str(steps), *cells))
    return head, rows


def arms(report: Report) -> Table:
    """What each arm was made of."""
    return without_empty(ARMS, [(arm.name, *arm.told()) for arm in report.arms])


def curves(report: Report, ramp: str, width: int = 40) -> list[str]:
    """A line for each role of each run: its losses, the first and the last."""
    return [
        f"{report.arms[one.arm].name} {one.run}, {one.role}: {one.points[0][1]:.3f} "
        f"{sparkline([loss for _, loss in one.points], width, ramp)} {one.points[-1][1]:.3f}"
        for one in report.curves
        if one.points
    ]


def funnels(report: Report) -> Iterator[tuple[str, Table]]:
    """What became of the traces that were learnt from."""
    for name, told in report.funnels.items():
        rows = [
            (stage, f"{count:,}", percent(count / told.asked)) for stage, count in check.stages(told).items()
        ]
        yield name, (("stage", "traces", "of asked"), rows)


def markdown(report: Report, made: str, examples: int = 10) -> str:
    """The report as Markdown; what files and models wrote is escaped."""
    parts = ["# What the students learnt", *(f"> {escaped(note)}" for note in report.notes)]
    parts += ["## Arms", pipes(*arms(report))]
    for section in report.sections:
        parts += [f"## {escaped(title(section))}", pipes(*scores(report, section))]
        parts += [escaped(one.sentence) + "." for one in section.comparisons]
        lengths = by_steps(report, section)
        if lengths[1]:
            parts += ["### By number of steps", pipes(*lengths)]
        for one in section.comparisons:
            parts += _flips(one, examples)
    told = list(funnels(report))
    if told:
        parts.append("## What was learnt from")
        for name, table in told:
            parts += [f"### {escaped(name)}", pipes(*table)]
    return "\n\n".join([*parts, f"Intervals are 95 %. {escaped(made)}"]) + "\n"


def _flips(one: Comparison, examples: int) -> list[str]:
    parts = []
    for name, flips in ((one.second, one.won), (one.first, one.lost)):
        if flips and examples:
            rows = [
                (flip.question, flip.gold or "", flip.first or "nothing", flip.second or "nothing")
                for flip in flips[:examples]
            ]
            parts += [
                f"### Only {escaped(name)} is right: {len(flips):,}",
                pipes(("question", "right", one.first, one.second), rows),
            ]
    return parts


def pipes(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown; what stands in a cell is text."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(escaped(cell) for cell in row)} |" for row in lines)


def escaped(text: str) -> str:
    """One line in which nothing is Markdown or HTML; a rule of dashes is left for the tables."""
    return text if text == "---" else _SIGNS.sub(r"\\\1", line(text))


def without_empty(head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    """The table without columns in which no row has anything."""
    kept = [n for n in range(len(head)) if any(row[n] for row in rows)]
    return tuple(head[n] for n in kept), [tuple(row[n] for n in kept) for row in rows]
