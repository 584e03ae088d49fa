"""What a teacher is asked and what it gives: values, and the messages that are sent.

`reference` is the data set's own steps; `api` asks a model behind an OpenAI-compatible address.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from socli import prompts
from socli.problem import AnswerKind, Problem, Trace
from socli.recipe import TeacherTable
from socli.scheme import Scheme, prompt

REFERENCE = "reference"

Message = dict[str, str]


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


def messages(problem: Problem, form: Scheme, *, guided: bool = False) -> list[Message]:
    """The instruction, the worked examples, the problem; guided, the known half of its steps too."""
    missing = prompts.half(problem) if guided else None
    said = prompts.guided(problem, missing) if missing else prompt(problem)
    return [*_opening(form, problem.kind, missing), {"role": "user", "content": said.strip()}]


def request(asking: Asking, table: TeacherTable, form: Scheme) -> dict[str, Any]:
    """The JSON body of a chat completion; each sample has a seed of its own."""
    return {
        "model": table.model,
        "messages": messages(asking.problem, form, guided=table.guided),
        "temperature": table.temperature,
        "top_p": table.top_p,
        "seed": table.seed + asking.sample,
        "max_tokens": (asking.more and table.more_tokens) or table.max_tokens,
    }


@cache
def _fingerprint(form: Scheme, kind: AnswerKind, guided: bool) -> str:
    return prompts.guided_fingerprint(kind) if guided else prompts.fingerprint(form, kind)


@cache
def _opening(form: Scheme, kind: AnswerKind, missing: prompts.Half | None) -> tuple[Message, ...]:
    """All that comes before the problem; read once, for it is the same in every request."""
    told = prompts.guided_instruction(missing) if missing else prompts.instruction(form)
    examples = prompts.guided_examples(missing, kind) if missing else prompts.examples(form, kind)
    said = [{"role": "system", "content": told}]
    for shown, written in examples:
        said.append({"role": "user", "content": shown.strip()})
        said.append({"role": "assistant", "content": written})
    return tuple(said)
