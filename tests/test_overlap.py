"""Repeats of a problem to be scored on are found; problems that only look like one are not."""

from dataclasses import replace
from random import Random
from time import process_time

import pytest
from doubles import PROBLEMS
from hypothesis import given, settings
from hypothesis import strategies as st

from socli.overlap import Overlap, overlaps
from socli.problem import Problem

FERRY = Problem(
    "A ferry carries 120 cars and 40 trucks on each trip across the bay, and it makes 6 trips on a Monday. "
    "How many vehicles does the ferry carry across the bay on a Monday?",
    "960",
)


def found(train: list[Problem], bench: list[Problem]) -> list[tuple[int, int]]:
    return [(train.index(one.train), bench.index(one.bench)) for one in overlaps(train, bench)]


def test_a_problem_repeats_itself() -> None:
    assert list(overlaps(PROBLEMS, PROBLEMS)) == [Overlap(one, one, 1.0) for one in PROBLEMS]
    assert list(overlaps(PROBLEMS[:2], PROBLEMS[2:])) == []
    assert list(overlaps([], PROBLEMS)) == []
    assert list(overlaps(PROBLEMS, [])) == []


@pytest.mark.parametrize(
    "question",
    [
        FERRY.question.upper(),
        FERRY.question.replace(" ", "\n  "),
        FERRY.question.replace(",", ";").replace("?", ""),
        FERRY.question.replace("A ferry", "“A ferry”").replace("6", "６"),
    ],
)
def test_case_spacing_and_punctuation_hide_nothing(question: str) -> None:
    ((overlap),) = overlaps([replace(FERRY, question=question, gold=None)], [FERRY])
    assert overlap.share == 1.0


def test_a_thousand_with_a_comma_is_the_same_thousand() -> None:
    assert found([Problem("Add 1,000 and 2")], [Problem("add 1000 and 2.")]) == [(0, 0)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("on a Monday. How", "on a Tuesday. How"),
        ("A ferry carries 120 cars and 40 trucks", "A ferry carries 40 trucks and 120 cars"),
        ("How many vehicles", "So how many vehicles"),
    ],
)
def test_a_few_other_words_hide_nothing(old: str, new: str) -> None:
    near = replace(FERRY, question=FERRY.question.replace(old, new))
    assert near != FERRY
    ((overlap),) = overlaps([near], [FERRY])
    assert 0.6 <= overlap.share < 1


@pytest.mark.parametrize(
    "other",
    [
        replace(FERRY, question=FERRY.question.replace("6 trips", "7 trips"), gold="1120"),
        replace(FERRY, question=FERRY.question.replace("6 trips", "7 trips"), gold=None),
        replace(FERRY, question=FERRY.question.replace("How many vehicles", "How many cars"), gold="720"),
        Problem("A ferry carries 120 cars and 40 trucks 6 times. How many vehicles are these?", "960"),
    ],
)
def test_another_number_or_another_question_is_another_problem(other: Problem) -> None:
    assert found([other], [FERRY]) == []


def test_the_nearest_is_named_and_a_problem_only_once() -> None:
    near = replace(FERRY, question=FERRY.question.replace("on a Monday. How", "on a Friday. How"))
    nearer = replace(FERRY, question=FERRY.question.replace("? ", "?").replace("bay on", "sea on"))
    assert found([FERRY], [near, nearer, FERRY]) == [(0, 2)]
    assert len(found([FERRY], [near, nearer])) == 1
    assert found([FERRY, FERRY], [near, FERRY]) == [(0, 1), (0, 1)]


def test_the_context_counts() -> None:
    fact = Problem("Is it?", "yes", "yes/no", context="Snails are slow.")
    assert found([fact], [replace(fact, context="Taxis are fast.")]) == []
    assert found([fact], [fact]) == [(0, 0)]


def test_turns_of_phrase_that_all_share_are_no_repeat() -> None:
    many = [Problem(f"How many are there in all of the boxes of {n}?", str(n)) for n in range(300)]
    assert found(many, [replace(many[7], gold=None)]) == [(7, 0)]


words = st.text(st.characters(exclude_categories=()), max_size=30)


@settings(max_examples=80, deadline=None)
@given(st.lists(words, max_size=5), st.lists(words, max_size=5))
def test_any_text_is_compared_and_what_is_equal_is_found(train: list[str], bench: list[str]) -> None:
    trains, benches = [Problem(text) for text in train], [Problem(text) for text in bench]
    named = [one.train.question for one in overlaps(trains, benches)]
    assert {text for text in train if text in bench} <= set(named)


def test_a_thousand_against_a_thousand_take_less_than_two_seconds() -> None:
    random = Random(7)
    vocabulary = [f"word{n}".translate({ord(str(d)): "abcdefghij"[d] for d in range(10)}) for n in range(900)]
    many = [Problem(" ".join(random.choices(vocabulary, k=50))) for _ in range(2000)]
    began = process_time()
    assert found(many[:1000], many[500:1500])[0] == (500, 0)
    assert process_time() - began < 2
