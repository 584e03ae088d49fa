"""Problems with other numbers: what is kept is right in every step, what is not sure is left alone."""

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socli import arithmetic, stories
from socli.augment import Variant, augmented, variants
from socli.problem import Problem, Step, Trace

NUMBER = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+")


def told(question: str, gold: str, *steps: tuple[str, str]) -> tuple[Problem, Trace]:
    problem = Problem(question, gold, source="mine")
    return problem, Trace(problem.id, tuple(Step(*step) for step in steps), gold, "reference")


PENS = told(
    "Lea packs 4 boxes of 12 pens in room 31 and keeps 8 back. How many does she sell?",
    "40",
    ("How many pens are in the 4 boxes?", "4*12 = <<4*12=48>>48 pens."),
    ("How many of the 48 pens does she sell?", "She sells 48-8 = <<48-8=40>>40 pens."),
)


def numbers(text: str) -> list[Fraction]:
    return [Fraction(found.replace(",", "")) for found in NUMBER.findall(text)]


def made(pair: tuple[Problem, Trace], count: int = 20) -> list[Variant]:
    return variants(*pair, count, 0)


# ---- what is kept


def test_a_number_is_replaced_wherever_it_stands_and_the_chain_computed_again() -> None:
    found = made(PENS)
    assert len(found) == 20
    for one in found:
        boxes, pens, room, back = map(int, numbers(one.problem.question))
        asked, sold = one.trace.steps
        packed = boxes * pens
        assert one.problem.question == (
            f"Lea packs {boxes} boxes of {pens} pens in room 31 and keeps {back} back."
            " How many does she sell?"
        )
        assert room == 31  # in no equation
        assert asked.question == f"How many pens are in the {boxes} boxes?"
        assert asked.text == f"{boxes}*{pens} = <<{boxes}*{pens}={packed}>>{packed} pens."
        assert sold.question == f"How many of the {packed} pens does she sell?"
        assert (
            sold.text
            == f"She sells {packed}-{back} = <<{packed}-{back}={packed - back}>>{packed - back} pens."
        )
        assert one.trace.answer == one.problem.gold == str(packed - back)
    assert len({one.problem.id for one in found} | {PENS[0].id}) == 21


def test_who_made_it_from_what_is_said() -> None:
    one = variants(*PENS, 2, seed=5)[1]
    assert one.parent == PENS[0].id
    assert one.problem.source == f"mine, numbers swapped, from {PENS[0].id}, seed 5"
    assert (one.trace.teacher, one.trace.prompt_hash) == ("number swap of reference", PENS[1].id)
    assert (one.trace.seed, one.trace.sample, one.trace.problem_id) == (5, 1, one.problem.id)


def test_the_seed_decides_and_asking_for_more_changes_none_of_the_first() -> None:
    assert variants(*PENS, 3, 0) == variants(*PENS, 9, 0)[:3]
    assert variants(*PENS, 3, 0) != variants(*PENS, 3, 1)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_every_step_of_every_kept_variant_is_right(seed: int, steps: int) -> None:
    problem = next(stories.stories("train", steps=(steps, steps), seed=seed))
    trace = Trace(problem.id, problem.steps, problem.gold or "", "reference")
    for one in variants(problem, trace, 3, seed):
        known = {*numbers(one.problem.question)}
        known |= {number / 100 for number in known}
        before = {*numbers(problem.question)}
        before |= {number / 100 for number in before}
        for old, new in zip(problem.steps, one.trace.steps, strict=True):
            marks = arithmetic.marks(new.text)
            for was, mark in zip(arithmetic.marks(old.text), marks, strict=True):
                constants = {*numbers(was.expression)} - before
                assert {*numbers(mark.expression)} <= known | constants  # nothing out of nowhere
                assert arithmetic.evaluate(mark.expression) == arithmetic.evaluate(mark.stated) > 0
                known |= {*numbers(mark.stated)}
                before |= {*numbers(was.stated)}
                whole = [arithmetic.evaluate(m.stated).denominator == 1 for m in (was, mark)]
                assert whole[0] == whole[1]
            assert {*numbers(new.text)} <= known | {*numbers(old.text)} - before
        last = arithmetic.marks(one.trace.steps[-1].text)[-1]
        assert arithmetic.evaluate(last.stated) == Fraction(one.problem.gold or "")
        assert one.problem.id != problem.id


