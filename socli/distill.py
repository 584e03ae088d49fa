"""Turn kept traces into trained students: a Run, whose roles are trained one after the other.

The same command goes on with a Run that was started and did not end: finished roles are left alone,
the one that was interrupted continues from its last checkpoint.
"""

import importlib.metadata
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from socli import recipe as recipes
from socli import scheme
from socli.engine import checkpoint, student, training
from socli.errors import MissingError, StorageError, TryAgainError
from socli.events import Event, Noted, Saved, Trained
from socli.home import made
from socli.problem import Problem, Trace
from socli.recipe import Recipe
from socli.records import MetricRow, RunPlan, RunRow
from socli.scheme import Lesson, Scheme
from socli.store import Store

WEIGHTS = "model.safetensors"
FLUSH_SECONDS = 2.0
"""How long a metric may wait in memory; a killed run trains those steps again anyway."""


def kept(
    store: Store, set_name: str, limit: int | None, teacher: str | Sequence[str], form: Scheme
) -> list[tuple[Problem, Trace]]:
    """The traces to learn from: the last kept one of each of the set's problems that fits the scheme."""
    wanted = {problem.id for problem in store.problems(set_name, limit)}
    last: dict[str, tuple[Problem, Trace]] = {}
    for problem, trace in store.kept(set_name, teacher):
        if problem.id in wanted and scheme.misfit(trace, form) is None:
            last[problem.id] = (problem, trace)
    return list(last.values())


def distill(
    name: str,
    recipe: Recipe,
    traces: Sequence[tuple[Problem, Trace]],
    base: Path,
    store: Store,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train the recipe's students on the traces, from the model in the folder `base`."""
    form = recipe.to_scheme()
    if not traces:
        raise MissingError("there is no kept trace to learn from", hint=f"socli annotate --recipe {name}")
    plan = _plan(name, recipe, traces)
    run = store.find_run(plan)
    if run is None:
        run = store.start_run(plan)
    else:
        yield Noted(f"going on with run {run.id}, begun {run.created}")
    made(run.folder)
    began = time.monotonic()
    try:
        with FileLock(run.folder / "lock", timeout=0):
            for role in scheme.roles(form):
                lessons = [
                    lesson
                    for problem, trace in traces
                    for lesson in scheme.lessons(problem, trace, form)
                    if lesson.role == role
                ]
                if not (run.folder / role / WEIGHTS).exists():
                    yield from _teach(lessons, recipe, run, base, store, stop_asked)
            store.finish_run(run.id, "done")
    except Timeout as error:
        raise TryAgainError(f"run {run.id} is being trained by another process") from error
    except training.Diverged as error:
        store.finish_run(run.id, "failed", str(error))
        raise
    shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
    yield Saved(run.id, str(run.folder), time.monotonic() - began)


def _teach(
    lessons: Sequence[Lesson],
    recipe: Recipe,
    run: RunRow,
    base: Path,
    store: Store,
    stop_asked: Callable[[], bool],
) -> Iterator[Event]:
    """Train one role, store its metrics as they come, save its weights."""
    role = lessons[0].role
    learner = student.load(base, recipe.student.base, "fp32")
    checkpoints = run.folder / "checkpoints" / role
    waiting: list[MetricRow] = []
    began = flushed = time.monotonic()
    try:
        for event in training.train(learner, lessons, recipe.train, checkpoints, run.id, stop_asked):
            if isinstance(event, Trained):
                seconds = time.monotonic() - began
                waiting.append(
                    MetricRow(
                        run.id, role, event.step, event.loss, event.lr, event.tokens_per_second, seconds
                    )
                )
            if time.monotonic() - flushed > FLUSH_SECONDS:
                store.add_metrics(waiting)
                waiting, flushed = [], time.monotonic()
            yield event
    finally:
        store.add_metrics(waiting)
    _save(learner, run.folder / role)


def _save(learner: student.Student, folder: Path) -> None:
    """Write the weights whole or not at all."""
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        student.save(learner, partial)
        for file in partial.iterdir():
            checkpoint.flush(file)
        partial.replace(folder)
        checkpoint.flush(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"the student could not be saved in {folder}: {error.strerror or error}",
            hint="free some space and run the same command again",
        ) from error


def _plan(name: str, recipe: Recipe, traces: Sequence[tuple[Problem, Trace]]) -> RunPlan:
    """What the run is, frozen: the same plan finds the same unfinished run."""
    return RunPlan(
        name=recipes.title(name),
        recipe={"name": recipes.full_name(name), **json.loads(recipes.dump(recipe))},
        seed=recipe.train.seed,
        scheme=recipe.scheme.name,
        roles=recipe.scheme.roles,
        base=recipe.student.base,
        versions={p: importlib.metadata.version(p) for p in ("socli-distill", "torch", "transformers")},
        note=f"{len(traces)} traces",
    )
