"""`problems.augment`: variants are learnt from beside the problems, said, and never stored or scored."""

import json
from pathlib import Path

import pytest
from command_line import Socli, jsonl, recipe, sql
from doubles import PROBLEMS

from socli.augment import augmented
from socli.problem import Trace

PAIRS = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in PROBLEMS]


@pytest.fixture
def few(tmp_path: Path, four: Path, llama: Path) -> Path:
    """A recipe that passes once over the four problems and three variants of each."""
    return recipe(tmp_path, "few", four, llama, train={"epochs": 1}, problems={"augment": 3})


def lessons(told: list[str]) -> int:
    return next(json.loads(line)["lessons"] for line in told if '"distillbegan"' in line)


def test_they_are_learnt_from_counted_and_part_of_the_run(socli: Socli, home: Path, few: Path) -> None:
    many = len(augmented(PAIRS, 3, 0))
    assert 3 <= many <= 12
    done = socli("distill", "-r", str(few), "--json")
    assert (done.code, lessons(done.told)) == (0, 4 + many)
    parents = len({one.parent for one in augmented(PAIRS, 3, 0)})
    said = f"made {many} variants with swapped numbers from {parents} of 4 problems (problems.augment = 3)"
    assert said in done.err
    assert sql(home / "socli.db", "SELECT note FROM runs") == [
        (f"4 traces and {many} variants with swapped numbers",)
    ]
    assert "is done already" in socli("distill", "-r", str(few)).err
    assert "is done already" not in socli("distill", "-r", str(few), "--set", "problems.augment=2").err
    assert "is done already" not in socli("distill", "-r", str(few), "--set", "problems.seed=2").err
    digests = sql(home / "socli.db", "SELECT DISTINCT traces FROM runs")
    assert len(digests) == 3
    assert sql(home / "socli.db", "SELECT count(*) FROM traces") == [(4,)]
    assert sql(home / "socli.db", "SELECT count(*) FROM problems") == [(4,)]


def test_none_is_made_of_a_problem_that_is_kept_out_of_training(socli: Socli, few: Path) -> None:
    by_parent = [sum(one.parent == p.id for one in augmented(PAIRS, 3, 0)) for p in PROBLEMS]
    many = sum(by_parent)
    done = socli("distill", "-r", str(few), "--set", "train.dev=1", "--json")
    assert done.code == 0
    assert lessons(done.told) in {3 + many - without for without in by_parent}
    note = socli("runs", "show", "few").lines[1]
    assert f"4 traces and {lessons(done.told) - 3} variants" in note


def test_one_that_is_a_problem_of_a_bench_set_is_left_out(
    socli: Socli, tmp_path: Path, four: Path, llama: Path
) -> None:
    all_ = augmented(PAIRS, 3, 0)
    scored = jsonl(
        tmp_path / "test.jsonl", [{"question": all_[0].problem.question, "answer": all_[0].problem.gold}]
    )
    path = recipe(tmp_path, "few", four, llama, train={"epochs": 1}, problems={"augment": 3},
                  bench={"sets": [str(scored)]})  # fmt: skip
    done = socli("distill", "-r", str(path), "--json")
    assert (done.code, lessons(done.told)) == (0, 4 + len(all_) - 1)
    assert f"they repeat one of {scored}" in done.err
