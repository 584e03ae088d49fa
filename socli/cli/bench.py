"""socli bench"""

import json as jsons
import sys
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from socli.cli import app, arms, options, parts, solving, wiring
from socli.cli.inputs import Input, judged, looked_at
from socli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socli.problem import Scorecard
    from socli.records import RunRow
    from socli.scoring.samples import AtK
    from socli.screen.live import Screen
    from socli.store import Store
    from socli.tables import BenchTable


@app.command()
def bench(
    sets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Known sets (gsm8k:test, gsm8k:train[-500:]), files, hf:OWNER/NAME; none or - for stdin.",
            show_default=False,
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
    seed: Annotated[
        int, typer.Option(min=0, help="Which stories are told, and which samples are drawn.")
    ] = 0,
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
    config: Annotated[str | None, typer.Option(help="Which configuration of hf:OWNER/NAME.")] = None,
    split: Annotated[str | None, typer.Option(help="Which split of hf:OWNER/NAME.")] = None,
    question_field: options.QuestionField = "question",
    answer_field: options.AnswerField = "answer",
    context_field: options.ContextField = "context",
    kind: options.Kind = "number",
    ordered: Annotated[
        bool, typer.Option("--ordered", help="Predictions in input order, not as they finish.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Solve also what the store has solved.")] = False,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="NAME",
            help="Store rows that bring their own answers too, as those of a model of this name.",
        ),
    ] = None,
    samples: Annotated[
        bool,
        typer.Option("--samples", help="Own answers come several to a problem: tell pass@k and maj@k too."),
    ] = False,
    noise: Annotated[
        bool,
        typer.Option("--noise", help="Solve at two batch sizes and two precisions, and tell what differs."),
    ] = False,
    votes: Annotated[
        int, typer.Option(min=1, help="Write so many samples; the commonest answer wins, with its share.")
    ] = 1,
    verifier: options.Verifier = None,
    until_valid: options.UntilValid = False,
    temperature: options.Temperature = 0.7,
    top_p: options.TopP = 0.95,
    decomposer: Annotated[
        str | None, typer.Option(help="Who asks instead: a run, `teacher`, or `gold`, the data's own.")
    ] = None,
    solver: options.Solver = None,
    teacher: options.Teacher = None,
    base_url: options.BaseUrl = None,
    swap: Annotated[
        bool,
        typer.Option("--swap", help="Also with gold questions, and with gold answers; split students only."),
    ] = False,
    store: options.Store = None,
    json: Annotated[
        bool, typer.Option("--json", help="The summary as one JSON object on stderr's last line.")
    ] = False,
) -> None:
    """Solve problems and score the answers.

    Predictions go to stdout as JSONL as they finish (on a terminal only the summary is shown), the
    summary to stderr. Without --run or --model the last good run answers. What the store has of the same
    run, set and settings is not solved again. Rows that bring a `prediction` or `response` are scored as
    they are, without any model.
    """
    from socli.bench import in_order
    from socli.cli import scoring
    from socli.scoring.samples import Samples
    from socli.sources import Fields
    from socli.writers.pieces import Sampling

    wiring.refuse_both(run, model)
    chosen = parts.Parts(True, base_url, decomposer, solver, teacher, votes, until_valid, scheme, verifier)
    parts.check(chosen)
    given = _given(limit, wiring.two_numbers(steps), calculator)
    fields = Fields(question_field, answer_field, context_field, kind)
    named = _named_table(recipe, set_ or [])
    cards: list[Scorecard] = []
    seen = Samples()
    with ExitStack() as stack:
        db = cache(lambda: stack.enter_context(wiring.opened(store)))
        inputs = [looked_at(spec) for spec in _specs(sets, named, steps, config, split)]
        asked = not all(one.answered for one in inputs)
        rows = _rows(db(), recipe, run, set_ or []) if asked and model is None else []
        table = (named or _frozen_table(rows)).model_copy(update=given)
        how = Sampling(temperature, top_p, seed)
        job = solving.Job(db, table, fields, seed, chosen, how, again)
        answering: Sequence[RunRow | None] = rows if model is None else [None] * int(asked)
        ready = [
            (row, one, job.loader(row, model, one))
            for row in answering
            for one in table.each()[: 1 if noise or swap else None]
        ]
        if noise or swap:
            job.measure(
                inputs, [load for *_, load in ready], noise, swap, precision, ordered=ordered, json=json
            )
            return
        _prepare(inputs, rows, model if ready and not base_url else None)
        with wiring.talk() as screen:
            for one in inputs:
                if one.answered:
                    events = judged(one, limit, fields, keep, db)
                    cards += scoring.follow(seen.collect(events) if samples else events, screen)
            for row, one_table, load in ready:
                more = _introduced(row, rows, screen)
                for events in job.each(inputs, load(precision), one_table):
                    told = in_order(events) if ordered else events
                    cards += scoring.follow(told, screen, solving=True, more=more)
    _tell(cards, inputs, seen.at_k() if samples else None, json=json)


