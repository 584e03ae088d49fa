"""Read out of the store what the runs of a recipe came to, arm by arm and seed by seed."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from socli import __version__, sources
from socli import recipe as recipes
from socli.errors import SocliError
from socli.problem import Prediction, Problem, digest, shown_set_name
from socli.records import BenchRow, PredictionRow, RunRow
from socli.report.gather import minutes, prediction, thinned
from socli.report.results import MISSING, RIGHT, WRONG, Entry, Items, Learning, Results
from socli.scoring import outputs, questions
from socli.store import Store
from socli.tables import frozen_scheme
from socli.writers.parts import PARTS, gold

_STORIES = re.compile(r"(?P<name>stories:\w+) steps (?P<least>\d)-(?P<most>\d) seed (?P<seed>\d+)")
CURVE_POINTS = 40
"""Of a learning curve in a file of results."""
Where = tuple[str, bool]
"""A set and a setting of the calculator."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A row of the table: an arm with a seed, or a student that stands beside the arms."""

    arm: str
    run: RunRow | None
    benches: Mapping[Where, BenchRow]
    swapped: bool = False


def experiments(
    store: Store, recipe: str, size: str | None = None, others: Sequence[str] = ()
) -> list[Results]:
    """What became of the recipe's finished runs that belong to arms, the newest settings first.

    Runs that differ in more than arm and seed, in a setting or in their traces, are results of their own.
    `others` are runs, students or benches that stand beside each. Votes stand in rows of their own.
    """
    groups: dict[str, list[RunRow]] = {}
    for run in store.runs():
        mine = run.recipe_name == recipes.full_name(recipe)
        if mine and run.arm and run.status == "done" and size in (None, run.size):
            groups.setdefault(_shared(run), []).append(run)
    groups = dict(part for key, runs in groups.items() for part in _by_weights(key, runs))
    beside = list({side.arm: side for side in (_other(store, name) for name in others)}.values())
    found = [
        _shown(_results(store, recipe, runs, beside, _variant(recipe, runs[0]))) for runs in groups.values()
    ]
    seen: set[str] = set()
    told = []
    for key, one in zip(groups, found, strict=True):
        named = one if one.name not in seen else replace(one, variant=digest(key)[:6])
        seen.add(one.name)
        told.append(named)
    return told


def _shared(run: RunRow) -> str:
    """All that the runs of one comparison have in common."""
    recipe = recipes.settled_as_shared(run.recipe)
    round_ = _round(recipe)
    own = [round_, recipe.get("sampling")] if round_ != 0 else _traces(run)  # each run draws its own samples
    return json.dumps([recipe.get("student"), _settings(recipe), own], sort_keys=True)


def _by_weights(key: str, runs: Sequence[RunRow]) -> Iterator[tuple[str, list[RunRow]]]:
    """The runs of a group apart by the weights they started from, where these are known and not the same.

    Runs of arms with a student of their own, and those older than this record, stand with the newest.
    """
    own = [run for run in runs if "student" in run.recipe.get("shared", {})]
    told = {run.id: run.versions.get("base", "") for run in runs if run not in own}
    kinds = list(dict.fromkeys(filter(None, told.values()))) or [""]
    for kind in kinds:
        last = kind == kinds[0]
        some = [run for run in runs if told.get(run.id, "") == kind or (last and not told.get(run.id))]
        yield key + f" {kind}" * (not last), some


def _round(recipe: Mapping[str, Any]) -> int | None:
    """Which round; of an arm with rounds of its own, that of the others it stands with, or None."""
    found: int | None = recipe.get("train", {}).get("rounds", 0)
    return found


def _base(run: RunRow) -> str:
    """What the arms start from, but for those that name another student."""
    return str(run.recipe.get("shared", {}).get("student", {}).get("base", run.base))


def _traces(run: RunRow) -> str:
    """Hash of what it learns from without variants and samples."""
    return str(run.recipe.get("shared", {}).get("traces", run.traces))


