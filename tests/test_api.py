"""A job of 2,000 problems against a server that fails in every way; what is paid for is stored, once."""

import random
import re
import time

import pytest
from doubles import completion, each
from fault_server import FaultServer

from socli.annotate import annotate
from socli.errors import TryAgainError, UsageError
from socli.events import Refused, Traced
from socli.problem import Problem
from socli.recipe import TeacherTable
from socli.scheme import Scheme

SOCRATIC = Scheme("socratic")


def sums(count):
    return [
        Problem(f"Ada has {n} pears and gets {n} more. How many?", str(2 * n)) for n in range(1, count + 1)
    ]


def right(problem):
    n = int(re.search(r"\d+", problem)[0])
    return completion(f"Ask: How many?\nWork: {n}+{n} = <<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n}")


def told(store, server, problems, stop_asked=lambda: False, **settings):
    table = TeacherTable(model="m", base_url=server.url, **settings)
    events = annotate(problems, "set", table, SOCRATIC, store, backoff=0.001, stop_asked=stop_asked)
    return each(events)[1:]


def test_t4_t6_t7_a_storm_of_faults_ends_with_every_problem_stored_and_none_paid_twice(store):
    """A third of the requests fail, in nine ways; replies come in any order."""
    chance = random.Random(7)
    faults = [
        ("status", (429, "")), ("status", (429, "retry-after: 1\r\n")), ("status", (500, "")),
        ("status", (503, "")), ("cut", None), ("body", b'{"choices": []}'), ("body", b'{"choices": [{"me'),
        ("body", b"<html>proxy</html>"), ("status", (408, "")),
    ]  # fmt: skip

    def plan(problem, before):
        return chance.choice(faults) if chance.random() < 0.3 and before < 9 else ("reply", right(problem))

    problems = sums(2000)
    with FaultServer(plan) as server:
        events = told(store, server, problems, concurrency=64)
        assert {event.problem.id for event in events} == {problem.id for problem in problems}
        assert [type(event) for event in events] == [Traced] * 2000
        assert set(server.paid.values()) == {1}
        assert server.most <= 64
    assert store.counts()["kept"] == 2000


def test_t4_after_retry_after_nobody_asks_before_its_time(store):
    def plan(problem, before):
        first = problem.startswith("Problem: Ada has 1 ") and before == 0
        return ("status", (429, "retry-after: 1\r\n")) if first else ("reply", right(problem))

    with FaultServer(plan, latency=0.01) as server:
        table = TeacherTable(model="m", base_url=server.url, concurrency=4)
        list(annotate(sums(40), "set", table, SOCRATIC, store))
        gaps = [later - earlier for earlier, later in zip(server.at, server.at[1:], strict=False)]
        assert max(gaps) >= 0.95
        assert sum(gap > 0.9 for gap in gaps) == 1


def test_t5_a_server_that_asks_to_wait_ten_minutes_is_left_for_later(store):
    with FaultServer(lambda *_: ("status", (429, "retry-after: 600\r\n"))) as server:
        with pytest.raises(TryAgainError, match="the teacher asks to wait 600 seconds") as caught:
            told(store, server, sums(30), concurrency=2)
        assert caught.value.hint == "the same command goes on where it stopped"
        assert max(server.asked.values()) == 1


def test_t5_refused_requests_are_made_once_and_five_in_a_row_end_it(store):
    def plan(problem, before):
        odd = int(re.search(r"\d+", problem)[0]) % 2
        return ("status", (400, "")) if odd or len(server.asked) > 20 else ("reply", right(problem))

    with FaultServer(plan) as server:
        with pytest.raises(UsageError, match="the teacher refuses the request: HTTP 400"):
            told(store, server, sums(1000), concurrency=1, output="text")
        assert set(server.asked.values()) == {1}
        assert len(server.asked) == 25
    assert store.counts()["kept"] == 10


