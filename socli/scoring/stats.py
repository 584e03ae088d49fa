"""Intervals, paired tests, and how much must be measured before two students can be told apart.

Shares, differences and spreads are fractions in 0 to 1. scipy is imported inside the functions that need
it: it costs a second or more, and a single score does not.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, comb, sqrt
from statistics import NormalDist, fmean, variance

RESAMPLES = 2_000
"""Of the bootstrap: the ends of a 95 % interval then vary by about a twentieth of its width."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its confidence interval; finite whatever was counted."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many of the same problems both students got right, the first alone, the second alone, neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        """The problems."""
        return self.both + self.first + self.second + self.neither

    @property
    def discordance(self) -> float:
        """The share that one got right and the other wrong."""
        return (self.first + self.second) / self.n

    @property
    def difference(self) -> float:
        """The second's accuracy less the first's."""
        return (self.second - self.first) / self.n


@dataclass(frozen=True, slots=True)
class Spread:
    """The accuracy of several seeds on the same problems, and what makes it uncertain."""

    accuracy: Interval
    """For new seeds and new problems of the same kind."""
    seed_sd: float | None
    """Standard deviation between seeds beyond what chance on these problems explains; None for one seed."""
    seed_error: float | None
    """Standard error of the accuracy that more seeds would reduce."""
    item_error: float
    """Standard error of the accuracy that more problems would reduce."""


# one student


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share, as fractions in 0 to 1; finite for 0 of n and n of n.

    ValueError where there is nothing to count, or the counts or the confidence make no sense.
    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209, without continuity correction.
    """
    if n < 1 or not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} is not a share")
    return _score_interval(correct / n, n, _z(confidence))


def pass_at(k: int, counts: Sequence[tuple[int, int]], confidence: float = 0.95) -> Interval:
    """The share of problems that at least one of `k` samples solves, from (samples, right ones) a problem.

    Unbiased where there are more samples than `k`: 1 - C(n-c, k) / C(n, k) is the chance that k of them
    drawn without putting back hold a right one (Chen et al. 2021, arXiv 2107.03374). The interval is over
    problems: see `_mean`. ValueError where a problem has fewer than k samples.
    """
    if k < 1 or any(n < k or not 0 <= right <= n for n, right in counts):
        raise ValueError(f"{k} samples of each problem are not there")
    return _mean([1 - comb(n - right, k) / comb(n, k) for n, right in counts], confidence)


def maj_at(k: int, votes: Sequence[tuple[Sequence[str | None], str]], confidence: float = 0.95) -> Interval:
    """The share of problems where the most frequent of `k` answers is right, from (answers, gold) a problem.

    Answers are compared letter by letter: give normal forms. None does not vote; a tie counts as the share
    of the tied answers that are right. More than k answers are taken k at a time, in order, and averaged:
    unbiased, as each k are samples like any other. The interval is over problems: see `_mean`.
    """
    if k < 1 or any(len(answers) < k for answers, _ in votes):
        raise ValueError(f"{k} samples of each problem are not there")
    return _mean([_elected(k, answers, gold) for answers, gold in votes], confidence)


def _elected(k: int, answers: Sequence[str | None], gold: str) -> float:
    right = []
    for start in range(0, len(answers) - k + 1, k):
        ballots = Counter(answer for answer in answers[start : start + k] if answer is not None)
        most = max(ballots.values(), default=0)
        right.append((ballots[gold] == most > 0) / max(1, sum(votes == most for votes in ballots.values())))
    return fmean(right)


def _mean(values: Sequence[float], confidence: float) -> Interval:
    """The mean of shares, one a problem. Its interval: Wilson's where each is 0 or 1, or all are the same.

    Otherwise the bias-corrected accelerated bootstrap over problems, drawn from a fixed seed. With equal
    values that one is not a number.
    """
    if not values:
        raise ValueError("there are no problems")
    mean = fmean(values)
    if set(values) <= {0.0, 1.0} or len(set(values)) == 1:
        return Interval(mean, *_score_interval(mean, len(values), _z(confidence)))
    from scipy.stats import bootstrap

    ends = bootstrap(
        (values,),
        lambda sample, axis: sample.mean(axis=axis),
        n_resamples=RESAMPLES,
        batch=max(1, 10**7 // len(values)),  # at most 80 MB at a time
        confidence_level=confidence,
        rng=0,
    ).confidence_interval
    return Interval(mean, float(ends.low), float(ends.high))


def spread(outcomes: Sequence[Sequence[bool]], confidence: float = 0.95) -> Spread:
    """The accuracy of seeds (rows) on the same problems (columns), its spread over each taken apart.

    The parts are variance components of the two-way layout without repetition, none below 0. The interval is
    Wilson's at the number of independent problems that would give the whole variance (`_uncertainty`),
    lowered for the few degrees of freedom that a few seeds leave (Korn and Graubard 1998).
    """
    k, n = len(outcomes), len(outcomes[0]) if outcomes else 0
    if n == 0 or any(len(row) != n for row in outcomes):
        raise ValueError("every seed needs an outcome for the same problems, at least one")
    mean = sum(map(sum, outcomes)) / (k * n)
    if k == 1 or n == 1:
        error = sqrt(mean * (1 - mean) / (k * n))
        return Spread(Interval(mean, *_score_interval(mean, n, _z(confidence))), None, None, error)
    means = [fmean(row) for row in outcomes]
    total, freedom = _uncertainty([fmean(column) for column in zip(*outcomes, strict=True)], means)
    between, item = _components(outcomes)
    worth = float(n)
    if total > 0:
        worth = mean * (1 - mean) / total * (_z(confidence) / _t((1 + confidence) / 2, freedom)) ** 2
    ends = _score_interval(mean, worth, _z(confidence))
    return Spread(Interval(mean, *ends), sqrt(between), sqrt(between / k), sqrt(item))


def _components(rows: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Variance between seeds (rows), and variance of the mean that comes of the problems.

    Of a two-way layout without repetition, at least two by two.
    """
    k, n = len(rows), len(rows[0])
    mean = sum(map(sum, rows)) / (k * n)
    seeds = n * sum((sum(row) / n - mean) ** 2 for row in rows)
    items = k * sum((sum(column) / k - mean) ** 2 for column in zip(*rows, strict=True))
    rest = max(0.0, sum((value - mean) ** 2 for row in rows for value in row) - seeds - items)
    squares = seeds / (k - 1), items / (n - 1), rest / ((k - 1) * (n - 1))
    return max(0.0, squares[0] - squares[2]) / n, max(squares[1], squares[2]) / (k * n)


