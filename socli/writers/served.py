"""Students behind an OpenAI-compatible server: a writer over HTTP, with many rows in flight.

A row's turn is one completion. The calculator looks at what came: up to the first marked value that is not
its own the text stands, then its value is written and the server goes on from there. So a student that
computes well costs one request a turn, and stop strings are needed for the end of the line alone.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from socli.arithmetic import open_mark
from socli.errors import MissingError, TryAgainError, UsageError
from socli.scheme import END, PROBLEM
from socli.writers.guards import loops
from socli.writers.pieces import Piece, Sampling, Stop

_MARK = re.compile(r"<<[^<>=\n]{1,200}=")
_WHOLE = re.compile(rf"(?:^|\n){END}[^\n]*\n")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model on a server, the variable that holds the key, and how many requests are in flight at most."""

    model: str
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = 32
    timeout: float = 300.0
    retries: int = 4
    """So often it is asked again, after a while, where it is busy or fails."""


class Flight:
    """Requests that are under way; as a context manager it lets go of them whatever happens."""

    def __init__(self, to: Endpoint, path: str) -> None:
        self._to, self._path = to, path
        self._runner = asyncio.Runner()
        self._tasks: dict[asyncio.Task[dict[str, Any]], int] = {}

    def __enter__(self) -> Self:
        key = os.environ.get(self._to.api_key_env)
        if not key and not self._to.base_url:
            raise MissingError(
                f"the environment variable {self._to.api_key_env} holds no API key",
                hint="set it, or name a server with --base-url",
            )
        self._client, self._gate = self._runner.run(self._opened(key or "none"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._closed())
        self._runner.close()

    @property
    def waits(self) -> bool:
        """Whether anything is still to land."""
        return bool(self._tasks)

    def start(self, row: int, body: dict[str, Any]) -> None:
        """Send a request for a row."""
        task = self._runner.get_loop().create_task(self._one({"model": self._to.model, **body}))
        self._tasks[task] = row

    def landed(self) -> tuple[int, dict[str, Any]]:
        """Wait for one; its row and the first choice, with `tokens`, how many were written, beside it."""
        done = self._runner.run(self._next())
        return self._tasks.pop(done), done.result()

    async def _opened(self, key: str) -> tuple[Any, asyncio.Semaphore]:
        from openai import AsyncOpenAI, DefaultAioHttpClient

        client = AsyncOpenAI(
            api_key=key,
            base_url=self._to.base_url,
            max_retries=self._to.retries,
            timeout=self._to.timeout,
            http_client=DefaultAioHttpClient(),
        )
        return client, asyncio.Semaphore(self._to.concurrency)

    async def _closed(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def _next(self) -> "asyncio.Task[dict[str, Any]]":
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done))

    async def _one(self, body: dict[str, Any]) -> dict[str, Any]:
        import openai

        try:
            async with self._gate:
                sent = await self._client.post(self._path, cast_to=bytes, body=body)
        except openai.APIStatusError as error:  # its text may repeat the key
            if error.status_code in (408, 409, 429) or error.status_code >= 500:
                raise TryAgainError(f"the server does not answer: HTTP {error.status_code}") from None
            hint = f"check the model's name, --base-url and the key in {self._to.api_key_env}"
            raise UsageError(f"the server refuses the request: HTTP {error.status_code}", hint) from None
        except openai.APIConnectionError:
            raise TryAgainError(f"the server at {self._client.base_url.host} cannot be reached") from None
        return _choice(sent)


@dataclass(slots=True)
class _Row:
    text: str
    """All that the server is to go on from."""
    left: int = 0
    began: int = 0
    """Where what is written in this turn begins."""
    drawn: int = 0
    prompt: str = ""


