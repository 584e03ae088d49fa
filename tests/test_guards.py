"""What ends a problem early: circles, empty questions, steps that were there before."""

import pytest

from socli.problem import Step
from socli.writers.guards import loops, of_question, of_steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She sells 48 candles. " * 4, True),
        ("Before it, something else. " + "and then " * 4, True),
        ("She sells 48 candles. " * 3, False),
        ("She sells 48 candles. " * 4 + "So it is.", False),
        ("1" + "0" * 28, False),
        ("1" + "0" * 30, True),
        ("Ask: How many?\nWork: 2.\n" * 4, True),
        ("".join(f"Ask: How many on day {n}?\nWork: {n}.\n" for n in range(9)), False),
        ("x" * 2000 + " ".join(map(str, range(400))), False),
        ("", False),
    ],
)
def test_a_text_loops_where_its_end_is_one_piece_four_times(text, expected):
    assert loops(text) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Ask: How many?\n", None),
        ("Ask: \n", "empty question"),
        ("Ask:\n", "empty question"),
        ("Ask: How many?", "unreadable"),
        ("How many?\n", "unreadable"),
        ("\n", "unreadable"),
    ],
)
def test_a_question_is_a_whole_line_that_asks_something(line, expected):
    assert of_question(line) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("How many?", "2."), ("How many?", "2.")], "repeated step"),
        ([("How many?", "2."), ("Which?", "1."), ("how  many?", "2.")], "repeated step"),
        ([("How many?", "2."), ("How many?", "3.")], None),
        ([("How many?", ""), ("How many?", "")], None),
        ([("How many?", "2."), ("Which?", "2.")], None),
        ([], None),
    ],
)
def test_a_question_may_come_again_with_another_answer_but_not_with_the_same(steps, expected):
    assert of_steps([Step(*step) for step in steps]) == expected
