"""What `annotate` and `distill` share: problems to learn from that repeat one to be scored on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from socli.cli import wiring
from socli.errors import MissingError, UsageError
from socli.problem import full_set_name

if TYPE_CHECKING:
    from socli.overlap import Overlap
    from socli.problem import Problem
    from socli.recipe import Recipe


def left_out(problems: "Iterable[Problem]", recipe: "Recipe", *, json: bool = False) -> set[str]:
    """Ids of problems that repeat one of the recipe's bench sets; what is left out is said on stderr.

    A bench set that is what the recipe learns from, by its very name, is meant to show what was learnt by
    heart: nothing is left out for it. Of stories only exact repeats are: they are told from the same frames
    on purpose, and short ones come near each other by chance. A UsageError is raised where nothing would be
    left to learn from.
    """
    from socli.events import Noted
    from socli.overlap import overlaps

    learnt = list({problem.id: problem for problem in problems}.values())
    found: set[str] = set()
    notes = []
    for spec in recipe.bench.sets:
        if full_set_name(spec) == recipe.problems.train:
            continue
        try:
            repeated = [one for one in overlaps(learnt, _scored(spec, recipe)) if _counts(one)]
        except MissingError as error:
            notes.append(f"{error}: what is learnt from was not compared with it")
            continue
        found |= {one.train.id for one in repeated}
        if repeated:
            pair = f"{repeated[0].train.id} is like {repeated[0].bench.id}"
            notes.append(f"left out {len(repeated):,} of the problems: they repeat one of {spec}; {pair}")
    for note in notes:
        wiring.talk(json).show(Noted(note))
    if learnt and len(found) == len(learnt):
        raise UsageError(
            "every problem to learn from repeats one of the bench sets",
            hint="learn from another set, or say --allow-overlap",
        )
    return found


def _counts(one: "Overlap") -> bool:
    told = all(problem.source.startswith("stories:") for problem in (one.train, one.bench))
    return one.share == 1 or not told


def _scored(spec: str, recipe: "Recipe") -> "Iterable[Problem]":
    """The whole bench set: its limit in the recipe may be raised later."""
    from socli import sources

    return sources.problems(spec, steps=recipe.bench.steps) if spec != sources.STDIN else ()