def _uncertainty(problems: Sequence[float], *seeds: Sequence[float]) -> tuple[float, float]:
    """Variance of a mean over problems and seeds, both drawn by chance, and its degrees of freedom.

    `problems`: a value each, the mean over seeds; `seeds`: for each student the means of its seeds, at least
    two. What chance on a problem adds to a seed's mean is in both and not taken out: with the variance of two
    or three seeds, half of the differences would come out as 0. For one student, or two with the same seeds,
    this is Clark's min F' (J. Verbal Learn. Verbal Behav. 12 (1973) 335); freedom: Satterthwaite 1946.
    """
    parts = [(variance(some) / len(some), len(some) - 1) for some in (problems, *seeds)]
    total = sum(part for part, _ in parts)
    return total, total**2 / sum(part**2 / freedom for part, freedom in parts) if total > 0 else 1.0


# two students on the same problems


def mcnemar(pairs: Pairs) -> float:
    """The exact two-sided p of McNemar's test: how likely flips as uneven as these are by chance alone.

    It is 1 where nothing flipped. Source: the sign test on the discordant pairs, Psychometrika 12 (1947) 153.
    """
    flips = pairs.first + pairs.second
    if flips == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(pairs.second, flips).pvalue)


def difference(pairs: Pairs, confidence: float = 0.95) -> Interval:
    """The second's accuracy less the first's, with Tango's score interval for paired shares.

    Its ends solve |second - first - n d| = z sqrt(n (2 q + d (1 - d))) for d, where q is the most likely
    share that the first alone gets right if the difference is d. Chosen because its coverage stays close to
    the nominal one for few flips and few problems, and because it is finite where nothing flips; it leaves
    out 0 just where McNemar's asymptotic test rejects, so near 5 % the exact test may still not.
    Source: T. Tango, Stat. Med. 17 (1998) 891.
    """
    n, x, y, z = pairs.n, pairs.second, pairs.first, _z(confidence)
    if n < 1:
        raise ValueError("there are no pairs")

    def outside(d: float) -> bool:
        b = (2 * n - x + y) * d - x - y
        q = (sqrt(max(0.0, b * b + 8 * n * y * d * (1 - d))) - b) / (4 * n)
        return (x - y - n * d) ** 2 > z * z * n * max(0.0, 2 * q + d * (1 - d))

    found = pairs.difference
    ends = []
    for end in (-1.0, 1.0):
        inner, outer = found, end
        for _ in range(60 if outside(end) else 0):  # to the last bit; an end that is inside is the end
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if outside(middle) else (middle, outer)
        ends.append(outer)
    return Interval(found, *ends)


