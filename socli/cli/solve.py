"""socli solve"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from socli.cli import app, options, wiring
from socli.errors import MissingError, UsageError

if TYPE_CHECKING:
    from socli.problem import AnswerKind
    from socli.records import RunRow
    from socli.store import Store

MAX_TOKENS = 512


@app.command()
def solve(
    question: Annotated[
        str | None,
        typer.Argument(help="The problem; read from stdin where it is not given.", show_default=False),
    ] = None,
    run: options.RunId = None,
    model: options.Model = None,
    calculator: options.Calculator = True,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Train the quickstart first if there is no run.")
    ] = False,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Solve one problem and show each sub-question and its answer as they are written."""
    from socli.problem import Problem

    wiring.refuse_both(run, model)
    asked = _asked(question)
    from socli import solvers
    from socli.scheme import Scheme
    from socli.screen.live import Screen, mode
    from socli.solve import solve as solving

    with wiring.opened(store) as db:
        if model is not None:
            problem = Problem(asked)
            who = wiring.untrained(model, Scheme(), problem.kind, calculator)
        else:
            row = _run(db, run, yes)
            problem = Problem(asked, kind=_kind(db, row))
            with wiring.waiting("loading the student"):
                who = solvers.of_run(row, calculator=calculator)
    with Screen(mode(sys.stdout.isatty(), json), sys.stdout) as screen:
        for _ in screen.follow(solving([problem], who, MAX_TOKENS)):
            pass


def _asked(question: str | None) -> str:
    if question is None or question == "-":
        question = str(typer.prompt("question", err=True)) if sys.stdin.isatty() else sys.stdin.read()
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


def _kind(db: "Store", row: "RunRow") -> "AnswerKind":
    """What the run's student answers with: the kind of the problems it learnt from."""
    from socli.tables import ProblemsTable

    learnt = db.problems(ProblemsTable.model_validate(row.recipe["problems"]).set_name, limit=1)
    return next((problem.kind for problem in learnt), "number")
