"""How fast a server may be asked, with the seconds given."""

import heapq
import random
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socli.teacher.limits import Limits, Rate, Width, retry_after, seconds


def test_the_width_doubles_each_round_until_a_refusal_then_grows_by_one():
    width = Width(512)
    for _ in range(8):
        width.grow()
    assert width.now == 16
    width.shrink(asked=1.0, now=2.0)
    assert width.now == pytest.approx(11.2)
    for _ in range(11):
        width.grow()
    assert width.now == pytest.approx(12.15, abs=0.05)


def test_refusals_of_one_round_cut_the_width_once():
    width = Width(64)
    for _ in range(20):
        width.shrink(asked=1.0, now=2.0)
    assert width.now == pytest.approx(5.6)
    width.shrink(asked=2.5, now=3.0)
    assert width.now == pytest.approx(3.92)


@given(st.integers(1, 512), st.lists(st.booleans(), max_size=300))
def test_the_width_stays_between_one_and_the_most(most, answers):
    width = Width(most)
    for now, good in enumerate(answers):
        if good:
            width.grow()
        else:
            width.shrink(now, now)
        assert 1 <= width.now <= most


def test_a_width_below_one_is_a_gap_between_requests_that_answers_close():
    width = Width(1)
    assert width.gap == 0
    for n in range(1, 5):
        width.shrink(asked=n, now=n + 0.5)
    assert width.now == 1
    assert width.gap == pytest.approx(0.5 / 0.7**4)
    for n in range(5, 90):
        width.shrink(asked=n, now=n + 0.5)
    assert width.gap == pytest.approx(10)  # twenty times half a second
    for _ in range(40):
        width.grow()
    assert width.gap == 0.5  # one after the other, as a width of one is


def test_time_outs_narrow_to_one_at_a_time_and_open_no_gap():
    width = Width(64)
    for n in range(20):
        width.shrink(asked=300.0 * n, now=300.0 * n + 299, said=False)
    assert (width.now, width.gap) == (1, 0)


def asked_of(rate: float, depth: float, problems: int, latency: float = 0.05) -> tuple[float, int]:
    """The share of a server's rate that is used and the requests it refused, in seconds nobody waits for.

    The server has a bucket of `depth` permits. The client is that of `api`: a request that is refused waits
    and leaves its place to others meanwhile.
    """
    chance, limits, number = random.Random(1), Limits(64), count()
    now = at = 0.0
    level, left, flying, asleep, refused, done = depth, problems, 0, 0, 0, 0
    happens: list[tuple[float, int, str, int, float]] = []

    def later(when: float, what: str, tries: int, asked: float = 0.0) -> None:
        heapq.heappush(happens, (when, next(number), what, tries, asked))

    while done < problems:
        while left and flying - asleep < int(limits.width.now) and flying < 64:
            left, flying = left - 1, flying + 1
            later(limits.reserve(300, now), "send", 0)
        now, _, what, tries, asked = heapq.heappop(happens)
        match what:
            case "send":
                level, at = min(depth, level + (now - at) * rate), now
                allowed = level >= 1
                level -= allowed
                later(now + latency, "answer" if allowed else "refusal", tries, now)
            case "answer":
                flying, done = flying - 1, done + 1
                limits.width.grow()
            case "refusal":
                refused, asleep = refused + 1, asleep + 1
                limits.width.shrink(asked, now)
                longest = min(30.0, 0.5 * 2 ** min(tries, limits.width.rounds))
                later(now + chance.uniform(longest / 2, longest), "wake", tries + 1)
            case "wake":
                asleep -= 1
                later(limits.reserve(300, now), "send", tries)
    return done / now / rate, refused


def test_of_a_hundred_a_second_at_least_95_in_100_are_used():
    share, _ = asked_of(100, depth=10, problems=3000)
    assert share >= 0.95


def test_a_server_that_allows_few_a_second_refuses_few():
    share, refused = asked_of(5, depth=5, problems=300)
    assert share >= 0.8
    assert refused < 150  # a client that always has one in flight is refused 900 times


def test_permits_are_spread_over_the_minute():
    rate = Rate(60)
    assert [rate.reserve(1, 100.0) for _ in range(4)] == [100, 100, 101, 102]
    rate.give_back(2)
    assert rate.reserve(1, 100.0) == 101


def test_without_a_rate_nobody_waits():
    rate = Rate(None)
    assert [rate.reserve(1e9, 5.0) for _ in range(3)] == [5, 5, 5]


def test_a_server_names_its_limits_in_headers_and_settings_come_first():
    headers = {"x-ratelimit-limit-requests": "600", "x-ratelimit-limit-tokens": "9000"}
    limits = Limits(8, rpm=30)
    limits.heed(headers, 0.0)
    assert (limits.requests.a_minute, limits.tokens.a_minute) == (30, 9000)


def test_when_nothing_remains_everyone_waits_for_the_reset():
    limits = Limits(8)
    limits.heed(
        {
            "x-ratelimit-limit-requests": "600",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1.5s",
        },
        10.0,
    )
    assert limits.reserve(1, 10.0) == 11.5


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("0.5s", 0.5), ("120ms", 0.12), ("6m0s", 360), ("1h2m", 3720), ("", None), (None, None),
     ("soon", None), ("-3", None), ("nan", None), ("inf", None), ("3 parsecs", None)],
)  # fmt: skip
def test_times_are_read_as_servers_write_them(text, value):
    assert seconds(text) == value


@given(st.text(max_size=20))
def test_any_header_is_read_or_left(text):
    found = seconds(text)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 01 Jan 2025 00:00:30 GMT"}, 30),
        ({"retry-after": "Tue, 31 Dec 2024 00:00:00 GMT"}, 0),
        ({"retry-after": "Wed, 01 Jan 2025 00:00:30"}, None),
        ({"retry-after": "when it suits"}, None),
    ],
)
def test_a_wait_is_read_in_any_of_the_ways_a_server_says_it(headers, wait):
    assert retry_after(headers, datetime(2025, 1, 1, tzinfo=UTC)) == wait