@dataclass(frozen=True, slots=True)
class Paired:
    """Two students on the same problems, each of one seed or several."""

    difference: Interval
    """The second's accuracy less the first's, 95 %; it leaves out 0 just where `p` is below 0.05."""
    p: float


def paired(first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]) -> Paired:
    """The seeds (rows) of two students on the same problems (columns); each may have its own number.

    One seed of each: `mcnemar`, and Tango's interval, made as wide as that exact test needs. It speaks of
    these two. Otherwise Student's t of the mean difference, for new problems and new seeds (`_uncertainty`);
    a student with one row is taken as it is. The two problems that each alone solves, which are added
    (Bonett and Price, Br. J. Math. Stat. Psychol. 65 (2012) 411), keep it honest where little flips.
    Seeds are not paired, as what a seed does in one student says next to nothing of what it does in another.
    """
    if not first or not second or not first[0] or {len(row) for row in (*first, *second)} != {len(first[0])}:
        raise ValueError("both need a seed and the same problems, at least one")
    if len(first) == len(second) == 1:
        cases = list(zip(first[0], second[0], strict=True))
        pairs = Pairs(*(cases.count((x, y)) for x, y in product((True, False), repeat=2)))
        return Paired(_exact(pairs), mcnemar(pairs))
    from scipy.stats import t

    ours, theirs = [[*row, True, False] for row in first], [[*row, False, True] for row in second]
    shares = [[fmean(column) for column in zip(*rows, strict=True)] for rows in (ours, theirs)]
    gains = [y - x for x, y in zip(*shares, strict=True)]
    seeds = [[fmean(row) for row in rows] for rows in (ours, theirs) if len(rows) > 1]
    total, freedom = _uncertainty(gains, *seeds)
    middle, error = fmean(gains), sqrt(total)
    half = _t(0.975, freedom) * error
    found = fmean(map(fmean, second)) - fmean(map(fmean, first))
    ends = max(-1.0, middle - half), min(1.0, middle + half)
    return Paired(Interval(found, *ends), min(1.0, 2 * float(t.sf(abs(middle) / error, freedom))))


def _exact(pairs: Pairs) -> Interval:
    """Tango's interval, wider where `mcnemar` needs it: as far as the flips' Clopper-Pearson interval."""
    found, flips = difference(pairs), pairs.first + pairs.second
    if flips == 0:
        return found
    from scipy.stats import binomtest

    share = binomtest(pairs.second, flips).proportion_ci(0.95, method="exact")
    low, high = ((2 * end - 1) * flips / pairs.n for end in (float(share.low), float(share.high)))
    return Interval(found.value, min(found.low, low), max(found.high, high))


def holm(ps: Sequence[float]) -> list[float]:
    """Each p corrected for there being several: below 0.05 means so with all errors together kept to 5 %.

    Source: S. Holm, Scand. J. Stat. 6 (1979) 65.
    """
    corrected = [0.0] * len(ps)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected


# before measuring


