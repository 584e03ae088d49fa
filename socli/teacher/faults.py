"""What an exception of a request means: for the job, for one problem, for the pace."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from socli.teacher import replies
from socli.teacher.limits import retry_after

LARGEST = 4_000_000
"""Bytes of a body that are read; a long reply has a hundredth."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a failed request means.

    `final` ends the job; `refused` is not asked again, and ends the job when there are many in a row;
    `hopeless` is one problem's own fault; the rest is asked again: `busy` asks for fewer at a time,
    `failed` may happen to any request, `lost` means that no server answers.
    """

    kind: Literal["final", "refused", "hopeless", "busy", "failed", "lost"]
    why: str
    wait: float | None = None
    """Seconds the server wants everyone to wait."""


class TooLargeError(Exception):
    """More came than is read."""


def meaning(error: Exception) -> Fault:
    """What an exception of a request means."""
    import openai

    cause = error.__cause__
    if isinstance(error, TooLargeError) or isinstance(cause, TooLargeError):
        return Fault("hopeless", f"it is longer than {LARGEST:,} bytes")
    match error:
        case openai.APIStatusError(status_code=status):
            return _refusal(status, error)
        case openai.APIConnectionError() if type(cause).__name__ in ("ConnectTimeout", "ConnectError"):
            return Fault("lost", "the connection failed")  # the former stands for a refused one too
        case openai.APITimeoutError() | TimeoutError():
            return Fault("busy", "the server took too long")
        case openai.APIConnectionError():
            return Fault("failed", "the connection was cut")
    return Fault("failed", str(error) if isinstance(error, replies.NoReplyError) else type(error).__name__)


def _refusal(status: int, error: Any) -> Fault:
    """What a status that is no success means."""
    why = f"HTTP {status}"
    if status in (408, 409, 425, 429) or status >= 500:
        kind: Literal["busy", "failed"] = "busy" if status in (408, 429, 503, 529) else "failed"
        return Fault(kind, why, retry_after(error.response.headers, datetime.now(UTC)))
    if code := replies.error_code(error.body):
        return Fault("hopeless", f"{why}, {code}")
    return Fault("final" if status in (401, 402, 403, 404) else "refused", why)
