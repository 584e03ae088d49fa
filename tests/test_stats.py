"""Wilson's interval."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socli.stats import wilson


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
