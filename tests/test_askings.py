"""How often a problem is asked: samples, and again until a trace is kept."""

import pytest
from doubles import completion, each
from fault_server import FaultServer
from pydantic import ValidationError

from socli.annotate import Askings, annotate
from socli.events import AnnotateBegan, Refused, Traced
from socli.problem import Problem, Step
from socli.recipe import TeacherTable
from socli.scheme import Scheme

PROBLEMS = [Problem(f"What is {n} and {n}?", str(2 * n)) for n in range(1, 6)]
ANSWER = Scheme("answer")
RIGHT_AT_THIRD = {f"Problem: {p.question}": str(p.gold) for p in PROBLEMS}


def third(problem, before):
    return "reply", completion(f"#### {RIGHT_AT_THIRD[problem] if before == 2 else 'x1'}")


def told(store, server, **settings):
    table = TeacherTable(model="m", base_url=server.url, temperature=0.7, **settings)
    return each(annotate(PROBLEMS, "set", table, ANSWER, store, backoff=0.0))


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
        ({"more_tokens": 1024}, "must be more than max_tokens"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, why):
    with pytest.raises(ValidationError, match=why):
        TeacherTable(model="m", **settings)


def test_a_reply_that_was_cut_off_is_asked_once_more_with_more_tokens_now_or_later(store):
    def cut(problem, before):
        return "reply", completion("#### " + RIGHT_AT_THIRD[problem], "stop" if before else "length")

    with FaultServer(cut) as server:
        first = told(store, server)
        assert {event.reason for event in first[1:]} == {"truncated"}
        assert told(store, server, more_tokens=4096)[0] == AnnotateBegan("m", 5, 0)
        assert set(server.asked.values()) == {2}
        assert told(store, server, more_tokens=4096) == [AnnotateBegan("m", 5, 5)]
    assert (store.counts()["kept"], store.counts()["refused"]) == (5, 5)


def test_what_is_cut_off_twice_is_left(store):
    with FaultServer(lambda *_: ("reply", completion("#### 2", "length"))) as server:
        events = told(store, server, more_tokens=4096)
        assert [type(event) for event in events[1:]] == [Refused] * 5
        assert set(server.asked.values()) == {2}


# ---- guided by known steps


def guided(store, server, problems, form):
    table = TeacherTable(model="m", base_url=server.url, guided=True)
    return each(annotate(problems, "set", table, form, store, backoff=0.0))


def test_known_steps_get_a_sub_question_each_and_stay_as_they_are(store):
    plain = Problem("Nora packs 4 boxes of 12 candles, keeps 8. How many does she sell?", "40", steps=(
        Step("", "She packs 4*12 = <<4*12=48>>48."), Step("", "She sells 48-8 = <<48-8=40>>40."),
    ))  # fmt: skip
    seen = []

    def ask(problem, before):
        seen.append(problem)
        return "reply", completion("Ask: How many does Nora pack?\nAsk: How many does she sell?")

    with FaultServer(ask) as server:
        (_, event) = guided(store, server, [plain], Scheme("socratic"))
    assert seen == [
        f"Problem: {plain.question}\n"
        "Step 1: She packs 4*12 = <<4*12=48>>48.\nStep 2: She sells 48-8 = <<48-8=40>>40."
    ]
    assert event.trace.steps == (
        Step("How many does Nora pack?", "She packs 4*12 = <<4*12=48>>48."),
        Step("How many does she sell?", "She sells 48-8 = <<48-8=40>>40."),
    )
    assert event.trace.answer == "40"


def test_given_sub_questions_are_answered_from_the_facts(store):
    problem = Problem("Can a whale ride a bus?", "no", "yes/no", context="A whale weighs 100 tons.", steps=(
        Step("How heavy is a whale?", ""), Step("Does a bus carry that?", ""),
    ))  # fmt: skip
    text = "Work: A whale weighs 100 tons.\nWork: No bus carries that.\n#### no"
    with FaultServer(lambda *_: ("reply", completion(text))) as server:
        (_, event) = guided(store, server, [problem], Scheme("socratic"))
    assert event.trace.steps == (
        Step("How heavy is a whale?", "A whale weighs 100 tons."),
        Step("Does a bus carry that?", "No bus carries that."),
    )


def test_another_number_of_sub_questions_than_steps_is_refused(store):
    plain = Problem("What is 1 and 1?", "2", steps=(Step("", "1+1 = <<1+1=2>>2."),))
    with FaultServer(lambda *_: ("reply", completion("Ask: One?\nAsk: Two?"))) as server:
        assert guided(store, server, [plain], Scheme("socratic"))[1:] == [Refused(plain, "unreadable")]


def test_a_problem_without_known_steps_is_not_asked(store):
    with FaultServer(third) as server:
        events = guided(store, server, PROBLEMS[:1], ANSWER)
        assert events[1:] == [Refused(PROBLEMS[0], "it has no known steps to be guided by")]
        assert not server.asked
