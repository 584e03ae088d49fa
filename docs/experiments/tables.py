"""Fill the marked regions of `docs/concepts/does-asking-help.md` from the files in this folder alone.

`python docs/experiments/tables.py` writes; `--check` tells with exit code 1 that there is something to write.
A region begins with `<!-- results RECIPE SIZE -->` or `<!-- times -->` and ends with `<!-- end -->`.

The results are what `socli report --recipe RECIPE --results docs/experiments` wrote. `lengths.json` is what
`--lengths` wrote, which needs the sets and the student. The rates below are those of docs/experiments.md.
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
from socli.report.text import pipes

HERE = Path(__file__).parent
PAGE = HERE.parent / "concepts" / "does-asking-help.md"
LENGTHS = "lengths.json"
UNMEASURED = "Not measured yet."
TRAINED, WROTE = 220, 179
"""Tokens a second on two cores of training (the quickstart), and of decoding on one (batch 32)."""
_REGION = re.compile(r"(<!-- (results|times)((?: [\w-]+)*) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, folder: Path) -> str:
    """The page with what the folder's files say in its regions."""

    def region(found: re.Match[str]) -> str:
        body = times(folder) if found[2] == "times" else tables(folder, *found[3].split())
        return f"{found[1]}\n{body}\n\n{found[4]}"

    return _REGION.sub(region, page)


def tables(folder: Path, recipe: str, size: str) -> str:
    """All that was measured of a recipe in one size, a student after the other."""
    files = [path for path in sorted(folder.glob("*.json")) if path.name != LENGTHS]
    read = [results.read(path.read_text(encoding="utf-8"), path.name) for path in files]
    fit = [one for one in read if (one.recipe, one.size) == (recipe, size)]
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
    """How long each recipe takes on two cores in each size, worked out from lengths and measured rates."""
    told = json.loads((folder / LENGTHS).read_text(encoding="utf-8"))
    rows = [row for name in told for row in _hours(name, told[name])]
    return pipes(("recipe", "size", "runs", "training", "bench"), rows)


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
        yield name, size, runs, _time(read / TRAINED), _time(written / WROTE)


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
        if not made.arms:
            continue
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
