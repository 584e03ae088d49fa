"""The fold: what the screen knows after each event, for all four workflows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socli.events import (
    AnnotateBegan,
    BenchBegan,
    Checkpointed,
    DistillBegan,
    Event,
    Judged,
    Noted,
    Opened,
    Refused,
    Saved,
    Scored,
    Solved,
    Tallied,
    Traced,
    Trained,
    Wrote,
)
from socli.problem import FinishReason, Prediction, Problem, Scorecard, Step, Trace
from socli.scheme import Reading
from socli.screen.scene import NOTES, POINTS, Annotating, Curve, Scene, sound

PEARS = Problem("Ida picks 4 pears from each of 6 trees. How many pears?", gold="24")


def after(*events: Event) -> Scene:
    scene = Scene()
    for event in events:
        scene = scene.after(event)
    return scene


def predicted(
    answer: str | None, correct: bool | None, reason: FinishReason = "answered", text: str = ""
) -> Prediction:
    return Prediction(PEARS.id, (), answer, correct, reason, True, 40, 2.0, text)


def trained(step: int, loss: float, role: str = "student") -> Trained:
    return Trained(role, step, 100, loss, 1e-4, 900.0, 60.0)


def test_the_next_run_of_a_queue_takes_the_place_of_the_last():
    other = replace(begun("solver"), run="pears-2")
    scene = after(begun("decomposer"), begun("solver"), Saved("pears-1", "/runs/pears-1", 1.0), other)
    assert [one.began for one in scene.training] == [other]


def begun(role: str = "student", step: int = 0) -> DistillBegan:
    return DistillBegan("pears-1", role, 80, 100, step, 9_000, 135_000_000, "cpu", "fp32")


def test_an_event_changes_the_scene_it_makes_and_not_the_one_before():
    before = Scene()
    assert before.after(Noted("fetched")).notes == ("fetched",)
    assert before.notes == ()


def test_only_the_last_notes_are_kept():
    scene = after(*(Noted(str(n)) for n in range(30)))
    assert len(scene.notes) == NOTES
    assert scene.notes[-1] == "29"


def test_annotating_counts_what_was_told_and_remembers_why_the_last_had_no_reply():
    trace = Trace(PEARS.id, (), "24", "x")
    began = AnnotateBegan("x", 10, 3)
    scene = after(began, Traced(PEARS, trace), Refused(PEARS, "no reply: HTTP 503"), Refused(PEARS, "misfit"))
    assert scene.annotating == Annotating(began, traced=1, refused=2, lost="no reply: HTTP 503")
    assert (scene.annotating.now, scene.annotating.done) == (3, 6)


def test_the_funnel_adds_up_all_that_was_judged_and_the_last_says_what_was_used():
    last = Judged(5, {"wrong-answer": 1}, 900, 80, 0.25)
    scene = after(
        AnnotateBegan("x", 10, 0),
        Judged(2, {"wrong-answer": 3, "no-reply": 1}, 400, 40, 0.1),
        Judged(0, {"wrong-arithmetic": 2}, 500, 50, 0.2),
        last,
    )
    assert scene.annotating is not None
    funnel = scene.annotating.funnel
    assert (funnel.asked, funnel.answered, funnel.right, funnel.right_steps, funnel.kept) == (14, 13, 9, 7, 7)
    assert funnel.reasons == {"wrong-answer": 4, "wrong-arithmetic": 2, "no-reply": 1}
    assert scene.annotating.used == last


def test_training_keeps_the_last_step_the_curve_and_the_checkpoint():
    scene = after(begun(), trained(1, 2.0), trained(2, 1.0), Checkpointed("student", 2))
    (one,) = scene.training
    assert (one.step, one.kept) == (2, 2)
    assert one.curve.points == (2.0, 1.0)
    assert one.last == trained(2, 1.0)


def test_training_that_goes_on_begins_at_its_step():
    assert after(begun(step=40)).training[0].step == 40


def test_two_roles_are_trained_apart():
    scene = after(
        begun("decomposer"), trained(1, 3.0, "decomposer"), begun("solver"), trained(1, 2.0, "solver")
    )
    assert [one.curve.points for one in scene.training] == [(3.0,), (2.0,)]
    assert after(begun(), Saved("pears-1", "/runs/pears-1", 12.0)).saved == Saved(
        "pears-1", "/runs/pears-1", 12.0
    )


def test_a_curve_of_ten_steps_has_ten_points():
    curve = Curve()
    for n in range(10):
        curve = curve.after(float(n))
    assert curve.points == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)


@pytest.mark.parametrize("steps", [199, 200, 201, 1_000, 12_345])
def test_a_curve_stays_bounded_and_keeps_its_mean(steps: int):
    curve = Curve()
    for n in range(steps):
        curve = curve.after(float(n))
    counted = len(curve.points) * curve.stride + curve.count
    assert counted == steps
    assert len(curve.points) < POINTS
    assert sum(curve.points) * curve.stride + curve.total == pytest.approx(sum(range(steps)))
    assert list(curve.points) == sorted(curve.points)


def test_a_transcript_grows_piece_by_piece_and_is_read_as_far_as_it_is():
    wrote = [Wrote(PEARS.id, text, "student") for text in ("Ask: How", " many?\nWo", "rk: 4*6 = <<4*6=")]
    scene = after(Opened(PEARS, calculator=True), *wrote, Wrote(PEARS.id, "24>>", "student", computed=True))
    assert scene.solving is not None
    assert scene.solving.text == "Ask: How many?\nWork: 4*6 = <<4*6=24>>"
    assert scene.solving.reading == Reading((Step("How many?", "4*6 = <<4*6=24>>"),), None)
    assert scene.solving.pieces == 3
    assert scene.solving.opened.calculator


def test_the_prediction_has_the_last_word():
    scene = after(
        Opened(PEARS, calculator=False),
        Wrote(PEARS.id, "#### 24 pears", "student"),
        Solved(PEARS, predicted("24", True)),
        Wrote(PEARS.id, " or so", "student"),
    )
    assert scene.solving is not None
    assert scene.solving.reading == Reading((), "24")
    assert scene.solving.text == "#### 24 pears"


def test_a_prediction_from_the_store_is_a_scene_by_itself():
    scene = after(Solved(PEARS, predicted("24", True, text="#### 24")))
    assert scene.solving is not None
    assert (scene.solving.text, scene.solving.opened) == ("#### 24", Opened(PEARS, calculator=True))


def test_bench_counts_right_answers_and_other_ends_set_by_set():
    card = Scorecard("pears:test", "m", True, 4, 1, 0.25, 0.05, 0.7, 0.25, 0.25, 160, 8.0)
    scene = after(
        BenchBegan("plums:test", "m", 9, 0, True),
        BenchBegan("pears:test", "m", 6, 2, True),
        Scored("pears:test", 1, PEARS, predicted("24", True)),
        Scored("pears:test", 2, PEARS, predicted("9", False)),
        Scored("pears:test", 3, PEARS, predicted(None, False, "truncated")),
        Scored("pears:test", 4, PEARS, predicted("9", None)),
    )
    plums, pears = scene.benching
    assert (plums.done, pears.done) == (0, 6)
    assert (pears.scored, pears.correct, pears.judged) == (4, 1, 3)
    assert pears.finishes == {"answered": 3, "truncated": 1}
    assert scene.after(Tallied(card)).benching[1].card == card
    assert after(Tallied(card)).benching[0].card == card


@pytest.mark.parametrize(
    "event",
    [
        Traced(PEARS, Trace(PEARS.id, (), "24", "x")),
        Refused(PEARS, "no steps"),
        Judged(1),
        trained(1, 2.0),
        Checkpointed("student", 1),
        Wrote(PEARS.id, "Ask: ", "student"),
        Scored("pears:test", 1, PEARS, predicted("24", True)),
    ],
)
def test_an_event_of_nothing_that_has_begun_is_left_out(event: Event):
    assert after(event) == Scene()
    other = after(
        Opened(Problem("Another?"), calculator=True), begun("solver"), BenchBegan("s", "m", 1, 0, True)
    )
    assert other.after(event) == other


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("4*6 = <<4*6=24>>24 pears", True),
        ("4*6 = <<4*6=25>>25 pears", False),
        ("<<4*6=24>> then <<24/5=5>>", False),
        ("<<4*6=24>> then <<the rest=5>>", None),
        ("twenty-four pears", None),
    ],
)
def test_a_step_is_sound_if_all_its_equations_hold(text: str, verdict: bool | None):
    assert sound(Step("How many?", text)) is verdict


EVENTS = st.one_of(
    st.builds(Noted, st.text()),
    st.builds(AnnotateBegan, st.text(), st.integers(0, 9), st.integers(0, 9)),
    st.builds(Refused, st.just(PEARS), st.text()),
    st.builds(
        Judged, st.integers(0, 9), st.dictionaries(st.sampled_from(["no-reply", "other"]), st.integers(1, 9))
    ),
    st.builds(trained, st.integers(1, 9), st.floats()),
    st.just(begun()),
    st.builds(Opened, st.just(PEARS), st.booleans()),
    st.builds(Wrote, st.just(PEARS.id), st.text(), st.sampled_from(["student", "solver"])),
    st.just(Solved(PEARS, predicted("24", True))),
    st.builds(
        BenchBegan, st.text(), st.text(), st.none() | st.integers(0, 9), st.integers(0, 9), st.booleans()
    ),
    st.just(Scored("pears:test", 1, PEARS, predicted("24", True))),
)


@given(st.lists(EVENTS, max_size=30))
def test_any_stream_of_events_can_be_folded(events: list[Event]):
    after(*events)
