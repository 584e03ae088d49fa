"""How often a problem is asked: samples, and again until a trace is kept."""

import pytest
from doubles import completion, each
from fault_server import FaultServer
from pydantic import ValidationError

from socli.annotate import Askings, annotate
from socli.errors import TryAgainError, UsageError
from socli.events import AnnotateBegan, Noted, Refused, Traced
from socli.problem import Problem, Step
from socli.scheme import Scheme
from socli.tables import StrongerTable, TeacherTable
from socli.teacher import Asking, request
from socli.teacher.money import purse

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
        first = told(store, server, until_correct=5)
        assert [type(event) for event in first[1:]] == [Traced] * 5
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


def test_a_sample_that_repeats_a_kept_one_is_a_duplicate_and_is_not_asked_again(store):
    same = FaultServer(lambda problem, _: ("reply", completion(f"#### {RIGHT_AT_THIRD[problem]}")))
    with same as server:
        first = told(store, server, samples=2, concurrency=1)
        kept = {row.trace.problem_id: row.trace.id for row in store.traces(verdict="kept")}
        assert len(kept) == 5
        assert [event.reason for event in first[1:] if isinstance(event, Refused)] == [
            f"duplicate of {kept[problem.id]}" for problem in PROBLEMS
        ]
        assert told(store, server, samples=2)[1:] == []
        assert told(store, server, until_correct=4)[1:] == []
    assert store.funnel().reasons == {"duplicate": 5}


def test_a_duplicate_of_a_trace_of_other_settings_ends_asking_until_one_is_kept(store):
    with FaultServer(lambda problem, _: ("reply", completion(f"#### {RIGHT_AT_THIRD[problem]}"))) as server:
        told(store, server)
        told(store, server, until_correct=4, seed=9)
        assert set(server.asked.values()) == {2}
        told(store, server, until_correct=4, seed=9)
        assert set(server.asked.values()) == {2}
    assert store.counts()["kept"] == 5


def test_each_sample_has_a_seed_of_its_own(store):
    table = TeacherTable(model="m", temperature=1, samples=3, seed=40)
    askings = Askings(PROBLEMS[:1], "set", table, ANSWER, store)
    assert [request(askings.next(), table, ANSWER)["seed"] for _ in range(3)] == [40, 41, 42]
    assert askings.next() is None


@pytest.mark.parametrize(
    ("model", "address", "sent"),
    [
        ("gpt-4.1-mini", None, {"max_completion_tokens", "temperature", "top_p"}),
        ("o4-mini", None, {"max_completion_tokens"}),
        ("gpt-5-mini", None, {"max_completion_tokens"}),
        ("gpt-5-mini", "http://localhost:8000/v1", {"max_tokens", "temperature", "top_p"}),
    ],
)
def test_a_request_holds_what_its_server_takes(model, address, sent):
    body = request(Asking(PROBLEMS[0]), TeacherTable(model=model, base_url=address), ANSWER)
    assert set(body) == {"model", "messages", "seed"} | sent


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
        twice = told(store, server, more_tokens=4096)
        assert [type(event) for event in twice[1:]] == [Refused] * 5
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
        refused = guided(store, server, PROBLEMS[:1], ANSWER)
        assert refused[1:] == [Refused(PROBLEMS[0], "it has no known steps to be guided by")]
        assert not server.asked


# ---- a stronger teacher for what is left


def by_model(small, big):
    """A plan for two servers: what each writes to a problem."""
    return lambda problem, _: ("reply", completion(small(problem))), lambda problem, _: (
        "reply", completion(big(problem)),
    )  # fmt: skip


def right(problem):
    return f"#### {RIGHT_AT_THIRD[problem]}"


def right_if_odd(problem):
    return right(problem) if int(problem.split()[3]) % 2 else "#### 1"


def test_what_was_refused_is_asked_of_the_stronger_teacher_once(store):
    small, big = by_model(right_if_odd, right)
    with FaultServer(small) as first, FaultServer(big) as second:
        stronger = {"model": "big", "base_url": second.url}
        both = told(store, first, stronger=StrongerTable(**stronger))
        assert [event.teacher for event in both if isinstance(event, AnnotateBegan)] == ["m", "big"]
        assert sorted(second.asked) == [f"Problem: What is {n} and {n}?" for n in (2, 4)]
        told(store, first, stronger=StrongerTable(**stronger))
        assert (first.asked.total(), second.asked.total()) == (5, 2)
    kept = [(problem.gold, trace.teacher) for problem, trace in store.kept("set", ["m", "big"])]
    assert kept == [("2", "m"), ("4", "big"), ("6", "m"), ("8", "big"), ("10", "m")]


