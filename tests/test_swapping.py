"""Parts of a pair put in by others: gold questions, typed ones."""

import pytest
from doubles import PROBLEMS, ScriptedWriter

from socli.events import Solved
from socli.scheme import Scheme
from socli.solve import Solvers, solve
from socli.writers.swapping import Asked, alike, gold_questions, swapped

NORA, IVO = PROBLEMS[:2]


def texts(problems, who) -> dict:
    return {e.problem: e.prediction for e in solve(problems, who, 100) if isinstance(e, Solved)}


def test_gold_questions_are_asked_in_their_order_and_a_student_that_wrote_alone_answers_them():
    student = ScriptedWriter({"Nora": [" 48.\n", " 40.\n", " 40"], "Ivo": [" 140.\n", " 140"]})
    who = swapped(Solvers("s", Scheme(), student), decomposer=gold_questions([NORA, IVO]))
    done = texts([IVO, NORA], who)
    assert done[NORA].text == (
        "Ask: How many candles does Nora pack?\nWork: 48.\n"
        "Ask: How many candles does she sell?\nWork: 40.\n#### 40"
    )
    assert done[IVO].correct
    assert done[NORA].tokens == 2 + 2 + 3  # given questions cost nothing; the answer has an end token
    assert who.scheme == Scheme("socratic", "split")


def test_a_problem_without_reference_steps_is_asked_nothing():
    student = ScriptedWriter({"Nora": [" 40"]})
    who = swapped(Solvers("s", Scheme(), student), decomposer=gold_questions([]))
    assert texts([NORA], who)[NORA].text == "#### 40"


def test_questions_may_come_from_anywhere_and_an_empty_one_ends():
    questions = iter(["How many\nare there?", "  "])
    seen = []

    def ask(prompt: str, transcript: str) -> str | None:
        seen.append((prompt, transcript))
        return next(questions)

    who = swapped(Solvers("s", Scheme(), ScriptedWriter({"Nora": [" 48.\n", " 48"]})), decomposer=Asked(ask))
    assert texts([NORA], who)[NORA].text == "Ask: How many are there?\nWork: 48.\n#### 48"
    prompt = f"Problem: {NORA.question}\n"
    assert seen == [(prompt, ""), (prompt, "Ask: How many are there?\nWork: 48.\n")]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("How many pens?", "how many PENS", 1.0),
        ("How many pens are left?", "How many pens are sold?", 0.8),
        ("How many pens?", "Who pays?", 0.0),
        ("", "", 0.0),
    ],
)
def test_questions_are_alike_by_their_words(one, other, expected):
    assert alike(one, other) == pytest.approx(expected)
