"""Sub-questions against reference ones and against their problem; accuracy by number of steps."""

import pytest

from socli.problem import Prediction, Problem, Step
from socli.scoring.questions import Asking, asking, leaks, overlap, repeats

PACKS = Problem(
    "Mia buys 3 packs of 12 pencils and gives 6 away. How many are left?",
    "30",
    steps=(
        Step("How many pencils does Mia buy?", "She buys 3*12 = <<3*12=36>>36 pencils."),
        Step("How many pencils are left?", "36-6 = <<36-6=30>>30 pencils are left."),
    ),
)


def made(problem: Problem, *steps: Step, correct: bool | None = True) -> tuple[Problem, Prediction]:
    made = Prediction(problem.id, steps, problem.gold, correct, "answered", True, 9, 0.1, "")
    return problem, made


def test_the_reference_itself_scores_100_and_says_how_it_was_scored() -> None:
    found = overlap([made(PACKS, *PACKS.steps)])
    assert found is not None
    assert (found.n, round(found.bleu, 6), round(found.chrf, 6)) == (1, 100.0, 100.0)
    assert found.bleu_signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert found.chrf_signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")


def test_bleu_is_of_the_corpus_and_chrf_too() -> None:
    """Expected, by hand: 12 of 13 tokens are there, 10 of 12 pairs, 8 of 11 threes and 7 of 10 fours."""
    asked = Step("How many pens does Mia buy?", ""), Step("How many pencils are left?", "")
    found = overlap([made(PACKS, *asked)])
    assert found is not None
    precisions = (12 / 13) * (10 / 12) * (8 / 11) * (7 / 10)
    assert found.bleu == pytest.approx(100 * precisions**0.25)
    assert 70 < found.chrf < 100


def test_asking_nothing_counts_and_problems_without_reference_questions_do_not() -> None:
    bare = Problem("What is 2 + 2?", "4", steps=(Step("", "2+2=4"),))
    found = overlap([made(PACKS), made(bare, Step("What is 2 + 2?", "4"))])
    assert found is not None
    assert (found.n, found.bleu) == (1, 0.0)
    assert overlap([made(bare)]) is None
    assert overlap([]) is None


def test_a_question_that_holds_its_own_answer_leaks() -> None:
    told = Step("Since she bought 36 pencils, how many did she buy?", "She buys <<3*12=36>>36 pencils.")
    assert leaks(PACKS, (told,)) == [0]
    assert leaks(PACKS, (Step("How many of the 1,234.50 did she buy?", "She bought 1234.5"),)) == [0]


def test_a_number_that_was_known_before_does_not_leak() -> None:
    assert leaks(PACKS, PACKS.steps) == []
    given = Step("How many packs are the 3 packs?", "They are 3 packs.")
    found = Step("Of the 36 pencils, how many does she keep if she keeps all 36?", "She keeps 36.")
    assert leaks(PACKS, (given, PACKS.steps[0], found)) == []
    assert leaks(PACKS, (Step("How many?", "many"), Step("136?", "<<3*12=36>>36"))) == []


def test_a_question_that_was_asked_before_is_a_repeat_whatever_its_case_and_punctuation() -> None:
    steps = [Step(asked, "") for asked in ("How many?", "how  many", "How many left?", "", "")]
    assert repeats(steps) == [1]


def test_shares_are_of_sub_questions_and_same_count_of_problems() -> None:
    leak = Step("Are there 36 of them?", "<<3*12=36>>36")
    found = asking([made(PACKS, leak, leak), made(PACKS, *PACKS.steps), made(PACKS, Step("", "36"))])
    assert found == Asking(questions=4, leaks=1 / 4, repeats=1 / 4, same_count=2 / 3)


def test_where_nothing_is_asked_there_are_no_shares() -> None:
    assert asking([made(Problem("What is 2 + 2?", "4"))]) == Asking(0, None, None, None)
