"""socli compare"""

from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from socli.cli import app, options, wiring
from socli.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socli.scoring.compare import Comparison, Side


@app.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A run, a bench's id, a model's name, a JSONL file, or -.")
    ],
    others: Annotated[
        list[str], typer.Argument(metavar="B", help="What is compared with it; several, if you like.")
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME", help="Only this set; all they share otherwise."),
    ] = None,
    calculator: Annotated[
        bool | None,
        typer.Option("--calculator/--no-calculator", help="Only benches with, or without, the calculator."),
    ] = None,
    flips: Annotated[
        int, typer.Option("--flips", min=0, help="How many flips to show each way, with both answers.")
    ] = 3,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 4 where one is significantly worse than A.")
    ] = False,
    question_field: options.QuestionField = "question",
    answer_field: options.AnswerField = "answer",
    context_field: options.ContextField = "context",
    kind: options.Kind = "number",
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Tell whether B is better than A on the problems that both solved.

    Exact McNemar test, corrected where there are several, and Tango's interval for the difference. A file has
    one JSON object a line with question or id, and correct, or answer and prediction or response.
    """
    from socli.scoring import compare as comparing
    from socli.scoring.outputs import is_file
    from socli.sources import Fields

    fields = Fields(question_field, answer_field, context_field, kind)
    with ExitStack() as stack:
        db = cache(lambda: stack.enter_context(wiring.opened(store)))  # not made for files alone
        one, *rest = (
            [comparing.of_file(name, fields)]
            if is_file(name)
            else comparing.of_store(name, db(), sets or (), calculator)
            for name in (first, *others)
        )
    couples = [couple for other in rest for couple in comparing.matched(one, other)]
    _tell(couples)
    found = comparing.compare(couples)
    if json:
        wiring.print_json({"comparisons": [_plain(one, flips) for one in found]})
    else:
        for comparison in found:
            _print(comparison, flips)
    worse = [comparison.sentence for comparison in found if comparison.verdict == "worse"]
    if gate and worse:
        raise GateError("; ".join(worse))


def _tell(couples: "Sequence[tuple[Side, Side]]") -> None:
    """What was left out, and where the calculator differs."""
    for note in dict.fromkeys(note for couple in couples for side in couple for note in side.notes):
        wiring.say(note)
    for a, b in couples:
        if None not in (a.calculator, b.calculator) and a.calculator != b.calculator:
            with_, without = (a, b) if a.calculator else (b, a)
            wiring.say(f"{with_.name} had the calculator and {without.name} had not: both are compared here")


def _plain(one: "Comparison", flips: int) -> dict[str, Any]:
    row = asdict(one)
    row["pairs"] |= {"n": one.pairs.n, "discordance": one.pairs.discordance}
    return row | {"won": row["won"][:flips], "lost": row["lost"][:flips], "sentence": one.sentence}


def _print(one: "Comparison", flips: int) -> None:
    """The table of both, the flips, and the sentence last."""
    from socli.screen.render import line, percent

    pairs = one.pairs
    wiring.table(
        ("", "set", "calculator", "right", "of", "accuracy", "alone", "unpaired"),
        [
            (
                name,
                one.set or "file",
                {True: "on", False: "off", None: "not said"}[calculator],
                f"{pairs.both + alone:,}",
                f"{pairs.n:,}",
                percent((pairs.both + alone) / pairs.n),
                f"{alone:,}",
                f"{unpaired:,}",
            )
            for name, calculator, alone, unpaired in zip(
                (one.first, one.second),
                one.calculators,
                (pairs.first, pairs.second),
                one.unpaired,
                strict=True,
            )
        ],
    )
    for name, won, every in ((one.second, True, one.won), (one.first, False, one.lost)):
        if every and flips:
            print(line(f"only {name} is right on {len(every):,}:"))
        for flip in every[:flips]:
            right, other = (flip.second, flip.first) if won else (flip.first, flip.second)
            said = f"{right or flip.gold or 'right'}, the other {other or 'nothing'}"
            print(line(f"{said}: {_short(flip.question)}"))
    print(line(one.sentence))


def _short(question: str) -> str:
    return question if len(question) <= 120 else f"{question[:120]} …"
