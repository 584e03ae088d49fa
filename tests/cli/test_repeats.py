"""Problems to learn from that repeat one of the bench sets are left out, and it is said."""

import json
from pathlib import Path

import pytest
from command_line import jsonl
from doubles import PROBLEMS

from socli import recipe as recipes
from socli.cli.repeats import left_out
from socli.errors import UsageError
from socli.problem import Problem
from socli.recipe import Recipe


def bench(folder: Path, *questions: str) -> Path:
    return jsonl(folder / "bench.jsonl", [{"question": text, "answer": "40"} for text in questions])


def loaded(four: Path, *sets: str | Path) -> Recipe:
    names = json.dumps([str(name) for name in sets])
    return recipes.load("quickstart", [f"problems.train={json.dumps(str(four))}", f"bench.sets={names}"])


def test_a_problem_that_is_scored_on_is_left_out_and_named(
    four: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = PROBLEMS[0].question.upper().replace(",", "")
    recipe = loaded(four, bench(tmp_path, "How many is nobody?", again))
    assert left_out(PROBLEMS, recipe) == {PROBLEMS[0].id}
    like = Problem(again).id
    assert capsys.readouterr().err.replace("\n", " ").strip() == (
        f"left out 1 of the problems: they repeat one of {recipe.bench.sets[0]}; "
        f"{PROBLEMS[0].id} is like {like}"
    )


def test_nothing_is_said_where_nothing_repeats(
    four: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_out(PROBLEMS, loaded(four, bench(tmp_path, "How many is nobody?"), "-")) == set()
    assert capsys.readouterr().err == ""


def test_what_is_scored_on_by_its_very_name_is_meant_to_be_learnt_by_heart(
    four: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_out(PROBLEMS, loaded(four, four)) == set()
    assert capsys.readouterr().err == ""


def test_a_bench_set_that_is_not_here_is_said_and_stops_nothing(
    four: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_out(PROBLEMS, loaded(four, tmp_path / "gone.jsonl"), json=True) == set()
    (event,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert event["text"].endswith("gone.jsonl: what is learnt from was not compared with it")


def test_where_nothing_would_be_left_it_is_an_error(four: Path, tmp_path: Path) -> None:
    recipe = loaded(four, bench(tmp_path, *(problem.question for problem in PROBLEMS)))
    unknown = [Problem(problem.question) for problem in PROBLEMS]
    with pytest.raises(UsageError, match="every problem to learn from repeats one") as caught:
        left_out(unknown, recipe)
    assert caught.value.hint == "learn from another set, or say --allow-overlap"