def test_the_price_of_each_rung_is_said_and_the_budget_is_for_all_of_them(store):
    small, big = by_model(right_if_odd, right)
    with FaultServer(small) as first, FaultServer(big) as second:
        own = StrongerTable(model="big", base_url=second.url, price_in=0, price_out=100_000)
        table = TeacherTable(
            model="m", base_url=first.url, price_in=0, price_out=1000, max_tokens=20, stronger=own
        )
        held = purse(table, 2.5)
        asking = annotate(PROBLEMS, "set", table, ANSWER, store, purse=held, backoff=0.0)
        notes = [next(asking) for _ in range(10)]
        with pytest.raises(TryAgainError, match="the budget of"):
            list(asking)
    said = [event.text for event in notes if isinstance(event, Noted)]
    assert said[0].startswith("m: $0.0000 a million tokens read, $1,000.00 written (the recipe)")
    assert said[2] == "2 problems have no kept trace of m: asking big"
    assert held.spent == pytest.approx(5 * 7 * 0.001)
    assert held.heir.budget == pytest.approx(2.5 - 0.035)
    assert held.heir.spent == pytest.approx(0.7)  # another may cost $2


def test_prices_are_said_before_anything_is_asked(store):
    with FaultServer(third) as server:
        table = TeacherTable(
            model="m", base_url=server.url, price_in=1, price_out=1000, max_tokens=20, more_tokens=40
        )
        notes = [e.text for e in annotate(PROBLEMS, "set", table, ANSWER, store, purse=purse(table))
                 if isinstance(e, Noted)]  # fmt: skip
    assert notes[:2] == [
        "m: $1.00 a million tokens read, $1,000.00 written (the recipe): "
        "at most $0.0200 for what one reply writes",
        "a reply that is cut off is asked for once more: at most $0.0400 for what that writes",
    ]


def test_a_stronger_teacher_without_a_key_or_a_price_is_said_before_anything_is_asked(store):
    with FaultServer(third) as server:
        table = TeacherTable(model="m", base_url=server.url, stronger=StrongerTable(model="big"))
        away = table.model_copy(
            update={"stronger": StrongerTable(model="big", base_url="https://api.openai.com/v1")}
        )
        with pytest.raises(UsageError, match="that of big is not known"):
            purse(table.model_copy(update={"price_in": 1.0, "price_out": 1.0}), 5.0)
        assert away.escalated().base_url == "https://api.openai.com/v1"
        assert not server.asked


# ---- kept traces of other models and prompts


def test_another_model_is_asked_anew_and_it_is_said_unless_kept_traces_are_reused(store):
    small, big = by_model(right_if_odd, right)
    with FaultServer(small) as first, FaultServer(big) as second:
        told(store, first)
        table = TeacherTable(model="other", base_url=second.url, reuse=True)
        notes = [e.text for e in annotate(PROBLEMS, "set", table, ANSWER, store) if isinstance(e, Noted)]
        assert notes[0] == "3 problems have kept traces of other models, prompts or settings: used again"
        assert sorted(second.asked) == [f"Problem: What is {n} and {n}?" for n in (2, 4)]
        anew = table.model_copy(update={"reuse": False})
        notes = [e.text for e in annotate(PROBLEMS, "set", anew, ANSWER, store) if isinstance(e, Noted)]
        assert notes[0] == (
            "3 problems have kept traces of other models, prompts or settings and are asked anew; "
            "--reuse uses those"
        )
        assert set(second.asked.values()) == {1}
        assert len(second.asked) == 5


def test_what_does_not_fit_the_scheme_is_not_reused(store):
    with FaultServer(lambda problem, _: ("reply", completion(right(problem)))) as server:
        told(store, server)
        table = TeacherTable(model="m", base_url=server.url, reuse=True)
        list(annotate(PROBLEMS, "set", table, Scheme("socratic"), store))
        assert set(server.asked.values()) == {2}


def test_reused_traces_count_among_the_samples(store):
    with FaultServer(lambda problem, _: ("reply", completion(right(problem)))) as server:
        told(store, server)
        told(store, server, samples=3, seed=5, reuse=True)
        assert set(server.asked.values()) == {3}
        told(store, server, samples=3, seed=5, reuse=True)
        assert set(server.asked.values()) == {3}
