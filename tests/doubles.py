"""Stand-ins that can be seen: nothing in this suite is patched."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pytest_httpserver import HTTPServer
from rich.console import Console, RenderableType
from werkzeug import Request, Response

from socli.events import Event, Judged, Noted
from socli.problem import Problem, Step


class _File(io.StringIO):
    """A file that says which encoding it has."""

    encoding = "utf-8"

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self.encoding = encoding


def draw(renderable: RenderableType, width: int = 60, encoding: str = "utf-8") -> str:
    """What a renderable looks like on paper: no colour, no blanks at the ends of lines."""
    out = _File(encoding)
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(renderable)
    return "".join(f"{row.rstrip()}\n" for row in out.getvalue().splitlines())


def each(events: Iterable[Event]) -> list[Any]:
    """What annotating told of itself and of each problem, without counts and notes."""
    return [event for event in events if not isinstance(event, Judged | Noted)]


PROBLEMS = (
    Problem(
        "Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she sell?",
        "40",
        steps=(
            Step("How many candles does Nora pack?", "She packs 4*12 = <<4*12=48>>48 candles."),
            Step("How many candles does she sell?", "She sells 48-8 = <<48-8=40>>40 candles."),
        ),
    ),
    Problem(
        "Ivo reads 20 pages a day. How many pages does he read in a week?",
        "140",
        steps=(Step("How many pages does Ivo read in a week?", "He reads 20*7 = <<20*7=140>>140 pages."),),
    ),
    Problem(
        "A jug holds 3 litres. Half of it is poured out. How many litres are left?",
        "1.5",
        steps=(
            Step("How much is poured out?", "That is 3/2 = <<3/2=1.5>>1.5 litres."),
            Step("How many litres are left?", "There are 3-1.5 = <<3-1.5=1.5>>1.5 litres left."),
        ),
    ),
    Problem(
        "Tea costs $3 and milk $2. What do two teas and one milk cost?",
        "8",
        steps=(
            Step("What do two teas cost?", "They cost 2*3 = $<<2*3=6>>6."),
            Step("What does it all cost?", "It costs 6+2 = $<<6+2=8>>8."),
        ),
    ),
)
"""Four problems with their steps, small enough to be learnt by heart."""


@dataclass(frozen=True)
class Piece:
    """`socli.engine.decode.Piece` without torch."""

    row: int
    text: str
    tokens: int = 1
    computed: bool = False
    stop: str | None = None
    share: float | None = None
    lost: int = 0


class ScriptedWriter:
    """Writes what it was given, a word and the blank after it a token, in place of `engine.decode.Writer`.

    `scripts` maps a part of a prompt to what is written for it, a turn at a time. A turn that ends in a new
    line stops there where lines are asked for, any other with the end token; `[36>>]` is the calculator's,
    and `~` ends it as a loop. A turn that is a tuple has a text for each sample.
    """

    def __init__(self, scripts: Mapping[str, Sequence[str]]) -> None:
        self.scripts = scripts
        self.opened: list[list[str]] = []
        """The prompts of each batch, with the prefix before them."""
        self.seen: list[str] = []
        """What stands in each row of the last batch, read or written."""
        self._turns: list[list[str]] = []

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        self.opened.append([prefix + prompt for prompt in prompts])
        self.seen = list(self.opened[-1])
        self._turns = [
            list(next(turns for part, turns in self.scripts.items() if part in prompt)) for prompt in prompts
        ]

    def sample(self, how: Any) -> None:
        self.sampling = how

    def follow(self, leader: int, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.seen[number] = self.seen[leader]

    def add(self, number: int, text: str) -> None:
        self.seen[number] += text

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        rows = [list(self._row(n, most, line)) for n, most in limits.items()]
        for pieces in zip_longest(*rows):
            yield from (piece for piece in pieces if piece)

    def _row(self, n: int, most: int, line: bool) -> Iterator[Piece]:
        if most < 1:
            yield Piece(n, "", tokens=0, stop="length")
            return
        said = self._turns[n].pop(0)
        turn, circles, _ = (said if isinstance(said, str) else said[n % len(said)]).partition("~")
        parts = re.findall(r"\[[^]]*\]|(?:(?!\[)\S)+\s*|\s+", turn)
        stop = "line" if line and turn.endswith("\n") else "end"
        for left, part in zip(range(most, 0, -1), parts, strict=False):
            text = part.strip("[]") if part.startswith("[") else part
            ends = part is parts[-1] and stop == "line" and not circles
            last = "length" if left == 1 else stop if ends else None
            self.seen[n] += text
            yield Piece(n, text, computed=part.startswith("["), stop=last)
        if circles:
            yield Piece(n, "", tokens=0, stop="loop")
        elif len(parts) < most and stop == "end":
            yield Piece(n, "", stop="end")


class ScriptedServer:
    """A completion endpoint on loopback: to a prompt with one of the endings it writes what follows it.

    It stops where it is asked to, gives a word and the blank before it for a token, and says so in OpenAI's
    way: the text comes without the string it stopped at.
    """

    def __init__(self, server: HTTPServer, follows: Mapping[str, str]) -> None:
        server.expect_request("/v1/completions", method="POST").respond_with_handler(self._answer)
        self.url = server.url_for("/v1")
        self.asked: list[dict[str, Any]] = []
        self._follows = follows

    def _answer(self, request: Request) -> Response:
        asked = json.loads(request.get_data())
        self.asked.append(asked)
        text = next(text for ending, text in self._follows.items() if asked["prompt"].endswith(ending))
        for stop in asked["stop"]:
            text = text.partition(stop)[0]
        words = re.findall(r"\s*\S+|\s+", text)
        finish = "length" if len(words) >= asked["max_tokens"] else "stop"
        text = "".join(words[: asked["max_tokens"]])
        body = {
            "choices": [{"index": 0, "text": text, "finish_reason": finish}],
            "usage": {"completion_tokens": min(len(words) + 1, asked["max_tokens"])},
        }
        return Response(json.dumps(body), content_type="application/json")


def completion(text: str | None, finish: str = "stop") -> dict[str, Any]:
    """What an OpenAI-compatible server sends when it has written `text`."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


class ScriptedApi:
    """An OpenAI-compatible server on loopback. `replies` maps a part of a problem to its responses in turn.

    A response is a completion, the bytes of a body, or a werkzeug Response; the last one is repeated.
    """

    def __init__(self, server: HTTPServer, replies: Mapping[str, Sequence[Any]]) -> None:
        server.expect_request("/v1/chat/completions", method="POST").respond_with_handler(self._answer)
        self.url = server.url_for("/v1")
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._replies = {part: list(responses) for part, responses in replies.items()}

    def _answer(self, request: Request) -> Response:
        self.asked.append(json.loads(request.get_data()))
        self.keys.append(request.headers.get("Authorization"))
        problem = self.asked[-1]["messages"][-1]["content"]
        responses = next(responses for part, responses in self._replies.items() if part in problem)
        response = responses.pop(0) if len(responses) > 1 else responses[0]
        if isinstance(response, Response):
            return response
        body = response if isinstance(response, bytes) else json.dumps(response).encode()
        return Response(body, content_type="application/json")
