"""How a reply is asked for: as JSON by a schema, as JSON, or as lines of text.

Servers differ in what they take, so the highest rung is tried first. A request that is refused on one is made
on the next, and where that is answered all others follow. What came is read tolerantly.
"""

import json
from collections.abc import Callable
from typing import Any, Literal, get_args

from socli.scheme import Reading

Rung = Literal["schema", "json", "text"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
SAID: dict[Rung, str] = {"schema": "JSON by a schema", "json": "JSON", "text": "lines of text"}
UNREAD = 8
"""Replies in a row of which none can be read before a rung is left."""


class Ladder:
    """Which rung is asked on; steps down, and says so."""

    def __init__(self, model: str, first: Rung, remembered: str | None = None) -> None:
        """Begin on `first`, or lower where that is what `remembered` says worked before."""
        lower = remembered in RUNGS[RUNGS.index(first) + 1 :]
        self.rung: Rung = next(rung for rung in RUNGS if rung == (remembered if lower else first))
        self.notes = [f"asking {model} for {SAID[self.rung]}" + ", which worked before" * lower]
        """Sentences for the user, to be shown once and cleared by whoever shows them."""
        self.worked: Callable[[Rung], None] = lambda _: None
        """Told once of the rung whose replies can be read."""
        self._answered: set[Rung] = set()
        self._read: Rung | None = None
        self._unread = 0

    def below(self, rung: Rung) -> Rung | None:
        """Where a request refused on this rung is to be made; None where that is not the rung's fault."""
        if rung in self._answered or rung == RUNGS[-1]:
            return None
        return RUNGS[RUNGS.index(rung) + 1]

    def answered(self, rung: Rung) -> None:
        """A request on this rung was not refused."""
        self._answered.add(rung)
        if RUNGS.index(rung) > RUNGS.index(self.rung) and self.rung not in self._answered:
            self._step_down(rung, f"the server refuses {SAID[self.rung]}")

    def came(self, rung: Rung, readable: bool) -> None:
        """A reply asked for on this rung could be read, or not."""
        if rung != self.rung:
            return
        if readable:
            self._unread = 0
            if self._read != rung:
                self._read = rung
                self.worked(rung)
            return
        self._unread += 1
        if self._unread >= UNREAD and self._read != rung and rung != RUNGS[-1]:
            below = RUNGS[RUNGS.index(rung) + 1]
            self._step_down(below, f"none of {UNREAD} replies in {SAID[rung]} could be read")

    def _step_down(self, rung: Rung, why: str) -> None:
        self.rung, self._unread = rung, 0
        self.notes.append(f"{why}: asking for {SAID[rung]} from now on")


def as_json(reading: Reading) -> dict[str, Any]:
    """Steps and answer as one object; what is not there is left out."""
    pairs = ((("ask", step.question), ("work", step.text)) for step in reading.steps)
    steps = [{name: text for name, text in pair if text} for pair in pairs]
    ends = {} if reading.answer is None else {"answer": reading.answer}
    return {"steps": steps, **ends} if steps else dict(ends)


def response_format(rung: Rung, example: Reading, steps: int | None = None) -> dict[str, Any] | None:
    """What a request says of the form of its reply: the schema is that of the example, with exactly so many
    steps where that is known.
    """
    match rung:
        case "text":
            return None
        case "json":
            return {"type": "json_object"}
        case "schema":
            schema = _schema(as_json(example))
            if steps:
                schema["properties"]["steps"] |= {"minItems": steps, "maxItems": steps}
            return {
                "type": "json_schema",
                "json_schema": {"name": "trace", "strict": True, "schema": schema},
            }


def _schema(example: Any) -> dict[str, Any]:
    if isinstance(example, dict):
        inside = {name: _schema(value) for name, value in example.items()}
        return {
            "type": "object",
            "properties": inside,
            "required": list(inside),
            "additionalProperties": False,
        }
    if isinstance(example, list):
        return {"type": "array", "items": _schema(example[0])}
    return {"type": "string"}


def written(reading: Reading) -> str:
    """An example of a reply as JSON."""
    return json.dumps(as_json(reading), ensure_ascii=False)
