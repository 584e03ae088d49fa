"""What a frame tells its story with: a `Teller` draws people and numbers, and keeps the ledger of steps.

A frame is a function that takes a Teller, says sentences and works steps. A new one is a function like
this in a module that `socli.stories` imports; `tests/test_stories.py` then reads it with the others:

    @frame("money", 1, 2)
    def stamps(t: Teller) -> None:
        \"\"\"Stamps at one price, paid with a note.\"\"\"
        kid, n, price = t.person(), t.number(3, 9), t.price(50, 150, 10)
        t.say(
            f"{kid} buys {n} stamps at ${price} each.",
            f"A stamp costs ${price}, and {kid} needs {n} of them.",
            f"At the post office {kid} asks for {n} stamps of ${price}.",
        )
        cost = t.money(f"{n}*{price}", "How much do the stamps cost?", "The stamps cost @. | They cost @.")
        if t.left:
            change_from_a_note(t, kid, cost)

`@` stands for the calculation with its mark, and ` | ` separates wordings of which one is drawn. The step
that makes the story's length full ends it, and the problem asks what that step asks. Numbers that make no
story raise Implausible (`t.need`), and others are drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import TypeVar

from socli.arithmetic import evaluate, written
from socli.problem import Problem, Step
from socli.stories.words import PEOPLE, SURNAMES, Person, Split

T = TypeVar("T")
Number = int | Decimal
"""What stands in a story: its `str` is how it is written there and in the calculations."""


class Implausible(Exception):
    """The numbers drawn make a story that no teacher would tell; draw again."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A story that can be told with other people and numbers, in any of these counts of steps."""

    name: str
    topic: str
    counts: tuple[int, ...]
    tell: Callable[["Teller"], None]


FRAMES: dict[str, list[Frame]] = {}
"""All frames by topic; those of topic `unseen` are never in train or test."""


def frame(topic: str, *counts: int) -> Callable[[Callable[["Teller"], None]], Callable[["Teller"], None]]:
    """Register the function below as a frame that can tell its story in each of `counts` steps."""

    def register(tell: Callable[["Teller"], None]) -> Callable[["Teller"], None]:
        FRAMES.setdefault(topic, []).append(Frame(tell.__name__, topic, counts, tell))
        return tell

    return register


