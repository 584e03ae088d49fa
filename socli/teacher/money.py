"""What a teacher costs: prices from the recipe or a dated table, and a purse that is never overdrawn."""

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from socli.errors import UsageError
from socli.recipe import TeacherTable

_TABLE = Path(__file__).parent / "prices.toml"
MILLION = 1_000_000
OPENAI = "https://api.openai.com/v1"
"""The address the dated table is for; also the one where none is given."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens read and a million written, and where that is from."""

    read: float
    written: float
    source: str

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Dollars for so many."""
        return (tokens_in * self.read + tokens_out * self.written) / MILLION


def price(table: TeacherTable) -> Price | None:
    """What the teacher costs; None where that is not known."""
    if table.price_in is not None and table.price_out is not None:
        return Price(table.price_in, table.price_out, "the recipe")
    known = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    if table.base_url not in (None, OPENAI) or table.model not in known["models"]:
        return None
    read, written = known["models"][table.model]
    return Price(read, written, f"the table of {known['dated']}")


@dataclass(slots=True)
class Mean:
    """A running mean and its 95 % interval, in the memory of three numbers (Welford)."""

    n: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self.n += 1
        before = value - self.mean
        self.mean += before / self.n
        self._squares += before * (value - self.mean)

    def margin(self) -> float:
        """Half the width of the interval; infinite below two values."""
        if self.n < 2:
            return math.inf
        z, free = 1.96, self.n - 1
        t = z + (z**3 + z) / (4 * free)  # Student's t, by its expansion: 2.085 for 2.093 at 20 values
        return t * math.sqrt(self._squares / free / self.n)


@dataclass(slots=True)
class Purse:
    """What was spent and what the calls in flight may still cost; dollars where the price is known."""

    price: Price | None = None
    budget: float | None = None
    """Dollars that must not be exceeded."""
    spent: float = 0.0
    reserved: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    dollars: Mean = field(default_factory=Mean)
    tokens: Mean = field(default_factory=Mean)
    seconds: Mean = field(default_factory=Mean)
    model: str = ""
    longer: int = 0
    """Replies that were asked for once more and longer, and what they cost."""
    for_longer: float = 0.0
    heir: "Purse | None" = None
    """That of the stronger teacher, once it is asked."""

    def handed_on(self, table: TeacherTable) -> "Purse":
        """What is left, for the teacher that is asked next."""
        left = None if self.budget is None else max(0.0, self.budget - self.spent)
        self.heir = Purse(price(table), left, model=table.model)
        return self.heir

    def affords(self, read: int, written: int) -> bool:
        """Whether a call of at most so many tokens fits beside those in flight."""
        if self.budget is None or self.price is None:
            return True
        return self.spent + self.reserved + self.price.of(read, written) <= self.budget

    def reserve(self, read: int, written: int) -> None:
        """Set the worst case of a call aside."""
        self.reserved += self.price.of(read, written) if self.price else 0.0

    def release(self, read: int, written: int, *, billed: bool) -> None:
        """A call failed; where it may have been billed, its worst case is counted as spent."""
        worst = self.price.of(read, written) if self.price else 0.0
        self.reserved -= worst
        self.spent += worst if billed else 0.0

    def pay(
        self,
        worst: tuple[int, int],
        used: tuple[int | None, int | None],
        seconds: float,
        *,
        longer: bool = False,
    ) -> None:
        """A call was answered; where the server does not say how many tokens it took, it took the most."""
        self.release(*worst, billed=False)
        read, written = (most if one is None else one for most, one in zip(worst, used, strict=True))
        self.tokens_in, self.tokens_out = self.tokens_in + read, self.tokens_out + written
        self.tokens.add(read + written)
        self.seconds.add(seconds)
        if self.price:
            self.spent += self.price.of(read, written)
            self.dollars.add(self.price.of(read, written))
        if longer:
            self.longer += 1
            self.for_longer += self.price.of(read, written) if self.price else 0.0

    def said(self) -> str:
        """What was used, in a sentence."""
        used = f"{self.tokens_in:,} tokens read and {self.tokens_out:,} written in {self.tokens.n:,} replies"
        if self.price is None:
            return f"{used}; the price is not known"
        longer = f", {money(self.for_longer)} of it for {self.longer:,} longer tries" if self.longer else ""
        return f"spent {money(self.spent)}: {used}{longer}, at the prices of {self.price.source}"

    def asks(self, max_tokens: int) -> str:
        """What asking costs, before it is done; empty where that is not known."""
        if self.price is None:
            return ""
        most = money(self.price.of(0, max_tokens))
        return (
            f"{money(self.price.read)} a million tokens read, {money(self.price.written)} written "
            f"({self.price.source}): at most {most} for what one reply writes"
        )

    def projected(self, requests: int, at_once: int) -> str:
        """What so many requests will take, from those that were made, with 95 % intervals."""
        cost = "" if self.price is None else f"{_range(self.dollars, requests, money)}, "
        tokens = _range(self.tokens, requests, lambda value: f"{value:,.0f}")
        minutes = _range(self.seconds, requests / at_once, lambda value: f"{value / 60:,.1f}")
        return f"{requests:,} requests: {cost}{tokens} tokens, {minutes} minutes at {at_once} at a time"


def purse(table: TeacherTable, budget: float | None = None) -> Purse:
    """A purse for this teacher. Raises UsageError for a budget where the price is not known."""
    rungs = [(table, "teacher"), (table.escalated(), "teacher.stronger")]
    for rung, where in rungs:
        if rung and budget is not None and price(rung) is None:
            raise UsageError(
                f"a budget in dollars needs a price, and that of {rung.model} is not known",
                hint=f"set {where}.price_in and {where}.price_out, in dollars for a million tokens",
            )
    return Purse(price(table), budget, model=table.model)


def money(dollars: float) -> str:
    """Dollars, to the cent, or below one to four digits after the point."""
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"


def _range(mean: Mean, times: float, write: Callable[[float], str]) -> str:
    middle, margin = mean.mean * times, mean.margin() * times
    if not math.isfinite(margin):
        return f"about {write(middle)}"
    return f"{write(middle)} ({write(max(0.0, middle - margin))} to {write(middle + margin)})"
