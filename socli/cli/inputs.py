"""What `socli bench` scores: a set, a file or stdin, looked into as far as its first row."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from socli.cli import wiring
from socli.problem import full_set_name

if TYPE_CHECKING:
    from socli.events import Event, Noted
    from socli.scoring.outputs import Output, Skipped
    from socli.sources import Fields
    from socli.store import Store


@dataclass(frozen=True, slots=True)
class Input:
    """A set, a file or stdin, looked into as far as its first row."""

    spec: str
    answered: bool
    """Whether its rows bring their own answers."""
    calculator: bool
    """What its first row says."""
    lines: Iterable[bytes] | None
    """Of stdin, from the first on."""
    skipped: "Skipped"

    @property
    def name(self) -> str:
        """What it is called in the store and in messages."""
        return "stdin" if self.spec == "-" else self.spec


def looked_at(spec: str) -> Input:
    """Look into a set as far as its first row, which shows whether it brings answers."""
    from pathlib import Path

    from socli import sources
    from socli.scoring import outputs

    lines = None
    row: Any = None
    if spec == sources.STDIN:
        if sys.stdin.isatty():
            wiring.say("reading problems from the terminal, one JSON object a line; Ctrl-D ends them")
        row, lines = outputs.peeked(outputs.lines_of(spec))
    elif not sources.is_known(spec) and not spec.lower().endswith(".csv") and Path(spec).is_file():
        row, _ = outputs.peeked(outputs.lines_of(spec))
    says = isinstance(row, dict) and row.get("calculator") is True
    return Input(spec, outputs.brings(row), says, lines, outputs.Skipped())


def judged(
    one: Input, limit: int | None, fields: "Fields", keep: str | None, db: "Callable[[], Store]"
) -> "Iterator[Event]":
    """The events of scoring rows that bring their answers; stored where they are to be kept."""
    from socli.scoring import outputs
    from socli.scoring.score import score

    lines = outputs.lines_of(one.spec) if one.lines is None else one.lines
    rows = _first(limit, outputs.outputs(lines, one.name, fields, one.skipped))
    kept = None if keep is None else db()
    model = keep or "its own answers"
    return score(rows, kept, set_name=full_set_name(one.name), model=model, calculator=one.calculator)


def _first(limit: int | None, rows: "Iterable[Output | Noted]") -> "Iterator[Output | Noted]":
    from socli.scoring.outputs import Output

    left = limit
    for row in rows:
        yield row
        if left is not None and isinstance(row, Output):
            left -= 1
            if left == 0:
                return
