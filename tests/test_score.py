"""Scoring what others decoded, with and without a store; reading texts again with several extractors."""

from collections.abc import Iterator
from typing import Any

import pytest
from command_line import sql
from doubles import PROBLEMS

from socli.arithmetic import first_wrong
from socli.events import BenchBegan, Noted, Scored, Tallied
from socli.problem import Prediction, Problem, Step
from socli.scoring.extract import BUILT_IN
from socli.scoring.outputs import Output, Skipped, judged, outputs
from socli.scoring.score import Reading, Tally, looped, rescore, score, wrong_step
from socli.sources import Fields
from socli.store import Store

NORA, IVO, JUG, TEA = PROBLEMS
WORKED = "Ask: How many?\nWork: She packs 4*12 = <<4*12=48>>48.\n#### 40"
WRONG = "Ask: How many?\nWork: She packs 4*12 = <<4*12=50>>50.\n#### 40"


def row(number: int, problem: Problem, text: str | None = None, **more: Any) -> Output:
    return Output(number, problem, None, True, more.pop("answer", None), text, **more)


def card(events: list[Any]) -> Any:
    return events[-1].scorecard


def test_outputs_are_scored_in_their_order_and_tallied() -> None:
    rows = [row(1, NORA, WORKED), row(3, IVO, answer="139"), row(4, JUG, "no idea"), row(5, TEA, "8 dollars")]
    events = list(score(rows, None, set_name="x.jsonl", model="theirs"))
    assert [type(event) for event in events] == [BenchBegan, *[Scored] * 4, Tallied]
    assert [(e.number, e.prediction.correct) for e in events[1:-1]] == [
        (1, True),
        (3, False),
        (4, False),
        (5, True),
    ]
    found = card(events)
    assert (found.set, found.model, found.n, found.correct, found.accuracy) == (
        "x.jsonl",
        "theirs",
        4,
        2,
        0.5,
    )
    assert (found.unreadable, found.truncated, found.majority) == (0.25, 0.0, None)


def test_t25_n_is_what_could_be_judged_and_the_others_are_not_dropped_in_silence() -> None:
    unknown = Problem("How many?")
    events = list(score([row(1, NORA, WORKED), row(2, unknown, "7")], None, set_name="x", model="m"))
    assert [e.prediction.correct for e in events[1:-1]] == [True, None]
    assert card(events).n == 1


@pytest.mark.parametrize(("said", "low", "high"), [("40", 0.7224672001, 1.0), ("41", 0.0, 0.2775327999)])
def test_t25_all_right_and_all_wrong_give_finite_intervals(said: str, low: float, high: float) -> None:
    found = card(list(score([row(1, NORA, answer=said)] * 10, None, set_name="x", model="m")))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_t25_nothing_gives_a_card_of_nothing() -> None:
    found = card(list(score([], None, set_name="x", model="m")))
    assert (found.n, found.accuracy, found.low, found.high) == (0, 0.0, 0.0, 1.0)


def test_the_majority_stands_beside_a_yes_no_set() -> None:
    asked = [Problem(f"Is it {n}?", gold, "yes/no") for n, gold in enumerate(["yes", "yes", "no"])]
    rows = [row(n, problem, "Yes, it is.") for n, problem in enumerate(asked, 1)]
    found = card(list(score(rows, None, set_name="x", model="m")))
    assert (found.accuracy, found.majority) == (2 / 3, 2 / 3)


def test_what_was_noted_while_reading_is_told_in_its_place() -> None:
    events = list(score([Noted("left out: x line 1"), row(2, NORA, WORKED)], None, set_name="x", model="m"))
    assert events[1] == Noted("left out: x line 1")


def test_right_answers_on_wrong_steps_are_told() -> None:
    rows = [row(1, NORA, WORKED), row(2, NORA, WRONG), row(3, IVO, WRONG)]
    events = list(score(rows, None, set_name="x", model="m"))
    assert events[-2] == Noted("1 of 2 right answers rest on a wrong equation")
    assert [
        event for event in score(rows, None, set_name="x", model="m", steps=False) if type(event) is Noted
    ] == []


def test_a_wrong_step_is_the_first_wrong_of_the_arithmetic_check() -> None:
    steps = (Step("", "<<1+1=2>>2"), Step("", "no mark"), Step("", "<<2+2=5>>5"), Step("", "<<x=1>>"))
    tally = Tally()
    for some in (steps, steps[:2], ()):
        made = judged(row(1, NORA, "\n".join(step.text for step in some)))
        assert wrong_step(made) == first_wrong(some)
        tally.add(NORA, made)
    assert tally.n == 3


