"""How a text is drawn and not only the likeliest one taken, and the chance it is drawn with."""

import hashlib
from dataclasses import dataclass


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
