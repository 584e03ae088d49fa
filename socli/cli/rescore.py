"""socli rescore"""

import json as jsons
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from socli.cli import app, options, wiring
from socli.errors import UsageError
from socli.problem import shown_set_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from socli.events import Noted
    from socli.scoring.extract import Extractor
    from socli.scoring.outputs import Output
    from socli.scoring.score import Reading, Rescored
    from socli.sources import Fields


@app.command()
def rescore(
    what: Annotated[
        str,
        typer.Argument(help="A run, a bench's id, a model's name, a JSONL file, or - for stdin."),
    ],
    extractors: Annotated[
        str | None,
        typer.Option(
            "--extractors",
            metavar="A,B…",
            help="Of socli, strict, last-number, lm-eval-strict, lm-eval-flexible, inspect, math-verify; all "
            "but the last otherwise.",
        ),
    ] = None,
    disagree: Annotated[
        bool, typer.Option("--disagree", help="List only what they do not agree on.")
    ] = False,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="NAME", help="Only this set.")] = None,
    question_field: options.QuestionField = "question",
    answer_field: options.AnswerField = "answer",
    context_field: options.ContextField = "context",
    kind: options.Kind = "number",
    store: options.Store = None,
    json: Annotated[
        bool, typer.Option("--json", help="The summary as one JSON object on stderr's last line.")
    ] = False,
) -> None:
    """Read stored answers again, as other tools would, without decoding anything.

    What each extractor found goes to stdout as JSONL (on a terminal only with --disagree), the summary to
    stderr. A file has one JSON object a line with response or text, and the right answer.
    """
    from socli.events import Noted
    from socli.scoring.score import Reading
    from socli.scoring.score import rescore as rescoring
    from socli.sources import Fields

    names, write = _names(extractors), _printer()
    fields = Fields(question_field, answer_field, context_field, kind)
    summaries = []
    with ExitStack() as stack:
        for name, rows in _sources(what, store, sets or [], fields, stack):
            readings, differ = {extractor: Reading() for extractor in names}, 0
            for event in rescoring(rows, names):
                if isinstance(event, Noted):
                    wiring.say(event.text)
                    continue
                for extractor, found in event.found.items():
                    readings[extractor].add(found)
                differ += event.differ
                if event.differ or not disagree:
                    write(event, disagree)
            sys.stdout.flush()
            summaries.append(_summary(name, readings, differ))
            if not json:
                _show(summaries[-1])
    if json:
        print(jsons.dumps({"scored": summaries}), file=sys.stderr)


def _names(text: str | None) -> "tuple[Extractor, ...]":
    from socli.scoring.extract import BUILT_IN, EXTRACTORS

    if text is None:
        return BUILT_IN
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in EXTRACTORS]
    if unknown or not wanted:
        raise UsageError(
            f"there is no extractor `{unknown[0] if unknown else text}`",
            hint=f"known are {', '.join(EXTRACTORS)}",
        )
    return tuple(name for name in EXTRACTORS if name in wanted)


def _sources(
    what: str, store: "Path | None", sets: "list[str]", fields: "Fields", stack: ExitStack
) -> "Iterator[tuple[str, Iterable[Output | Noted]]]":
    """A file or stdin, or each bench that a name stands for, with what it is called."""
    from socli.scoring import outputs

    if outputs.is_file(what):
        name = "stdin" if what == "-" else what
        yield name, outputs.outputs(outputs.lines_of(what), name, fields, outputs.Skipped())
        return
    db = stack.enter_context(wiring.opened(store))
    for bench in outputs.benches(db, what, sets):
        calculator = "on" if bench.calculator else "off"
        yield (
            f"bench {bench.id} on {shown_set_name(bench.set)}, calculator {calculator}",
            outputs.stored(db, bench),
        )


def _printer() -> "Callable[[Rescored, bool], None]":
    """Shows a row: JSONL in a pipe; on a terminal those that differ, to be read."""
    from socli.cli.scoring import line_writer
    from socli.screen.render import line

    write = line_writer()

    def to_pipe(event: "Rescored", differ: bool) -> None:
        write(
            {
                "id": event.problem.id,
                "number": event.number,
                "question": event.problem.question,
                "answer": event.problem.gold,
                "found": {
                    name: {"answer": one.answer, "right": one.right} for name, one in event.found.items()
                },
                "text": event.text,
            }
        )

    def to_terminal(event: "Rescored", differ: bool) -> None:
        if differ:
            signs = {True: "right", False: "wrong", None: "?"}
            said = ", ".join(f"{name} {one.answer!r} {signs[one.right]}" for name, one in event.found.items())
            print(line(f"{event.number}: gold {event.problem.gold}: {said}: …{event.text[-120:]}"))

    return to_terminal if sys.stdout.isatty() else to_pipe


def _summary(name: str, readings: "Mapping[Extractor, Reading]", differ: int) -> dict[str, Any]:
    from socli.scoring import stats

    rows = []
    for extractor, one in readings.items():
        low, high = stats.wilson(one.right, one.scored) if one.scored else (0.0, 1.0)
        rows.append(
            {
                "extractor": extractor,
                "n": one.scored,
                "right": one.right,
                "accuracy": one.right / one.scored if one.scored else None,
                "low": low,
                "high": high,
                "nothing_found": one.unreadable / max(1, one.n),
            }
        )
    return {"name": name, "differ": differ, "extractors": rows}


def _show(summary: dict[str, Any]) -> None:
    """How each extractor did, on stderr."""
    from rich.console import Console
    from rich.table import Table

    from socli.screen.render import percent

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title in ("extractor", "right", "of", "accuracy", "95 % interval", "nothing found"):
        table.add_column(title, justify="left" if title == "extractor" else "right")
    for row in summary["extractors"]:
        share = row["accuracy"]
        table.add_row(
            row["extractor"],
            f"{row['right']:,}",
            f"{row['n']:,}",
            "" if share is None else percent(share),
            "" if share is None else f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %",
            percent(row["nothing_found"]),
        )
    wiring.say(f"{summary['name']}: the extractors differ on {summary['differ']:,}")
    Console(stderr=True, highlight=False).print(table)
