"""Turn kept traces into trained students: Runs, whose roles are trained one after the other.

A recipe with arms or several seeds is a queue of Runs, each of which may be followed by those of further
rounds, which learn from what it draws. The same command goes on with it: finished Runs, drawn samples and
finished roles of the Run that was interrupted are left alone, and it continues from its last checkpoint.
"""

import math
import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, assert_never

from filelock import FileLock, Timeout

from socli import models, planning, rehearsal, sampling, scheme
from socli.augment import Variant
from socli.engine import batches, checkpoint, student, training
from socli.engine import team as teams
from socli.errors import MissingError, StorageError, TryAgainError
from socli.events import Checkpointed, DistillBegan, Evaluated, Event, Noted, Role, Saved, Trained
from socli.home import made
from socli.problem import Problem, Trace
from socli.recipe import Recipe
from socli.records import MetricRow, RunRow
from socli.scheme import Lesson, Scheme, Span
from socli.store import Store
from socli.tables import TrainTable

WEIGHTS = "model.safetensors"
FLUSH_SECONDS = 2.0
"""How long a metric may wait in memory; a checkpoint waits for none: its steps are not trained again."""


def distill_queue(  # noqa: PLR0913  each is the caller's to choose
    name: str,
    recipe: Recipe,
    traces: Sequence[tuple[Problem, Trace]],
    base: Path,
    store: Store,
    stop_asked: Callable[[], bool] = lambda: False,
    *,
    others: Mapping[tuple[str, Role], Path] | None = None,
    arms: Collection[str] = (),
    again: bool = False,
    variants: Mapping[int, Sequence[Variant]] | None = None,
) -> Iterator[Event]:
    """Train each of the recipe's runs that is not done, or of these `arms` alone; `again`: done ones too.

    After each come the runs of its further rounds, where the recipe or its arm has any. `others` are as for
    `distill`. `variants`, by `problems.augment`, of problems that are learnt from are learnt from too, those
    of dev problems are not. A run that diverges does not keep the others from being trained; its error is
    raised at the end.
    """
    queue = [(arm, alone) for arm, alone in recipe.queue() if not arms or arm in arms]
    for _, alone in queue:
        if alone.train.rounds:
            sampling.refuse(alone.to_scheme())  # before anything is trained
    diverged: training.Diverged | None = None
    for place, (arm, alone) in enumerate(queue, 1):
        which = f"{place} of {len(queue)}: " + f"arm {arm}, " * bool(arm) + f"seed {alone.train.seed}"
        title = which if len(queue) > 1 else ""
        varied = (variants or {}).get(alone.problems.augment, ())
        shared = {**recipe.shared(alone), "traces": planning.hashed(traces)}
        more = {"stop_asked": stop_asked, "others": others, "arm": arm, "variants": varied, "shared": shared}
        try:
            yield from _rounds(name, alone, traces, base, store, title, again=again, **more)
        except training.Diverged as error:
            diverged = error
            yield Noted(f"{which}: {error}")
    if diverged:
        raise diverged


def _rounds(
    name: str,
    recipe: Recipe,
    traces: rehearsal.Traces,
    base: Path,
    store: Store,
    title: str,
    *,
    again: bool,
    **more: Any,
) -> Iterator[Event]:
    """Train one run of the queue, then, round by round, another from its base on what the last one drew."""
    runs: list[RunRow] = []
    learnt, rounds, shared = traces, recipe.train.rounds, more["shared"]
    for number, one in enumerate(recipe.rounds()):
        if runs:
            before = len(learnt)
            with _locked(runs[-1], "sampled"):
                learnt = yield from sampling.with_samples(one, traces, runs, store, more["stop_asked"])
            if len(learnt) == before:
                yield Noted(f"round {number} would learn the same again, so it is left out")
                break
        which = ", ".join([title] * bool(title) + [f"round {number} of {rounds}"] * bool(rounds))
        alone = "rounds" in shared.get("train", {}) and number < rounds  # no run of another arm is its like
        more["shared"] = shared | {"train": shared["train"] | {"rounds": None}} if alone else shared
        plan = planning.plan(name, one, learnt, more["arm"], more["variants"], more["shared"])
        done = None if again else store.find_run(plan, "done")
        if done:
            yield Noted(f"run {done.id} is done already" + f" ({which})" * bool(which))
        else:
            yield from map(Noted, [which] * bool(which))
            done = yield from distill(name, one, learnt, base, store, **more)
        runs.append(done)
    yield from sampling.compared(runs, store)


