"""What writers share, whatever writes: the pieces of a text, why it stops, and how it is drawn by chance."""

import hashlib
from dataclasses import dataclass
from typing import Literal

Stop = Literal["line", "end", "length", "loop"]
"""A row stopped at the end of its line or transcript, out of tokens, or because it went round in circles."""


UNDER_WAY = 3
"""Times the rows that are written together: so many problems two students have under way, for some wait for
the one while it writes others, and some for the other."""


LONGEST = 64_000
"""Most characters of the problems that are written together, each counted as long as the longest of them:
bounds the cache of keys."""


class Waiting(dict[int, int]):
    """Rows that wait to be written (row: most tokens), to which more may be put while some are written.

    A writer that can `leave` rows takes them out and up as it goes; others are given a copy.
    """


@dataclass(frozen=True, slots=True)
class Piece:
    """What one step added to a row: text (none while a character is incomplete) made of `tokens`."""

    row: int
    text: str
    tokens: int = 1
    computed: bool = False
    stop: Stop | None = None
    share: float | None = None
    """Where samples voted: the share of them that agreed with this one. `lost`: tokens of the others."""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature, the share of the likeliest tokens that is drawn from, and what fixes the draw.

    Rows come in runs of `repeats`, which are samples of the same prompt and differ in their chance.
    """

    temperature: float = 0.7
    top_p: float = 0.95
    seed: int = 0
    repeats: int = 1

    def chance(self, prompt: str, row: int, drawn: int) -> float:
        """A number in [0, 1) for one token; the same whatever else is in the batch and in which order."""
        key = f"{self.seed}\x1f{row % self.repeats}\x1f{drawn}\x1f{prompt}"
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:6]) / 2**48
