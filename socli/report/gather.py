"""Read out of the store what a report says."""

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from socli.check import Funnel
from socli.errors import MissingError, SocliError
from socli.problem import Prediction, Problem, is_set_among, shown_set_name
from socli.recipe import settled
from socli.records import BenchRow, MetricRow, PredictionRow, RunRow
from socli.report import Arm, Curve, Report, Result, Section
from socli.scoring import compare, outputs, stats
from socli.scoring.stats import Interval
from socli.store import Store
from socli.tables import ProblemsTable, SchemeTable, TeacherTable
from socli.teacher import money

POINTS = 160
"""Of a learning curve: each is the mean of as many losses as there are too many."""


@dataclass(slots=True)
class _Side:
    """An arm as it is put together: its runs and, by set and calculator, a bench of each."""

    arm: Arm
    runs: list[RunRow] = field(default_factory=list)
    benches: dict[tuple[str, bool], list[BenchRow]] = field(default_factory=dict)


def gather(store: Store, names: Sequence[str], sets: Sequence[str] = (), *, compared: bool = True) -> Report:
    """The report on runs, untrained students and benches, named as `outputs.benches` takes them.

    Runs whose recipes differ in nothing but the seed are one arm. Each is `compared` with the first by its
    first seed, unless an experiment compares them with all. MissingError where a name stands for nothing; a
    bench that is partial is noted and counts nowhere.
    """
    sides, notes = _sides(store, names, sets)
    keys = list(dict.fromkeys(key for side in sides for key in side.benches))
    sections = [_section(store, sides, key, notes, compared) for key in keys]
    if not sections and not notes:
        where = f" on {', '.join(sets)}" if sets else ""
        raise MissingError(f"there is nothing to report on{where}: no bench is done", hint=_scoring(sides))
    arms = [_whole(store, side) for side in sides]
    return Report(
        arms=tuple(arms),
        sections=tuple(sections),
        curves=tuple(
            Curve(n, run.id, role, thinned([m for m in metrics if m.role == role]))
            for n, side in enumerate(sides)
            for run in side.runs
            for metrics in [store.metrics(run.id)]
            for role in dict.fromkeys(metric.role for metric in metrics)
        ),
        funnels=_funnels(store, sides),
        notes=tuple(notes),
    )


def _sides(store: Store, names: Sequence[str], sets: Sequence[str]) -> tuple[list[_Side], list[str]]:
    sides: dict[str, _Side] = {}
    notes: list[str] = []
    for name in dict.fromkeys(names):
        found, what = outputs.named(store, name)
        fit = [one for one in found if not sets or is_set_among(one.set, sets)]
        done = [one for one in fit if one.status == "done" and one.scorecard and one.scorecard.n]
        chosen = outputs.chosen(store, done)
        newest = {(one.set, one.calculator): one for one in reversed(done)}
        for bench in fit:
            before = newest.get((bench.set, bench.calculator))
            if bench.status == "started" and (before is None or fit.index(bench) < fit.index(before)):
                solved = bench.so_far(store.solved(bench.id))
                notes.append(
                    f"bench {bench.id} of {what} on {shown_set_name(bench.set)} is partial:"
                    f" {solved} problems are solved, so no accuracy is given"
                )
        run = store.run(found[0].run) if found and found[0].run else None
        if run is None and not found:
            run = store.run(name)
        key, arm = _arm(run, what)
        side = sides.setdefault(key, _Side(arm))
        if run and run.id not in [one.id for one in side.runs]:
            side.runs.append(run)
        for at, bench in chosen.items():
            there = side.benches.setdefault(at, [])
            same = next((one for one in there if one.run == bench.run), None)
            if same is None:
                there.append(bench)
            elif same.id != bench.id:
                notes.append(
                    f"benches {same.id} and {bench.id} on {bench.set} are of one student: the first counts"
                )
    return _told_apart(list(sides.values())), notes


def _scoring(sides: Sequence[_Side]) -> str:
    """The command that scores what was named, or something to begin with."""
    run = next((run for side in sides for run in side.runs), None)
    if run is None:
        return "socli bench --recipe quickstart"
    size = f" --set size={run.size}" if run.size != "full" else ""
    return f"socli bench --recipe {shlex.quote(run.recipe_name)}{size}"


def _arm(run: RunRow | None, what: str) -> tuple[str, Arm]:
    """What runs of the same arm share, and the arm as far as the run says."""
    if run is None:
        return what, Arm(what, ())
    recipe: dict[str, Any] = settled(json.loads(json.dumps(run.recipe)))
    recipe.get("train", {}).pop("seed", None)
    recipe.pop("bench", None)  # how it is measured is no part of what it is
    table = run.recipe.get("scheme", {})
    form = str(table.get("name", run.scheme))
    return json.dumps([run.title, run.recipe_name, run.base, recipe], sort_keys=True), Arm(
        name=run.title,
        runs=(),
        base=run.base,
        scheme=(f"{form}, {run.roles}" if form == "socratic" else form) + _more(table),
        learnt=ProblemsTable.model_validate(run.recipe["problems"]).set_name,
        teacher=run.teacher,
    )


def _more(table: Mapping[str, Any]) -> str:
    """What is said of a scheme that writes equations alone or is learnt beside others."""
    form = SchemeTable.model_validate(table).to_scheme()
    return ", equations alone" * form.bare + f", also {' and '.join(form.also)}" * bool(form.also)