def distill(  # noqa: PLR0913  each is the caller's to choose
    name: str,
    recipe: Recipe,
    traces: Sequence[tuple[Problem, Trace]],
    base: Path,
    store: Store,
    stop_asked: Callable[[], bool] = lambda: False,
    *,
    others: Mapping[tuple[str, Role], Path] | None = None,
    arm: str = "",
    variants: Sequence[Variant] = (),
    shared: Mapping[str, Any] | None = None,
) -> Generator[Event, None, RunRow]:
    """Train the students of one run on the traces and variants, from the model in the folder `base`.

    `others` are the folders of other models, by what `[student]` calls them and the role that starts there.
    `shared` is what the other arms of its recipe have where its own has something else. Returns the run that
    is done.
    """
    form = recipe.to_scheme()
    if not traces:
        raise MissingError("there is no kept trace to learn from", hint=f"socli annotate --recipe {name}")
    plan = planning.plan(name, recipe, traces, arm, variants, shared)
    run = store.find_run(plan)
    if run is None:
        weights = models.identity(_start(recipe, scheme.roles(form)[-1], base, others))
        run = store.start_run(replace(plan, versions={**plan.versions, **weights}))
    else:
        yield Noted(f"going on with run {run.id}, begun {run.created}")
    began = time.monotonic()
    try:
        with _locked(run, "trained"):
            learnt, dev = rehearsal.carved(planning.own(traces, recipe), recipe)
            learnt = [*learnt, *planning.varied(learnt, variants)]
            for role in scheme.roles(form):
                if not (run.folder / role / WEIGHTS).exists():
                    start = _start(recipe, role, base, others)
                    yield from _teach(role, learnt, dev, recipe, run, start, store, stop_asked)
            store.finish_run(run.id, "done")
    except training.Diverged as error:
        store.finish_run(run.id, "failed", str(error))
        raise
    shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
    yield Saved(run.id, str(run.folder), time.monotonic() - began)
    return store.run(run.id)


def _start(recipe: Recipe, role: Role, base: Path, others: Mapping[tuple[str, Role], Path] | None) -> Path:
    """The folder that a role starts from."""
    return (others or {}).get((recipe.student.base_of(role), role), base)