def _named_table(recipe: str | None, overrides: list[str]) -> "BenchTable | None":
    from socli import recipe as recipes

    if overrides and recipe is None:
        raise UsageError("--set changes a recipe, and none is named", hint="name one with --recipe")
    return None if recipe is None else recipes.load(recipe, overrides).bench


def _rows(db: "Store", recipe: str | None, run: str | None, overrides: list[str]) -> "list[RunRow]":
    """The runs that answer: the one named, those of the recipe's arms and seeds, or the last good one."""
    from socli import recipe as recipes

    if recipe is None or run is not None:
        return [wiring.chosen_run(db, run)]
    return arms.runs_of(db, recipe, recipes.load(recipe, overrides), overrides)


def _given(limit: int | None, steps: tuple[int, int] | None, calculator: bool | None) -> dict[str, Any]:
    """The keys of `[bench]` that options take the place of; one setting of the calculator that of several."""
    keys = {"limit": limit, "steps": steps, "calculator": calculator}
    given: dict[str, Any] = {key: value for key, value in keys.items() if value is not None}
    return given if calculator is None else given | {"calculators": ()}


def _prepare(inputs: list[Input], rows: "list[RunRow]", model: str | None) -> None:
    """Fetch the untrained model, with a bar of its own; UsageError where several runs would read stdin."""
    if len(rows) > 1 and any(one.lines is not None and not one.answered for one in inputs):
        raise UsageError("stdin can be read by one run alone", hint="name it with --run")
    if model is not None:
        wiring.base_folder(model)


def _introduced(row: "RunRow | None", rows: "list[RunRow]", screen: "Screen") -> dict[str, str]:
    """Where several runs are scored: say which comes; what its predictions say of it beside themselves."""
    from socli.events import Noted

    if row is None or len(rows) < 2:
        return {}
    screen.show(Noted(f"run {row.id}: {arms.title(row.arm, row.seed, row.round)}"))
    return {"run": row.id}


def _specs(
    sets: list[str] | None,
    named: "BenchTable | None",
    steps: str | None,
    config: str | None,
    split: str | None,
) -> list[str]:
    """What is to be scored, refused before a model is loaded where it is not there."""
    from socli import sources

    specs = list(sets or (named.sets if named else ()) or (sources.STDIN,))
    if (config or split) and not any(spec.startswith("hf:") for spec in specs):
        raise UsageError("--config and --split say which part of a Hub set", hint="name one: hf:OWNER/NAME")
    specs = [sources.on_hub(spec, config, split) for spec in specs]
    for spec in specs:
        sources.check(spec)
    wiring.refuse_steps(steps, specs)
    return specs


def _frozen_table(rows: "list[RunRow]") -> "BenchTable":
    """How long a run's recipe lets it write, and how many side by side; the defaults without a run."""
    from socli.tables import BenchTable

    if not rows:
        return BenchTable()
    frozen = BenchTable.model_validate(rows[0].recipe["bench"])
    return BenchTable(max_tokens=frozen.max_tokens, batch=frozen.batch)


def _tell(cards: "list[Scorecard]", inputs: list[Input], sampled: "list[AtK] | None", *, json: bool) -> None:
    """What stands last on stderr."""
    from socli.cli import scoring

    for at in sampled or ():
        wiring.say(scoring.at_k(at))
    if json:
        summary = _summary(cards, sum(one.skipped.count for one in inputs))
        more = {} if sampled is None else {"samples": [asdict(at) for at in sampled]}
        print(jsons.dumps(summary | more), file=sys.stderr)


def _summary(cards: "list[Scorecard]", skipped: int) -> dict[str, Any]:
    """All sets together at the top, each on its own below."""
    n, correct = sum(card.n for card in cards), sum(card.correct for card in cards)
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n if n else None,
        "calculator": all(card.calculator for card in cards),
        "seconds": sum(card.seconds for card in cards),
        "skipped": skipped,
        "sets": [asdict(card) for card in cards],
    }
