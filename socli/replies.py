"""What a server sent with status 200, read part by part: it may be anything."""

import json
import re
from typing import Any

from socli.teacher import Asking, Reply

LONGEST = 100_000
"""Letters of a reply that are kept; a trace is a thousand."""

_THOUGHT = re.compile(r"\s*<think(?:ing)?>(.*?)</think(?:ing)?>", re.DOTALL)


class NoReplyError(ValueError):
    """The body holds no reply; its text says why. Asking again may help."""


def read(body: bytes, asking: Asking) -> Reply:
    """The reply in the body of a chat completion.

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
    return Reply(asking, text[:LONGEST], finish, tokens_in, tokens_out, reasoning[:LONGEST])


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
