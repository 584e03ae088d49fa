"""socli annotate"""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from socli.cli import app, options, repeats, wiring
from socli.errors import SocliError, UsageError
from socli.problem import shown_set_name
from socli.records import RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from socli.annotate import Askings
    from socli.events import Event
    from socli.problem import Problem
    from socli.recipe import Recipe
    from socli.store import Store
    from socli.tables import TeacherTable
    from socli.teacher.cached import Cache
    from socli.teacher.money import Purse


@app.command()
def annotate(
    recipe: options.RecipeName = "quickstart",
    set_: options.Set = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="`reference`, a model's name or `run:ID`, a student; the recipe's otherwise."),
    ] = None,
    base_url: options.BaseUrl = None,
    limit: options.Limit = None,
    probe: Annotated[
        int | None, typer.Option(min=2, help="Ask so many, say what all would take, and stop.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Dollars that this command may spend at most.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the first request and how many there are; ask nothing.")
    ] = False,
    reuse: Annotated[
        bool,
        typer.Option("--reuse", help="Do not ask where another model, prompt or setting has a kept trace."),
    ] = False,
    record: Annotated[
        Path | None, typer.Option(help="Add the replies to this JSONL file, for `teacher.replay`.")
    ] = None,
    allow_overlap: options.AllowOverlap = False,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Let a teacher write sub-questions and answers into the store.

    The teacher `reference` takes the data set's own steps and costs nothing, nor does a trained student,
    `run:ID`. Problems that already have a trace are not asked again. Ctrl-C once waits for the replies under
    way and stores them.
    """
    from socli import recipe as recipes
    from socli.annotate import Askings
    from socli.teacher.money import purse

    given = {"teacher.model": teacher, "teacher.base_url": base_url, "problems.limit": limit}
    given["teacher.reuse"] = "true" if reuse else None
    overrides = [*(set_ or []), *(f"{key}={value}" for key, value in given.items() if value is not None)]
    loaded = recipes.load(recipe, overrides)
    paid = loaded.teacher.model != "reference" and not loaded.teacher.draws
    if loaded.teacher.draws:
        _refuse(loaded.teacher, {"probe": probe, "budget": budget, "dry-run": dry_run, "record": record})
    spending = purse(loaded.teacher, budget) if paid else None
    problems, set_name = wiring.recipe_problems(loaded), loaded.problems.set_name
    out = set() if allow_overlap else repeats.left_out(problems, loaded, json=json)
    problems = [problem for problem in problems if problem.id not in out] if out else problems
    with wiring.opened(store) as db:
        missing = (
            Askings(problems, set_name, loaded.teacher, loaded.to_scheme(), db)
            if paid and (probe or dry_run)
            else None
        )
        if dry_run:
            _show_first(loaded, missing)
            return
        try:
            with wiring.cache(db) if paid else nullcontext() as cache:
                kept = _run(loaded, problems, db, spending, probe, record, cache, json=json)
        finally:
            if not json:
                _tell_all(db, loaded, spending)
        if probe and spending and missing:
            wiring.say(spending.projected(missing.missing, loaded.teacher.concurrency))
            return
        total = sum(1 for _ in db.kept(set_name, wiring.teachers(db, loaded.teacher)))
    if not total:
        why = wiring.command("traces", "list", "--verdict", "refused", store=store)
        raise SocliError("no trace was kept", hint=f"`{why}` says why each was refused")
    if not json:
        next_ = wiring.command("distill", recipe=recipe, overrides=overrides, store=store)
        wiring.say(f"kept {kept:,} now, {total:,} in all; next: {next_}")


def _refuse(table: "TeacherTable", given: "Mapping[str, object]") -> None:
    """UsageError where a student is to be asked in a way that only a server can be."""
    from socli.tables import TeacherTable

    flags = [f"--{name}" for name, value in given.items() if value]
    only = ("until_correct", "more_tokens", "guided", "reuse", "replay", "stronger")
    flags += [f"teacher.{name}" for name in only if getattr(table, name) != getattr(TeacherTable(), name)]
    if flags:
        raise UsageError(
            "a student draws its solutions here, without a server", f"leave out {', '.join(flags)}"
        )


def _drawn(
    loaded: "Recipe", problems: "list[Problem]", db: "Store", stop_asked: "Callable[[], bool]"
) -> "Iterator[Event]":
    """The events of a student that draws samples of the problems, as `[teacher]` says how."""
    from socli.sampling import sample
    from socli.writers.pieces import Sampling

    table, run = loaded.teacher, db.run(loaded.teacher.model.removeprefix(RUN))
    if table.model != f"{RUN}{run.id}":  # it is the teacher's name from here on
        raise UsageError(f"a student is named as a teacher by its whole id, {run.id}", f"say run:{run.id}")
    db.add_problems(loaded.problems.set_name, problems)
    how = Sampling(table.temperature, table.top_p, table.seed, table.samples)
    return sample(problems, run, how, loaded.to_scheme(), loaded.bench, db, stop_asked)


def _run(
    loaded: "Recipe",
    problems: "list[Problem]",
    db: "Store",
    spending: "Purse | None",
    probe: int | None,
    record: Path | None,
    cache: "Cache | None",
    *,
    json: bool,
) -> int:
    """Annotate on the screen; how many traces were kept."""
    from socli.annotate import annotate as annotating
    from socli.events import Traced

    form, kept = loaded.to_scheme(), 0
    wiring.remember(db, loaded, problems)
    with wiring.talk(json) as screen, wiring.stop_after_step() as stop_asked:
        events: Iterator[Event] = (
            _drawn(loaded, problems, db, stop_asked)
            if loaded.teacher.draws
            else annotating(
                problems,
                loaded.problems.set_name,
                loaded.teacher,
                form,
                db,
                purse=spending,
                probe=probe,
                record=record,
                cache=cache,
                stop_asked=stop_asked,
            )
        )
        for event in screen.follow(events):
            kept += isinstance(event, Traced)
    if cache and cache.found and not json:
        wiring.say(f"{cache.found:,} replies were paid for before and came from {cache.folder}")
    return kept


def _tell_all(db: "Store", loaded: "Recipe", spending: "Purse | None") -> None:
    """What became of all that each teacher was asked, and what it cost now."""
    for teacher in loaded.teacher.models:
        _tell_funnel(db, loaded.problems.set_name, teacher)
    for purse in (spending, spending.heir) if spending else ():
        if purse and purse.tokens.n:
            wiring.say(f"{purse.model}: {purse.said()}" if purse is not spending else purse.said())


def _tell_funnel(db: "Store", set_name: str, teacher: str) -> None:
    """What became of all traces of this set and teacher, those of earlier commands included."""
    from socli.screen.progress import funnelled

    with suppress(SocliError):  # what ended the command is said, and not that the funnel fails for it too
        if (told := db.funnel(set_name, teacher)).asked:
            wiring.say(f"{shown_set_name(set_name)} with {teacher}, all in all: {funnelled(told)}")


def _show_first(loaded: "Recipe", askings: "Askings | None") -> None:
    """The first request in full, on stdout, and how many there are, on stderr."""
    from socli.screen.render import line
    from socli.teacher import request

    first = askings.next() if askings else None
    if askings and first:
        body = request(first, loaded.teacher, loaded.to_scheme(), loaded.teacher.output)
        for said in body.pop("messages"):
            print(f"[{said['role']}]", *map(line, said["content"].split("\n")), sep="\n")
        body["response_format"] = body.get("response_format", {"type": "text"})["type"]
        wiring.say(", ".join(f"{key} {value}" for key, value in body.items()))
    wiring.say(f"requests to make: {askings.missing if askings else 0:,}; nothing was asked")