def independent(accuracy: float, delta: float) -> float:
    """The discordance of two students with these accuracies, `delta` apart, that err independently.

    Students that learnt from the same problems err on the same ones more often than that.
    """
    other = accuracy + delta
    if not (0 <= accuracy <= 1 and 0 <= other <= 1):
        raise ValueError(f"accuracies of {accuracy:g} and {other:g} are not shares")
    return accuracy * (1 - other) + other * (1 - accuracy)


def power(n: int, delta: float, discordance: float, alpha: float = 0.05) -> float:
    """How often McNemar's exact test on `n` problems finds a true difference of `delta`, in 0 to 1.

    Summed over every number of flips that is at all likely. Finds in the wrong direction count: rare ones.
    """
    _refuse_odd(delta, discordance)
    import numpy as np
    from scipy.stats import binom

    reach = 8 * sqrt(n * discordance * (1 - discordance)) + 1
    flips = np.arange(max(0, int(n * discordance - reach)), min(n, ceil(n * discordance + reach)) + 1)
    fewest = binom.ppf(alpha / 2, flips, 0.5)  # the test rejects below this and as far from the other end
    fewest -= binom.cdf(fewest, flips, 0.5) > alpha / 2
    up = (discordance + abs(delta)) / (2 * discordance)
    found = binom.cdf(fewest, flips, up) + binom.sf(flips - fewest - 1, flips, up)
    return float((binom.pmf(flips, n, discordance) * found).sum())


def problems_needed(delta: float, discordance: float, chance: float = 0.8, alpha: float = 0.05) -> int:
    """On how many problems McNemar's exact test finds a true difference of `delta` with this chance.

    The search begins at the number of the asymptotic test, which is always too small (R. J. Connor,
    Biometrics 43 (1987) 207). ValueError where fewer than `delta` of the problems flip.
    """
    _refuse_odd(delta, discordance)
    z, more = _z(1 - alpha), NormalDist().inv_cdf(chance)
    rest = sqrt(discordance - delta * delta)
    low = max(1, ceil(((z * sqrt(discordance) + max(0.0, more) * rest) / delta) ** 2) // 2)
    high = 2 * low
    while power(high, delta, discordance, alpha) < chance:
        low, high = high, 2 * high
    while high - low > max(1, high // 1000):  # to three digits
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, delta, discordance, alpha) >= chance else (middle, high)
    return high


def seeds_needed(
    delta: float,
    problems: int,
    discordance: float,
    seed_sd: float = 0.0,
    chance: float = 0.8,
    alpha: float = 0.05,
) -> int:
    """How many seeds of each student, averaged on the same problems, show a true difference of `delta`.

    `discordance` is that of one seed of each, and taken as chance alone: where some problems suit one
    student and not the other, seeds help less and more are needed. `seed_sd` is the standard deviation of
    the accuracy between trainings; unlike flips it does not shrink with more problems. Asymptotic; Student's
    t, from two seeds on, where `seed_sd` is not 0.
    """
    _refuse_odd(delta, discordance)
    per_seed = (2 * seed_sd**2 + (discordance - delta * delta) / problems) / (delta * delta)
    chances = 1 - alpha / 2, chance
    k = max(1, ceil(sum(map(NormalDist().inv_cdf, chances)) ** 2 * per_seed))
    if seed_sd == 0:
        return k
    k = max(2, k)  # one seed says nothing about the next
    while sum(_t(share, 2 * (k - 1)) for share in chances) ** 2 * per_seed > k:
        k += 1
    return k


def _refuse_odd(delta: float, discordance: float) -> None:
    if not 0 < abs(delta) <= discordance <= 1:
        raise ValueError(f"a difference of {delta:g} where {discordance:g} of the problems flip cannot be")


def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _t(share: float, freedom: float) -> float:
    """Student's quantile."""
    from scipy.stats import t

    return float(t.ppf(share, freedom))


def _score_interval(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's, for any number of problems' worth of information."""
    middle = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # at the ends rounding may leave 1e-17 where the formula gives 0 and 1 exactly
    return (0.0 if share == 0 else (middle - half) / scale, 1.0 if share == 1 else (middle + half) / scale)
