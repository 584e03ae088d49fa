"""socli distill"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from socli.cli import app, arms, bases, lessons, options, repeats, wiring
from socli.engine import ranks
from socli.errors import MissingError
from socli.home import checked_name
from socli.records import RUN

if TYPE_CHECKING:
    from socli.augment import Variant
    from socli.events import Event
    from socli.problem import Problem, Trace
    from socli.recipe import Recipe
    from socli.store import Store


@app.command()
def distill(
    recipe: options.RecipeName = "quickstart",
    set_: options.Set = None,
    arm: Annotated[
        list[str] | None, typer.Option("--arm", help="Train this arm of the recipe alone; may be repeated.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Train once more what is done already.")] = False,
    allow_overlap: options.AllowOverlap = False,
    store: options.Store = None,
    show_lessons: Annotated[
        int, typer.Option(min=0, metavar="N", help="First print what is learnt from so many traces.")
    ] = 0,
    devices: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train with so many GPUs, or processes on a CPU.")
    ] = 1,
    json: options.Json = False,
) -> None:
    """Fine-tune a student, or a decomposer and a solver, on the kept traces.

    The same command goes on after a kill: what is done is left alone, the run under way continues from its
    last checkpoint, then come the recipe's other rounds, arms and seeds. Missing traces are made first where
    the teacher is free.
    """
    from socli import recipe as recipes

    if ranks.is_helper():
        from socli.distill import follow

        follow()
        return
    loaded = recipes.load(recipe, set_ or [])
    arms.check(loaded, arm or ())
    checked_name(recipes.title(recipe), "run")  # refused now rather than after annotating
    annotate, bench = (
        wiring.command(verb, recipe=recipe, overrides=set_, store=store) for verb in ("annotate", "bench")
    )
    with wiring.opened(store) as db, ranks.beside(devices):
        run_id = run(
            recipe,
            loaded,
            db,
            annotate,
            chosen=arm or (),
            again=again,
            allow_overlap=allow_overlap,
            show_lessons=show_lessons,
            json=json,
        )
    if not json and loaded.bench.sets:
        wiring.say(f"next: {bench}{_weighing(loaded, run_id)}")


def _weighing(recipe: "Recipe", run: str) -> str:
    """Of a verifier: the rest of the command that lets it weigh what the run it learnt from writes."""
    weighed = recipe.teacher.model.removeprefix(RUN)
    return f" --run {weighed} --votes 5 --verifier {run or 'RUN'}" if recipe.scheme.name == "verify" else ""


def run(
    name: str,
    recipe: "Recipe",
    db: "Store",
    annotate: str,
    *,
    chosen: Collection[str] = (),
    again: bool = False,
    allow_overlap: bool = False,
    show_lessons: int = 0,
    json: bool = False,
) -> str:
    """Annotate where that is free, fetch the bases, train the chosen arms or all; the id of the last run.

    `annotate` is the command to type where there is no trace to learn from.
    """
    from itertools import chain
    from pathlib import Path

    from socli import distill as distilling
    from socli.events import Saved

    recipe = bases.pinned(recipe, db)
    if Path(recipe.problems.train).is_file():
        wiring.remember(db, recipe, wiring.recipe_problems(recipe))
    traces, variants, notes = _learnt(recipe, db, chosen, allow_overlap, json)
    if not traces:
        raise MissingError("there is no kept trace to learn from", hint=annotate)
    for form in recipe.schemes() if show_lessons else ():
        lessons.show(traces, form, show_lessons)
    places = bases.places(recipe, db, json=json)  # before the screen: fetching has a bar of its own
    run = ""
    with wiring.talk(json) as screen, wiring.stop_after_step() as stop_asked:
        events = distilling.distill_queue(
            name,
            recipe,
            traces,
            next(iter(places.values())),
            db,
            stop_asked,
            others=places,
            arms=chosen,
            again=again,
            variants=variants,
        )
        for event in screen.follow(chain(notes, events)):
            run = event.run if isinstance(event, Saved) else run
    distilling.dismiss()
    return run


def _learnt(
    recipe: "Recipe", db: "Store", chosen: Collection[str], allow_overlap: bool, json: bool
) -> "tuple[list[tuple[Problem, Trace]], dict[int, list[Variant]], list[Event]]":
    """The traces of all arms, variants of them for the chosen ones, and what is to be said of both."""
    from socli import planning
    from socli.events import Noted

    notes = _annotate(recipe, db) if "reference" in recipe.teachers() else []
    traces, left_out = planning.learnt(db, recipe, wiring.teachers(db, recipe.teacher))
    notes += map(Noted, left_out)
    variants = _variants(recipe, traces, chosen)
    if not allow_overlap:
        learnt = [problem for problem, _ in traces]
        learnt += [one.problem for some in variants.values() for one in some]
        out = repeats.left_out(learnt, recipe, json=json)
        traces = [pair for pair in traces if pair[0].id not in out]
        variants = {
            count: [one for one in some if out.isdisjoint((one.problem.id, one.parent))]
            for count, some in variants.items()
        }
    return traces, variants, notes + _said(variants, traces, recipe)


def _variants(
    recipe: "Recipe", traces: "list[tuple[Problem, Trace]]", chosen: Collection[str]
) -> "dict[int, list[Variant]]":
    """The same problems with other numbers, by `problems.augment` of the recipe or a chosen arm, as many as
    that says; made anew each time, never stored.
    """
    from socli.augment import augmented

    counts = {one.problems.augment for arm, one in recipe.queue() if not chosen or arm in chosen} - {0}
    if not counts:
        return {}
    with wiring.waiting("swapping numbers"):
        return {count: augmented(traces, count, recipe.problems.seed) for count in sorted(counts)}


def _said(
    variants: "dict[int, list[Variant]]", traces: "list[tuple[Problem, Trace]]", recipe: "Recipe"
) -> "list[Event]":
    from socli.events import Noted
    from socli.writers import verifier

    if recipe.scheme.name == "verify" and traces:
        return [Noted(verifier.shares(traces))]
    return [
        Noted(
            f"made {len(some):,} variants with swapped numbers from {len({one.parent for one in some}):,}"
            f" of {len({problem.id for problem, _ in traces}):,} problems (problems.augment = {count})"
        )
        for count, some in variants.items()
    ]


def _annotate(recipe: "Recipe", db: "Store") -> "list[Event]":
    """Store the data set's own steps; where the data is not here, what the store holds must do."""
    from socli.annotate import annotate
    from socli.events import Noted
    from socli.scheme import Scheme
    from socli.tables import TeacherTable

    before = db.counts()["kept"]
    set_name = recipe.problems.set_name
    teacher = recipe.teacher if recipe.teacher.model == "reference" else TeacherTable()
    try:
        problems = wiring.recipe_problems(recipe)
    except MissingError:
        if not any(db.kept(set_name, teacher.model, limit=1)):
            raise
        return []
    for form in {Scheme(form.name, sub_answers=form.sub_answers) for form in recipe.schemes()}:
        for _ in annotate(problems, set_name, teacher, form, db):
            pass  # a second's work; what it made is said in one sentence
    made = db.counts()["kept"] - before
    said = f"made {made:,} traces first, from the data's own steps (teacher `reference`, free)"
    return [Noted(said)] if made else []
