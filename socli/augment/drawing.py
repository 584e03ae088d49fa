"""Other numbers for those of a problem's text: of the same kind, as round, in the same order."""

import random
from fractions import Fraction
from itertools import pairwise

from socli.augment.tracing import Chain, Source

GIVEN_FACTOR = 2
"""A number is at most so many times smaller or larger than it was; below 6 it may be 4 more."""


def drawn(chain: Chain, draw: random.Random, *, every: bool) -> list[Fraction] | None:
    """A new value for each given, in the order in which they were; None where the draw does not keep it."""
    values = [given.value for given in chain.givens]
    for index in chain.swapped:
        if every or draw.random() < 0.5:
            values[index] = _other(chain.givens[index], draw)
    for percent in (False, True):
        pairs = sorted((g.value, values[g.index]) for g in chain.givens if g.percent == percent)
        if any(second <= first for (_, first), (_, second) in pairwise(pairs)):
            return None
    whole = [*values, Fraction(100)]  # the last, -1, is what percentages make up
    return values if all(whole[n] == sum(values[i] for i in some) for n, some in chain.sums) else None


def _other(given: Source, draw: random.Random) -> Fraction:
    """Another number of the same kind: as many decimals, as round, within the factor."""
    unit = 1 if given.value.denominator == 1 else 100 if (given.value * 10).denominator > 1 else 10
    whole = int(given.value * unit)
    grain = _grain(whole)
    least, most = -(-whole // (GIVEN_FACTOR * grain)), GIVEN_FACTOR * whole // grain
    if whole < 6 and unit == 1:
        most = max(most, whole + 4)
    if given.percent:
        most = min(most, 99 // grain)
    if unit == 1 and grain == 1:
        least = max(least, 2)  # `1 boxes`
    return Fraction(draw.randint(max(least, 1), max(most, least, 1)) * grain, unit)


def _grain(whole: int) -> int:
    """How round a number is: 150 stands among tens, 200 among fifties, 35 among fives, 48 among ones."""
    ten = 1
    while whole % (10 * ten) == 0:
        ten *= 10
    if ten == 1:
        return 5 if whole % 5 == 0 and whole >= 25 else 1
    head = whole // ten
    return ten if head >= 10 else ten // 2 if head >= 2 else ten // 10
