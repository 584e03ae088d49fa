"""The final answer in a text, its normal form, and whether two answers are the same."""

import json
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socli.answer import canonical, final, same
from socli.problem import AnswerKind

DATA = os.environ.get("SOCLI_DATA", "")  # before the suite hides it from the tests

AWKWARD = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "awkward_answers.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", AWKWARD, ids=range(len(AWKWARD)))
def test_awkward_answers_are_scored_without_a_mistake(row: dict[str, Any]) -> None:
    assert same(final(row["text"], row["kind"]), row["gold"], row["kind"]) is row["right"]


def test_the_awkward_answers_are_many_and_of_both_sorts() -> None:
    assert sum(row["right"] for row in AWKWARD) >= 60
    assert sum(not row["right"] for row in AWKWARD) >= 60


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("1,234.50", "1234.5"),
        ("$18.00 per day", "18"),
        ("18 dollars in 7 days", "18"),
        ("36/2", "18"),
        ("3+4", "7"),
        ("3+4 = 7 dollars", "7"),
        ("(3+4)*2", "14"),
        ("eighteen", "18"),
        ("ninety-nine", "99"),
        ("two hundred and six thousand and twelve", "206012"),
        ("a hundred", "100"),
        ("minus seven", "-7"),
        ("18...", "18"),
        ("50%", "50"),
        ("-3", "-3"),
        ("−3", "-3"),
        ("- 3", "-3"),
        ("1.8e3", "1800"),
        ("1.8E-3", "0.0018"),
        ("1.8 × 10^3", "1800"),
        ("1.8 \\times 10^{3}", "1800"),
        ("1 1/2", "1.5"),
        ("2⅓", "7/3"),
        ("\\frac{1}{2}", "0.5"),
        ("\\dfrac{1}{3}", "1/3"),
        ("\\$18", "18"),
        ("US$18", "18"),
        ("18 km/h", "18"),
        ("$18/day", "18"),
        ("≈ 18", "18"),
        ("about 18", "18"),
        ("x = 18", "18"),
        ("x → 18", "18"),
        ("2.50 million", "2500000"),
        ("$18k", "18000"),
        ("007", "7"),
        ("0.10", "0.1"),
        ("-0.0", "0"),
        ("4x4", "16"),
        ("1/3", "1/3"),
        ("2/6", "1/3"),
        ("7/8", "0.875"),
        ("9" * 100, "9" * 100),
    ],
)
def test_numbers_have_one_normal_form(text: str, normal: str) -> None:
    assert canonical(text, "number") == normal


NO_NUMBER = """
abc | NaN | nan | inf | -inf | Infinity | None | null | $ | % | . | - | /
10-20 | 10 – 20 | 2031-05-01 | 10:30 | 3:2 | 1 234 | 1.234,56 | 1,23 | 12,34,567 | 1.2.3
18/0 | 1 1/0 | 1e400 | 1e-400 | 1e99999999999 | 10^400 | 2^10 | 2**10 | 5x+3 | 5(3) | 3<<3*6=18>>18
5 feet 6 inches | 2 h 30 | 5'6" | 18 or 19 | 3 and 4 | not 18 | < 18 | ≥18 | \\sqrt{2} | 1_000 | １８
one third | two and three quarters | one two | someone | no one
"""


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "9" * 2000, *NO_NUMBER.strip().replace("\n", " | ").split(" | ")]
)
def test_what_is_no_number_or_could_be_two_is_unreadable(text: str) -> None:
    assert canonical(text, "number") is None


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("yes", "yes"),
        ("TRUE", "yes"),
        (str(True), "yes"),
        ("No.", "no"),
        ("false", "no"),
        ("no, since yes", "no"),
        ("", None),
        ("1", None),
        ("maybe", None),
        ("yes or no", None),
        ("know", None),
    ],
)
def test_yes_and_no_are_read_by_word(text: str, normal: str | None) -> None:
    assert canonical(text, "yes/no") == normal


def test_text_is_compared_letter_by_letter_after_trimming() -> None:
    assert same(" Saint-Malo. ", "saint-malo", "text")
    assert not same("Saint Malo", "Saint-Malo", "text")
    assert canonical(" . ", "text") is None


