"""What each extractor makes of a text: ours, and those of other tools as they were seen to work."""

import importlib.util
import json
from pathlib import Path

import pytest

from socli.errors import MissingError
from socli.scoring.extract import BUILT_IN, EXTRACTORS, Extractor, Found, extract

AWKWARD = Path(__file__).parent / "data" / "awkward_answers.jsonl"
INSTALLED = importlib.util.find_spec("math_verify") is not None


@pytest.mark.parametrize(
    ("name", "text", "gold", "answer", "right"),
    [
        ("socli", "So it is 36/2 = 18.\nThe answer is $18.00 per day.", "18", "18", True),
        ("socli", "The answer is 18 or 19", "18", None, False),
        ("strict", "The answer is 18", "18", None, False),
        ("strict", "#### 7\n#### 18 dollars\nI checked it 2 times", "18", "18", True),
        ("strict", "####", "18", None, False),
        ("last-number", "18 eggs for 2 days", "18", "2", False),
        ("last-number", "it is 1,234.50.", "1234.5", "1234.5", True),
        ("last-number", "none", "18", None, False),
        ("lm-eval-strict", "#### 18", "18", "18", True),
        ("lm-eval-strict", "####18", "18", None, False),
        ("lm-eval-strict", "#### $18", "18", None, False),
        ("lm-eval-strict", "#### 18 #### 19", "18", "18", True),
        ("lm-eval-strict", "#### 1,234.", "1234", "1,234.", True),
        ("lm-eval-flexible", "It is 18.", "18", "18.", True),
        ("lm-eval-flexible", "It is 18...", "18", "18...", False),
        ("lm-eval-flexible", "It is 18.00", "18", "18.00", False),
        ("lm-eval-flexible", "It is $18. So that is it.", "18", "$18.", True),
        ("lm-eval-flexible", "18 eggs at 2 a day", "18", "2", False),
        ("inspect", "It is 18.", "18", "18", True),
        ("inspect", "It is (18)!", "18", "(18)!", True),
        ("inspect", "1,234,567", "1234561", "1234567", True),
        ("inspect", "It is 18% more", "18", None, False),
        ("inspect", "2½ miles", "2.5", "2½", True),
        ("inspect", "Only −18", "-18", "−18", True),
        ("inspect", "nan", "18", None, False),
        ("inspect", "It is 1/3.", "1/3", "It is 1/3.", True),
    ],
)
def test_each_finds_what_it_finds(
    name: Extractor, text: str, gold: str, answer: str | None, right: bool
) -> None:
    assert extract(name, text, gold, "number") == Found(answer, right)


def test_socli_makes_no_mistake_on_the_awkward_answers_and_every_other_makes_some() -> None:
    rows = [json.loads(line) for line in AWKWARD.read_text("utf-8").splitlines()]
    numbers = [row for row in rows if row["kind"] == "number"]
    wrong = {
        name: sum(extract(name, row["text"], row["gold"], "number").right != row["right"] for row in numbers)
        for name in BUILT_IN
    }
    assert wrong.pop("socli") == 0
    assert min(wrong.values()) >= 40


@pytest.mark.parametrize("name", BUILT_IN)
def test_where_the_gold_answer_is_not_known_nothing_is_right_or_wrong(name: Extractor) -> None:
    assert extract(name, "#### 18", None, "number") == Found("18", None)


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("text", ["", "\n\n", "####", "-" * 10_000, "." * 10_000, "9" * 10_000, "½" * 100])
def test_t8_odd_texts_are_read_without_a_crash(name: Extractor, text: str) -> None:
    assert extract(name, text, "18", "number").right is False


def test_our_own_read_yes_and_no_too() -> None:
    assert extract("socli", "Yes, because it floats.", "yes", "yes/no") == Found("yes", True)
    assert extract("strict", "It does not.\n#### no", "yes", "yes/no") == Found("no", False)


@pytest.mark.skipif(INSTALLED, reason="math-verify is installed")
def test_the_optional_extractor_says_how_to_get_it() -> None:
    with pytest.raises(MissingError, match="math-verify is not installed") as raised:
        extract("math-verify", "18", "18", "number")
    assert raised.value.hint == "pip install 'socli-distill[math]'"


@pytest.mark.skipif(not INSTALLED, reason="math-verify is not installed")
def test_the_optional_extractor_reads_latex() -> None:
    assert extract("math-verify", r"$\boxed{\frac{1}{2}}$", "1/2", "number").right is True
    assert extract("math-verify", "eighteen", "18", "number").right is False


def test_the_last_of_the_closed_set_alone_needs_something_installed() -> None:
    assert set(EXTRACTORS) - set(BUILT_IN) == {"math-verify"}
