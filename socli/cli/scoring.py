"""What commands print of rows that were scored without a model; imported when there is something to print."""

import json
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from socli.cli.wiring import LINE_ENDS
from socli.events import BenchBegan, Scored, Tallied
from socli.scoring.score import wrong_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from socli.events import Event
    from socli.problem import Scorecard
    from socli.scoring.samples import AtK
    from socli.screen.live import Screen

PAUSE = 0.2
"""Seconds for which lines may wait, so that a fast stream is not written a line at a time."""


def follow(
    events: "Iterable[Event]",
    screen: "Screen",
    *,
    solving: bool = False,
    more: "Mapping[str, str] | None" = None,
) -> "list[Scorecard]":
    """Predictions as JSONL on stdout, if that is no terminal, all else on the screen; the scorecards.

    `more` stands at the end of each line.
    Where nothing is solved, a pipe is not told of each row on stderr: that would take longer than scoring it.
    """
    cards = []
    watched, write = solving or sys.stderr.isatty(), line_writer(0.0 if solving else PAUSE)
    silent = sys.stdout.isatty()
    for event in events:
        if isinstance(event, Scored):
            if watched:
                screen.show(event)
            if not silent:
                write({**row(event), **(more or {})})
            continue
        if watched or not isinstance(event, BenchBegan):
            screen.show(event)
        if isinstance(event, Tallied):
            cards.append(event.scorecard)
    sys.stdout.flush()
    return cards


def at_k(one: "AtK") -> str:
    """A sentence of what several samples of each problem reach."""
    from socli.screen.render import percent

    shown = [
        f"{name}@{one.k} {percent(ends.value)} (95 % interval {100 * ends.low:.1f} to {percent(ends.high)})"
        for name, ends in (("pass", one.passes), ("maj", one.majority))
    ]
    return ", ".join(shown)


def row(event: Scored) -> dict[str, Any]:
    """A prediction as a command prints it."""
    problem, made = event.problem, event.prediction
    return {
        "id": made.problem_id,
        "set": event.set,
        "number": event.number,
        "question": problem.question,
        "answer": problem.gold,
        "prediction": made.answer,
        "correct": made.correct,
        "wrong_step": wrong_step(made),
        "finish_reason": made.finish_reason,
        "calculator": made.calculator,
        "tokens": made.tokens,
        "text": made.text,
        **({"confidence": made.confidence, "shares": made.shares} if made.shares else {}),
    }


def line_writer(pause: float = PAUSE) -> "Callable[[dict[str, Any]], None]":
    """Writes objects as lines to stdout; in ASCII where a terminal might obey them or a sign is lacking.

    `pause`: seconds for which lines may wait.
    """
    unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf") and not sys.stdout.isatty()
    encode, write = json.JSONEncoder(ensure_ascii=not unicode).encode, sys.stdout.write
    flushed = monotonic()

    def write_line(values: dict[str, Any]) -> None:
        nonlocal flushed
        text = encode(values)
        write((text if text.isascii() else text.translate(LINE_ENDS)) + "\n")
        if monotonic() - flushed >= pause:
            sys.stdout.flush()
            flushed = monotonic()

    return write_line
