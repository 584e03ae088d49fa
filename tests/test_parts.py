"""Split students with one part taken by the reference."""

import pytest
from doubles import PROBLEMS, ScriptedWriter

from socli.errors import UsageError
from socli.events import Solved
from socli.problem import Problem, Step
from socli.scheme import Scheme
from socli.solve import Solvers, solve
from socli.writers.parts import fit, swapped

NORA, IVO, JUG, TEA = PROBLEMS
SPLIT = Scheme("socratic", "split")


def made(problem: Problem, asks: list[str], works: list[str], part: str):
    who = Solvers("s", SPLIT, ScriptedWriter({"": works}), ScriptedWriter({"": asks}), run="r")
    gold = swapped(who, PROBLEMS, part)
    assert (gold.name, gold.run) == (f"s with gold {part}", None)
    (solved,) = [event for event in solve([problem], gold, 200) if isinstance(event, Solved)]
    return solved.prediction


def test_with_gold_questions_the_students_solver_answers_the_references_questions():
    found = made(NORA, [], [" 4*12 = <<4*12=48>>48.\n", " 48-8 = <<48-8=41>>41.\n", " 41"], "questions")
    assert [step.question for step in found.steps] == [step.question for step in NORA.steps]
    assert (found.answer, found.correct) == ("41", False)


def test_with_gold_answers_the_same_questions_in_other_words_lead_to_the_answer():
    asks = ["Ask: How many candles did Nora pack in all?\n", "Ask: So how many candles does she sell?\n", ""]
    found = made(NORA, asks, [], "answers")
    assert [step.text for step in found.steps] == [step.text for step in NORA.steps]
    assert found.correct


@pytest.mark.parametrize(
    ("asks", "answer"),
    [(["Ask: How many candles does Nora pack?\n", ""], "48"), ([""], None)],
)
def test_a_decomposer_that_stops_early_loses_the_problem(asks: list[str], answer: str | None):
    found = made(NORA, asks, [], "answers")
    assert (found.answer, found.correct) == (answer, False)


def test_there_must_be_two_parts_and_answers_to_give():
    alone = Solvers("s", Scheme(), ScriptedWriter({}))
    with pytest.raises(UsageError, match="only a decomposer and a solver"):
        swapped(alone, PROBLEMS, "questions")
    bare = Solvers("s", Scheme("socratic", "split", False), ScriptedWriter({}), ScriptedWriter({}))
    with pytest.raises(UsageError, match="no answers of their own"):
        swapped(bare, PROBLEMS, "answers")


def test_only_problems_with_questions_and_answers_can_stand_in():
    assert fit(NORA, SPLIT)
    assert not fit(Problem("Is it?", "yes", "yes/no", steps=(Step("What is it?", ""),)), SPLIT)
    assert not fit(Problem("How many?", "3"), SPLIT)