def _settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The size and all settings of a training but the student, the scheme, the seed and the round."""
    told = {key: dict(recipe.get(key, {})) for key in ("problems", "teacher", "train")}
    for key in ("seed", "seeds", "checkpoint_minutes", "rounds"):
        told["train"].pop(key, None)
    return told | {"size": recipe.get("size", "full")}


def _variant(recipe: str, run: RunRow) -> str:
    """What tells settings apart from those of the recipe as it is written; empty for these."""
    whole = recipes.settled_as_shared(run.recipe)
    mine, round_ = _settings(whole), _round(whole)
    with suppress(SocliError):
        written = recipes.load(recipe, [f"size={run.size}"]).model_dump(mode="json")
        if mine == _settings(written):
            return "" if round_ == written["train"]["rounds"] else f"round-{run.round}"
    other = digest(json.dumps(mine, sort_keys=True))[:6]
    return other + f"-round-{run.round}" * (round_ != 0)


def _other(store: Store, name: str) -> _Side:
    found, what = outputs.named(store, name)
    run = store.run(found[0].run) if found and found[0].run else None
    label = f"{run.title} {run.id}" if run else what
    return _Side(label, run, _chosen(store, found))


def _within(side: _Side, arm: _Side) -> bool:
    """Whether what was named is that run of an arm, with nothing that the arm does not show."""
    return side.run is not None and side.run == arm.run and side.benches.items() <= arm.benches.items()


def _votes(bench: BenchRow) -> str | None:
    """`5 votes` or `5 votes, verifier`; empty where it was greedy, None where one sample was drawn."""
    sampling = bench.settings.get("sampling")
    if not sampling:
        return ""
    votes = sampling.get("repeats", 1)
    return f"{votes} votes" + ", verifier" * bool(bench.settings.get("verifier")) if votes > 1 else None


def _voting(store: Store, sides: Sequence[_Side]) -> list[_Side]:
    """The arms once more, where `socli bench --votes` has scored them so."""
    found = []
    for side in sides:
        benches = store.benches(side.run.id) if side.run else []
        for votes in sorted({said for bench in benches if (said := _votes(bench))}):
            if chosen := _chosen(store, benches, votes):
                found.append(_Side(f"{side.arm}, {votes}", side.run, chosen))
    return found


def _chosen(store: Store, benches: Iterable[BenchRow], votes: str = "") -> dict[Where, BenchRow]:
    """Of each set and setting a bench that is done, with these votes or greedy: see `outputs.chosen`."""
    fit = [one for one in benches if one.scorecard and one.scorecard.n and _votes(one) == votes]
    return outputs.chosen(store, fit)


def _results(
    store: Store, recipe: str, runs: Sequence[RunRow], beside: Sequence[_Side], variant: str
) -> Results:
    newest: dict[tuple[str, int], RunRow] = {}
    for run in runs:
        newest.setdefault((run.arm, run.seed), run)
    wanted = _wanted(recipe, runs)
    order = [*wanted, *(run.arm for run in runs)]
    keys = sorted(newest, key=lambda key: (key[1], order.index(key[0])))
    sides = [
        _Side(arm, newest[arm, seed], _chosen(store, store.benches(newest[arm, seed].id)))
        for arm, seed in keys
    ]
    beside = [one for one in beside if not any(_within(one, arm) for arm in sides)]
    sides += [*_swapped(store, sides), *_voting(store, sides)]
    places = list(dict.fromkeys(where for side in sides for where in side.benches))
    items, entries = [], []
    for set_name in dict.fromkeys(name for name, _ in places):
        scored = [
            (side, side.benches[where])
            for side in (*sides, *beside)
            for where in places
            if where[0] == set_name and where in side.benches
        ]
        rows = {bench.id: {row.problem_id: row for row in store.predictions(bench.id)} for _, bench in scored}
        known = {id for some in rows.values() for id in some}
        asked = _referenced(set_name, max((bench.settings.get("limit") or 0 for _, bench in scored)))
        problems = [asked.get(one.id, one) for one in store.problems(set_name) if one.id in known]
        majority = [bench.scorecard.majority for _, bench in scored if bench.scorecard]
        items.append(
            Items(
                set_name,
                tuple(problem.id for problem in problems),
                tuple(len(problem.steps) for problem in problems),
                next((share for share in majority if share is not None), None),
            )
        )
        entries += [_entry(store, side, bench, rows[bench.id], problems) for side, bench in scored]
    return Results(
        recipe=recipes.title(recipe),
        size=runs[0].size,
        base=Path(_base(runs[0])).name,
        variant=variant,
        version=__version__,
        date=max((one.date for one in entries), default=""),
        wanted=wanted,
        items=tuple(items),
        entries=tuple(entries),
        curves=tuple(
            one for side in sides if side.run and not side.swapped for one in _learning(store, side.run)
        ),
    )


def _learning(store: Store, run: RunRow) -> Iterator[Learning]:
    """The curves of each role of a run."""
    metrics = store.metrics(run.id)
    for role in dict.fromkeys(one.role for one in metrics):
        mine = [one for one in metrics if one.role == role]
        dev = tuple((one.step, one.accuracy) for one in mine if one.accuracy is not None)
        loss = tuple((step, round(value, 4)) for step, value in thinned(mine, CURVE_POINTS))
        yield Learning(run.arm, run.seed, role, loss, dev)


def _shown(told: Results) -> Results:
    """The same with files called by their names: their paths are nobody's business."""
    sets = [items.set for items in told.items]
    items = tuple(replace(one, set=shown_set_name(one.set, sets)) for one in told.items)
    entries = tuple(replace(one, set=shown_set_name(one.set, sets)) for one in told.entries)
    return replace(told, items=items, entries=entries)


