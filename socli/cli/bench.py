"""socli bench"""

import json as jsons
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from socli.cli import app, options, wiring
from socli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from socli.events import Event, Scored
    from socli.problem import Scorecard
    from socli.recipe import BenchTable
    from socli.records import RunRow
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
        str | None, typer.Option("--recipe", "-r", help="Score this recipe's sets with its last good run.")
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
    from socli import solvers, sources
    from socli.events import Scored, Tallied
    from socli.scheme import Scheme
    from socli.sources import Fields

    given = {"limit": limit, "steps": wiring.two_numbers(steps), "calculator": calculator}
    fields = Fields(question_field, answer_field, context_field, kind)
    cards: list[Scorecard] = []
    with wiring.opened(store) as db:
        table, row = _settings(db, recipe, run, model, set_ or [], given)
        specs = sets or table.sets or (sources.STDIN,)
        for spec in specs:  # refused before a model is loaded
            sources.check(spec)
        if row is not None:
            who = solvers.of_run(row, calculator=table.calculator, precision=precision)
        else:
            who = wiring.untrained(model, Scheme(scheme), kind, table.calculator, precision)
        with wiring.talk() as screen:
            for spec in specs:
                for event in screen.follow(_scored(spec, table, seed, fields, who, db)):
                    if isinstance(event, Scored):
                        _print(event)
                    elif isinstance(event, Tallied):
                        cards.append(event.scorecard)
    if json:
        print(jsons.dumps(_summary(cards)), file=sys.stderr)


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
) -> "tuple[BenchTable, RunRow | None]":
    """How to bench, from the recipe, the run or the defaults, and the run that answers, if one does."""
    from socli import recipe as recipes
    from socli.recipe import BenchTable

    if overrides and recipe is None:
        raise UsageError("--set changes a recipe, and none is named", hint="name one with --recipe")
    wiring.refuse_both(run, model)
    named = None if recipe is None else recipes.load(recipe, overrides).bench
    row = None if model is not None else wiring.chosen_run(db, run, recipe)
    if named is not None:
        table = named
    elif row is not None:
        frozen = BenchTable.model_validate(row.recipe["bench"])
        table = BenchTable(max_tokens=frozen.max_tokens, batch=frozen.batch)
    else:
        table = BenchTable()
    return table.model_copy(update={key: value for key, value in given.items() if value is not None}), row


def _print(event: "Scored") -> None:
    """A prediction as a JSON line; on a terminal the summary is enough."""
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
