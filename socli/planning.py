"""What a Run is before it is begun: its recipe, frozen, and a hash of what it learns from."""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any

from socli import recipe as recipes
from socli import sampling
from socli.augment import Variant
from socli.engine import student
from socli.problem import Problem, Trace, digest
from socli.recipe import Recipe
from socli.records import RunPlan
from socli.rehearsal import Traces, carved


def own(traces: Traces, recipe: Recipe) -> list[tuple[Problem, Trace]]:
    """Those of the traces that are by the teacher that the recipe's arm names; all where it names none."""
    teacher = recipe.scheme.teacher
    return [pair for pair in traces if teacher in (None, pair[1].teacher)]


def varied(learnt: Traces, variants: Sequence[Variant]) -> list[tuple[Problem, Trace]]:
    """The variants of these problems: none of a problem that is kept out of training."""
    parents = {problem.id for problem, _ in learnt}
    return [(one.problem, one.trace) for one in variants if one.parent in parents]


def plan(
    name: str,
    recipe: Recipe,
    traces: Traces,
    arm: str,
    variants: Sequence[Variant] = (),
    shared: Mapping[str, Any] | None = None,
) -> RunPlan:
    """What the run is, frozen: the same plan finds the same unfinished run."""
    more = varied(carved(traces, recipe)[0], variants) if variants else []
    learnt = hashed([*traces, *more])
    others = {key: value for key, value in (shared or {}).items() if (key, value) != ("traces", learnt)}
    frozen = {"name": recipes.full_name(name), **json.loads(recipes.dump(recipe))}
    return RunPlan(
        name=recipes.title(name),
        recipe=frozen | ({"shared": others} if others else {}),
        seed=recipe.train.seed,
        scheme=recipe.scheme.name,
        roles=recipe.scheme.roles,
        base=recipe.student.base,
        versions={p: importlib.metadata.version(p) for p in ("socli-distill", "torch", "transformers")}
        | {"device": student.device_name()},
        note=f"{len(own(traces, recipe))} traces{sampling.counted(traces)}"
        + f" and {len(more)} variants with swapped numbers" * bool(more),
        arm=arm,
        budget=recipe.train.budget,
        traces=learnt,
    )


def hashed(traces: Traces) -> str:
    """Of all that lessons may hold of them."""
    return digest(*(part for problem, trace in traces for part in (problem.id, *told(trace))))


def told(trace: Trace) -> tuple[str, ...]:
    """What a lesson may hold of a trace."""
    return (trace.answer, *(part for step in trace.steps for part in (step.question, step.text)))
