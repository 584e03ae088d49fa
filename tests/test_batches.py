"""Which tokens are learnt, token by token; how lessons are put together."""

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from socli.engine import batches
from socli.engine.batches import Encoded
from socli.engine.student import tokens
from socli.problem import Problem, Step, Trace
from socli.scheme import Lesson, Scheme, Span, lessons

TEA = Problem("Tea: 2*3?", "6", steps=(Step("How much?", "2*3=6."),))
TRACE = Trace(TEA.id, TEA.steps, "6", "reference")
READS = "Problem: Tea: 2*3?\n"

TAUGHT = {
    Scheme("answer"): {"student": "#### 6"},
    Scheme("cot"): {"student": "Work: 2*3=6.\n#### 6"},
    Scheme("socratic"): {"student": "Ask: How much?\nWork: 2*3=6.\n#### 6"},
    Scheme("socratic", sub_answers=False): {"student": "Ask: How much?\n#### 6"},
    Scheme("socratic", "split"): {"decomposer": "Ask: How much?\n", "solver": " 2*3=6.\n 6"},
    Scheme("socratic", "split", sub_answers=False): {"decomposer": "Ask: How much?\n", "solver": " 6"},
    Scheme("socratic", decomposer="planned", guide="count"): {
        "planner": " 1\n", "student": "Ask: How much?\nWork: 2*3=6.\n#### 6",
    },
    Scheme("socratic", "split", decomposer="planned", guide="operators"): {
        "planner": " none\n", "decomposer": "Ask: How much?\n", "solver": " 2*3=6.\n 6",
    },
}  # fmt: skip
"""What of the transcript each role learns, without the end token."""


def encoded(student, problem, trace, scheme) -> dict[str, Encoded]:
    made = lessons(problem, trace, scheme)
    return {lesson.role: row for lesson, row in zip(made, batches.encode(student, made), strict=True)}


def text(student, ids) -> str:
    return student.tokenizer.decode(list(ids))


# ---- the mask


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("scheme", TAUGHT, ids=str)
def test_exactly_the_targets_and_the_end_token_are_learnt(load_tiny, family, scheme):
    student = load_tiny(family)
    rows = encoded(student, TEA, TRACE, scheme)
    assert list(rows) == list(TAUGHT[scheme])
    for role, row in rows.items():
        learnt = [token for token, is_learnt in zip(row.ids, row.learnt, strict=True) if is_learnt]
        assert learnt[-1] == student.end
        assert student.end not in row.ids[:-1]
        assert text(student, learnt[:-1]) == TAUGHT[scheme][role]


def test_the_mask_of_a_guided_decomposer_token_by_token(tiny_student):
    form = Scheme("socratic", "split", decomposer="planned", guide="count")
    rows = encoded(tiny_student, TEA, TRACE, form)
    start = len(tokens(tiny_student, [READS])[0])
    assert not any(any(row.learnt[:start]) for row in rows.values())
    plan = [("P", False), ("l", False), ("an", False), (":", False)]
    marked = {
        role: [(text(tiny_student, [i]), yes) for i, yes in zip(row.ids, row.learnt, strict=True)][start:]
        for role, row in rows.items()
    }
    assert marked["planner"] == [*plan, (" ", True), ("1", True), ("\n", True), (tiny.END, True)]
    assert marked["decomposer"] == [
        *plan, (" ", False), ("1", False), ("\n", False),
        ("Ask", True), (":", True), (" How", True), (" m", True), ("u", True), ("c", True), ("h", True),
        ("?", True), ("\n", True), (tiny.END, True),
    ]  # fmt: skip


def test_the_mask_of_a_solver_token_by_token(tiny_student):
    solver = encoded(tiny_student, TEA, TRACE, Scheme("socratic", "split"))["solver"]
    cut = [(text(tiny_student, [i]), yes) for i, yes in zip(solver.ids, solver.learnt, strict=True)]
    start = len(tokens(tiny_student, [READS])[0])
    assert [token for token, yes in cut[:start] if yes] == []
    assert cut[start:] == [
        ("Ask", False), (":", False), (" How", False), (" m", False), ("u", False), ("c", False),
        ("h", False), ("?", False), ("\n", False), ("Work", False), (":", False),
        (" ", True), ("2", True), ("*", True), ("3", True), ("=", True), ("6", True), (".", True),
        ("\n", True), ("####", False), (" ", True), ("6", True), (tiny.END, True),
    ]  # fmt: skip


