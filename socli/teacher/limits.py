"""How fast a server may be asked: how many requests at a time, how many and how many tokens a minute.

No library and no clock of its own: the seconds are given, so that a day is tested in a moment.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime

START = 8
"""Requests in flight to begin with, where as many are allowed."""
SHRINK = 0.7
"""What is left of the width after a server said that it has too much to do."""
LEAST = 0.05
"""The least width: below one, a request is followed by a pause of so many round trips (here 20)."""
LONGEST_GAP = 10.0
"""Seconds such a pause takes at most."""
BURST = 1.0
"""Seconds whose permits may be taken at once."""


class Width:
    """Requests in flight: doubled each round until the first refusal, then one more each round.

    A server that allows fewer than one at a time refuses most requests of a client that always has one in
    flight. There the width falls below one, and what is left of it is kept as a gap between two requests.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._level = float(min(START, most))
        self._steady = False
        self._shrunk = 0.0
        self._trip = 0.0  # seconds of the last request that was refused
        self.rounds = 0
        """Rounds of refusals since the last answer."""

    @property
    def now(self) -> float:
        """Requests that may be in flight, at least one."""
        return max(1.0, self._level)

    @property
    def gap(self) -> float:
        """Seconds between two requests; 0 where more than one may be in flight."""
        return 0.0 if self._level >= 2 else min(LONGEST_GAP, self._trip / self._level)

    def grow(self) -> None:
        """After an answer."""
        self.rounds = 0
        step = 1.0 if not self._steady else 1 / self._level if self._level >= 2 else self._level / 10
        self._level = min(float(self.most), self._level + step)

    def shrink(self, asked: float, now: float, *, said: bool = True) -> None:
        """After a refusal of a request of that time; those asked before the last cut do not count again.

        `said`: the server refused it. A time-out narrows to one request at a time and opens no gap.
        """
        if asked >= self._shrunk:
            least = LEAST if said else min(1.0, self._level)
            self._level, self._steady, self._shrunk = max(least, self._level * SHRINK), True, now
            self._trip, self.rounds = now - asked if said else self._trip, self.rounds + 1


class Rate:
    """Permits at so many a minute: `reserve` says when they may be used (generic cell rate algorithm)."""

    def __init__(self, a_minute: float | None) -> None:
        self.a_minute = a_minute
        self._next = 0.0

    def reserve(self, permits: float, now: float) -> float:
        """Take permits; the time from which they may be used."""
        if not self.a_minute:
            return now
        ready = max(self._next, now - BURST)
        self._next = ready + permits * 60 / self.a_minute
        return max(now, ready)

    def give_back(self, permits: float) -> None:
        """Permits that were taken and not needed; fewer than none where more were needed."""
        if self.a_minute:
            self._next -= permits * 60 / self.a_minute


class Limits:
    """All limits of one server."""

    def __init__(self, most: int, rpm: int | None = None, tpm: int | None = None) -> None:
        self.width = Width(most)
        self.requests, self.tokens = Rate(rpm), Rate(tpm)
        self._given = {"requests": rpm is not None, "tokens": tpm is not None}
        self.resume = 0.0
        """Nothing is sent before this time."""
        self._next = 0.0

    def reserve(self, tokens: int, now: float) -> float:
        """Take a request of so many tokens; when it may be sent."""
        spaced = max(now, self._next)
        self._next = spaced + self.width.gap
        return max(self.resume, spaced, self.requests.reserve(1, now), self.tokens.reserve(tokens, now))

    def pause(self, seconds: float, now: float) -> None:
        """Everyone waits."""
        self.resume = max(self.resume, now + seconds)

    def heed(self, headers: Mapping[str, str], now: float) -> None:
        """Take the server's own limits from its headers, where the settings name none."""
        for what, rate in (("requests", self.requests), ("tokens", self.tokens)):
            limit = _number(headers.get(f"x-ratelimit-limit-{what}"))
            if limit and not self._given[what]:
                rate.a_minute = limit
            if limit and headers.get(f"x-ratelimit-remaining-{what}") == "0":
                self.pause(min(60.0, seconds(headers.get(f"x-ratelimit-reset-{what}")) or 0.0), now)


def retry_after(headers: Mapping[str, str], today: datetime) -> float | None:
    """Seconds the server wants everyone to wait, in any of the ways it may say so; None where it does not."""
    if (millis := _number(headers.get("retry-after-ms"))) is not None:
        return millis / 1000
    text = headers.get("retry-after")
    if (wait := seconds(text)) is not None or not text:
        return wait
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, (parsedate_to_datetime(text) - today).total_seconds())
    return None


def seconds(text: str | None) -> float | None:
    """A time as servers write it: `2`, `0.5s`, `120ms`, `6m0s`, `1h2m`; None where it is none."""
    if not text:
        return None
    if (plain := _number(text)) is not None:
        return plain
    total, number = 0.0, ""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    rest = text.strip()
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        unit = "ms" if rest.startswith("ms") else rest[:1]
        if unit not in units or (value := _number(number)) is None:
            return None
        total, rest = total + value * units[unit], rest[len(unit) :]
    return total


def _number(text: str | None) -> float | None:
    with suppress(ValueError, TypeError):
        value = float(text or "")
        return value if 0 <= value < 1e12 else None  # neither NaN nor infinity
    return None
