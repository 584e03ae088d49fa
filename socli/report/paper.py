"""The paper's table with ours beside it: accuracies, gains, paired tests and sub-questions."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any

from socli.report.results import MISSING, RIGHT, Entry, Items, Results
from socli.report.text import Table, escaped, pipes, without_empty
from socli.scheme import Scheme, described
from socli.scoring import stats
from socli.scoring.compare import LEVEL
from socli.screen.render import percent

UNMEASURED = "not measured yet"
COLUMNS = {
    "answer": "answer only",
    "reference": "reference steps",
    "teacher": "teacher CoT",
    "socratic": "Socratic",
    "socratic-reference": "Socratic and reference",
}


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


@dataclass(frozen=True, slots=True)
class Contest:
    """One arm against another."""

    first: str
    second: str
    paired: stats.Paired
    corrected: float
    """p of the exact test, after Holm's correction for all of the section."""

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `cannot tell`, of the second: by the test, and the same with each seed."""
        if self.corrected >= LEVEL or not self.paired.steady:
            return "cannot tell"
        return "better" if self.paired.difference.value > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Section:
    """One set with one setting of the calculator."""

    results: Results
    items: Items
    calculator: bool
    rows: tuple[Row, ...]
    contests: tuple[Contest, ...]

    @property
    def title(self) -> str:
        """What was measured."""
        one = self.results
        return (
            f"{one.recipe}, size {one.size}, {one.base}{f' ({one.variant})' * bool(one.variant)}: "
            f"{self.items.set}, calculator {'on' if self.calculator else 'off'}"
        )


def sections(results: Results) -> list[Section]:
    """What the results say, a section for each set and setting of the calculator."""
    return [
        _section(results, items, calculator)
        for items in results.items
        for calculator in (True, False)
        if any(one.set == items.set and one.calculator == calculator for one in results.entries)
    ]


def _section(results: Results, items: Items, calculator: bool) -> Section:
    arms: dict[str, list[Entry]] = {arm: [] for arm in results.wanted}
    for one in results.entries:
        if (one.set, one.calculator) == (items.set, calculator):
            arms.setdefault(one.arm, []).append(one)
    some = {arm: sorted(found, key=lambda one: one.seed or 0) for arm, found in arms.items() if found}
    rows = []
    for arm, found in some.items():
        signs = enumerate(zip(*(one.verdicts for one in found), strict=True))
        places = tuple(n for n, some_signs in signs if MISSING not in some_signs)
        if places:
            rows.append(Row(arm, tuple(found), places))
    return Section(results, items, calculator, tuple(rows), tuple(_contests(rows)))


def against(first: Entry, second: Entry) -> bool:
    """Whether the second is to be compared with the first, as the first with one thing more or one less.

    Answer only is compared with all; a chain of thought with all that ask; one student that asks itself with
    two that take turns, and these with a plan or a guide; reference steps with a teacher's; facts with none;
    students that were not trained here with all that ask; a pair with itself where a part is gold; and an arm
    with those in the same scheme that have one lever less, and with the one that has none.
    """
    one, other = first.scheme, second.scheme
    if first.swapped or second.swapped:
        return second.swapped and not first.swapped and first.run == second.run
    if one is None or other is None:
        return one is None and other is not None and other.asks
    if _plain(one) == _plain(other):
        less, more = _levers(first, one), _levers(second, other)
        if less == more:
            return first.teacher == "reference" != second.teacher
        return less < more and (not less or len(more - less) == 1)
    same = one.also == other.also and (one.work == other.work or not (one.works and other.works))
    return first.levers == second.levers and same and _asks_more(one, other)


def _asks_more(one: Scheme, other: Scheme) -> bool:
    """Whether the second is the first without facts, or with steps, sub-questions or one part more."""
    if one.facts != other.facts:
        return one == replace(other, facts=True)
    if one.name != other.name:
        return one.name == "answer" or (one.name == "cot" and other.asks)
    return one.asks and _parts(one) < _parts(other) and len(_parts(other) - _parts(one)) == 1


def _plain(form: Scheme) -> Scheme:
    """The scheme without what is a lever."""
    return replace(form, work="words", also=())


def _levers(entry: Entry, form: Scheme) -> set[tuple[str, str]]:
    """What an arm has beside its scheme: steps of equations alone, lessons of other schemes, other settings,
    another student.
    """
    mixed = [("also", ", ".join(form.also))] * bool(form.also)
    return {*entry.levers.items(), *[("work", form.work)] * form.bare, *mixed}


def _parts(form: Scheme) -> set[str]:
    """What a Socratic scheme has beside one student that asks itself."""
    has = {"split": form.split, "planned": form.planned, "guided": form.guided}
    return {part for part, there in has.items() if there}


def _contests(rows: Sequence[Row]) -> Iterator[Contest]:
    couples = [
        (one, other, stats.paired(*_alike(one, other)))
        for one in rows
        for other in rows
        if one is not other and against(one.entries[0], other.entries[0]) and _common(one, other)
    ]
    corrected = stats.holm([stats.mcnemar(paired.pairs) for _, _, paired in couples])
    for (one, other, paired), p in zip(couples, corrected, strict=True):
        yield Contest(one.arm, other.arm, paired, p)


def _common(one: Row, other: Row) -> list[int]:
    """The places of problems that both were scored on."""
    return sorted(set(one.places) & set(other.places))


def _alike(one: Row, other: Row) -> tuple[list[list[bool]], list[list[bool]]]:
    """The outcomes of the seeds and problems both have; of a student without seeds, its own for each."""
    places = _common(one, other)
    mine = {entry.seed: row for entry, row in zip(one.entries, one.outcomes(places), strict=True)}
    theirs = {entry.seed: row for entry, row in zip(other.entries, other.outcomes(places), strict=True)}
    if None in mine:
        return [mine[None]] * len(theirs), list(theirs.values())
    seeds = [seed for seed in mine if seed in theirs]
    if not seeds:  # other seeds of each: as they come
        fewer = min(len(mine), len(theirs))
        return list(mine.values())[:fewer], list(theirs.values())[:fewer]
    return [mine[seed] for seed in seeds], [theirs[seed] for seed in seeds]


# as tables


def scores(section: Section) -> Table:
    """A line for each arm: ours, how much it gains, its sub-questions, and the paper's figure."""
    paper = figures(section)
    named = f"paper, {paper['name']}" if paper else "paper"
    head = (
        "arm", "scheme", "right", "95 % interval", "problems", "seeds", "between seeds", "over answer",
        "over cot", "BLEU", "#Q", named, "by the paired test",
    )  # fmt: skip
    there = {row.arm: _score(section, row, paper) for row in section.rows}
    empty = [""] * (len(head) - 3)
    order = dict.fromkeys([*section.results.wanted, *there])
    return without_empty(head, [there.get(arm, (arm, "", UNMEASURED, *empty)) for arm in order])


