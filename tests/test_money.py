"""What a teacher costs, what may be spent, and what all will take."""

import math
from statistics import mean, stdev

import pytest
from doubles import completion
from fault_server import FaultServer
from hypothesis import given
from hypothesis import strategies as st

from socli.annotate import annotate
from socli.errors import TryAgainError, UsageError
from socli.problem import Problem
from socli.recipe import TeacherTable
from socli.scheme import Scheme
from socli.teacher.money import Mean, Price, Purse, money, price, purse

PROBLEMS = [Problem(f"What is {n} and {n}?", str(2 * n)) for n in range(1, 201)]
PENNY = Price(read=0.0, written=10_000.0, source="the recipe")
"""A cent a token written."""


def test_a_price_is_the_recipes_or_the_dated_tables_or_unknown():
    assert price(TeacherTable(model="x", price_in=1, price_out=2)) == Price(1, 2, "the recipe")
    assert price(TeacherTable(model="gpt-4o-mini")) == Price(0.15, 0.6, "the table of 2026-08")
    assert price(TeacherTable(model="gpt-4o-mini", base_url="http://localhost/v1")) is None
    assert price(TeacherTable(model="gpt-4o-mini", base_url="https://api.openai.com/v1")) is not None
    assert price(TeacherTable(model="some-model")) is None


def test_a_budget_for_a_teacher_of_unknown_price_is_refused():
    with pytest.raises(UsageError, match="a budget in dollars needs a price, and that of x is not known"):
        purse(TeacherTable(model="x"), 5.0)


def test_what_calls_in_flight_may_cost_is_set_aside():
    held = Purse(PENNY, budget=1.0)
    assert held.affords(0, 100)
    held.reserve(0, 60)
    assert not held.affords(0, 50)
    held.pay((0, 60), (3, 10), 1.0)
    assert (held.spent, held.affords(0, 90), held.affords(0, 91)) == (pytest.approx(0.1), True, False)


def test_a_reply_without_a_count_of_tokens_took_the_most():
    held = Purse(PENNY)
    held.reserve(0, 60)
    held.pay((0, 60), (None, None), 1.0)
    assert held.spent == pytest.approx(0.6)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_a_running_mean_is_the_mean(values):
    running = Mean()
    for value in values:
        running.add(value)
    assert running.mean == pytest.approx(mean(values), abs=1e-6)
    assert running.margin() >= 1.96 * stdev(values) / math.sqrt(len(values)) * 0.999 - 1e-6


def test_money_is_written_to_the_cent_and_finer_below_a_dollar():
    assert [money(1234.5), money(0.01234)] == ["$1,234.50", "$0.0123"]


@pytest.mark.parametrize("budget", [0.5, 1.0, 3.33])
def test_a_budget_is_never_exceeded_and_what_came_is_kept(store, budget):
    """Some requests are cut off after it may have been written, and counts in full."""

    def plan(problem, before):
        return ("cut", None) if problem.count("1") == 0 and not before else ("reply", completion("#### 1"))

    held = Purse(PENNY, budget)
    with FaultServer(plan, latency=0.002) as server:
        table = TeacherTable(model="m", base_url=server.url, max_tokens=20, concurrency=16)
        with pytest.raises(TryAgainError, match=r"the budget of \$[\d.]+ is spent") as caught:
            list(annotate(PROBLEMS, "set", table, Scheme("answer"), store, purse=held, backoff=0.0))
        cost = 0.01 * (7 * sum(server.paid.values()) + 20 * (server.asked.total() - server.paid.total()))
    assert cost <= budget + 1e-9
    assert held.spent == pytest.approx(cost)
    assert held.reserved == pytest.approx(0)
    assert held.spent > budget - 0.2 - 1e-9  # no more is left than one call may cost
    assert "the same command goes on" in caught.value.hint
    assert store.counts()["refused"] + store.counts()["kept"] == server.paid.total()


def test_a_probe_asks_so_many_spread_over_all_that_are_missing(store):
    held = Purse(PENNY)
    with FaultServer(lambda *_: ("reply", completion("#### 1"))) as server:
        table = TeacherTable(model="m", base_url=server.url)
        list(annotate(PROBLEMS, "set", table, Scheme("answer"), store, purse=held, probe=20))
        assert sorted(server.asked) == sorted(f"Problem: {p.question}" for p in PROBLEMS[::10])
    assert held.projected(200, 8).startswith(
        "200 requests: $14.00 ($14.00 to $14.00), 3,600 (3,600 to 3,600) tok"
    )


def test_of_one_reply_no_interval_is_told():
    held = Purse(PENNY)
    held.pay((0, 0), (11, 7), 60.0)
    assert (
        held.projected(100, 10)
        == "100 requests: about $7.00, about 1,800 tokens, about 10.0 minutes at 10 at a time"
    )
