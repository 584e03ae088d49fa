"""socli bench"""

import json as jsons
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from socli.cli import app, arms, options, wiring
from socli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from socli.engine.student import Precision
    from socli.events import Event, Scored
    from socli.problem import AnswerKind, Scorecard
    from socli.recipe import BenchTable
    from socli.records import RunRow
    from socli.scheme import Scheme
    from socli.screen.live import Screen
    from socli.solve import Solvers
    from socli.sources import Fields
    from socli.store import Store


@app.command()
def bench(
    sets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Known sets (gsm8k:test), JSONL or CSV files; none or - for stdin.", show_default=False
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            help="Score this recipe's sets with its last good run, or each arm's and seed's.",
        ),
    ] = None,
    run: options.RunId = None,
    model: options.Model = None,
    set_: options.Set = None,
    limit: options.Limit = None,
    steps: options.Steps = None,
    seed: options.Seed = 0,
    calculator: Annotated[
        bool | None,
        typer.Option("--calculator/--no-calculator", help="Compute the values of marked equations."),
    ] = None,
    scheme: Annotated[
        Literal["answer", "cot", "socratic"], typer.Option(help="What an untrained --model is shown.")
    ] = "socratic",
    precision: Annotated[
        Literal["fp32", "bf16"] | None, typer.Option(help="What the machine is fast at otherwise.")
    ] = None,
    question_field: options.QuestionField = "question",
    answer_field: options.AnswerField = "answer",
    context_field: options.ContextField = "context",
    kind: options.Kind = "number",
    store: options.Store = None,
    json: Annotated[
        bool, typer.Option("--json", help="The summary as one JSON object on stderr's last line.")
    ] = False,
) -> None:
    """Solve problems and score the answers.

    Predictions go to stdout as JSONL as they finish (on a terminal only the summary is shown), the
    summary to stderr. Without --run or --model the last good run answers.
    """
    from socli.events import Scored, Tallied
    from socli.scheme import Scheme
    from socli.sources import Fields

    given = {"limit": limit, "steps": wiring.two_numbers(steps), "calculator": calculator}
    fields = Fields(question_field, answer_field, context_field, kind)
    cards: list[Scorecard] = []
    with wiring.opened(store) as db:
        table, rows = _settings(db, recipe, run, model, set_ or [], given)
        specs = _specs(sets or table.sets, rows)
        if model is not None:
            wiring.base_folder(model)  # before the screen: what is fetched has a bar of its own
        with wiring.talk() as screen:
            for who in _ready(rows, model, Scheme(scheme), kind, table.calculator, precision):
                run_of = _introduced(who, rows, screen)
                for spec in specs:
                    for event in screen.follow(_scored(spec, table, seed, fields, who, db)):
                        if isinstance(event, Scored):
                            _print(event, run_of)
                        elif isinstance(event, Tallied):
                            cards.append(event.scorecard)
                del who  # before the next is loaded
    if json:
        print(jsons.dumps(_summary(cards)), file=sys.stderr)


def _specs(sets: "Sequence[str]", rows: "list[RunRow]") -> "Sequence[str]":
    """What is scored, refused before a model is loaded where it cannot be."""
    from socli import sources

    specs = sets or (sources.STDIN,)
    for spec in specs:
        sources.check(spec)
    if sources.STDIN in specs and len(rows) > 1:
        raise UsageError("stdin can be read by one run alone", hint="name it with --run")
    return specs


def _ready(
    rows: "list[RunRow]",
    model: str | None,
    form: "Scheme",
    kind: "AnswerKind",
    calculator: bool,
    precision: "Precision | None",
) -> "Iterator[Solvers]":
    """The students of each run, one run in memory at a time; or the untrained one, where there is no run."""
    from socli import solvers

    if not rows:
        yield wiring.untrained(model, form, kind, calculator, precision)
    for row in rows:
        yield solvers.of_run(row, calculator=calculator, precision=precision)


def _introduced(who: "Solvers", rows: "list[RunRow]", screen: "Screen") -> dict[str, str]:
    """Where several runs are scored: say which comes; what its predictions say of it beside themselves."""
    from socli.events import Noted

    if len(rows) < 2:
        return {}
    (row,) = (row for row in rows if row.id == who.run)
    screen.show(Noted(f"run {row.id}: {arms.title(row.arm, row.seed)}"))
    return {"run": row.id}


def _scored(
    spec: str, table: "BenchTable", seed: int, fields: "Fields", who: "Solvers", db: "Store"
) -> "Iterator[Event]":
    """The events of scoring one set."""
    from socli import solvers, sources
    from socli.bench import bench
    from socli.recipe import ProblemsTable

    problems, total, kind = wiring.bench_problems(spec, table, seed, fields)
    name = "stdin" if spec == sources.STDIN else spec
    set_name = ProblemsTable(train=name, steps=table.steps, seed=seed).set_name
    return bench(set_name, problems, solvers.shown(who, kind), db, table, total=total)


def _settings(
    db: "Store",
    recipe: str | None,
    run: str | None,
    model: str | None,
    overrides: list[str],
    given: dict[str, Any],
) -> "tuple[BenchTable, list[RunRow]]":
    """How to bench, from the recipe, the run or the defaults, and the runs that answer, if any do."""
    from socli import recipe as recipes
    from socli.recipe import BenchTable

    if overrides and recipe is None:
        raise UsageError("--set changes a recipe, and none is named", hint="name one with --recipe")
    wiring.refuse_both(run, model)
    named = None if recipe is None else recipes.load(recipe, overrides)
    rows: list[RunRow] = []
    if model is None and named and recipe and run is None:
        rows = arms.runs_of(db, recipe, named)
    elif model is None:
        rows = [wiring.chosen_run(db, run)]
    if named is not None:
        table = named.bench
    elif rows:
        frozen = BenchTable.model_validate(rows[0].recipe["bench"])
        table = BenchTable(max_tokens=frozen.max_tokens, batch=frozen.batch)
    else:
        table = BenchTable()
    return table.model_copy(update={key: value for key, value in given.items() if value is not None}), rows


def _print(event: "Scored", more: dict[str, str]) -> None:
    """A prediction as a JSON line, with `more` at its end; on a terminal the summary is enough."""
    if sys.stdout.isatty():
        return
    problem, made = event.problem, event.prediction
    row = {
        "id": problem.id,
        "set": event.set,
        "number": event.number,
        "question": problem.question,
        "answer": problem.gold,
        "prediction": made.answer,
        "correct": made.correct,
        "finish_reason": made.finish_reason,
        "calculator": made.calculator,
        "tokens": made.tokens,
        "text": made.text,
        **more,
    }
    wiring.print_json(row)


def _summary(cards: "list[Scorecard]") -> dict[str, Any]:
    """All sets together at the top, each on its own below."""
    n, correct = sum(card.n for card in cards), sum(card.correct for card in cards)
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n if n else None,
        "calculator": all(card.calculator for card in cards),
        "seconds": sum(card.seconds for card in cards),
        "sets": [asdict(card) for card in cards],
    }
