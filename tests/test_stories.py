"""The built-in problem generator: what it promises about every story of every split."""

import re
import time
from collections import Counter
from contextlib import suppress
from fractions import Fraction
from functools import cache
from itertools import islice
from random import Random

import pytest

from socli import arithmetic
from socli.errors import UsageError
from socli.problem import Problem
from socli.stories import _dealt, frames, stories, tell
from socli.stories.teller import Frame, Implausible, Teller
from socli.stories.words import PEOPLE, SURNAMES, Split, a, every, part, times, word

SPLITS: tuple[Split, ...] = ("train", "test", "unseen")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SMALL = {word(n): str(n) for n in range(2, 21)}
SAID = {  # what a reader takes from these words, beside the numbers that stand there
    r"\bhal(f|ve)": "2",
    r"\bquarters?\b": "4",
    r"\bthirds?\b": "3",
    r"\bfourth\b": "4",
    r"\bfifths?\b": "5",
    r"\bsixth\b": "6",
    r"\b(twice|both)\b": "2",
    r"\b(back|home|up and down)\b": "2",
    r"\bthe two of them\b": "2",
    r"\brectang": "2",
    r"%": "100",
    r"\bcents?\b": "100",
    r"\b(cm|metres|centimetres)\b": "100",
    r"\b(kg|km|kilometres|kilograms|grams)\b": "1000",
    r"\b(hours?|minutes)\b": "60",
    r"\bweeks?\b": "7",
    r"(one episode and the next|every episode but the last)": "1",
}


GOLDEN_QUESTION = (
    "For a party, Emil buys 8 bottles of orange juice with 1.5 litres in each. He pours it all into glasses"
    " of 0.4 litres. Each guest is to get two glasses. For how many guests is there enough?"
)
GOLDEN_STEPS = [
    ("How many litres of orange juice does Emil have?", "There are <<8*1.5=12>>12 litres."),
    ("How many glasses does that fill?", "It fills <<12/0.4=30>>30 glasses."),
    ("How many guests can drink that much?", "There is enough for <<30/2=15>>15 guests."),
]
GOLDEN_UNSEEN = (
    "Martin threads beads on a string: 11 red ones and twice as many blue ones make a bracelet. How many"
    " beads does one bracelet need in all?"
)


@cache
def told(split: Split, n: int = 5000) -> list[Problem]:
    return list(islice(stories(split), n))


@cache
def everything() -> list[Problem]:
    """Each frame in each of its lengths and splits, and a thousand problems of each split."""
    tellings = [
        tell(frame, split, count, Random(f"{frame.name} {count} {n}"))
        for split in SPLITS
        for frame in frames(split)
        for count in frame.counts
        for n in range(4)
    ]
    return tellings + [problem for split in SPLITS for problem in told(split)[:1000]]


def values(problem: Problem) -> list[str]:
    return [arithmetic.marks(step.text)[0].stated for step in problem.steps]


def given(text: str) -> set[str]:
    """The numbers a text gives, in digits and in words."""
    numbers = set(NUMBER.findall(text))
    numbers |= {number for name, number in SMALL.items() if re.search(rf"\b{name}\b", text, re.IGNORECASE)}
    return numbers | {number for said, number in SAID.items() if re.search(said, text, re.IGNORECASE)}


# what is generated


def test_the_same_seed_tells_the_same_stories_and_another_seed_others() -> None:
    first = list(islice(stories("train", seed=3), 50))
    assert list(islice(stories("train", seed=3), 50)) == first
    assert {p.id for p in first}.isdisjoint({p.id for p in islice(stories("train", seed=4), 50)})


def test_every_count_and_every_frame_come_once_before_one_comes_again() -> None:
    assert Counter(len(problem.steps) for problem in islice(stories("test", steps=(1, 3)), 99)) == {
        1: 33,
        2: 33,
        3: 33,
    }
    cards = [frame for frame in frames("test") if 2 in frame.counts]
    dealt = [frame.name for frame in islice(_dealt(cards, Random(1)), 3 * len(cards))]
    rounds = [dealt[start : start + len(cards)] for start in range(0, len(dealt), len(cards))]
    assert [sorted(some) for some in rounds] == [sorted(frame.name for frame in cards)] * 3
    assert rounds[0] != rounds[1] != rounds[2]


def test_a_story_is_the_same_in_every_version() -> None:
    problem = next(stories("train", seed=7, steps=(3, 3)))
    assert problem.question == GOLDEN_QUESTION
    assert [(step.question, step.text) for step in problem.steps] == GOLDEN_STEPS
    assert problem.gold == "15"


