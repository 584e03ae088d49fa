"""socli bench"""

import json as jsons
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from socli.cli import app, arms, options, wiring
from socli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from socli.engine.student import Precision
    from socli.events import Event, Noted
    from socli.problem import AnswerKind, Scorecard
    from socli.records import RunRow
    from socli.scheme import SchemeName
    from socli.scoring.outputs import Output, Skipped
    from socli.scoring.samples import AtK
    from socli.screen.live import Screen
    from socli.solve import Solvers
    from socli.sources import Fields
    from socli.store import Store
    from socli.tables import BenchTable


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

    wiring.refuse_both(run, model)
    changed = {"limit": limit, "steps": wiring.two_numbers(steps), "calculator": calculator}
    given: dict[str, Any] = {key: value for key, value in changed.items() if value is not None}
    if calculator is not None:
        given["calculators"] = ()
    fields = Fields(question_field, answer_field, context_field, kind)
    named = _named_table(recipe, set_ or [])
    cards: list[Scorecard] = []
    seen = Samples()
    with ExitStack() as stack:
        db = cache(lambda: stack.enter_context(wiring.opened(store)))
        inputs = [_looked_at(spec) for spec in _specs(sets, named, steps)]
        solving = not all(one.answered for one in inputs)
        rows = _rows(db(), recipe, run, set_ or []) if solving and model is None else []
        table = (named or _frozen_table(rows)).model_copy(update=given)
        answering: Sequence[RunRow | None] = rows if model is None else [None] * int(solving)
        ready = [
            (row, one, partial(_solvers, row, model, scheme, kind, one.calculator))
            for row in answering
            for one in table.each()[: 1 if noise or swap else None]
        ]
        if ready and noise:
            _noise(inputs, seed, fields, _alone(ready), table, db(), json=json)
            return
        if ready and swap:
            _swapped(inputs, seed, fields, _alone(ready)(precision), table, db(), json=json)
            return
        _prepare(inputs, rows, model if ready else None)
        with wiring.talk() as screen:
            for one in inputs:
                if one.answered:
                    events = _judged(one, limit, fields, keep, db)
                    cards += scoring.follow(seen.collect(events) if samples else events, screen)
            for row, one_table, load in ready:
                more = _introduced(row, rows, screen)
                for events in _each(inputs, seed, fields, load(precision), one_table, db(), again):
                    told = in_order(events) if ordered else events
                    cards += scoring.follow(told, screen, solving=True, more=more)
    _tell(cards, inputs, seen.at_k() if samples else None, json=json)


@dataclass(frozen=True, slots=True)
class _Input:
    """A set, a file or stdin, looked into as far as its first row."""

    spec: str
    answered: bool
    """Whether its rows bring their own answers."""
    calculator: bool
    """What its first row says."""
    lines: "Iterable[bytes] | None"
    """Of stdin, from the first on."""
    skipped: "Skipped"

    @property
    def name(self) -> str:
        """What it is called in the store and in messages."""
        return "stdin" if self.spec == "-" else self.spec


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


def _alone(ready: "Sequence[tuple[RunRow | None, BenchTable, partial[Solvers]]]") -> "partial[Solvers]":
    """The only one; UsageError where several runs would answer."""
    if len(ready) > 1:
        raise UsageError("--noise and --swap look at one run alone", hint="name it with --run")
    return ready[0][2]


def _prepare(inputs: "list[_Input]", rows: "list[RunRow]", model: str | None) -> None:
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
    screen.show(Noted(f"run {row.id}: {arms.title(row.arm, row.seed)}"))
    return {"run": row.id}


def _specs(sets: list[str] | None, named: "BenchTable | None", steps: str | None) -> list[str]:
    """What is to be scored, refused before a model is loaded where it is not there."""
    from socli import sources

    specs = list(sets or (named.sets if named else ()) or (sources.STDIN,))
    for spec in specs:
        sources.check(spec)
    wiring.refuse_steps(steps, specs)
    return specs


def _looked_at(spec: str) -> _Input:
    from pathlib import Path

    from socli import sources
    from socli.scoring import outputs

    lines = None
    row: Any = None
    if spec == sources.STDIN:
        if sys.stdin.isatty():
            wiring.say("reading problems from the terminal, one JSON object a line; Ctrl-D ends them")
        row, lines = outputs.peeked(outputs.lines_of(spec))
    elif spec not in sources.KNOWN and not spec.lower().endswith(".csv") and Path(spec).is_file():
        row, _ = outputs.peeked(outputs.lines_of(spec))
    says = isinstance(row, dict) and row.get("calculator") is True
    return _Input(spec, outputs.brings(row), says, lines, outputs.Skipped())