@contextmanager
def _locked(run: RunRow, what: str) -> Iterator[None]:
    """Keep other processes from a run; TryAgainError, which says what is being done, where one has it."""
    made(run.folder)
    try:
        with FileLock(run.folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise TryAgainError(f"run {run.id} is being {what} by another process") from error


def _teach(
    role: Role,
    traces: Sequence[tuple[Problem, Trace]],
    dev: rehearsal.Traces,
    recipe: Recipe,
    run: RunRow,
    base: Path,
    store: Store,
    stop_asked: Callable[[], bool],
) -> Iterator[Event]:
    """Train one role, store its metrics as they come, save its weights: the best and, if others, the last."""
    form, team = recipe.to_scheme(), teams.joined()
    lessons = _lessons(traces, form, role)
    learner = student.load(base, recipe.student.base_of(role), "fp32")
    passes = _passes(lessons, traces, recipe, learner)
    checkpoints = run.folder / "checkpoints" / role
    if team.size > 1:
        team.tell(_order(lessons, recipe, passes, base, checkpoints))
    rehearsals = None
    if dev and rehearsal.measurable(role, form):
        rehearsals = rehearsal.Rehearsals(learner, role, dev, recipe, checkpoints, _save)
    evaluate = rehearsals.at if rehearsals else None
    events = training.train(
        learner, lessons, recipe.train, checkpoints, run.id, stop_asked, evaluate, team, passes=passes
    )
    yield from _written_down(events, run.id, store)
    if rehearsals is None or (best := rehearsals.better_than_last()) is None:
        _save(learner, run.folder / role)
    else:
        _save_both(learner, best, run.folder / role)


def _written_down(events: Iterator[Event], run: str, store: Store) -> Iterator[Event]:
    """The events of a training, with each step as a row of metrics, stored every now and then."""
    waiting: dict[int, MetricRow] = {}
    began = flushed = time.monotonic()
    before = 0.0
    try:
        for event in events:
            if isinstance(event, DistillBegan) and event.step:
                before = _seconds(store, run, event.role, event.step)
            if isinstance(event, Trained):
                speeds = event.lr, event.tokens_per_second, before + time.monotonic() - began
                last = MetricRow(run, event.role, event.step, event.loss, *speeds)
                waiting[event.step] = last
            elif isinstance(event, Evaluated):
                share = event.right / event.problems
                waiting[last.step] = replace(last, accuracy=share)
            if isinstance(event, Checkpointed) or time.monotonic() - flushed > FLUSH_SECONDS:
                store.add_metrics(waiting.values())
                waiting, flushed = {}, time.monotonic()
            yield event
    finally:
        store.add_metrics(waiting.values())


def _seconds(store: Store, run: str, role: Role, step: int) -> float:
    """How long a role had been trained when it had made so many steps; 0 where that was not noted."""
    told = (row.seconds for row in store.metrics(run) if row.role == role and row.step <= step)
    return max((seconds for seconds in told if math.isfinite(seconds)), default=0.0)


def _order(
    lessons: Sequence[Lesson], recipe: Recipe, passes: float, base: Path, folder: Path
) -> dict[str, Any]:
    """What the other processes of a team must know to train along, as JSON holds it."""
    table = recipe.train.model_dump(mode="json")
    return {"lessons": [asdict(lesson) for lesson in lessons], "train": table, "passes": passes} | {
        "base": str(base.resolve()),
        "folder": str(folder.resolve()),
    }


def follow() -> None:
    """Train along in every role that the first process of the team begins, until that is done."""
    team = teams.joined()
    while order := team.heard():
        learner = student.load(Path(order["base"]), order["base"], "fp32")
        lessons = [
            Lesson(one["role"], one["problem_id"], tuple(Span(**span) for span in one["spans"]))
            for one in order["lessons"]
        ]
        table = TrainTable.model_validate(order["train"])
        folder, passes = Path(order["folder"]), order["passes"]
        with suppress(training.Diverged):  # so has the first process, whose next order comes
            for _ in training.train(learner, lessons, table, folder, "", team=team, passes=passes):
                pass
    teams.leave()


def dismiss() -> None:
    """Tell the other processes of the team, if there are any, that all is done."""
    if (team := teams.joined()).size > 1:
        team.tell({})
        teams.leave()


def _lessons(traces: Sequence[tuple[Problem, Trace]], form: Scheme, role: Role) -> list[Lesson]:
    made = (lesson for problem, trace in traces for lesson in scheme.lessons(problem, trace, form))
    return [lesson for lesson in made if lesson.role == role]


def _passes(
    lessons: Sequence[Lesson],
    traces: Sequence[tuple[Problem, Trace]],
    recipe: Recipe,
    learner: student.Student,
) -> float:
    """Passes over a role's lessons that the budget allows."""
    epochs = float(recipe.train.epochs)
    share = epochs / len(scheme.roles(recipe.to_scheme()))
    match recipe.train.budget:
        case "problems":
            return epochs
        case "steps":
            return share
        case "tokens":
            whole = _lessons(traces, Scheme(), "student")
            return share * _tokens(whole, learner) / _tokens(lessons, learner)
        case _:
            assert_never(recipe.train.budget)


def _tokens(lessons: Sequence[Lesson], learner: student.Student) -> int:
    """Tokens of one pass."""
    return sum(len(lesson.ids) for lesson in batches.encode(learner, lessons))


def _save(learner: student.Student, folder: Path) -> None:
    """Write the weights whole or not at all, into a folder that is not there yet."""
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        student.save(learner, partial)
        for file in partial.iterdir():
            checkpoint.flush(file)
        partial.replace(folder)
        checkpoint.flush(folder.parent)
    except checkpoint.UNWRITTEN as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"the student could not be saved in {folder}: {checkpoint.reason(error)}",
            hint="free some space and run the same command again",
        ) from error


def _save_both(learner: student.Student, best: Path, folder: Path) -> None:
    """The best weights become those of the role, the last ones lie beside them as `ROLE-last`."""
    last = folder.with_name(f"{folder.name}-last")
    shutil.rmtree(last, ignore_errors=True)  # of an attempt that was killed before the best took their place
    _save(learner, last)
    best.replace(folder)
    checkpoint.flush(folder.parent)