def test_an_unseen_story_is_the_same_in_every_version() -> None:
    problem = next(stories("unseen", seed=11, steps=(2, 2)))
    assert problem.question == GOLDEN_UNSEEN
    assert problem.gold == "33"
    assert problem.source == "stories:unseen"


@pytest.mark.parametrize("split", SPLITS)
def test_five_thousand_stories_are_five_thousand_problems(split: Split) -> None:
    assert len({p.id for p in told(split)}) == 5000
    assert {p.kind for p in told(split)} == {"number"}
    assert {p.source for p in told(split)} == {f"stories:{split}"}


@pytest.mark.parametrize("split", SPLITS)
def test_the_counts_asked_for_are_told_about_equally_often(split: Split) -> None:
    counts = Counter(len(p.steps) for p in told(split))
    assert sorted(counts) == [1, 2, 3, 4, 5, 6]
    assert all(700 < n < 970 for n in counts.values())
    assert {len(p.steps) for p in islice(stories(split, steps=(2, 3)), 100)} == {2, 3}
    assert {len(p.steps) for p in islice(stories(split, steps=(6, 6)), 100)} == {6}


def test_what_cannot_be_told_is_refused_before_the_first_story() -> None:
    with pytest.raises(UsageError, match="no `stories:dev`"):
        stories("dev")  # type: ignore[arg-type]
    for steps in ((0, 3), (4, 2), (1, 7)):
        with pytest.raises(UsageError, match="stories cannot have"):
            stories("train", steps=steps)


def test_a_thousand_stories_take_less_than_a_second() -> None:
    began = time.process_time()
    list(islice(stories("train", seed=99), 2000))
    assert 2000 / (time.process_time() - began) > 1000


# the frames


def test_there_are_thirty_frames_and_every_length_has_many() -> None:
    counts = Counter(count for frame in frames("train") for count in frame.counts)
    assert len(frames("train")) >= 30
    assert min(counts[n] for n in range(1, 7)) >= 10
    counts = Counter(count for frame in frames("unseen") for count in frame.counts)
    assert len(frames("unseen")) >= 8
    assert min(counts[n] for n in range(1, 7)) >= 3


def test_train_and_test_share_their_frames_and_unseen_has_its_own() -> None:
    names = {split: {frame.name for frame in frames(split)} for split in SPLITS}
    assert names["train"] == names["test"]
    assert names["train"].isdisjoint(names["unseen"])
    assert len(names["train"]) == len(frames("train"))


def test_every_frame_of_train_holds_a_wording_back_for_test() -> None:
    for frame in frames("train"):
        for count in frame.counts:
            assert held_back(frame, count) > 0, f"{frame.name} in {count} steps"


def held_back(frame: Frame, count: int) -> int:
    """How many wordings for test alone were on offer in the first plausible telling."""
    random = Random(1)
    while True:
        teller = Teller(random, "test", count)
        with suppress(Implausible):
            frame.tell(teller)
            return teller.held


def test_a_held_out_wording_is_told_in_test_and_never_in_train() -> None:
    class Draws(Random):
        def random(self) -> float:
            return 0.999  # always the last of what is on offer

    def said(split: Split) -> str:
        teller = Teller(Draws(), split, 1)
        teller.say("old.", "newer.", "held.")
        teller.count("2+2", "How many?", "@ in all.")
        return teller.problem().question

    assert said("train") == "newer. How many?"
    assert said("test") == "held. How many?"


def test_numbers_of_test_are_never_drawn_in_train() -> None:
    drawn = {s: {Teller(Random(n), s, 1).number(10, 40) for n in range(500)} for s in ("train", "test")}
    assert drawn["test"] == set(range(11, 41, 3))
    assert drawn["train"] == set(range(10, 41)) - drawn["test"]
    assert {Teller(Random(n), "unseen", 1).number(10, 40) for n in range(900)} == set(range(10, 41))


# the splits


def test_every_story_names_somebody_of_its_own_split_and_nobody_of_another() -> None:
    """This alone keeps the texts of the splits apart, however many are told."""
    names = {s: {*PEOPLE[s][0], *PEOPLE[s][1], *SURNAMES[s]} for s in SPLITS}
    for split in SPLITS:
        foreign = set().union(*(names[other] for other in SPLITS if other != split))
        assert names[split].isdisjoint(foreign)
        for problem in told(split):
            words = set(re.findall(r"\w+", problem.question))
            assert words & names[split], problem.question
            assert not words & foreign, problem.question


def test_no_story_of_train_occurs_in_test() -> None:
    assert {p.question for p in told("train")}.isdisjoint({p.question for p in told("test")})


# the steps


