"""What a server sent with status 200, read part by part, for it may be anything; and recorded replies."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from socli import scheme
from socli.errors import UsageError
from socli.problem import Step
from socli.recipe import TeacherTable
from socli.scheme import Reading, Scheme
from socli.teacher import Asking, Reply, asked
from socli.teacher.ladder import Rung

LONGEST = 100_000
"""Letters of a reply that are kept; a trace is a thousand."""

_THOUGHT = re.compile(r"\s*<think(?:ing)?>(.*?)</think(?:ing)?>", re.DOTALL)


_LABEL = re.compile(
    r"[\s*_#>`-]*(?:\d{1,2}[.)]\s*)?[*_`]*(ask|work)\b[*_`]*\s*\d*\s*:[*_`]*\s*(.*)", re.IGNORECASE
)
_ANSWER = re.compile(
    r"[\s*_#>`-]*(?:the\s+)?(?:final\s+)?answer[*_`]*(?:\s+is)?\s*[:=]?[*_`]*\s*(.+?)[*_`.\s]*", re.IGNORECASE
)
_BOXED = re.compile(r"\\boxed\{([^{}]+)\}")


class NoReplyError(ValueError):
    """The body holds no reply; its text says why. Asking again may help."""


def read(body: bytes, asking: Asking, rung: Rung = "text") -> Reply:
    """The reply in the body of a chat completion that was asked for on this rung.

    Raises NoReplyError where the body is cut, is no JSON or offers no choice.
    """
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoReplyError("the server sent no JSON, or half of one") from error
    choices = _part(sent, "choices")
    if not isinstance(choices, list) or not choices:
        raise NoReplyError("the server sent no choice")
    message, usage = _part(choices[0], "message"), _part(sent, "usage")
    text, reasoning = _apart(message)
    tokens_in, tokens_out = (_count(_part(usage, name)) for name in ("prompt_tokens", "completion_tokens"))
    finish = _words(_part(choices[0], "finish_reason"))[:40]
    return Reply(asking, text[:LONGEST], finish, tokens_in, tokens_out, reasoning[:LONGEST], rung=rung)


def reading(text: str) -> Reading:
    """The steps and the answer of a reply: by its labels as they should be, else as JSON, else tolerantly."""
    strict = scheme.read(text)
    if strict.answer is not None:
        return strict
    if sent := _of_json(text):
        return sent
    found = scheme.read("\n".join(map(_label, text.split("\n"))))
    if found.answer is None and (boxed := _BOXED.findall(text)):
        return Reading(found.steps, boxed[-1].strip())
    return found if found.answer is not None or len(found.steps) > len(strict.steps) else strict


def _label(line: str) -> str:
    """A line with the label that was meant: bold, numbered, or in other words."""
    if found := _LABEL.fullmatch(line[:2000]):
        return f"{found[1].capitalize()}: {found[2].rstrip('*_` ')}"
    if found := _ANSWER.fullmatch(line[:200]):
        return f"#### {found[1]}"
    return line


def _of_json(text: str) -> Reading | None:
    """A reply that is one JSON object, fenced or not; None where it is none."""
    begin, end = text.find("{"), text.rfind("}")
    try:
        sent = json.loads(text[begin : end + 1])
    except (ValueError, RecursionError):
        return None
    steps, answer = _part(sent, "steps") or [], _part(sent, "answer")
    if not isinstance(steps, list) or isinstance(answer, dict | list) or not (steps or answer is not None):
        return None
    told = (Step(_said(step, "ask"), _said(step, "work")) for step in steps)
    if isinstance(answer, bool):
        answer = "yes" if answer else "no"
    ends = None if answer is None else scheme.one_line(str(answer))
    return Reading(tuple(step for step in told if step.question or step.text), ends)


def _said(step: Any, name: str) -> str:
    return scheme.one_line(_words(_part(step, name)))


def key(asking: Asking, table: TeacherTable, form: Scheme) -> str:
    """The id of the trace that is asked for: what a recorded reply is found by."""
    like = asked(table, form, asking.problem.kind, asking.sample)
    return replace(like, problem_id=asking.problem.id).id


def record(path: Path, came: Iterable[Reply], table: TeacherTable, form: Scheme) -> None:
    """Add replies to a JSONL file, one a line; those without a text of the teacher are left out."""
    with path.open("a", encoding="utf-8") as file:
        for reply in came:
            if not reply.fault:
                row = {
                    "trace": key(reply.asking, table, form),
                    "model": table.model,
                    "text": reply.text,
                    "finish_reason": reply.finish_reason,
                    "tokens_in": reply.tokens_in,
                    "tokens_out": reply.tokens_out,
                }
                file.write(f"{json.dumps(row)}\n")


def replay(
    path: Path, source: Callable[[], Asking | None], table: TeacherTable, form: Scheme
) -> Iterator[list[Reply]]:
    """The recorded reply to each asking, in its order; a fault where the file has none."""
    recorded = _recorded(path)
    while asking := source():
        row = recorded.get(key(asking, table, form))
        if row is None:
            yield [Reply(asking, fault=f"no reply: {path.name} has none to this")]
            continue
        finish = _words(row.get("finish_reason"))[:40]
        counts = (_count(row.get("tokens_in")), _count(row.get("tokens_out")))
        yield [Reply(asking, _words(row.get("text"))[:LONGEST], finish, *counts)]


def _recorded(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path.name} holds no recorded replies", hint="one JSON object a line, as --record writes them"
        ) from error
    return {_words(_part(row, "trace")): row for row in reversed(rows) if isinstance(row, dict)}


def error_code(body: Any) -> str:
    """The code of an error's body, where it is one of ours to know; nothing else of it is ever shown."""
    detail = _part(body, "error") or body
    if _part(detail, "code") == "context_length_exceeded" or "context length" in _words(
        _part(detail, "message")
    ):
        return "context length"
    return ""


def _apart(message: Any) -> tuple[str, str]:
    """The answer's text and the reasoning before it, whichever way a server marks the latter."""
    text = _words(_part(message, "content"))
    reasoning = _words(_part(message, "reasoning_content")) or _words(_part(message, "reasoning"))
    if thought := _THOUGHT.match(text):
        return text[thought.end() :].lstrip(), reasoning or thought[1].strip()
    return text, reasoning


def _part(of: Any, name: str) -> Any:
    return of.get(name) if isinstance(of, dict) else None


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**53 else None