class Teller:
    """One telling of one frame in `length` steps."""

    __slots__ = ("_draw", "_named", "_sentences", "_split", "_steps", "held", "length")

    def __init__(self, random: Random, split: Split, length: int) -> None:
        self._draw = random.random  # the one method whose sequence Python promises to keep
        self._split = split
        self._sentences: list[str] = []
        self._steps: list[Step] = []
        self._named: list[str] = []
        self.length = length
        self.held = 0
        """How many wordings that train never sees were on offer."""

    @property
    def left(self) -> int:
        """How many steps are still to be told."""
        return self.length - len(self._steps)

    # people and numbers

    def pick(self, *choices: T) -> T:
        """One of the choices."""
        return choices[int(self._draw() * len(choices))]

    def chance(self) -> bool:
        """Heads or tails."""
        return self._draw() < 0.5

    def some(self, k: int, *choices: str) -> set[str]:
        """`k` different ones of the choices."""
        pool = list(choices)
        return {pool.pop(int(self._draw() * len(pool))) for _ in range(k)}

    def number(self, low: int, high: int, by: int = 1) -> int:
        """A number of low, low + by, … high. Where there are eight or more, every third is kept for test."""
        size = (high - low) // by + 1
        kept = (size + 1) // 3
        if size < 8 or self._split == "unseen":
            place = int(self._draw() * size)
        elif self._split == "test":
            place = 3 * int(self._draw() * kept) + 1
        else:
            place = int(self._draw() * (size - kept))
            place = place // 2 * 3 + place % 2 * 2
        return low + place * by

    def price(self, low: int, high: int, by: int) -> Number:
        """A price in dollars between bounds in cents: 4, or 4.50 with both its digits."""
        cents = self.number(low, high, by)
        return cents // 100 if cents % 100 == 0 else Decimal(cents).scaleb(-2)

    def sharers(self, total: Number, low: int, high: int, places: int = 2) -> int:
        """A number of people between the bounds among whom the total can be shared exactly."""
        fair = [k for k in range(low, high + 1) if total * 10**places % k == 0]
        self.need(bool(fair))
        return self.pick(*fair)

    def note(self, cost: Number) -> int:
        """The smallest bank note that more than pays for the cost."""
        notes = [note for note in (10, 20, 50, 100) if note > cost]
        self.need(bool(notes))
        return notes[0]

    def girl(self) -> Person:
        """A girl who is not in the story yet."""
        return self._new(PEOPLE[self._split][0])

    def boy(self) -> Person:
        """A boy who is not in the story yet."""
        return self._new(PEOPLE[self._split][1])

    def person(self) -> Person:
        """A girl or a boy who is not in the story yet."""
        return self._new(PEOPLE[self._split][int(self._draw() * 2)])

    def pair(self) -> tuple[Person, Person]:
        """A girl and a boy in either order, so that `she` and `he` are never in doubt."""
        return (self.girl(), self.boy()) if self.chance() else (self.boy(), self.girl())

    def adult(self) -> Person:
        """A grown-up who is not in the story yet, with a title: `Ms. Tanaka`."""
        female, names = self.chance(), SURNAMES[self._split]
        while (name := self.pick(*names)) in self._named:
            pass
        self._named.append(name)
        return Person(f"{'Ms.' if female else 'Mr.'} {name}", female)

    def _new(self, people: tuple[Person, ...]) -> Person:
        while (someone := people[int(self._draw() * len(people))]) in self._named:
            pass
        self._named.append(someone)
        return someone

    def need(self, plausible: bool) -> None:
        """Go on only if the numbers drawn so far are plausible."""
        if not plausible:
            raise Implausible

    # the story

    def say(self, *wordings: str) -> None:
        """Add one of the wordings to the story. The last of three or more is never used in train."""
        self._sentences.append(self._worded(wordings))

    def open(self, *wordings: str) -> None:
        """Put one of the wordings before everything said so far."""
        self._sentences.insert(0, self._worded(wordings))

    def _worded(self, wordings: tuple[str, ...]) -> str:
        n = len(wordings)
        if n < 3:
            return wordings[int(self._draw() * n)]
        self.held += 1
        if self._split == "train":
            return wordings[int(self._draw() * (n - 1))]
        if self._split == "test" and self.chance():
            return wordings[-1]
        return wordings[int(self._draw() * n)]

    # the steps

    def count(self, sum_: str, ask: str, tell: str, final: str = "") -> int:
        """Work a step whose value is a whole number; see `_step`."""
        return int(self._step(sum_, "", 1, (ask, tell, final)))

    def money(self, sum_: str, ask: str, tell: str, final: str = "") -> Number:
        """Work a step whose value is in dollars, with whole cents; see `_step`."""
        return self._step(sum_, "$", 100, (ask, tell, final))

    def measure(self, sum_: str, ask: str, tell: str, final: str = "") -> Number:
        """Work a step whose value has at most two decimals: kilometres, litres, hours; see `_step`."""
        return self._step(sum_, "", 100, (ask, tell, final))

    def _step(self, sum_: str, sign: str, parts: int, words: tuple[str, str, str]) -> Number:
        """Compute `sum_`, write the step, and end the problem with its question if it is the last.

        `final` is what the problem says in place of `ask` then, with facts that belong to the end.
        The story is Implausible if the value is not positive, finer than 1/`parts`, or 1 of something,
        for which the wordings have no singular.
        """
        value, text = worth(sum_)
        if value <= 0 or parts % value.denominator or (value == 1 and not sign):
            raise Implausible
        asks, tells, final = words
        ask, tell = self.pick(*asks.split(" | ")), self.pick(*tells.split(" | "))
        self._steps.append(Step(ask, tell.replace("@", f"{sign}<<{sum_}={text}>>{text}")))
        if not self.left:
            self._sentences.append(self._worded(tuple(final.split(" | "))) if final else ask)
        return int(text) if value.denominator == 1 else Decimal(text)

    def problem(self) -> Problem:
        """The story told, as a Problem; the last step's value is the gold answer."""
        if self.left:
            raise ValueError(f"{len(self._steps)} steps were told where {self.length} were asked for")
        gold = self._steps[-1].text.rpartition("=")[2].partition(">>")[0]
        return Problem(
            " ".join(self._sentences), gold, source=f"stories:{self._split}", steps=tuple(self._steps)
        )


@lru_cache(maxsize=4096)
def worth(sum_: str) -> tuple[Fraction, str]:
    """The value of a calculation and how it is written, as the project's calculator has them."""
    value = evaluate(sum_)
    return value, written(value)


def cash(value: Number) -> Number:
    """An amount of dollars as it is written in a story: 4, or 4.50 with both its digits."""
    return int(value) if value == int(value) else Decimal(value).quantize(Decimal("0.01"))


def plain(value: Number) -> Number:
    """A measure without idle zeros: 3 for 3.00, 2.5 for 2.50."""
    return int(value) if value == int(value) else Decimal(value).normalize()
