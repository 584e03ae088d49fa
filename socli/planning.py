"""What a Run is before it is begun: its recipe, frozen, and the traces that it learns from."""

import importlib.metadata
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from socli import check, sampling, scheme
from socli import recipe as recipes
from socli.augment import Variant
from socli.engine import student
from socli.errors import MissingError
from socli.problem import Problem, Trace, digest
from socli.recipe import Recipe
from socli.records import RunPlan
from socli.rehearsal import Traces, carved
from socli.scheme import Scheme
from socli.store import Store
from socli.writers import verifier


def learnt(
    store: Store, recipe: Recipe, asked: Sequence[str]
) -> tuple[list[tuple[Problem, Trace]], list[str]]:
    """The traces of the problems that have one for every arm, by its teacher and in its form, for all arms
    learn the same problems; and sentences on what that leaves out.

    `asked`: whose traces count as the recipe's teacher's. A verifier learns right and wrong samples.
    MissingError where the forms leave none of those that are there.
    """
    set_name, limit, forms = recipe.problems.set_name, recipe.problems.limit, recipe.schemes()
    if recipe.scheme.name == "verify":
        return verifier.samples(store, set_name, limit, asked), []
    teachers = [asked if name == recipe.teacher.model else [name] for name in recipe.teachers()]
    pairs, outdated = _current(store, set_name, limit, {name for names in teachers for name in names})
    by = [[pair for pair in pairs if pair[1].teacher in names] for names in teachers]
    each = [_fitting(some, forms) for some in by]
    shared = set.intersection(*map(_ids, each))
    said = [f"left out {outdated:,} kept traces: the answers of their problems were corrected since"]
    return [pair for some in each for pair in some if pair[0].id in shared], (
        said * bool(outdated) + _without(by, forms, len(shared))
    )


def _current(
    store: Store, set_name: str, limit: int | None, teachers: Collection[str]
) -> tuple[list[tuple[Problem, Trace]], int]:
    """The kept traces of the set's first so many problems, and how many more were kept for an answer that
    their problem no longer has.
    """
    wanted = {problem.id for problem in store.problems(set_name, limit)}
    stored = [pair for pair in store.kept(set_name, sorted(teachers)) if pair[0].id in wanted]
    pairs = [pair for pair in stored if not check.outdated(*pair)]
    return pairs, len(stored) - len(pairs)


def _without(by: Sequence[Traces], forms: Sequence[Scheme], shared: int) -> list[str]:
    """What is said where fewer problems are learnt than one form in words, of one teacher, would have."""
    bare, several = any(form.bare for form in forms), len(forms) > 1
    whole = [replace(form, work="words") for form in forms] if bare or several else []
    most = max((len(_ids(_fitting(some, [form]))) for some in by for form in whole), default=0)
    if shared >= most:
        return []
    why = ", ".join(
        ["they have no trace that fits every arm"] * several + ["a step has no marked equation"] * bare
    )
    if not shared and bare:
        raise MissingError(f"no kept trace of {most:,} problems fits: {why}", hint="--set scheme.work=words")
    return [f"left out {most - shared:,} problems: {why}"]


def _fitting(pairs: Traces, forms: Sequence[Scheme]) -> list[tuple[Problem, Trace]]:
    """Of each problem the last trace that fits every scheme, and its other samples, those that were asked for
    in the same way; the same words twice count once.
    """
    of: dict[str, list[tuple[Problem, Trace]]] = {}
    for problem, trace in pairs:
        if not any(scheme.misfit(trace, form) for form in forms):
            of.setdefault(problem.id, []).append((problem, trace))
    return [pair for some in of.values() for pair in _asked_as_the_last(some)]


def _asked_as_the_last(pairs: Sequence[tuple[Problem, Trace]]) -> list[tuple[Problem, Trace]]:
    """The pairs whose trace was asked for as the last one was, whatever its words and its sample's number."""
    alone: dict[tuple[str, ...], tuple[Problem, Trace]] = {}
    last = _asked(pairs[-1][1])
    for problem, trace in pairs:
        if _asked(trace) == last:
            alone.setdefault(_told(trace), (problem, trace))
    return list(alone.values())


def _asked(trace: Trace) -> tuple[object, ...]:
    """All that tells what was asked of whom but the sample's number."""
    return trace.teacher, trace.prompt_hash, trace.temperature, trace.top_p, trace.seed


def _ids(traces: Traces) -> set[str]:
    return {problem.id for problem, _ in traces}


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
    return digest(*(part for problem, trace in traces for part in (problem.id, *_told(trace))))


def _told(trace: Trace) -> tuple[str, ...]:
    """What a lesson may hold of a trace."""
    return (trace.answer, *(part for step in trace.steps for part in (step.question, step.text)))
