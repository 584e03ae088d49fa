"""Fill the marked regions of `docs/concepts/does-asking-help.md` from the files in this folder alone.

`python docs/experiments/tables.py` writes; `--check` tells with exit code 1 that there is something to write.
A region begins with `<!-- answers -->`, `<!-- results RECIPE SIZE -->` or `<!-- times -->` and ends with
`<!-- end -->`.

The results are what `socli report --recipe RECIPE --results docs/experiments` wrote. `lengths.json` is what
`--lengths` wrote, which needs the sets and the student. The rates below are those of docs/experiments.md, the
GPU's is an assumption.
"""

import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from socli import recipe as recipes
from socli.report import paper, results
from socli.report.contest import Contest
from socli.report.text import pipes
from socli.writers.parts import gold

HERE = Path(__file__).parent
PAGE = HERE.parent / "concepts" / "does-asking-help.md"
LENGTHS = "lengths.json"
UNMEASURED = "Not measured yet."
TRAINED, WROTE = 220, 179
"""Tokens a second on two cores of training (the quickstart), and of decoding on one (batch 32)."""
PARAMETERS = 135e6
H100, USED = 989e12, 0.1
"""Peak of the card in bf16, operations a second, and the share of it that is assumed to be reached."""
QUESTIONS = (
    ("Does asking itself beat working in steps? (unified, cot)", "unified", "cot"),
    ("And the answer alone? (unified, answer)", "unified", "answer"),
    ("Do two in turns beat one? (split, unified)", "split", "unified"),
    ("Does asking everything first help? (planned, split)", "planned", "split"),
    ("Does a plan of how many help? (count, split)", "count", "split"),
    ("Does a plan of equations help? (equations, split)", "equations", "split"),
    ("Do facts help one that asks? (unified, unified-bare)", "unified", "unified-bare"),
    ("Are a model's traces as good as reference ones? (teacher, reference)", "teacher", "reference"),
    ("What is lost in asking? (gold questions, split)", gold("split", "questions"), "split"),
    ("What is lost in answering? (gold answers, split)", gold("split", "answers"), "split"),
)
"""Each with the arm that has more and the one it is compared with."""
NOT_ASKED = "–"
"""Of a recipe without such arms."""
LARGER = "Does a Socratic student beat a larger model? (best arm, model)"
_REGION = re.compile(r"(<!-- (answers|results|times)((?: [\w-]+)*) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, folder: Path) -> str:
    """The page with what the folder's files say in its regions."""

    def region(found: re.Match[str]) -> str:
        made = {"times": times, "answers": answers, "results": tables}[found[2]]
        body = made(folder, *found[3].split())
        return f"{found[1]}\n{body}\n\n{found[4]}"

    return _REGION.sub(region, page)


def found(folder: Path) -> list[results.Results]:
    """All results in the folder."""
    files = [path for path in sorted(folder.glob("*.json")) if path.name != LENGTHS]
    return [results.read(path.read_text(encoding="utf-8"), path.name) for path in files]


def answers(folder: Path) -> str:
    """What the paired tests say to the paper's questions, a column for each recipe; of its largest size, with
    the recipe's own settings where it was run with these.
    """
    order = ("full", "small", "smoke")
    read = sorted(found(folder), key=lambda one: (order.index(one.size), one.variant), reverse=True)
    largest = {one.recipe: one for one in read}
    some = [paper.sections(one)[0] for _, one in sorted(largest.items())]
    said = [(one, [_answer(one, more, less) for _, more, less in QUESTIONS]) for one in some]
    asked = [(one, [*its, _against_larger(one)]) for one, its in said if set(its) != {NOT_ASKED}]
    head = ("question", *(f"{one.results.recipe}, {one.results.size}" for one, _ in asked))
    lines = [*(question for question, *_ in QUESTIONS), LARGER]
    return pipes(head, [*zip(lines, *(its for _, its in asked), strict=True)])


def _answer(section: paper.Section, more: str, less: str) -> str:
    """The verdict on the one with more, and its points ahead; a dash where the recipe has no such arm."""
    both = {more, less}
    tests = [one for one in section.contests if {one.first, one.second} == both]
    arms = {arm.split(" with ")[0] for arm in both}
    there = arms <= {*recipes.load(section.results.recipe).arms}
    said = "; ".join(_verdict(one, one.second == more) for one in tests)
    return said or ("not measured" if there else NOT_ASKED)


def _verdict(test: Contest, as_told: bool = True) -> str:
    """The verdict on the second, or on the first where it is not as the test tells it."""
    ahead = 100 * test.paired.difference.value * (1 if as_told else -1)
    won, lost = ("better", "worse") if as_told else ("worse", "better")
    said = {won: "yes", lost: "no, it loses"}.get(test.verdict, test.verdict)
    return f"{said} ({ahead:+.1f} points)"


def _against_larger(section: paper.Section) -> str:
    """The same of the arm that is furthest ahead of each student that was not trained here."""
    others = {row.arm for row in section.rows if row.entries[0].scheme is None}
    tests = [one for one in section.contests if one.first in others]
    best = {one.first: one for one in sorted(tests, key=lambda one: one.paired.difference.value)}
    said = (f"{one.second} against {name}: {_verdict(one)}" for name, one in best.items())
    return "; ".join(said) or "not measured"


def tables(folder: Path, recipe: str, size: str) -> str:
    """All that was measured of a recipe in one size, a student after the other."""
    fit = [one for one in found(folder) if (one.recipe, one.size) == (recipe, size)]
    return "\n".join(paper.markdown(one, level=4) + "\n" + _origin(one) for one in fit) or UNMEASURED


def _origin(one: results.Results) -> str:
    """Where the figures come from."""
    versions = [{**entry.versions} for entry in one.entries if entry.versions]
    told = "; ".join(sorted({", ".join(f"{k} {v}" for k, v in sorted(some.items())) for some in versions}))
    drawn = f"![Losses and right answers by steps](../experiments/{one.name}.svg)\n\n"
    return (
        drawn * (HERE / f"{one.name}.svg").exists()
        + f"Results: [{one.name}.json](../experiments/{one.name}.json), {one.date[:10]}; {told}."
    )


def times(folder: Path) -> str:
    """How long each recipe takes in each size: worked out from lengths and rates, and what was measured."""
    told = json.loads((folder / LENGTHS).read_text(encoding="utf-8"))
    took = {(one.recipe, one.size): _took(one) for one in found(folder) if not one.variant}
    rows = [(*row, took.get(row[:2], "")) for name in told for row in _hours(name, told[name])]
    return pipes(("recipe", "size", "runs", "training", "bench", "training, H100", "measured"), rows)


def _took(one: results.Results) -> str:
    """What the runs and benches took, summed up."""
    runs = {entry.run: entry.minutes for entry in one.entries if entry.minutes and not entry.swapped}
    solving = sum(entry.seconds for entry in one.entries if entry.run)
    return f"{len(runs)} runs: {_time(60 * sum(runs.values()))} and {_time(solving)}"


def _hours(name: str, lengths: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for size in ("smoke", "small", "full"):
        made = recipes.load(name, [f"size={size}"])
        learnt = min(made.problems.limit or lengths["problems"], lengths["problems"]) - made.train.dev
        scored = sum(min(made.bench.limit or n, n) for n in lengths["items"]) * len(made.bench.each())
        seeds = len(made.train.seeds)
        arms = [lengths["arms"][arm] for arm in made.arms]
        read = seeds * made.train.epochs * learnt * sum(arm["read"] for arm in arms)
        written = seeds * scored * sum(arm["written"] for arm in arms)
        runs = str(seeds * len(arms))
        card = _time(read * 6 * PARAMETERS / (H100 * USED))
        yield name, size, runs, _time(read / TRAINED), _time(written / WROTE), card


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{math.ceil(seconds / 60)} min"


def lengths(most: int = 400) -> dict[str, Any]:
    """Tokens of a problem by recipe and arm: read in one pass of all roles, and written when it is solved."""
    from socli import models, sources
    from socli.engine import batches, student
    from socli.problem import Trace
    from socli.scheme import lessons, misfit

    told = {}
    for name in recipes.shipped():
        made = recipes.load(name)
        if not made.arms or any(made.shared(alone) for _, alone in made.queue()):
            continue  # variants and drawn solutions are not known before
        folder = models.located(made.student.base)
        if folder is None:
            raise SystemExit(f"{made.student.base} is not here: socli models fetch {made.student.base}")
        learner = student.load(folder, made.student.base, "bf16")
        sets = [made.problems.train, *made.bench.sets]
        sizes = [sum(1 for _ in sources.problems(one, steps=made.bench.steps)) for one in sets]
        sizes[0] = min(sizes[0], made.problems.limit or sizes[0])
        some = list(sources.problems(sets[0], limit=most, steps=made.problems.steps))
        traces = [(one, Trace(one.id, one.steps, one.gold or "", "reference")) for one in some]
        fit = [pair for pair in traces if not any(misfit(pair[1], form) for form in made.schemes())]
        told[name] = {"problems": sizes[0], "items": sizes[1:], "arms": {}}
        for arm, table in made.arms.items():
            form = table.scheme.to_scheme()
            told_ = [lesson for one, trace in fit for lesson in lessons(one, trace, form)]
            encoded = batches.encode(learner, told_)
            read = sum(len(lesson.ids) for lesson in encoded) / len(fit)
            wrote = sum(sum(lesson.learnt) for lesson in encoded) / len(fit)
            told[name]["arms"][arm] = {"read": round(read, 1), "written": round(wrote, 1)}
    return told


def main() -> int:
    """Write the page, or the lengths, or tell whether the page is up to date."""
    if "--lengths" in sys.argv:
        (HERE / LENGTHS).write_text(json.dumps(lengths(), indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    now = filled(page, HERE)
    if "--check" in sys.argv:
        return int(now != page)
    PAGE.write_text(now, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