class ServerWriter:
    """Rows of text that a completion endpoint goes on with: vLLM, llama.cpp and others."""

    def __init__(self, to: Endpoint, *, calculator: bool) -> None:
        self._to, self._calculator = to, calculator
        self._rows: list[_Row] = []
        self._sampling: Sampling | None = None

    def open(self, prompts: Sequence[str], prefix: str = "") -> None:
        """Begin a new batch, one row a prompt."""
        self._rows = [_Row(prefix + prompt, prompt=prompt) for prompt in prompts]

    def sample(self, how: Sampling) -> None:
        """Draw from now on."""
        self._sampling = how

    def follow(self, leader: int, numbers: Sequence[int]) -> None:
        """Let rows stand where the leader stands."""
        for number in numbers:
            self._rows[number].text = self._rows[leader].text

    def add(self, number: int, text: str) -> None:
        """Let a row read text."""
        self._rows[number].text += text

    def write(self, limits: Mapping[int, int], *, line: bool, together: int | None = None) -> Iterator[Piece]:
        """Write rows until each has stopped; a piece is what came up to a computed value or the end."""
        with Flight(self._to, "/completions") as flight:
            for number, most in limits.items():
                row = self._rows[number]
                row.left, row.began = most, len(row.text)
                if most < 1:
                    yield Piece(number, "", tokens=0, stop="length")
                else:
                    flight.start(number, self._body(number, line))
            while flight.waits:
                number, choice = flight.landed()
                pieces = list(self._taken(number, choice, line))
                yield from pieces
                if not pieces[-1].stop:
                    flight.start(number, self._body(number, line))

    def _body(self, number: int, line: bool) -> dict[str, Any]:
        row, how = self._rows[number], self._sampling
        drawn = {"temperature": 0.0}
        if how:
            seed = int(how.chance(row.prompt, number, row.drawn) * 2**31)
            drawn = {"temperature": how.temperature, "top_p": how.top_p, "seed": seed}
        row.drawn += 1
        stops = ["\n"] if line else [f"\n{PROBLEM}", f"\n\n{PROBLEM}"]
        return {"prompt": row.text, "max_tokens": row.left, "stop": stops, **drawn}

    def _taken(self, number: int, choice: dict[str, Any], line: bool) -> Iterator[Piece]:
        """The pieces of what came; the last has no stop where the server is to go on."""
        row, said, tokens = self._rows[number], choice["text"], choice["tokens"]
        stop: Stop = "length" if choice["finish"] == "length" else "end"
        answers = row.text.endswith(f"\n{END}")
        if line and not answers and stop == "end" and choice.get("stop_reason", said and "\n"):
            said, stop = f"{said}\n", "line"  # a server gives the text without the string it stopped at
        elif not line and (whole := _WHOLE.search(row.text[row.began :] + said)):
            said, stop = said[: max(0, whole.end() - (len(row.text) - row.began))], "end"
        at = value = None
        for found in _MARK.finditer(row.text[-203:] + said) if self._calculator else ():
            at = found.end() - len(row.text[-203:])
            value = open_mark((row.text + said[:at])[-210:]) if at > 0 else None
            if value is not None and not said.startswith(f"{value}>>", at):
                break
        else:
            at = None
        if at is not None and value is not None:
            yield from self._corrected(row, number, said[:at], value, round(tokens * at / len(said)), tokens)
            return
        row.text += said
        row.left -= tokens
        if row.left < 1 and stop not in ("end", "line"):
            stop = "length"
        yield Piece(number, said, tokens, stop="loop" if loops(row.text[row.began :]) else stop)

    def _corrected(
        self, row: _Row, number: int, said: str, value: str, kept: int, tokens: int
    ) -> Iterator[Piece]:
        """What came up to a mark and the calculator's value; what else came is lost."""
        row.text += f"{said}{value}>>"
        row.left -= max(1, kept)
        out: Stop | None = "length" if row.left < 1 else None
        yield Piece(number, said, max(1, kept), lost=max(0, tokens - max(1, kept)))
        yield Piece(number, f"{value}>>", 0, computed=True, stop=out)


def _choice(sent: bytes) -> dict[str, Any]:
    """The first choice of a completion or a chat completion; TryAgainError where the body has none."""
    try:
        body = json.loads(sent)
        choice = dict(body["choices"][0])
        text = choice["text"] if "text" in choice else choice["message"]["content"]
        tokens = (body.get("usage") or {}).get("completion_tokens")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise TryAgainError("the server sent no completion") from None
    choice["text"] = text if isinstance(text, str) else ""
    choice["tokens"] = tokens if isinstance(tokens, int) and tokens >= 0 else len(choice["text"].split())
    choice["finish"] = choice.get("finish_reason")
    return choice
