"""socli power"""

import pytest
from command_line import Socli


def test_a_difference_is_told_in_problems_and_seeds_before_anything_is_spent(socli: Socli) -> None:
    done = socli("power", "--delta", "2")
    assert done.code == 0
    assert done.lines[0] == (
        "3,937 problems show 2 points in 80 of 100 comparisons, where 19.6 % of the problems flip "
        "(as if the two erred independently: fewer flip where both learnt the same)"
    )
    assert done.lines[1:-1] == [
        "gsm8k:test\t1,319\t3",
        "stories:test\t1,000\t4",
        "svamp:test\t300\t13",
        "strategyqa:dev\t229\t17",
    ]
    assert done.lines[-1].startswith("seeds: at least")


def test_fewer_flips_need_fewer_problems_and_a_spread_more_seeds(socli: Socli) -> None:
    done = socli(
        "power", "--delta", "2", "--discordance", "12", "--problems", "500", "--spread", "1", "--json"
    )
    (found,) = done.rows
    assert (found["problems"], found["seeds"]) == (2438, {"yours": 10})
    (without,) = socli("power", "--delta", "2", "--discordance", "12", "--problems", "500", "--json").rows
    assert without["seeds"] == {"yours": 5}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--delta", "20", "--accuracy", "90"], "are not shares"),
        (["--delta", "5", "--discordance", "2"], "cannot be"),
        (["--delta", "0"], "cannot be"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_a_hint(words: list[str], message: str, socli: Socli) -> None:
    done = socli("power", *words)
    assert done.code == 2
    assert message in done.told[0]
    assert done.told[1] == "hint: for example --delta 2 --accuracy 10 --discordance 12"