def _score(section: Section, row: Row, paper: dict[str, Any] | None) -> tuple[str, ...]:
    form, found = row.entries[0].scheme, stats.spread(row.outcomes(row.places))
    ends = found.accuracy
    bleu = [one.bleu for one in row.entries if one.bleu is not None]
    alike = [one.same_count for one in row.entries if one.same_count is not None]
    several = len({one.entries[0].teacher for one in section.rows} - {""}) > 1
    return (
        row.arm,
        described(form)
        + "".join(f", {key} {value}" for key, value in row.entries[0].levers.items())
        + f", traces by {row.entries[0].teacher}" * several
        if form
        else "",
        percent(ends.value),
        f"{100 * ends.low:.1f} to {percent(ends.high)}",
        f"{len(row.places):,}",
        str(len(row.entries)),
        "" if found.seed_sd is None else f"± {100 * found.seed_sd:.1f} points",
        _gain(section, row, "answer"),
        _gain(section, row, "cot"),
        f"{fmean(bleu):.1f}" if bleu else "",
        percent(fmean(alike)) if alike else "",
        _figure(paper if row.entries[0].base == section.results.base else None, row.entries[0]),
        _beats(section, row),
    )


def _gain(section: Section, row: Row, name: str) -> str:
    """The relative gain over the arm of another scheme, as `+12 %`; of the same facts and kind of steps."""
    form = row.entries[0].scheme
    for other in section.rows:
        base = other.entries[0].scheme
        if not form or not base or (base.name, base.facts) != (name, form.facts) or other is row:
            continue
        if other.entries[0].levers or base.also:
            continue
        if base.works and other.entries[0].teacher != row.entries[0].teacher:
            continue
        if base.bare == form.bare or not base.works:
            places = _common(row, other)
            ours, theirs = (sum(map(sum, one.outcomes(places))) / len(one.entries) for one in (row, other))
            return f"{100 * (ours / theirs - 1):+.0f} %" if theirs else ""
    return ""


