"""Who writes traces: the data set's own steps, or a model behind an OpenAI-compatible API.

Owner of openai. The key is read from the environment and goes nowhere but into the request.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from socli import prompts
from socli.errors import MissingError, TryAgainError, UsageError
from socli.problem import AnswerKind, Problem, Trace
from socli.recipe import TeacherTable
from socli.scheme import Scheme, prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI

REFERENCE = "reference"
TRIES = 6
TIMEOUT = 120.0
"""Seconds a request may take."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote to a problem, and why and after how many tokens it stopped."""

    problem: Problem
    text: str
    finish_reason: str
    tokens_in: int | None
    tokens_out: int | None
    fault: str = ""
    """Why there is no reply; empty where there is one."""


def asked(table: TeacherTable, form: Scheme, kind: AnswerKind) -> Trace:
    """An empty trace that carries how a teacher is asked: its model, prompt and sampling."""
    return Trace(
        problem_id="",
        steps=(),
        answer="",
        teacher=table.model,
        prompt_hash=prompts.fingerprint(form, kind),
        temperature=table.temperature,
        top_p=table.top_p,
        seed=table.seed,
    )


def ask(problems: Iterable[Problem], table: TeacherTable, form: Scheme) -> Iterator[list[Reply]]:
    """Ask the API about each problem, `table.concurrency` at a time; replies as they come.

    Raises MissingError without a key, UsageError where the server refuses the request itself, and
    TryAgainError where it cannot be reached.
    """
    key = os.environ.get(table.api_key_env)
    if not key and not table.base_url:
        raise MissingError(
            f"the environment variable {table.api_key_env} holds no API key",
            hint="set it, or name a local server with --base-url, or use --teacher reference",
        )
    import stamina.instrumentation

    stamina.instrumentation.set_on_retry_hooks(())  # its own would write into the picture on stderr
    with asyncio.Runner() as runner:
        replies = _replies(iter(problems), table, form, key or "none")
        try:
            while True:
                try:
                    yield runner.run(anext(replies))
                except StopAsyncIteration:
                    return
        finally:
            runner.run(replies.aclose())


async def _replies(
    problems: Iterator[Problem], table: TeacherTable, form: Scheme, key: str
) -> AsyncGenerator[list[Reply], None]:
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async with AsyncOpenAI(
        api_key=key,
        base_url=table.base_url,
        max_retries=0,
        timeout=TIMEOUT,
        http_client=DefaultAioHttpClient(),
    ) as client:
        under_way: set[asyncio.Task[Reply]] = set()
        try:
            while True:
                while len(under_way) < table.concurrency and (problem := next(problems, None)) is not None:
                    under_way.add(asyncio.create_task(_reply(client, problem, table, form)))
                if not under_way:
                    return
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if good := [task.result() for task in done if task.exception() is None]:
                    yield good  # paid for: told, and so stored, before what failed ends it all
                for task in done:
                    task.result()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


async def _reply(client: "AsyncOpenAI", problem: Problem, table: TeacherTable, form: Scheme) -> Reply:
    """One problem, asked again while the server is busy or cannot be reached."""
    import openai
    import stamina

    busy = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
    try:
        async for attempt in stamina.retry_context(on=busy, attempts=TRIES, timeout=None, wait_max=30.0):
            with attempt:
                sent = await client.chat.completions.create(
                    model=table.model,
                    messages=_messages(problem, form),
                    temperature=table.temperature,
                    top_p=table.top_p,
                    seed=table.seed,
                    max_tokens=table.max_tokens,
                )
    except openai.APIConnectionError as error:
        raise TryAgainError(
            f"the teacher at {client.base_url.host} cannot be reached",
            hint="the same command goes on where it stopped",
        ) from error
    except openai.APIStatusError as error:
        if error.status_code >= 500 or error.status_code == 429:
            return Reply(problem, "", "", None, None, fault=f"no reply: HTTP {error.status_code}")
        raise UsageError(
            f"the teacher refuses the request: HTTP {error.status_code}",
            hint=f"check the model's name, --base-url and the key in {table.api_key_env}",
        ) from error
    except (ValueError, RecursionError) as error:  # a body that is no JSON
        return Reply(problem, "", "", None, None, fault=f"no reply: {type(error).__name__}")
    return _read(problem, sent)


def _read(problem: Problem, sent: Any) -> Reply:
    """The parts of a completion; a server may send anything with status 200, and nothing checks its types."""
    choices = getattr(sent, "choices", None)
    if not isinstance(choices, list) or not choices:
        return Reply(problem, "", "", None, None, fault="no reply: the server sent no choice")
    text = getattr(getattr(choices[0], "message", None), "content", None)
    reason, usage = getattr(choices[0], "finish_reason", None), getattr(sent, "usage", None)
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    tokens_in, tokens_out = (count if isinstance(count, int) else None for count in counts)
    return Reply(
        problem,
        text=text if isinstance(text, str) else "",
        finish_reason=reason if isinstance(reason, str) else "",
        tokens_in=tokens_in,
        tokens_out=tokens_out,
    )


def _messages(problem: Problem, form: Scheme) -> list[Any]:
    said: list[Any] = [{"role": "system", "content": prompts.instruction(form)}]
    for asked, written in prompts.examples(form, problem.kind):
        said.append({"role": "user", "content": asked.strip()})
        said.append({"role": "assistant", "content": written})
    return [*said, {"role": "user", "content": prompt(problem).strip()}]