def _judged(
    one: _Input, limit: int | None, fields: "Fields", keep: str | None, db: "Callable[[], Store]"
) -> "Iterator[Event]":
    """The events of scoring rows that bring their answers; stored where they are to be kept."""
    from socli.scoring import outputs
    from socli.scoring.score import score

    lines = outputs.lines_of(one.spec) if one.lines is None else one.lines
    rows = _first(limit, outputs.outputs(lines, one.name, fields, one.skipped))
    kept = None if keep is None else db()
    model = keep or "its own answers"
    return score(rows, kept, set_name=one.name, model=model, calculator=one.calculator)


def _first(limit: int | None, rows: "Iterable[Output | Noted]") -> "Iterator[Output | Noted]":
    from socli.scoring.outputs import Output

    left = limit
    for row in rows:
        yield row
        if left is not None and isinstance(row, Output):
            left -= 1
            if left == 0:
                return


def _solvers(
    row: "RunRow | None",
    model: str | None,
    scheme: "SchemeName",
    kind: "AnswerKind",
    calculator: bool,
    precision: "Precision | None",
) -> "Solvers":
    """The run's students or the untrained one, ready to write."""
    from socli import solvers
    from socli.scheme import Scheme

    if row is not None:
        return solvers.of_run(row, calculator=calculator, precision=precision)
    return wiring.untrained(model, Scheme(scheme), kind, calculator, precision)


def _each(
    inputs: list[_Input],
    seed: int,
    fields: "Fields",
    who: "Solvers",
    table: "BenchTable",
    db: "Store",
    again: bool,
) -> "Iterator[Iterator[Event]]":
    """The events of each input that is to be solved."""
    for one in inputs:
        if not one.answered:
            yield _solved(one, seed, fields, who, table, db, again)


def _solved(
    one: _Input, seed: int, fields: "Fields", who: "Solvers", table: "BenchTable", db: "Store", again: bool
) -> "Iterator[Event]":
    """The events of solving one set and scoring the answers."""
    from socli import solvers
    from socli.bench import bench
    from socli.tables import ProblemsTable

    problems, total, kind = wiring.bench_problems(one.spec, table, seed, fields, one.lines)
    set_name = ProblemsTable(train=one.name, steps=table.steps, seed=seed).set_name
    return bench(set_name, problems, solvers.shown(who, kind), db, table, total=total, again=again)


def _noise(
    inputs: list[_Input],
    seed: int,
    fields: "Fields",
    ready: "Callable[[Precision], Solvers]",
    table: "BenchTable",
    db: "Store",
    *,
    json: bool,
) -> None:
    from socli.cli.noise import measure, refuse_stdin

    for one in inputs:
        refuse_stdin(one.spec)
    loaded = lru_cache(1)(ready)  # one student at a time in memory
    for one in inputs:

        def scored(batch: int, precision: "Precision", one: _Input = one) -> "Iterator[Event]":
            changed = table.model_copy(update={"batch": batch})
            return _solved(one, seed, fields, loaded(precision), changed, db, again=False)

        measure(one.name, table.batch, scored, db, json=json)


def _swapped(
    inputs: list[_Input],
    seed: int,
    fields: "Fields",
    who: "Solvers",
    table: "BenchTable",
    db: "Store",
    *,
    json: bool,
) -> None:
    from socli.cli import swap
    from socli.tables import ProblemsTable

    for one in inputs:
        problems, _, _ = wiring.bench_problems(one.spec, table, seed, fields, one.lines)
        set_name = ProblemsTable(train=one.name, steps=table.steps, seed=seed).set_name
        swap.measure(set_name, list(problems), who, db, table, json=json)


def _frozen_table(rows: "list[RunRow]") -> "BenchTable":
    """How long a run's recipe lets it write, and how many side by side; the defaults without a run."""
    from socli.tables import BenchTable

    if not rows:
        return BenchTable()
    frozen = BenchTable.model_validate(rows[0].recipe["bench"])
    return BenchTable(max_tokens=frozen.max_tokens, batch=frozen.batch)


def _tell(
    cards: "list[Scorecard]", inputs: "list[_Input]", sampled: "list[AtK] | None", *, json: bool
) -> None:
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