def _beats(section: Section, row: Row) -> str:
    """Whom it beats and who beats it: `better than answer, cot`."""
    won = [one.first for one in section.contests if one.second == row.arm and one.verdict == "better"]
    lost = [one.first for one in section.contests if one.second == row.arm and one.verdict == "worse"]
    said = [f"{word} than {', '.join(some)}" for word, some in (("better", won), ("worse", lost)) if some]
    tested = any(one.second == row.arm for one in section.contests)
    return "; ".join(said) or ("cannot tell" if tested else "")


def contests(section: Section) -> Table:
    """A line for each pair of arms that was compared."""
    head = "arm", "against", "points", "95 % interval", "p, corrected", "verdict"
    rows = []
    for one in section.contests:
        ends = one.paired.difference
        rows.append(
            (
                one.second,
                one.first,
                f"{100 * ends.value:+.1f}",
                f"{100 * ends.low:+.1f} to {100 * ends.high:+.1f}",
                "< 0.0001" if one.corrected < 1e-4 else f"{one.corrected:.2g}",
                one.verdict,
            )
        )
    return head, rows


def by_steps(section: Section) -> Table:
    """Accuracy by number of reference steps, over all seeds: where asking helps and where it does not."""
    steps = section.items.steps
    widest = max((row.places for row in section.rows), key=len, default=())
    head = ("steps", "problems", *(row.arm for row in section.rows))
    rows = []
    for count in sorted({steps[n] for n in widest} - {0}):
        cells = []
        for row in section.rows:
            right = row.outcomes([n for n in row.places if steps[n] == count])
            cells.append(percent(fmean(map(fmean, right))) if right[0] else "")
        rows.append((str(count), f"{sum(steps[n] == count for n in widest):,}", *cells))
    return head, rows


def notes(section: Section) -> list[str]:
    """What is to be said beside the table."""
    told = []
    if section.items.majority is not None:
        told.append(f"Always the more frequent answer: {percent(section.items.majority)} right.")
    if len({row.places for row in section.rows}) > 1:
        told.append("Not all were scored on the same problems: two are compared on those that both have.")
    signatures = {one.bleu_signature for row in section.rows for one in row.entries if one.bleu_signature}
    if signatures:
        told.append(f"BLEU: {', '.join(sorted(signatures))}.")
    paper = figures(section)
    if paper:
        cells = [f"{name} {_cell(paper, key)}" for key, name in COLUMNS.items() if key in paper]
        told.append(f"The paper's {paper['name']} ({_read()['source']}), in %: {'; '.join(cells)}.")
    return told


@dataclass(frozen=True, slots=True)
class Told:
    """A section as it is shown, wherever it is shown."""

    title: str
    tables: Mapping[str, Table]
    """By heading; those that have a row."""
    notes: tuple[str, ...]


def told(results: Results) -> list[Told]:
    """All sections of the results."""
    shown = []
    for one in sections(results):
        tables = {
            "Accuracy": scores(one),
            "Paired tests": contests(one),
            "By number of steps": by_steps(one),
        }
        kept = {heading: table for heading, table in tables.items() if table[1]}
        shown.append(Told(one.title, kept, tuple(notes(one))))
    return shown


def markdown(results: Results, level: int = 2) -> str:
    """All sections of the results, under headings of a level."""
    marks, parts = "#" * level, []
    for one in told(results):
        parts.append(f"{marks} {escaped(one.title)}")
        for heading, table in one.tables.items():
            parts += [f"{marks}# {heading}", pipes(*table)]
        parts += map(escaped, one.notes)
    return "\n\n".join(parts) + "\n"


# the paper


def figures(section: Section) -> dict[str, Any] | None:
    """The paper's figures for the student of about this size on this set; None where it has none."""
    name, base = section.items.set.partition(":")[0], section.results.base
    found = (one for one in _read()["student"] if one["set"] == name and base in one["bases"])
    return next(found, None)


def _figure(paper: dict[str, Any] | None, entry: Entry) -> str:
    """The paper's figure for what the entry learnt."""
    if paper is None or entry.scheme is None:
        return ""
    known = entry.teacher == "reference"
    key = {
        "answer": "answer",
        "cot": "reference" if known else "teacher",
        "socratic": "socratic-reference" if known else "socratic",
    }[entry.scheme.name]
    return _cell(paper, key) if key in paper and not entry.scheme.bare else "–"


def _cell(paper: dict[str, Any], key: str) -> str:
    return f"{paper[key]:.2f}" + " (unconfirmed)" * (key not in paper.get("confirmed", ()))


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads((files("socli.report") / "paper.toml").read_text("utf-8"))
