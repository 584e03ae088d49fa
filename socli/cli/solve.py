"""socli solve"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from socli.cli import Terminated, app, options, parts, wiring
from socli.errors import MissingError, UsageError
from socli.home import home

if TYPE_CHECKING:
    from socli.problem import Problem
    from socli.records import RunRow
    from socli.screen.live import Screen
    from socli.screen.scene import Solving
    from socli.solve import Solvers
    from socli.store import Store

MAX_TOKENS = 512
ASKED = "question: "


@app.command()
def solve(
    question: Annotated[
        str | None,
        typer.Argument(
            help="The problem; read from stdin where it is not given, one after the other on a terminal.",
            show_default=False,
        ),
    ] = None,
    run: options.RunId = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    facts: Annotated[str | None, typer.Option(help="Facts to be given with the question.")] = None,
    decomposer: Annotated[
        str | None, typer.Option(help="Who asks instead: a run, `teacher`, or - for you.")
    ] = None,
    solver: options.Solver = None,
    teacher: options.Teacher = None,
    votes: Annotated[int, typer.Option(min=1, help="Write so many samples; the commonest answer wins.")] = 1,
    verifier: options.Verifier = None,
    until_valid: options.UntilValid = False,
    temperature: options.Temperature = 0.7,
    top_p: options.TopP = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Which samples are drawn.")] = 0,
    calculator: options.Calculator = True,
    show_prompts: Annotated[
        bool, typer.Option("--show-prompts", help="Print what each model was given, on stderr.")
    ] = False,
    svg: Annotated[Path | None, typer.Option(help="Write the tree to this file as a picture.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Train the quickstart first if there is no run.")
    ] = False,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Solve one problem and show each sub-question and its answer as they are written."""
    from socli.problem import Problem
    from socli.release.folder import kind_of
    from socli.writers.pieces import Sampling

    wiring.refuse_both(run, model)
    chosen = parts.Parts(
        calculator, base_url, decomposer, solver, teacher, votes, until_valid, verifier=verifier
    )
    parts.check(chosen, (), one_problem=True)
    first = _asked(question)
    with wiring.opened(store) as db:
        row = None if model is not None else _run(db, run, yes)
        kind = kind_of(row, db) if row else "number"
        problem = Problem(first, kind=kind, context=facts or "")
        who = parts.solvers_of(row, model, chosen, kind)
        who = parts.with_parts(who, chosen, db, (), kind)
        who = parts.sampled(who, chosen, Sampling(temperature, top_p, seed), kind, db)
    watched, given = parts.watched(who)
    plain = decomposer == parts.TYPED  # what is typed would be drawn over
    for text in _questions(first, more=question is None and sys.stdin.isatty()):
        screen = _solved(replace(problem, question=text), watched, store, json=json, plain=plain)
        if svg is not None:
            _draw(screen, svg)
        if show_prompts:
            parts.print_given(given)


def _questions(first: str, *, more: bool) -> Iterator[str]:
    """The question, and on a terminal, where none was given, more until an empty one or Ctrl-D."""
    yield first
    while more:
        try:
            text = _typed()
        except EOFError:
            return
        if not text.strip():
            return
        yield text.strip()


def _typed() -> str:
    """A question typed on a terminal, with editing and a history where there is readline."""
    try:
        import readline
    except ImportError:  # Windows has none
        return input(ASKED)
    history = home() / "questions"
    with suppress(OSError):
        if not readline.get_current_history_length():
            readline.read_history_file(history)
    text = input(ASKED)
    with suppress(OSError):
        readline.set_history_length(1000)
        readline.write_history_file(history)
    return text


def _solved(problem: "Problem", who: "Solvers", store: Path | None, *, json: bool, plain: bool) -> "Screen":
    """Solve on the screen; what was written when it is stopped is stored."""
    from socli.screen.live import Screen, mode
    from socli.solve import solve as solving

    how = "plain" if plain and not json else mode(sys.stdout.isatty(), json)
    screen = Screen(how, sys.stdout)
    try:
        with screen:
            for _ in screen.follow(solving([problem], who, MAX_TOKENS)):
                pass
    except (KeyboardInterrupt, Terminated):
        if screen.scene.solving and screen.scene.solving.text:
            _keep(screen.scene.solving, who, store)
        raise
    return screen


def _keep(solving: "Solving", who: "Solvers", store: Path | None) -> None:
    """Store what was written so far, as a bench of the set `solve` that is not done."""
    from socli.problem import Prediction
    from socli.records import BenchPlan

    problem, steps = solving.opened.problem, solving.reading.steps
    made = Prediction(
        problem.id, steps, None, None, "stopped", who.calculator, solving.pieces, 0.0, solving.text
    )
    with wiring.opened(store) as db:
        db.add_problems("solve", [problem])
        plan = BenchPlan(model=who.name, set="solve", calculator=who.calculator, settings={}, run=who.run)
        row = db.start_bench(plan)
        db.add_predictions(row.id, [(1, made)])
    wiring.say(f"what was written so far is in the store as bench {row.id}")


def _draw(screen: "Screen", path: Path) -> None:
    """The tree as a picture."""
    from socli.screen.live import svg

    path.write_text(svg(screen.scene, "socli solve"), encoding="utf-8")
    wiring.say(f"drawn: {path}")


def _asked(question: str | None) -> str:
    if question is None or question == "-":
        question = _typed() if question is None and sys.stdin.isatty() else sys.stdin.read()
    if not question.strip():
        raise UsageError(
            "there is no question", hint='socli solve "Ana has 3 apples and buys 2. How many has she?"'
        )
    return question.strip()


def _run(db: "Store", run: str | None, yes: bool) -> "RunRow":
    """The run named or the last good one; where there is none, the quickstart's, if that is wanted."""
    from socli import recipe as recipes
    from socli.cli import distill

    if run is not None or db.last_good_run() is not None:
        return wiring.chosen_run(db, run)
    offer = "there is no trained student yet; train the quickstart now (minutes on two CPU cores)?"
    if not yes and not (sys.stdin.isatty() and typer.confirm(offer, default=True, err=True)):
        raise MissingError(
            "there is no trained student yet",
            hint="`socli solve --yes` trains the quickstart first; or: socli distill --recipe quickstart",
        )
    annotate = wiring.command("annotate", recipe="quickstart")
    return db.run(distill.run("quickstart", recipes.load("quickstart"), db, annotate))
