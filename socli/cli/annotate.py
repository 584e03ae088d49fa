"""socli annotate"""

from typing import Annotated

import typer

from socli.cli import app, options, wiring
from socli.errors import SocliError


@app.command()
def annotate(
    recipe: options.RecipeName = "quickstart",
    set_: options.Set = None,
    teacher: Annotated[
        str | None, typer.Option(help="`reference` or a model's name; the recipe's otherwise.")
    ] = None,
    base_url: options.BaseUrl = None,
    limit: options.Limit = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Let a teacher write sub-questions and answers into the store.

    The teacher `reference` takes the data set's own steps and costs nothing. Problems that already
    have a trace are not asked again. Ctrl-C once waits for the replies under way and stores them.
    """
    from socli import recipe as recipes
    from socli.annotate import annotate as annotating
    from socli.events import Traced

    given = {"teacher.model": teacher, "teacher.base_url": base_url, "problems.limit": limit}
    overrides = [*(set_ or []), *(f"{key}={value}" for key, value in given.items() if value is not None)]
    loaded = recipes.load(recipe, overrides)
    problems, set_name = wiring.recipe_problems(loaded), loaded.problems.set_name
    kept = 0
    with wiring.opened(store) as db, wiring.talk(json) as screen, wiring.stop_after_step() as stop_asked:
        form = loaded.to_scheme()
        events = annotating(problems, set_name, loaded.teacher, form, db, stop_asked=stop_asked)
        for event in screen.follow(events):
            kept += isinstance(event, Traced)
        total = sum(1 for _ in db.kept(set_name, loaded.teacher.model))
    if not total:
        why = wiring.command("traces", "list", "--verdict", "refused", store=store)
        raise SocliError("no trace was kept", hint=f"`{why}` says why each was refused")
    if not json:
        next_ = wiring.command("distill", recipe=recipe, overrides=overrides, store=store)
        wiring.say(f"kept {kept:,} now, {total:,} in all; next: {next_}")