def test_numbers_stay_of_their_kind() -> None:
    found = made(
        told(
            "A coat costs $1,250, a shirt $2.50 and 20% of the coat is paid now. What is paid for both?",
            "252.50",
            ("How much of the coat is paid now?", "1250*.20 = $<<1250*.20=250>>250."),
            ("What is paid for both?", "250+2.50 = $<<250+2.50=252.50>>252.50."),
        ),
        40,
    )
    assert len(found) >= 10
    for one in found:
        coat, shirt, percent = re.fullmatch(
            r"A coat costs \$(\d,\d{3}|\d{3}), a shirt \$(\d\.\d\d) and (\d+)% of .*", one.problem.question
        ).groups()  # type: ignore[union-attr]
        assert 1 <= int(percent) <= 99
        assert f"*.{int(percent):02d}=" in one.trace.steps[0].text
        assert one.trace.steps[1].text.count(f"+{shirt}") == 2
        assert coat.replace(",", "") in one.trace.steps[0].text


def test_numbers_keep_their_order_and_their_sums() -> None:
    found = made(
        told(
            "Of 14 weeks Tom works 9 in town and 5 at sea, at $30 a week in town and $80 at sea. How much?",
            "670",
            ("How much in town?", "9*30 = <<9*30=270>>270."),
            ("How much at sea?", "5*80 = <<5*80=400>>400."),
            ("How much?", "270+400 = <<270+400=670>>670."),
        ),
        40,
    )
    assert found
    for one in found:
        weeks, town, sea, low, high = numbers(one.problem.question)
        assert weeks == town + sea
        assert sea < town < weeks < low < high


# ---- what is left alone


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (told("Ivo reads 7 pages a day. And in a week?", "49", ("How many?", "<<7*7=49>>49")), "the days"),
        (told("Ivo has 6 pens. How many has Lea?", "54", ("How many?", "<<6*9=54>>54")), "9 from nowhere"),
        (told("Ivo has 6 pens, Lea twice six. Both?", "18", ("Both?", "<<6+12=18>>18")), "the word six"),
        (told("Six of 6 pens. How many?", "12", ("How many?", "<<6+6=12>>12")), "digits and words"),
        (told("Pay 10% of $10. How much?", "9", ("The share?", "10*10/100 = $1"),
              ("How much?", "10-1 = <<10-1=9>>9")), "an equation without a mark that would be wrong"),
        (told("Ivo has 6 pens, gets 8. How many?", "15", ("How many?", "<<6+8=15>>15")), "a wrong equation"),
        (told("Ivo has 6 pens and gets 8. How many?", "15", ("How many?", "<<6+8=14>>14")), "a wrong answer"),
        (told("Ivo has 6 pens and gets 8. How many?", "14", ("How many?", "14 pens")), "no mark"),
        (told("Ivo has 6 pens and gets 8. How many?", "14"), "no step"),
        (told("Take 1/2 of 1 pen.", "0.5", ("How much?", "<<1/2=.5>>.5")), "nothing to swap"),
        (told("At 5:30 the 4th of 2010 bills.", "2019", ("What?", "<<5+4+2010=2019>>2019")), "bound"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_sure_has_no_variant(pair: tuple[Problem, Trace], why: str) -> None:
    assert made(pair) == []


def test_yes_and_no_and_facts_have_no_variant() -> None:
    problem, trace = PENS
    assert variants(replace(problem, kind="text"), trace, 3, 0) == []
    assert variants(replace(problem, context="A box is wood."), trace, 3, 0) == []


def test_an_ordinal_a_fraction_and_a_bill_stay_while_others_change() -> None:
    found = made(
        told(
            "On the 3rd day Ann pays 1/2 of 40 euros with a $50 bill. What is the change?",
            "30",
            ("What does she pay?", "40*1/2 = <<40*1/2=20>>20"),
            ("What is the change?", "50-20 = <<50-20=30>>30"),
        )
    )
    assert found
    for one in found:
        assert re.fullmatch(
            r"On the 3rd day Ann pays 1/2 of \d+ euros with a \$50 bill\. .*", one.problem.question
        )


def test_a_result_that_is_told_in_words_keeps_its_value() -> None:
    pair = told(
        "Ann has 9 nuts and eats 4. She shares what is left with Ben, who brings 20. How many are there?",
        "25",
        ("How many are left?", "9-4 = <<9-4=5>>5, so five are left."),
        ("How many are there?", "5+20 = <<5+20=25>>25."),
    )
    found = made(pair, 10)
    assert found
    for one in found:
        assert "so five are left" in one.trace.steps[0].text
        assert "=5>>5" in one.trace.steps[0].text


def test_of_many_none_is_made_twice_or_repeats_a_problem() -> None:
    found = augmented([PENS, PENS], 5, 0)
    assert len(found) == 5
    taken = (found[0].problem, replace(found[0].trace, answer="0"))
    assert found[0].problem.id not in {one.problem.id for one in augmented([PENS, taken], 5, 0)}