def test_t5_a_problem_too_long_for_the_teacher_is_told_and_the_others_go_on(store):
    long = b'{"error": {"code": "context_length_exceeded", "message": "too long"}}'

    def plan(problem, before):
        return ("too long", None) if "has 3 " in problem else ("reply", right(problem))

    class Strict(FaultServer):
        async def _act(self, problem, writer):
            if self.plan(problem, 0)[0] == "too long":
                self.asked[problem] += 1
                return self._send(writer, 400, long)
            return await super()._act(problem, writer)

    with Strict(plan) as server:
        events = told(store, server, sums(9))
    (refused,) = [event for event in events if isinstance(event, Refused)]
    assert refused.reason == "no reply: HTTP 400, context length"
    assert set(server.asked.values()) == {1}


def test_t6_a_server_that_hangs_is_let_go_and_asked_again(store):
    def plan(problem, before):
        return ("hang", 30) if before == 0 and "has 2 " in problem else ("reply", right(problem))

    with FaultServer(plan) as server:
        events = told(store, server, sums(5), timeout=0.3)
    assert [type(event) for event in events] == [Traced] * 5
    assert sorted(server.asked.values()) == [1, 1, 1, 1, 2]


def test_t6_a_reply_that_drips_is_let_go_and_asked_again(store):
    def plan(problem, before):
        return ("drip", 0.02) if before == 0 and "has 2 " in problem else ("reply", right(problem))

    with FaultServer(plan) as server:
        events = told(store, server, sums(5), timeout=0.3)
    assert [type(event) for event in events] == [Traced] * 5
    assert sorted(server.asked.values()) == [1, 1, 1, 1, 2]


def test_t6_a_reply_that_always_drips_is_told_as_none_and_the_others_are_stored(store):
    def plan(problem, before):
        return ("drip", 0.02) if "has 2 " in problem else ("reply", right(problem))

    with FaultServer(plan) as server:
        events = told(store, server, sums(5), timeout=0.1)
    (refused,) = [event for event in events if isinstance(event, Refused)]
    assert refused.reason == "no reply: the server took too long"
    assert store.counts()["kept"] == 4


def test_t6_a_name_that_leads_nowhere_is_to_be_tried_again(store):
    table = TeacherTable(model="m", base_url="http://teacher.invalid/v1")
    with pytest.raises(TryAgainError, match=r"the teacher at teacher\.invalid cannot be reached") as caught:
        list(annotate(sums(3), "set", table, SOCRATIC, store, backoff=0.0))
    assert caught.value.exit_code == 75


@pytest.mark.parametrize(
    "text",
    ["<<" * 50_000, "<<1+1=" * 15_000, "{" * 100_000, "[" * 100_000, "#### " + "9" * 99_000, "Ask: " * 20_000,
     "Work: <<1+1=2>>\n" * 6_000, "1. **Ask** :" * 8_000, "\\boxed{" * 12_000, "1,000," * 16_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_t8_the_longest_reply_is_judged_in_less_than_a_second(store, text):
    with FaultServer(lambda *_: ("reply", completion(text))) as server:
        began = time.process_time()
        told(store, server, sums(1), output="text")
        assert time.process_time() - began < 1.5  # a client and a connection take 0.3 of it
    assert store.counts()["refused"] == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ask: a?\nWork: " + "<<1+1=2>>" * 1_000_000, "no reply: it is longer than 4,000,000 bytes"),
        ("{" * 100_000, "unreadable"),
        ("Ask: a?\nWork: " + "9" * 90_000 + "\n#### " + "9" * 5_000, "unreadable"),
    ],
    ids=["nine megabytes", "nested braces", "long number"],
)
def test_t8_a_huge_reply_is_refused(store, text, reason):
    with FaultServer(lambda *_: ("reply", completion(text))) as server:
        assert [event.reason for event in told(store, server, sums(1))] == [reason]


def test_when_asked_to_stop_nothing_more_is_asked_and_what_was_under_way_is_stored(store):
    with FaultServer(lambda problem, _: ("reply", right(problem)), latency=0.3) as server:
        with pytest.raises(KeyboardInterrupt):
            told(store, server, sums(500), stop_asked=lambda: len(server.asked) >= 8, concurrency=8)
        assert store.counts()["kept"] == len(server.paid) == len(server.asked)
        assert len(server.asked) < 30
