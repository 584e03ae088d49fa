"""What a teacher is asked and what it gives: values, and the messages that are sent.

`reference` is the data set's own steps; `api` asks a model behind an OpenAI-compatible address.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from socli import prompts
from socli.problem import AnswerKind, Problem, Trace
from socli.scheme import Reading, Scheme, prompt, read
from socli.tables import TeacherTable
from socli.teacher.ladder import Rung, response_format, written

REFERENCE = "reference"

Message = dict[str, str]
_REASONS = re.compile(r"o\d|gpt-5")
"""OpenAI's models that reason, by how their names begin; they take no temperature but their own."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One request to be made: a problem, and which time it is asked, counted from 0."""

    problem: Problem
    sample: int = 0
    more: bool = False
    """Whether the reply may be longer, because one before was cut off."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote to an asking, and why and after how many tokens it stopped."""

    asking: Asking
    text: str = ""
    finish_reason: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    reasoning: str = ""
    """What a reasoning model wrote to itself; never read for steps or answers."""
    fault: str = ""
    """Why there is no reply; empty where there is one."""
    rung: Rung = "text"
    """As what it was asked for."""


def asked(table: TeacherTable, form: Scheme, kind: AnswerKind, sample: int = 0) -> Trace:
    """An empty trace that carries how a teacher is asked: its model, prompt and sampling."""
    return Trace(
        problem_id="",
        steps=(),
        answer="",
        teacher=table.model,
        prompt_hash=_fingerprint(form, kind, table.guided),
        temperature=table.temperature,
        top_p=table.top_p,
        seed=table.seed,
        sample=sample,
    )


def messages(problem: Problem, form: Scheme, *, guided: bool = False, rung: Rung = "text") -> list[Message]:
    """The instruction, the worked examples, the problem; guided, the known half of its steps too."""
    missing = prompts.half(problem) if guided else None
    said = prompts.guided(problem, missing) if missing else prompt(problem)
    opening = _opening(form, problem.kind, missing, rung != "text")
    return [*opening, {"role": "user", "content": said.strip()}]


def request(asking: Asking, table: TeacherTable, form: Scheme, rung: Rung = "text") -> dict[str, Any]:
    """The JSON body of a chat completion; each sample has a seed of its own."""
    body = {
        "model": table.model,
        "messages": messages(asking.problem, form, guided=table.guided, rung=rung),
        "seed": table.seed + asking.sample,
        _longest(table): (asking.more and table.more_tokens) or table.max_tokens,
    }
    if _longest(table) == "max_tokens" or not _REASONS.match(table.model):
        body |= {"temperature": table.temperature, "top_p": table.top_p}
    missing = prompts.half(asking.problem) if table.guided else None
    known = len(asking.problem.steps) if missing else None
    wanted = response_format(rung, _shown(form, asking.problem.kind, missing)[0][1], known)
    return body | {"response_format": wanted} if wanted else body


def _longest(table: TeacherTable) -> str:
    """What the longest reply is called: OpenAI's own API has given up the name that all others know."""
    return "max_completion_tokens" if table.base_url is None else "max_tokens"


@cache
def _fingerprint(form: Scheme, kind: AnswerKind, guided: bool) -> str:
    return prompts.guided_fingerprint(kind) if guided else prompts.fingerprint(form, kind)


@cache
def _opening(form: Scheme, kind: AnswerKind, missing: prompts.Half | None, json: bool) -> tuple[Message, ...]:
    """All that comes before the problem; read once, for it is the same in every request."""
    told = prompts.guided_instruction(missing) if missing else prompts.instruction(form)
    said = [{"role": "system", "content": f"{told}\n\n{prompts.as_json()}" if json else told}]
    texts = prompts.guided_examples(missing, kind) if missing else prompts.examples(form, kind)
    for (shown, text), (_, reading) in zip(texts, _shown(form, kind, missing), strict=True):
        said.append({"role": "user", "content": shown.strip()})
        said.append({"role": "assistant", "content": written(reading) if json else text})
    return tuple(said)


@cache
def _shown(form: Scheme, kind: AnswerKind, missing: prompts.Half | None) -> tuple[tuple[str, Reading], ...]:
    """The worked examples, read."""
    texts = prompts.guided_examples(missing, kind) if missing else prompts.examples(form, kind)
    return tuple((shown, read(text)) for shown, text in texts)
