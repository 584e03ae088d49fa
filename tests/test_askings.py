"""How often a problem is asked: samples, and again until a trace is kept."""

import pytest
from doubles import completion
from fault_server import FaultServer
from pydantic import ValidationError

from socli.annotate import Askings, annotate
from socli.events import AnnotateBegan, Refused, Traced
from socli.problem import Problem
from socli.recipe import TeacherTable
from socli.scheme import Scheme

PROBLEMS = [Problem(f"What is {n} and {n}?", str(2 * n)) for n in range(1, 6)]
ANSWER = Scheme("answer")
RIGHT_AT_THIRD = {f"Problem: {p.question}": str(p.gold) for p in PROBLEMS}


def third(problem, before):
    return "reply", completion(f"#### {RIGHT_AT_THIRD[problem] if before == 2 else 'x1'}")


def told(store, server, **settings):
    table = TeacherTable(model="m", base_url=server.url, temperature=0.7, **settings)
    return list(annotate(PROBLEMS, "set", table, ANSWER, store, backoff=0.0))


def test_samples_are_asked_of_each_problem_once(store):
    with FaultServer(third) as server:
        assert told(store, server, samples=2)[0] == AnnotateBegan("m", 10, 0)
        assert set(server.asked.values()) == {2}
        assert told(store, server, samples=3)[0] == AnnotateBegan("m", 15, 10)
        assert set(server.asked.values()) == {3}
    assert {row.trace.sample for row in store.traces()} == {0, 1, 2}
    assert store.counts()["kept"] == 5


def test_until_correct_asks_again_until_a_trace_is_kept(store):
    with FaultServer(third) as server:
        events = told(store, server, until_correct=5)
        assert [type(event) for event in events[1:]] == [Traced] * 5
        assert set(server.asked.values()) == {3}
        assert told(store, server, until_correct=5) == [AnnotateBegan("m", 5, 5)]
    assert (store.counts()["kept"], store.counts()["refused"]) == (5, 10)


def test_until_correct_goes_on_where_it_stopped_and_ends(store):
    with FaultServer(third) as server:
        first = told(store, server, until_correct=2)
        assert [type(event) for event in first[1:]] == [Refused] * 5
        told(store, server, until_correct=2)
        assert set(server.asked.values()) == {2}
        told(store, server, until_correct=3)
        assert set(server.asked.values()) == {3}
    assert store.counts()["kept"] == 5


def test_each_sample_has_a_seed_of_its_own(store):
    table = TeacherTable(model="m", temperature=1, samples=3, seed=40)
    from socli.teacher import request

    askings = Askings(PROBLEMS[:1], table, ANSWER, store)
    assert [request(askings.next(), table, ANSWER)["seed"] for _ in range(3)] == [40, 41, 42]
    assert askings.next() is None


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"samples": 2}, "needs a temperature above 0"),
        ({"until_correct": 2}, "needs a temperature above 0"),
        ({"samples": 2, "until_correct": 2, "temperature": 1}, "exclude each other"),
        ({"price_in": 2}, "belong together"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, why):
    with pytest.raises(ValidationError, match=why):
        TeacherTable(model="m", **settings)