def test_a_thousand_is_a_thousand_however_it_is_written() -> None:
    ways = [
        "1000",
        "1,000",
        "1,000.00",
        "$1,000",
        "1e3",
        "10 * 100",
        "1k",
        "one thousand",
        "2000/2",
        "1000.",
        "1000 %",
    ]
    assert all(same(a, b, "number") for a in ways for b in ways)


def test_numbers_that_differ_in_any_digit_differ() -> None:
    assert not same("1234567", "1234561", "number")
    assert not same("276004", "276000", "number")
    assert not same("0.333", "1/3", "number")
    assert not same("1" * 90 + "2", "1" * 90 + "3", "number")


def test_nothing_is_the_same_as_what_is_missing_or_unreadable() -> None:
    for kind in get_args(AnswerKind):
        assert not same(None, None, kind)
        assert not same("", "", kind)
        assert not same(None, "18", kind)
    assert not same("abc", "abc", "number")


_texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789.,-+*/x×%$ =()eE\\{}half yesno#", max_size=30),
    st.fractions().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from([row["text"] for row in AWKWARD]),
    st.lists(st.sampled_from(["two", "hundred", "and", "sixty", "a", "thousand", "half", "5"])).map(" ".join),
)
_kinds = st.sampled_from(get_args(AnswerKind))


@settings(max_examples=1000, deadline=None)
@given(_texts, _texts, _kinds)
def test_same_is_reflexive_and_symmetric_and_the_normal_form_is_stable(
    a: str, b: str, kind: AnswerKind
) -> None:
    normal = canonical(a, kind)
    assert same(a, a, kind) is (normal is not None)
    assert same(a, b, kind) is same(b, a, kind)
    if normal is not None:
        assert canonical(normal, kind) == normal
        assert same(a, normal, kind)
    found = final(a, kind)
    assert found is None or canonical(found, kind) is not None


@given(st.integers(-(10**40), 10**40), st.integers(0, 30))
def test_every_decimal_is_read_exactly_and_found_after_the_mark(digits: int, places: int) -> None:
    value = Fraction(digits, 10**places)
    text = f"{digits // 10**places:,}" if value.denominator == 1 else f"{digits}e-{places}"
    normal = canonical(text, "number")
    assert normal is not None
    assert Fraction(normal) == value
    assert final(f"First 3, then 4.\n#### {normal}", "number") == normal
    assert final(f"First 3, then 4, which makes {normal}.", "number") == normal


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" + "{" * 1_000_000,
        "\\boxed{" * 150_000,
        "{" * 500_000 + "}" * 500_000,
        "#" * 1_000_000,
        "#### 18\n" * 120_000,
        "answer " * 150_000,
        "the answer is " * 70_000,
        "1" * 1_000_000,
        ",111" * 250_000,
        "1/" * 500_000,
        "<<1=" * 250_000,
        "yes no " * 150_000,
        "\n" * 1_000_000,
        " and a" * 150_000,
        "two hundred " * 80_000,
        ". " * 500_000,
    ],
    ids=range(16),
)
def test_t8_a_megabyte_of_noise_is_read_in_under_a_second(text: str) -> None:
    for kind in get_args(AnswerKind):
        began = time.process_time()
        final(text, kind)
        canonical(text, kind)
        assert time.process_time() - began < 1


def test_a_boxed_answer_may_hold_braces() -> None:
    assert final("So $\\boxed{\\frac{\\text{1}}{{2}}}$ and 3.", "text") == "\\frac{\\text{1}}{{2}}"
    assert final("So \\boxed{never closed", "number") is None


@pytest.mark.skipif(not DATA, reason="SOCLI_DATA does not name the data folder")
def test_every_reference_solution_of_gsm8k_ends_in_its_answer() -> None:
    for split, count in (("test", 1_319), ("train", 7_473)):
        rows = (Path(DATA) / "gsm8k" / f"{split}.jsonl").read_text("utf-8").splitlines()
        assert len(rows) == count
        for row in rows:
            solution = json.loads(row)["answer"]
            gold = solution.rpartition("#### ")[2]
            assert final(solution, "number") == gold
            assert canonical(gold, "number") == gold.replace(",", "")