def _told_apart(sides: list[_Side]) -> list[_Side]:
    """Arms of the same name get their scheme and, where that is the same too, their first run behind it."""
    for by_run in (False, True):
        names = [side.arm.name for side in sides]
        for side in sides:
            detail = (side.runs[0].id if side.runs else "") if by_run else side.arm.scheme
            if names.count(side.arm.name) > 1 and detail:
                side.arm = replace(side.arm, name=f"{side.arm.name} {detail}")
    return sides


def _whole(store: Store, side: _Side) -> Arm:
    took = [minutes(store.metrics(run.id)) for run in side.runs]
    known = [one for one in took if one is not None]
    return replace(
        side.arm,
        learnt=shown_set_name(side.arm.learnt),
        runs=tuple(run.id for run in side.runs),
        seeds=tuple(run.seed for run in side.runs),
        minutes=sum(known) / len(known) if known else None,
        dollars=_dollars(store, side.runs[0], side.arm) if side.runs else None,
    )


def minutes(metrics: Sequence[MetricRow]) -> float | None:
    """How long the roles of a run were trained, together; None where nothing was noted."""
    last = {metric.role: metric.seconds for metric in metrics if math.isfinite(metric.seconds)}
    return sum(last.values()) / 60 if last else None


def _dollars(store: Store, run: RunRow, arm: Arm) -> float | None:
    if arm.teacher == "reference":
        return 0.0
    table = TeacherTable.model_validate(run.recipe["teacher"])
    stronger = table.escalated()
    priced = [(arm.teacher, money.price(table))]
    priced += [(stronger.model, money.price(stronger))] if stronger else []
    known = [(model, price) for model, price in priced if price is not None]
    if len(known) < len(priced):
        return None
    return sum(price.of(*store.tokens_spent(arm.learnt, model)) for model, price in known)


def _section(
    store: Store, sides: Sequence[_Side], key: tuple[str, bool], notes: list[str], compared: bool
) -> Section:
    set_name, calculator = key
    results = [
        _result(store, n, side.benches[key], set_name)
        for n, side in enumerate(sides)
        if side.benches.get(key)
    ]
    answered = {id for result in results for id in result.answered}
    problems = {problem.id: problem for problem in store.problems(set_name) if problem.id in answered}
    comparisons: tuple[compare.Comparison, ...] = ()
    if compared and len(results) > 1:
        try:
            one, *others = [
                replace(
                    compare.of_store(result.cards[0].bench, store, (), calculator)[0],
                    name=sides[result.arm].arm.name,
                )
                for result in results
            ]
            couples = [couple for other in others for couple in compare.matched([one], [other])]
            comparisons = tuple(compare.compare(couples))
        except SocliError as error:
            notes.append(f"{shown_set_name(set_name)}: {error}")
    shown = shown_set_name(set_name, [name for side in sides for name, _ in side.benches])
    return Section(shown, calculator, tuple(results), comparisons, problems)


def _result(store: Store, arm: int, benches: Sequence[BenchRow], set_name: str) -> Result:
    cards = tuple(bench.scorecard for bench in benches if bench.scorecard)
    rows = [{row.problem_id: row for row in store.predictions(bench.id)} for bench in benches]
    shared = [id for id in rows[0] if all(id in one and one[id].correct is not None for one in rows)]
    accuracy, seed_sd = Interval(cards[0].accuracy, cards[0].low, cards[0].high), None
    if len(rows) > 1 and shared:
        found = stats.spread([[bool(one[id].correct) for id in shared] for one in rows])
        accuracy, seed_sd = found.accuracy, found.seed_sd
    calculator = benches[0].calculator
    answered = {id: prediction(row, calculator) for id, row in rows[0].items()}
    return Result(arm, cards, accuracy, seed_sd, answered)


def prediction(row: PredictionRow, calculator: bool) -> Prediction:
    """A stored prediction with the steps of its text."""
    return Prediction(
        problem_id=row.problem_id,
        steps=outputs.steps_of(row.text),
        answer=row.answer,
        correct=row.correct,
        finish_reason=row.finish_reason,
        calculator=calculator,
        tokens=row.tokens,
        seconds=row.seconds,
        text=row.text,
    )


def thinned(metrics: Sequence[MetricRow], points: int = POINTS) -> tuple[tuple[int, float], ...]:
    """At most so many means of neighbouring losses, without those that are no numbers."""
    finite = [metric for metric in metrics if math.isfinite(metric.loss)]
    stride = max(1, -(-len(finite) // points))
    groups = (finite[at : at + stride] for at in range(0, len(finite), stride))
    return tuple((group[-1].step, sum(one.loss for one in group) / len(group)) for group in groups)


def _funnels(store: Store, sides: Iterable[_Side]) -> Mapping[str, Funnel]:
    """What became of the traces each arm could learn from; sets and teachers that several share come once."""
    found = {}
    for side in sides:
        if side.runs:
            told = store.funnel(side.arm.learnt, side.arm.teacher)
            if told.asked:
                found[f"{shown_set_name(side.arm.learnt)}, {side.arm.teacher}"] = told
    return found


def example_order(problems: Mapping[str, Problem], section: Section) -> list[str]:
    """The problems a reader learns most from first: the arms disagree on them, none solved them, all did."""

    def rank(id: str) -> int:
        verdicts = {bool(one.answered[id].correct) for one in section.results if id in one.answered}
        return 0 if len(verdicts) > 1 else 1 if verdicts == {False} else 2

    return sorted(problems, key=rank)