def test_every_mark_holds_and_its_value_is_repeated_after_it() -> None:
    for problem in everything():
        for step in problem.steps:
            (mark,) = arithmetic.marks(step.text)
            assert arithmetic.holds(mark), step
            assert Fraction(mark.stated) == arithmetic.evaluate(mark.expression)
            assert step.text[mark.end :].startswith(mark.stated)
            assert not re.search(r"\d|=", step.text[: mark.start].rpartition(" ")[2]), (
                step
            )  # the sum stands once
            assert re.fullmatch(r"[0-9.+\-*/()]+", mark.expression), step


def test_the_last_value_is_the_gold_answer_and_its_question_ends_the_problem() -> None:
    for problem in everything():
        assert values(problem)[-1] == problem.gold
        assert problem.question.endswith("?")


def test_no_value_is_worked_out_in_vain() -> None:
    for problem in everything():
        expressions = [arithmetic.marks(step.text)[0].expression for step in problem.steps]
        for n, value in enumerate(values(problem)[:-1]):
            later = [number for expression in expressions[n + 1 :] for number in NUMBER.findall(expression)]
            assert value in later, problem


def test_every_number_worked_with_is_given_or_was_worked_out_before() -> None:
    for problem in everything():
        known = given(problem.question)
        for step, value in zip(problem.steps, values(problem), strict=True):
            used = set(NUMBER.findall(arithmetic.marks(step.text)[0].expression))
            assert used <= known, (used - known, problem)
            known.add(value)


def test_a_sub_question_names_no_number_that_is_only_found_later() -> None:
    for problem in everything():
        known = given(problem.question)
        for step, value in zip(problem.steps, values(problem), strict=True):
            asked = set(NUMBER.findall(step.question)) | {
                number for name, number in SMALL.items() if re.search(rf"\b{name}\b", step.question)
            }
            assert asked <= known, (asked - known, problem)
            known.add(value)


def test_values_are_positive_whole_where_things_are_counted_and_have_cents_at_most() -> None:
    for problem in everything():
        for step, value in zip(problem.steps, values(problem), strict=True):
            assert Fraction(value) > 0
            assert len(value.partition(".")[2]) <= 2, step
            if re.search(
                r"How many (people|pupils|weeks|boxes|pages|passengers|members|votes)", step.question
            ):
                assert "." not in value, step


# the language

LINT = {
    "two spaces": r"  ",
    "a space before a stop": r" [.,?!;:]",
    "something left of the template": r"[{}@|]|None|Decimal",
    "`a` before a vowel": r"\b[Aa] ([aeio]\w|8\d*\b|11\b|18\b|un[^i]\w)",
    "`an` before a consonant": r"\b[Aa]n (?!hour)([^aeiou8\W\d]\w|[2-79]|1\d?\b(?<!11)(?<!18))",
    "one of many": r"\b(1|[Oo]ne) (hours|minutes|days|weeks|points|people|pages|boxes|kilograms|laps|cups)\b",
    "1 of something": r"(?<![\d.$*/+-])\b1 [a-z]",
    "a word twice": r"\b(\w+) \1\b(?<!that that)",
    "a stop twice": r"[.?!][.?!]",
}


@pytest.mark.parametrize("fault", LINT)
def test_the_language_is_free_of(fault: str) -> None:
    for problem in everything():
        for text in (
            problem.question,
            *(step.question for step in problem.steps),
            *(s.text for s in problem.steps),
        ):
            assert not re.search(LINT[fault], re.sub(r"<<[^>]*>>\S*", "0", text)), text


def test_every_sentence_begins_with_a_capital_or_a_number() -> None:
    for problem in everything():
        for sentence in re.split(r"(?<=[.?!]) ", re.sub(r"\b(Mr|Ms)\. ", r"\1 ", problem.question)):
            assert re.match(r"[A-Z0-9“]", sentence), problem.question


def test_sub_questions_end_as_questions_and_answers_as_sentences() -> None:
    for problem in everything():
        for step in problem.steps:
            assert re.fullmatch(r"[A-Z].*[^ ]\?", step.question), step
            assert re.fullmatch(r"(?:[A-Z0-9]|\$?<<).*[^ ]\.", step.text), step


def test_money_is_written_with_both_digits_of_its_cents() -> None:
    for problem in everything():
        assert not re.search(r"\$\d+\.\d(?!\d)", problem.question), problem.question


def test_words_are_short_where_they_are_short() -> None:
    assert [word(3), word(20), word(21)] == ["three", "twenty", "21"]
    assert [times(2), times(3), every(2), every(4)] == ["twice", "three times", "both", "all four"]
    assert [part(1, 2), part(1, 3), part(2, 5)] == ["half", "a third", "two fifths"]
    assert [a("80-page book"), a(18), a(12), a("apple")] == ["an 80-page book", "an 18", "a 12", "an apple"]
