"""socli distill"""

from typing import TYPE_CHECKING, Annotated

import typer

from socli.cli import app, lessons, options, wiring
from socli.cli import devices as helping
from socli.errors import MissingError
from socli.home import checked_name

if TYPE_CHECKING:
    from socli.events import Event
    from socli.recipe import Recipe
    from socli.store import Store


@app.command()
def distill(
    recipe: options.RecipeName = "quickstart",
    set_: options.Set = None,
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

    A run that was killed goes on from its last checkpoint when the same command is given again.
    Missing traces are made first where the teacher is free.
    """
    from socli import recipe as recipes

    if helping.is_helper():
        from socli.distill import follow

        follow()
        return
    loaded = recipes.load(recipe, set_ or [])
    checked_name(recipes.title(recipe), "run")  # refused now rather than after annotating
    annotate, bench = (
        wiring.command(verb, recipe=recipe, overrides=set_, store=store) for verb in ("annotate", "bench")
    )
    with wiring.opened(store) as db, helping.beside(devices):
        run(recipe, loaded, db, annotate, show_lessons=show_lessons, json=json)
    if not json and loaded.bench.sets:
        wiring.say(f"next: {bench}")


def run(
    name: str, recipe: "Recipe", db: "Store", annotate: str, *, show_lessons: int = 0, json: bool = False
) -> str:
    """Annotate where that is free, fetch the base, train; the run's id.

    `annotate` is the command to type where there is no trace to learn from.
    """
    from itertools import chain

    from socli import distill as distilling
    from socli.events import Saved

    notes = _annotate(recipe, db) if recipe.teacher.model == "reference" else []
    table = recipe.problems
    traces = distilling.kept(db, table.set_name, table.limit, recipe.teacher.model, recipe.to_scheme())
    if not traces:
        raise MissingError("there is no kept trace to learn from", hint=annotate)
    if show_lessons:
        lessons.show(traces, recipe.to_scheme(), show_lessons)
    base = wiring.base_folder(recipe.student.base, json=json)  # before the screen: it has a bar of its own
    run = ""
    with wiring.talk(json) as screen, wiring.stop_after_step() as stop_asked:
        events = distilling.distill(name, recipe, traces, base, db, stop_asked)
        for event in screen.follow(chain(notes, events)):
            run = event.run if isinstance(event, Saved) else run
    distilling.dismiss()
    return run


def _annotate(recipe: "Recipe", db: "Store") -> "list[Event]":
    """Store the data set's own steps; where the data is not here, what the store holds must do."""
    from socli.annotate import annotate
    from socli.events import Noted

    before = db.counts()["kept"]
    set_name = recipe.problems.set_name
    try:
        problems = wiring.recipe_problems(recipe)
    except MissingError:
        if not any(db.kept(set_name, recipe.teacher.model, limit=1)):
            raise
        return []
    for _ in annotate(problems, set_name, recipe.teacher, recipe.to_scheme(), db):
        pass  # a second's work; what it made is said in one sentence
    made = db.counts()["kept"] - before
    said = f"made {made:,} traces first, from the data's own steps (teacher `reference`, free)"
    return [Noted(said)] if made else []
