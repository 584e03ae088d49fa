"""Intervals, paired tests, power."""

import math
import random
from itertools import combinations, product
from statistics import fmean, pstdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socli.scoring.stats import (
    Pairs,
    difference,
    holm,
    independent,
    maj_at,
    mcnemar,
    paired,
    pass_at,
    power,
    problems_needed,
    seeds_needed,
    spread,
    wilson,
)

# wilson


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_published_intervals_come_out(correct: int, n: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3."""
    assert tuple(round(end, 4) for end in wilson(correct, n)) == (low, high)


@pytest.mark.parametrize(
    ("correct", "n", "confidence", "low", "high"),
    [
        (0, 10, 0.95, 0.0, 0.2775327999),
        (10, 10, 0.95, 0.7224672001, 1.0),
        (1, 1, 0.95, 0.2065493144, 1.0),
        (60, 100, 0.95, 0.5020025868, 0.6905987136),
        (60, 100, 0.99, 0.4714191179, 0.7161367445),
        (60, 100, 0.90, 0.5178095064, 0.6769219494),
        (500, 1319, 0.95, 0.3532795983, 0.4055728342),
    ],
)
def test_the_ends_solve_the_score_equation(
    correct: int, n: int, confidence: float, low: float, high: float
) -> None:
    """Expected: |correct/n - p| = z sqrt(p (1 - p) / n), solved for p by bisection in 50-digit decimals."""
    assert wilson(correct, n, confidence) == pytest.approx((low, high), abs=1e-9)


@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0.5, 0.999))
def test_the_interval_is_finite_and_holds_the_share(n: int, part: float, confidence: float) -> None:
    correct = round(n * part)
    low, high = wilson(correct, n, confidence)
    assert 0 <= low <= correct / n <= high <= 1
    assert math.isfinite(low + high)
    assert low < high


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (1, 0), (-1, 5), (6, 5), (0, -1)])
def test_a_share_of_nothing_has_no_interval(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson(correct, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, -1.0, math.nan])
def test_a_confidence_lies_between_0_and_1(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        wilson(1, 2, confidence)


# pass@k, maj@k


def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one() -> None:
    samples = [True, False, False, True, False]
    draws = [any(some) for some in combinations(samples, 3)]
    assert pass_at(3, [(5, 2)]).value == pytest.approx(fmean(draws)) == pytest.approx(0.9)


def test_pass_at_1_is_the_accuracy_with_wilsons_interval() -> None:
    found = pass_at(1, [(1, 1)] * 60 + [(1, 0)] * 40)
    assert (found.value, found.low, found.high) == (0.6, *wilson(60, 100))


@pytest.mark.parametrize(("right", "low", "high"), [(0, 0.0, 0.2775327999), (4, 0.7224672001, 1.0)])
def test_t25_pass_at_k_is_finite_where_all_is_right_or_wrong(right: int, low: float, high: float) -> None:
    found = pass_at(2, [(4, right)] * 10)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_majority_wins_a_tie_is_shared_and_what_is_unreadable_does_not_vote() -> None:
    votes = [
        (("18", "18", "7"), "18"),
        (("7", "18", None), "18"),
        ((None, None, "18"), "18"),
        (("7", "7", "18"), "18"),
        ((None, None, None), "18"),
    ]
    assert maj_at(3, votes).value == pytest.approx((1 + 1 / 2 + 1 + 0 + 0) / 5)


def test_more_samples_than_k_are_counted_k_at_a_time() -> None:
    assert maj_at(3, [(("1", "1", "2", "2", "2", "1", "1"), "1")]).value == 0.5  # the seventh is left over


@pytest.mark.parametrize("k", [0, 3])
def test_samples_that_are_not_there_are_not_counted(k: int) -> None:
    with pytest.raises(ValueError, match="are not there"):
        pass_at(k, [(2, 1)])
    with pytest.raises(ValueError, match="are not there"):
        maj_at(k, [(("1", "2"), "1")])


def test_the_interval_of_pass_at_2_covers_the_truth_about_as_often_as_it_says() -> None:
    """40 problems of mixed difficulty, 3 samples of each, 150 times: 95 % less a little for 40 problems."""
    chance = random.Random(2)
    hits = 0
    for _ in range(150):
        hard = [chance.choice((0.05, 0.3, 0.8)) for _ in range(40)]
        found = pass_at(2, [(3, sum(chance.random() < p for _ in range(3))) for p in hard])
        hits += found.low <= fmean(1 - (1 - p) ** 2 for p in (0.05, 0.3, 0.8)) <= found.high
    assert 0.88 <= hits / 150 <= 0.99


# seeds


def seeds(chance: random.Random, k: int, n: int, seed_sd: float) -> list[list[bool]]:
    """k seeds on n problems of mixed difficulty around 0.4; a seed moves all of them."""
    hard = [chance.choice((0.1, 0.4, 0.7)) for _ in range(n)]
    moved = [chance.gauss(0, seed_sd) for _ in range(k)]
    return [[chance.random() < p + move for p in hard] for move in moved]


def test_the_spread_over_seeds_and_over_problems_comes_apart() -> None:
    chance = random.Random(3)
    found = [spread(seeds(chance, 8, 300, 0.05)) for _ in range(30)]
    assert fmean((s.seed_sd or 0) ** 2 for s in found) == pytest.approx(0.05**2, rel=0.25)
    item = math.sqrt((0.06 + (0.24 - 0.06) / 8) / 300)  # 0.06: the variance of the three difficulties
    assert fmean(s.item_error for s in found) == pytest.approx(item, rel=0.1)
    assert found[0].seed_error == pytest.approx((found[0].seed_sd or 0) / math.sqrt(8))


def test_seeds_that_differ_by_chance_alone_have_hardly_any_spread() -> None:
    chance = random.Random(4)
    found = [spread(seeds(chance, 5, 300, 0.0)).seed_sd or 0 for _ in range(30)]
    assert fmean(found) < 0.012  # against 0.028 that the five accuracies scatter by


def test_the_interval_over_three_seeds_covers_the_truth_about_as_often_as_it_says() -> None:
    chance = random.Random(5)
    found = [spread(seeds(chance, 3, 60, 0.05)).accuracy for _ in range(300)]
    assert 0.93 <= fmean(one.low <= 0.4 <= one.high for one in found) <= 1.0


def test_one_seed_has_no_spread_over_seeds() -> None:
    found = spread([[True, False, False, False]])
    assert (found.seed_sd, found.seed_error) == (None, None)
    assert (found.accuracy.low, found.accuracy.high) == wilson(1, 4)


@pytest.mark.parametrize(("outcome", "share"), [(True, 1.0), (False, 0.0)])
def test_t25_seeds_that_are_all_right_or_all_wrong_have_a_finite_interval(
    outcome: bool, share: float
) -> None:
    found = spread([[outcome] * 20] * 3)
    assert (found.accuracy.value, found.seed_sd, found.item_error) == (share, 0.0, 0.0)
    assert (found.accuracy.low, found.accuracy.high) == wilson(20 * int(share), 20)


@pytest.mark.parametrize("outcomes", [[], [[]], [[True], [True, False]]])
def test_seeds_without_the_same_problems_are_refused(outcomes: list[list[bool]]) -> None:
    with pytest.raises(ValueError, match="the same problems"):
        spread(outcomes)


# pairs


@pytest.mark.parametrize(
    ("pairs", "p"),
    [
        (Pairs(179, 1, 4, 602), 0.375),
        (Pairs(51, 5, 8, 648), 0.5810546875),
        (Pairs(144, 89, 9, 864), 1.10187438523874e-17),
        (Pairs(125, 93, 8, 197), 1.7405890207623034e-19),
    ],
)
def test_mcnemar_is_what_statsmodels_makes_of_it(pairs: Pairs, p: float) -> None:
    """Expected: `statsmodels.stats.contingency_tables.mcnemar(table, exact=True)` of statsmodels 0.15.0."""
    assert mcnemar(pairs) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(("first", "second", "p"), [(90, 60, 0.018), (45, 25, 0.022), (150, 115, 0.037)])
def test_gains_that_an_unpaired_test_hides_are_seen(first: int, second: int, p: float) -> None:
    assert round(mcnemar(Pairs(100, first, second, 1319 - 100 - first - second)), 3) == p


@settings(max_examples=40)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_sum_of_both_tails(first: int, second: int) -> None:
    n = first + second
    tail = sum(math.comb(n, i) for i in range(min(first, second) + 1)) / 2**n
    assert mcnemar(Pairs(3, first, second, 5)) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(Pairs(0, second, first, 0)) == mcnemar(Pairs(3, first, second, 5))


def test_the_published_paired_intervals_come_out() -> None:
    """Tango's of airway hyper-responsiveness: Fagerland, Lydersen and Laake, Stat. Med. 33 (2014) 2850."""
    found = difference(Pairs(both=1, first=7, second=1, neither=12))
    assert [round(end, 3) for end in (found.value, found.low, found.high)] == [-0.286, -0.517, -0.026]


@settings(max_examples=60)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 300))
def test_a_paired_interval_is_finite_holds_the_difference_and_turns_with_it(a: int, b: int, n: int) -> None:
    found, turned = difference(Pairs(n, a, b, 0)), difference(Pairs(0, b, a, n))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