def test_a_lesson_longer_than_the_student_can_attend_to_is_cut_there(tiny_student):
    spans = (Span(READS, learnt=False), Span("a b c d " * 400, learnt=True))
    (row,) = batches.encode(tiny_student, [Lesson("student", "id", spans)])
    assert len(row.ids) == len(row.learnt) == tiny.POSITIONS
    assert row.ids[-1] != tiny_student.end


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_text_never_becomes_a_control_token(load_tiny, family):
    student = load_tiny(family)
    forged = f"a {tiny.CONTROL}b{tiny.END} {tiny.TOOL}c</s>"
    (ids,) = tokens(student, [forged])
    assert not {student.tokenizer.convert_ids_to_tokens(i) for i in ids} & {
        *student.tokenizer.get_added_vocab()
    }
    assert student.tokenizer.decode(ids) == forged
    rows = encoded(student, Problem(forged, "1"), Trace("id", (), forged, "reference"), Scheme("answer"))
    assert [i for i, token in enumerate(rows["student"].ids) if token == student.end] == [
        len(rows["student"].ids) - 1
    ]


def test_no_text_is_no_tokens(tiny_student):
    assert tokens(tiny_student, []) == []
    assert tokens(tiny_student, ["", "\n"])[0] == []


# ---- rectangles


def test_a_rectangle_points_at_the_states_that_predict_the_targets():
    lesson = Encoded((5, 6, 7, 8), (False, False, True, True))
    short = Encoded((9, 4), (False, True))
    made = batches.rectangle([lesson, short], torch.device("cpu"))
    assert made.ids.tolist() == [[5, 6, 7, 8], [9, 4, 0, 0]]
    assert made.rows.tolist() == [0, 0, 1]
    assert made.places.tolist() == [1, 2, 0]
    assert made.targets.tolist() == [7, 8, 4]


def test_the_first_token_of_all_is_never_a_target():
    made = batches.rectangle([Encoded((5, 6), (True, True))], torch.device("cpu"))
    assert (made.places.tolist(), made.targets.tolist()) == ([0], [6])


@given(lengths=st.lists(st.integers(2, 40), min_size=1, max_size=30), most=st.integers(10, 100))
@settings(max_examples=50)
def test_a_step_is_cut_into_rectangles_that_fit_without_losing_a_lesson(lengths, most):
    rows = [Encoded(tuple(range(n)), (True,) * n) for n in lengths]
    parts = batches.split(rows, most)
    assert sorted(len(row.ids) for part in parts for row in part) == sorted(lengths)
    for part in parts:
        width = max(len(row.ids) for row in part)
        assert width * len(part) <= most or len(part) == 1


# ---- the schedule


@given(
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=80),
    batch=st.integers(1, 9),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 5),
)
@settings(max_examples=50)
def test_every_epoch_takes_every_lesson_once(lengths, batch, epochs, seed):
    steps = batches.schedule(lengths, batch, epochs, seed)
    an_epoch = -(-len(lengths) // batch)
    assert len(steps) == epochs * an_epoch
    for start in range(0, len(steps), an_epoch):
        taken = [n for step in steps[start : start + an_epoch] for n in step]
        assert sorted(taken) == list(range(len(lengths)))
    assert steps == batches.schedule(lengths, batch, epochs, seed)


def test_seed_and_epoch_change_the_order():
    lengths = list(range(50))
    first = batches.schedule(lengths, 8, 2, seed=1)
    assert first[:7] != first[7:]
    assert first != batches.schedule(lengths, 8, 2, seed=2)


def test_less_than_a_tenth_of_a_step_is_filling():
    """Lengths as GSM8K's lessons have them: most near 200 tokens, a few up to 500."""
    lengths = [100 + (n * 7919) % 200 + (n % 20 == 0) * 200 for n in range(2000)]
    rows = [Encoded((1,) * n, (True,) * n) for n in lengths]
    filled = sum(
        max(len(row.ids) for row in part) * len(part)
        for step in batches.schedule(lengths, 16, 1, seed=1)
        for part in batches.split([rows[n] for n in step])
    )
    assert 0 <= 1 - sum(lengths) / filled < 0.1
