"""What is told of traces that were judged together: how many of each verdict, and what they took."""

from collections import Counter

import pytest
from doubles import PROBLEMS, completion
from fault_server import FaultServer

from socli.annotate import annotate
from socli.events import Judged
from socli.scheme import Scheme
from socli.screen.scene import Scene
from socli.tables import TeacherTable
from socli.teacher.money import Price, Purse

ANSWER = Scheme("answer")
SAID = {"Nora": "#### 40", "Ivo": "#### 7", "jug": "litres", "Tea": "#### 8"}


def answers(problem, before):
    """Ivo's is right at the second time; there is no reply about the jug."""
    name = next(name for name in SAID if name in problem)
    if name == "jug":
        return "status", (500, "")
    return "reply", completion("#### 140" if name == "Ivo" and before else SAID[name])


def judged(store, server, purse=None, **settings):
    table = TeacherTable(model="m", base_url=server.url, temperature=0.5, **settings)
    events = list(annotate(PROBLEMS, "set", table, ANSWER, store, purse=purse, backoff=0.0))
    return events, [event for event in events if isinstance(event, Judged)]


def test_every_trace_is_counted_also_one_that_was_asked_again_and_one_without_a_reply(store):
    with FaultServer(answers) as server:
        _, told = judged(store, server, until_correct=2)
    refused: Counter[str] = Counter()
    for one in told:
        refused.update(one.refused)
    assert sum(one.kept for one in told) == 3
    assert refused == {"wrong-answer": 1, "no-reply": 1}


def test_the_live_funnel_ends_as_that_of_the_store_but_for_what_had_no_reply(store):
    with FaultServer(answers) as server:
        events, _ = judged(store, server, until_correct=2)
    scene = Scene()
    for event in events:
        scene = scene.after(event)
    assert scene.annotating is not None
    live, stored = scene.annotating.funnel, store.funnel("set", "m")
    assert (live.asked, live.answered) == (5, 4)
    assert (stored.asked, stored.answered) == (4, 4)
    assert (live.read, live.right, live.kept) == (stored.read, stored.right, stored.kept) == (4, 3, 3)


def test_what_was_used_is_counted_from_the_beginning_of_the_command(store):
    purse = Purse(Price(1.0, 10.0, "here"), budget=1.0)
    with FaultServer(answers) as server:
        _, told = judged(store, server, purse, concurrency=1)
    used = [(one.tokens_in, one.tokens_out) for one in told]
    assert used == sorted(used)
    assert (told[-1].tokens_in, told[-1].tokens_out) == (3 * 11, 3 * 7)
    assert told[-1].dollars == pytest.approx((3 * 11 * 1.0 + 3 * 7 * 10.0) / 1e6)
    assert told[-1].budget == 1.0


def test_without_a_price_no_dollars_are_told(store):
    with FaultServer(answers) as server:
        _, told = judged(store, server)
    assert {one.dollars for one in told} == {None}
    assert told[-1].tokens_out == 21


def test_the_steps_of_the_data_are_judged_and_cost_nothing(store):
    events = list(annotate(PROBLEMS, "set", TeacherTable(), Scheme("socratic"), store))
    assert events[-1] == Judged(4)