@pytest.mark.parametrize("pairs", [Pairs(20, 0, 0, 0), Pairs(0, 0, 0, 20)])
def test_t25_where_nothing_flips_the_interval_is_finite(pairs: Pairs) -> None:
    found = difference(pairs)
    end = 1.9599639845**2 / (20 + 1.9599639845**2)
    assert (found.value, found.low, found.high) == pytest.approx((0.0, -end, end))
    assert mcnemar(pairs) == 1.0


def test_the_paired_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Exactly, over every table of 40 problems, for the share that either alone gets right."""
    n = 40
    ends = {(x, y): difference(Pairs(0, y, x, n - x - y)) for x in range(n + 1) for y in range(n + 1 - x)}
    for second, first in [(0.05, 0.05), (0.1, 0.05), (0.2, 0.1), (0.3, 0.3), (0.02, 0.1), (0.4, 0.05)]:
        covered = sum(
            math.comb(n, x) * math.comb(n - x, y) * second**x * first**y * (1 - second - first) ** (n - x - y)
            for (x, y), found in ends.items()
            if found.low <= second - first <= found.high
        )
        assert 0.93 <= covered <= 0.98, (second, first)


def test_the_paired_interval_covers_the_truth_in_a_simulation() -> None:
    chance = random.Random(7)
    hits = 0
    for _ in range(300):
        flips = [chance.random() for _ in range(300)]
        up, down = sum(f < 0.09 for f in flips), sum(f > 0.94 for f in flips)
        found = difference(Pairs(0, down, up, 300 - up - down))
        hits += found.low <= 0.03 <= found.high
    assert 0.92 <= hits / 300 <= 0.98


# several seeds


def test_one_seed_each_is_mcnemars_test_and_its_interval_leaves_out_0_just_where_p_is_small() -> None:
    n = 60
    for a, b in product(range(16), repeat=2):
        first = [True] * a + [False] * (n - a)
        second = [False] * a + [True] * b + [False] * (n - a - b)
        found = paired([first], [second])
        pairs, ends = Pairs(0, a, b, n - a - b), found.difference
        assert (found.p, ends.value) == (mcnemar(pairs), (b - a) / n)
        assert (found.p < 0.05) == (not ends.low <= 0 <= ends.high), (a, b)
        assert ends.low <= difference(pairs).low < difference(pairs).high <= ends.high


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_of_several_seeds_the_interval_leaves_out_0_just_where_p_is_small(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 30))
    row = st.lists(st.booleans(), min_size=n, max_size=n)
    first = data.draw(st.lists(row, min_size=1, max_size=3))
    second = data.draw(st.lists(row, min_size=2, max_size=3))
    found, turned = paired(first, second), paired(second, first)
    ends = found.difference
    assert (found.p < 0.05) == (not ends.low <= 0 <= ends.high)
    assert -1 <= ends.low <= ends.value <= ends.high <= 1
    assert ends.value == pytest.approx(fmean(map(fmean, second)) - fmean(map(fmean, first)))
    assert (turned.p, turned.difference.low) == pytest.approx((found.p, -ends.high))


def test_b18_one_shared_problem_is_enough_to_compare_and_tells_nothing() -> None:
    found = paired([[False], [False]], [[True], [True]])
    assert found.difference.value == 1.0
    assert found.difference.low < 0 < found.difference.high
    assert found.p > 0.3


def test_a_student_that_solves_the_same_with_every_seed_is_not_better_for_that() -> None:
    """One solves 15 problems with all three seeds, the other 39, each with one of three."""
    steady = [[n < 15 for n in range(500)]] * 3
    varied = [[15 <= n < 54 and n % 3 == seed for n in range(500)] for seed in range(3)]
    assert paired(steady, varied).difference.value == pytest.approx((13 - 15) / 500)
    assert paired(steady, varied).p > 0.5


@pytest.mark.parametrize(
    ("kind", "n", "k", "accuracy", "seed_sd"),
    [("fixed", 500, 2, 0.05, 0.0), ("fixed", 1319, 3, 0.1, 0.0), ("stable", 500, 2, 0.05, 0.0),
     ("stable", 1319, 3, 0.05, 0.0), ("alike", 500, 2, 0.05, 0.01), ("alike", 300, 2, 0.2, 0.03),
     ("alike", 1000, 5, 0.5, 0.03)],
)  # fmt: skip
def test_students_of_equal_accuracy_are_told_apart_in_at_most_5_per_cent(
    kind: str, n: int, k: int, accuracy: float, seed_sd: float
) -> None:
    """200 draws each, of which 18 or more would be chance less often than once in a hundred at 5 %.

    `fixed`: one student without seeds against k; `stable`: one that solves the same with each seed.
    """
    chance = np.random.default_rng(15)

    def seeds(many: int, hard: np.ndarray, sd: float) -> list[list[bool]]:
        moves = sd * chance.standard_normal((many, 1)) * hard * (1 - hard) / (hard * (1 - hard)).mean()
        return (chance.random((many, n)) < np.clip(hard + moves, 0, 1)).tolist()

    told = 0
    for _ in range(200):
        hard = chance.beta(0.5, 0.5 * (1 - accuracy) / accuracy, n)
        if kind == "stable":
            own = np.where(chance.random(n) < accuracy, 0.9, accuracy * 0.1 / (1 - accuracy))
            told += paired(seeds(k, own, 0.0), seeds(k, np.full(n, accuracy), 0.0)).p < 0.05
        else:
            told += (
                paired(seeds(1 if kind == "fixed" else k, hard, seed_sd), seeds(k, hard, seed_sd)).p < 0.05
            )
    assert told < 18


def test_a_difference_of_three_seeds_that_is_there_is_found() -> None:
    """8 points at 1 point between seeds, 500 problems: about four times of five, measured on 40 draws."""
    chance = np.random.default_rng(16)
    told = 0
    for _ in range(40):
        hard = chance.beta(1, 3, 500)
        draws = [
            [(chance.random(500) < np.clip(hard + chance.normal(up, 0.01), 0, 1)).tolist() for _ in range(3)]
            for up in (0.0, 0.08)
        ]
        told += paired(*draws).p < 0.05
    assert told > 24


@pytest.mark.parametrize(("first", "second"), [([[True]], []), ([[True]], [[True, False]]), ([[]], [[]])])
def test_students_of_other_problems_cannot_be_paired(
    first: list[list[bool]], second: list[list[bool]]
) -> None:
    with pytest.raises(ValueError, match="a seed and the same problems"):
        paired(first, second)


@pytest.mark.parametrize(
    ("ps", "corrected"),
    [
        ([0.011, 0.6, 0.02, 0.005, 0.9, 0.04], [0.055, 1.0, 0.08, 0.03, 1.0, 0.12]),
        ([0.04, 0.03, 0.02], [0.06, 0.06, 0.06]),
        ([0.03], [0.03]),
        ([], []),
    ],
)
def test_holms_correction_is_what_statsmodels_makes_of_it(ps: list[float], corrected: list[float]) -> None:
    """Expected: `statsmodels.stats.multitest.multipletests(ps, method="holm")` of statsmodels 0.15.0."""
    assert holm(ps) == pytest.approx(corrected)


# power


def test_the_power_is_how_often_the_test_finds_the_difference() -> None:
    """Expected: 400 simulated comparisons of 300 problems, 15 % up and 7 % down."""
    chance = random.Random(8)
    found = 0
    for _ in range(400):
        flips = [chance.random() for _ in range(300)]
        table = Pairs(0, sum(f > 0.93 for f in flips), sum(f < 0.15 for f in flips), 0)
        found += mcnemar(table) < 0.05
    assert power(300, 0.08, 0.22) == pytest.approx(found / 400, abs=0.05)


def test_where_nothing_truly_differs_the_test_errs_less_often_than_it_may() -> None:
    assert 0.02 < power(500, 1e-9, 0.2) < 0.05
    assert power(0, 0.1, 0.2) == 0.0


def test_enough_problems_are_just_enough() -> None:
    needed = problems_needed(0.02, 0.1)
    assert needed == 2043
    assert power(needed, 0.02, 0.1) >= 0.8 > power(needed - 10, 0.02, 0.1)
    assert problems_needed(0.02, 0.1, chance=0.9) > needed
    assert problems_needed(-0.02, 0.1) == needed


def test_six_flips_of_six_are_the_fewest_that_count() -> None:
    assert problems_needed(1.0, 1.0) == 6


def test_students_that_err_independently_flip_most_of_what_they_get_right() -> None:
    assert independent(0.10, 0.02) == pytest.approx(0.1 * 0.88 + 0.12 * 0.9)
    with pytest.raises(ValueError, match="not shares"):
        independent(0.99, 0.02)


@pytest.mark.parametrize(("delta", "discordance"), [(0.0, 0.1), (0.2, 0.1), (-0.2, 0.1), (0.1, 1.1)])
def test_a_difference_larger_than_the_flips_cannot_be(delta: float, discordance: float) -> None:
    for ask in (lambda: problems_needed(delta, discordance), lambda: seeds_needed(delta, 100, discordance)):
        with pytest.raises(ValueError, match="cannot be"):
            ask()


def test_seeds_stand_in_for_problems_as_long_as_trainings_agree() -> None:
    assert seeds_needed(0.02, 2100, 0.1) == 1
    assert seeds_needed(0.02, 300, 0.1) == 7
    assert seeds_needed(0.02, 10**9, 0.1, seed_sd=0.01) == 6  # 2 (1.96 + 0.84)^2 / 4 = 3.9, and Student's t


def test_that_many_seeds_find_the_difference() -> None:
    """200 comparisons of 6 trainings each: accuracies scatter by a point around means two points apart."""
    chance = random.Random(9)
    found = 0
    for _ in range(200):
        a, b = ([chance.gauss(mean, 0.01) for _ in range(6)] for mean in (0.10, 0.12))
        error = math.sqrt((pstdev(a) ** 2 + pstdev(b) ** 2) / 5)
        found += (fmean(b) - fmean(a)) / error > 2.228  # Student's t, 10 degrees of freedom
    assert found / 200 >= 0.8


# ---- coverage by simulation, over a grid


def test_wilsons_interval_covers_near_95_per_cent_over_a_grid() -> None:
    """2,000 draws each: near 95 % at each point, as near as whole counts allow, and 95 % on average."""
    chance = np.random.default_rng(26)
    shares = []
    for n, p in product((25, 100, 300, 1319), (0.03, 0.1, 0.3, 0.5, 0.8, 0.97)):
        found = {int(right): wilson(int(right), n) for right in range(n + 1)}
        drawn = chance.binomial(n, p, 2000)
        shares.append(fmean(found[int(right)][0] <= p <= found[int(right)][1] for right in drawn))
    assert min(shares) > 0.91
    assert max(shares) < 0.995
    assert fmean(shares) == pytest.approx(0.95, abs=0.006)


def test_the_paired_interval_covers_near_95_per_cent_over_a_grid() -> None:
    """500 draws each, of problems that only the first and only the second gets right."""
    chance = np.random.default_rng(27)
    shares = []
    for n, (first, second) in product(
        (50, 200, 1319), ((0.05, 0.05), (0.02, 0.06), (0.2, 0.1), (0.3, 0.3), (0.03, 0.25))
    ):
        hits = []
        for down, up, rest in chance.multinomial(n, (first, second, 1 - first - second), 500).tolist():
            found = difference(Pairs(0, down, up, rest))
            hits.append(found.low <= second - first <= found.high)
        shares.append(fmean(hits))
    assert min(shares) > 0.92
    assert max(shares) < 0.99
    assert fmean(shares) == pytest.approx(0.95, abs=0.01)


# ---- beside statsmodels, where it is installed


def test_t25_random_tables_come_out_as_in_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    multiple = pytest.importorskip("statsmodels.stats.multitest")
    chance = random.Random(25)
    ps = []
    for _ in range(100):
        both, first, second, neither = (chance.choice([0, 1, 5, 40, 300]) for _ in range(4))
        n = both + first + second + neither + 1
        ends = proportion.proportion_confint(both, n, method="wilson")
        assert wilson(both, n) == pytest.approx(ends, abs=1e-12)
        pairs = Pairs(both, first, second, neither + 1)
        ps.append(mcnemar(pairs))
        assert ps[-1] == pytest.approx(tables.mcnemar([[both, first], [second, n]], exact=True).pvalue)
    assert holm(ps) == pytest.approx(list(multiple.multipletests(ps, method="holm")[1]))
