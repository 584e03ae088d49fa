"""The paper's table with ours beside it: accuracies, gains, paired tests and sub-questions."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any

from socli.report import contest
from socli.report.contest import Contest, Row, common, tested
from socli.report.results import MISSING, Entry, Items, Results
from socli.report.text import Table, between, ends_of, escaped, pipes, without_empty
from socli.scheme import Scheme, described
from socli.scoring import stats
from socli.screen.render import percent

UNMEASURED = "not measured yet"
COLUMNS = {
    "answer": "answer only",
    "reference": "reference steps",
    "teacher": "teacher CoT",
    "socratic": "Socratic",
    "socratic-reference": "Socratic and reference",
}
ENOUGH = 30
"""Right answers of an arm, and problems of a line of a table by steps; a share of fewer says little."""


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
            f"{self.items.set}, {_setting(self.calculator)}"
        )


def sections(results: Results) -> list[Section]:
    """What the results say, a section for each set and setting of the calculator."""
    return [
        _section(results, items, calculator)
        for items in results.items
        for calculator in (True, False)
        if any(
            one.set == items.set and one.calculator == calculator and one.scheme for one in results.entries
        )
    ]


def _section(results: Results, items: Items, calculator: bool) -> Section:
    arms: dict[str, list[Entry]] = {arm: [] for arm in results.wanted}
    for one in results.entries:
        if one.set != items.set:
            continue
        if one.calculator == calculator:
            arms.setdefault(one.arm, []).append(one)
        elif _only(one, results):
            arms.setdefault(f"{one.arm} ({_setting(one.calculator)})", []).append(one)
    some = {arm: sorted(found, key=lambda one: one.seed or 0) for arm, found in arms.items() if found}
    rows = []
    for arm, found in some.items():
        signs = enumerate(zip(*(one.verdicts for one in found), strict=True))
        places = tuple(n for n, some_signs in signs if MISSING not in some_signs)
        if places:
            rows.append(Row(arm, tuple(found), places))
    couples = [
        (one, other)
        for one in rows
        for other in rows
        if one is not other and against(one.entries[0], other.entries[0])
    ]
    return Section(results, items, calculator, tuple(rows), tuple(tested(couples, results.wanted)))


def _only(entry: Entry, results: Results) -> bool:
    """Whether it was not trained here and was scored with this setting of the calculator alone, as a chat
    model is, which has none: it stands in the other table too.
    """
    twins = (entry.arm, entry.set, not entry.calculator)
    return entry.scheme is None and twins not in {(e.arm, e.set, e.calculator) for e in results.entries}


def _setting(calculator: bool) -> str:
    return f"calculator {'on' if calculator else 'off'}"


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


# as tables


def scores(section: Section) -> Table:
    """A line for each arm: ours, its gains, its sub-questions and, in size full, the paper's figure."""
    paper = figures(section) if section.results.size == "full" else None
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
    form, outcomes = row.entries[0].scheme, row.outcomes(row.places)
    found, wanted = stats.spread(outcomes), len(section.results.wanted.get(row.arm, ()))
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
        percent(found.accuracy.value),
        ends_of(found.accuracy),
        f"{len(row.places):,}",
        str(len(row.entries)) + f" of {wanted}" * (len(row.entries) < wanted),
        between(found.seed_sd, [fmean(one) for one in outcomes]),
        _gain(section, row, "answer"),
        _gain(section, row, "cot"),
        f"{fmean(bleu):.1f}" if bleu else "",
        percent(fmean(alike)) if alike else "",
        _figure(paper if row.entries[0].base == section.results.base else None, row.entries[0]),
        _beats(section, row),
    )


def _gain(section: Section, row: Row, name: str) -> str:
    """The relative gain over the arm of another scheme, as `+12 %`; of the same facts and kind of steps.

    Empty unless the test tells the two apart and each has `ENOUGH` right: a ratio of few is chance.
    """
    form = row.entries[0].scheme
    apart = {one.first for one in section.contests if one.second == row.arm and one.verdict != "cannot tell"}
    for other in section.rows:
        base = other.entries[0].scheme
        if not form or not base or (base.name, base.facts) != (name, form.facts) or other is row:
            continue
        if other.entries[0].levers or base.also:
            continue
        if base.works and other.entries[0].teacher != row.entries[0].teacher:
            continue
        if base.bare == form.bare or not base.works:
            if other.arm not in apart or min(row.right(), other.right()) < ENOUGH:
                return ""
            places = common(row, other)
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


def by_steps(section: Section) -> Table:
    """Accuracy by number of reference steps, over all seeds: where asking helps and where it does not.

    The longest problems share a line, so that it stands for `ENOUGH` of them.
    """
    steps = section.items.steps
    widest = max((row.places for row in section.rows), key=len, default=())
    counts = Counter(steps[n] for n in widest if steps[n])
    last = max(counts, default=0)
    while sum(n for count, n in counts.items() if count >= last) < ENOUGH and last > min(counts, default=0):
        last = max(count for count in counts if count < last)
    head = ("steps", "problems", *(row.arm for row in section.rows))
    rows = []
    for count in sorted({min(count, last) for count in counts}):
        cells = []
        for row in section.rows:
            right = row.outcomes([n for n in row.places if steps[n] and min(steps[n], last) == count])
            found = stats.spread(right).accuracy if right[0] else None
            cells.append(f"{percent(found.value)} ({ends_of(found)})" if found else "")
        longer = count == last < max(counts)
        named = f"{count} or more" if longer else str(count)
        rows.append((named, f"{sum(n for its, n in counts.items() if min(its, last) == count):,}", *cells))
    return head, rows


def notes(section: Section) -> list[str]:
    """What is to be said beside the table."""
    told = []
    if section.items.majority is not None:
        told.append(f"Always the more frequent answer: {percent(section.items.majority)} right.")
    if len({row.places for row in section.rows}) > 1:
        told.append("Not all were scored on the same problems: two are compared on those that both have.")
    told += contest.notes(section.rows, section.contests)
    signatures = {one.bleu_signature for row in section.rows for one in row.entries if one.bleu_signature}
    if signatures:
        told.append(f"BLEU: {', '.join(sorted(signatures))}.")
    paper = figures(section)
    if paper:
        cells = [f"{name} {_cell(paper, key)}" for key, name in COLUMNS.items() if key in paper]
        less = f"; students of size {section.results.size} are trained for less than the paper's"
        told.append(
            f"The paper's {paper['name']} ({_read()['source']}), in %: {'; '.join(cells)}"
            + less * (section.results.size != "full")
            + "."
        )
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
            "Paired tests": contest.table(one.contests),
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