def test_with_a_store_it_is_a_bench_stored_before_told(store: Store) -> None:
    rows = [row(n, Problem(f"What is {n} + 0?", str(n)), f"#### {n}") for n in range(1, 1_101)]
    events = score(rows, store, set_name="x.jsonl", model="theirs", calculator=True)
    next(events)
    next(events)
    assert sql(store.path, "SELECT count(*), max(position) FROM predictions") == [(500, 500)]
    assert sql(store.path, "SELECT status FROM benches") == [("started",)]
    assert card(list(events)).n == 1_100
    assert sql(store.path, "SELECT count(*), sum(correct) FROM predictions") == [(1_100, 1_100)]
    (bench,) = store.benches()
    assert (bench.status, bench.model, bench.run, bench.set) == ("done", "theirs", None, "x.jsonl")
    assert bench.scorecard == card([Tallied(bench.scorecard)])
    assert bench.calculator
    assert [p.gold for p in store.problems("x.jsonl", 2)] == ["1", "2"]


def test_t25_the_same_problem_twice_is_scored_and_stored_twice(store: Store) -> None:
    events = list(score([row(1, NORA, WORKED), row(2, NORA, "41")], store, set_name="x", model="m"))
    assert (card(events).n, card(events).correct) == (2, 1)
    assert [p.correct for p in store.predictions(store.benches()[0].id)] == [True, False]


def test_a_stream_is_scored_as_it_comes() -> None:
    read: list[int] = []

    def lines() -> Iterator[bytes]:
        for n in range(3):
            read.append(n)
            yield b'{"question": "?", "answer": "1", "prediction": "1"}\n'

    events = score(outputs(lines(), "stdin", Fields(), Skipped()), None, set_name="stdin", model="m")
    next(events)
    next(events)
    assert read == [0]


# reading again


def test_each_extractor_reads_each_text_again() -> None:
    (found,) = rescore([row(1, NORA, "The answer is 40...")], BUILT_IN)
    assert not isinstance(found, Noted)
    assert found.differ
    assert {name: one.right for name, one in found.found.items()} == {
        "socli": True,
        "strict": False,
        "last-number": True,
        "lm-eval-strict": False,
        "lm-eval-flexible": False,
        "inspect": True,
    }


def test_where_all_agree_nothing_differs_and_without_gold_the_answers_decide() -> None:
    agreed, other = rescore(
        [row(1, NORA, "#### 40"), row(2, Problem("How many?"), "#### 7 of 8")], ["socli", "last-number"]
    )
    assert not isinstance(agreed, Noted)
    assert not isinstance(other, Noted)
    assert not agreed.differ
    assert other.differ


def test_socli_does_not_look_into_what_was_cut_off_and_the_others_do() -> None:
    (found,) = rescore([row(1, NORA, "It is 40", finish_reason="truncated")], ["socli", "last-number"])
    assert not isinstance(found, Noted)
    assert [one.right for one in found.found.values()] == [False, True]


def test_a_row_without_a_text_lends_its_answer_and_notes_pass_through() -> None:
    note, found = rescore([Noted("left out"), row(1, NORA, answer="40")], ["strict", "socli"])
    assert note == Noted("left out")
    assert not isinstance(found, Noted)
    assert found.text == "40"
    reading = Reading()
    reading.add(found.found["strict"])
    reading.add(found.found["socli"])
    assert (reading.n, reading.scored, reading.right, reading.unreadable) == (2, 2, 1, 1)


def cut(text: str, reason: str = "truncated") -> Prediction:
    return Prediction(NORA.id, (), None, False, reason, True, 9, 0.1, text)


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("Ask: How many are left?\nWork: 3+4 = 7.\n" * 3, True),
        ("Well. " + "How many are left? " * 4 + "How many", True),
        ("x" * 40, True),
        ("x" * 39, False),
        ("She has 1000000 of them", False),
        ("Ask: How many are left?\nWork: 3+4 = 7.\n" * 2, False),
        (
            "Ask: How many after 1 day?\nAsk: How many after 2 days?\nAsk: How many are left",
            False,
        ),
        ("", False),
    ],
)
def test_an_output_that_ran_out_of_tokens_loops_where_its_end_says_one_thing_three_times(
    text: str, loops: bool
) -> None:
    assert looped(cut(text)) is loops
    assert looped(cut(text, "answered")) is False


def test_a_decomposer_that_does_not_stop_asking_loops() -> None:
    assert looped(cut("Ask: How many?", "too many steps"))


def test_a_card_tells_wrong_ways_loops_and_lengths() -> None:
    rows = [
        row(1, NORA, WORKED), row(2, NORA, WRONG), row(3, IVO, "140"), row(4, IVO, "?"),
        row(5, TEA, "6 and " * 20, finish_reason="truncated"),
    ]  # fmt: skip
    found = card(list(score(rows, None, set_name="x", model="m")))
    assert (found.unsound, found.looped, found.truncated) == (1 / 3, 0.2, 0.2)
    assert [(one.steps, one.n, one.correct) for one in found.by_steps] == [(1, 2, 1), (2, 3, 2)]
    assert found.by_steps[0].low == pytest.approx(0.0945, abs=1e-4)  # Wilson, 1 of 2
    nothing = card(list(score([row(1, NORA, "no")], None, set_name="x", model="m")))
    assert (nothing.unsound, nothing.looped) == (None, 0.0)