def _swapped(store: Store, sides: Sequence[_Side]) -> list[_Side]:
    """The arms with one part taken by the reference, where `socli bench --swap` has scored them so."""
    found = []
    for side in sides:
        for part in PARTS:
            named = [
                bench for bench in store.benches() if side.run and bench.model == gold(side.run.id, part)
            ]
            if chosen := _chosen(store, named):
                found.append(_Side(gold(side.arm, part), side.run, chosen, swapped=True))
    return found


def _referenced(set_name: str, limit: int) -> dict[str, Problem]:
    """The problems of a set by id, with the reference steps that the store leaves out; none without data."""
    told = _STORIES.fullmatch(set_name)
    steps = (int(told["least"]), int(told["most"])) if told else None
    seed = int(told["seed"]) if told else 0
    name = told["name"] if told else set_name
    try:
        found = sources.problems(name, limit=limit or None, steps=steps, seed=seed)
        return {problem.id: problem for problem in found if problem.steps}
    except SocliError:
        return {}


def _wanted(recipe: str, runs: Sequence[RunRow]) -> dict[str, tuple[int, ...]]:
    """The arms of the recipe as it is now, in its order, and their seeds; those of the runs without it."""
    try:
        made = recipes.load(recipe, [f"size={runs[0].size}"])
    except SocliError:
        found = {run.arm: run.seed for run in reversed(runs)}
        return {arm: tuple(sorted(run.seed for run in runs if run.arm == arm)) for arm in found}
    return dict.fromkeys(made.arms, made.train.seeds or (made.train.seed,))


def _entry(
    store: Store,
    side: _Side,
    bench: BenchRow,
    rows: Mapping[str, PredictionRow],
    problems: Sequence[Problem],
) -> Entry:
    run, card = side.run, bench.scorecard
    assert card is not None  # noqa: S101  only benches with one are chosen
    form = frozen_scheme(run.recipe) if run else None
    solved = [
        (problem, prediction(rows[problem.id], bench.calculator))
        for problem in problems
        if problem.id in rows
    ]
    asks = form is not None and form.asks and not side.swapped
    return Entry(
        arm=side.arm,
        scheme=form,
        seed=run.seed if run else None,
        base=Path(run.base).name if run else bench.model,
        teacher=run.teacher if run else "",
        run=run.id if run else "",
        bench=bench.id,
        date=bench.finished or bench.created,
        set=bench.set,
        calculator=bench.calculator,
        verdicts="".join(_verdict(rows.get(problem.id)) for problem in problems),
        unreadable=card.unreadable,
        truncated=card.truncated,
        tokens=card.tokens,
        seconds=card.seconds,
        minutes=minutes(store.metrics(run.id)) if run else None,
        training=_training(run) if run else {},
        settings=bench.settings,
        versions=run.versions if run else {},
        swapped=side.swapped,
        **(_asked(solved) if asks else {}),
    )


def _verdict(row: PredictionRow | None) -> str:
    if row is None or row.correct is None:
        return MISSING
    return RIGHT if row.correct else WRONG


def _training(run: RunRow) -> dict[str, Any]:
    """The settings of a training that its figures depend on, and how much there was to learn from."""
    told = {key: dict(run.recipe.get(key, {})) for key in ("problems", "train", "student", "shared")}
    if "train" in told["problems"]:
        told["problems"]["train"] = shown_set_name(told["problems"]["train"])
    return {**told, "traces": run.note, "budget": run.budget, "hash": run.traces}


def _asked(solved: Sequence[tuple[Problem, Prediction]]) -> dict[str, Any]:
    """How good the sub-questions are, as far as the problems have reference ones."""
    found = questions.overlap(solved)
    return {
        "bleu": found.bleu if found else None,
        "bleu_signature": found.bleu_signature if found else "",
        "same_count": questions.asking(solved).same_count,
    }
