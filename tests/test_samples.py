"""Several answers to the same problem."""

import pytest
from doubles import PROBLEMS

from socli.scoring.outputs import Output
from socli.scoring.samples import Samples
from socli.scoring.score import score


def samples(*answers: tuple[str, ...]) -> Samples:
    rows = [
        Output(1, problem, None, True, answer, None)
        for problem, some in zip(PROBLEMS, answers, strict=False)
        for answer in some
    ]
    found = Samples()
    assert list(found.collect(score(rows, None, set_name="x", model="m")))[-1].scorecard.n == len(rows)
    return found


def test_pass_and_majority_at_k_are_told_for_every_k_that_all_problems_have() -> None:
    found = samples(("40", "40", "41"), ("1", "1", "140"), ("1.5", "?", "2"), ("0", "0", "0")).at_k()
    assert [one.k for one in found] == [1, 2, 3]
    assert [one.passes.value for one in found] == pytest.approx([1 / 3, (1 + 2 / 3 + 2 / 3) / 4, 0.75])
    assert found[2].majority.value == pytest.approx((1 + 0 + 1 / 2) / 4)  # the third: a tie of two
    assert all(one.passes.low <= one.passes.value <= one.passes.high for one in found)


def test_one_sample_of_a_problem_leaves_nothing_to_tell() -> None:
    assert samples(("40", "40"), ("140",)).at_k() == []
    assert Samples().at_k() == []
