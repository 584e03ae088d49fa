"""The built-in problem generator: endless word problems with gold sub-questions and equations.

`train` and `test` tell the same frames with other people, numbers and wording; `unseen` tells frames that are
never in the other two. All is deterministic by split, seed and the counts of steps asked for.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar, get_args

from socli.arithmetic import marks
from socli.errors import UsageError
from socli.problem import Problem
from socli.stories import (  # noqa: F401  imported to register their frames, in this order
    comparison,
    fractions,
    hours,
    households,
    money,
    percentages,
    prices,
    rates,
    remainders,
    sharing,
    unseen_indoors,
    unseen_outdoors,
)
from socli.stories.teller import FRAMES, Frame, Implausible, Teller, worth
from socli.stories.words import Split

T = TypeVar("T")

__all__ = ["MOST_STEPS", "frames", "stories", "tell"]

MOST_STEPS = 6
"""The longest story has this many steps."""


def frames(split: Split) -> list[Frame]:
    """The frames whose stories a split tells; train and test have the same ones."""
    return [f for topic, found in FRAMES.items() for f in found if (topic == "unseen") == (split == "unseen")]


def stories(split: Split, seed: int = 0, steps: tuple[int, int] = (1, MOST_STEPS)) -> Iterator[Problem]:
    """Distinct problems without end, of `steps[0]` to `steps[1]` steps.

    Each count comes once before one comes again, and of each count each frame: few problems show all. The same split, seed and steps give the same problems in the same order; a UsageError is raised for a
    split that does not exist or counts outside 1 to 6.
    """
    low, high = steps
    if split not in get_args(Split):
        raise UsageError(f"there is no `stories:{split}`", hint="choose `train`, `test` or `unseen`")
    if not 1 <= low <= high <= MOST_STEPS:
        raise UsageError(
            f"stories cannot have {low} to {high} steps",
            hint=f"choose from 1 to {MOST_STEPS}, the smaller first",
        )
    return _endless(split, Random(f"stories {split} {seed} {low} {high}"), low, high)


def _endless(split: Split, random: Random, low: int, high: int) -> Iterator[Problem]:
    counts = _dealt(range(low, high + 1), random)
    by_count = {n: _dealt([f for f in frames(split) if n in f.counts], random) for n in range(low, high + 1)}
    told: set[bytes] = set()
    for count in counts:
        problem = tell(next(by_count[count]), split, count, random)
        mark = blake2b(problem.question.encode(), digest_size=8).digest()  # keeps 50,000 problems in 4 MB
        if mark not in told:
            told.add(mark)
            yield problem


def _dealt(cards: Sequence[T], random: Random) -> Iterator[T]:
    """The cards without end, all of them in a new order before one comes again."""
    while True:
        yield from sorted(cards, key=lambda _: random.random())


def tell(frame: Frame, split: Split, count: int, random: Random) -> Problem:
    """One problem of a frame with `count` steps, checked by the calculator."""
    while True:
        teller = Teller(random, split, count)
        try:
            frame.tell(teller)
        except Implausible:
            continue
        problem = teller.problem()
        for step in problem.steps:
            (mark,) = marks(step.text)
            if worth(mark.expression)[1] != mark.stated:
                raise ValueError(f"{frame.name} wrote a wrong mark: {step.text}")
        return problem
