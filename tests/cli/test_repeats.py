"""Problems to learn from that repeat one of the bench sets are left out, and it is said."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Socli, jsonl, recipe, sql
from doubles import PROBLEMS

from socli import recipe as recipes
from socli import sources
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


def test_a_part_of_a_set_that_is_scored_on_is_left_out_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gsm8k").mkdir()
    jsonl(
        tmp_path / "gsm8k" / "train_socratic.jsonl",
        [{"question": one.question, "answer": f"#### {one.gold}"} for one in PROBLEMS],
    )
    monkeypatch.setenv("SOCLI_DATA", str(tmp_path))
    made = loaded(Path("gsm8k:train"), "gsm8k:train[-1:]")
    assert left_out(list(sources.problems("gsm8k:train")), made) == {PROBLEMS[-1].id}
    assert "they repeat one of gsm8k:train[-1:]" in " ".join(capsys.readouterr().err.split())
    made = loaded(Path("gsm8k:train[:-1]"), "gsm8k:train[-1:]")
    assert left_out(list(sources.problems("gsm8k:train[:-1]")), made) == set()


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


def test_annotate_leaves_repeats_out_unless_they_are_allowed(
    four: Path, home: Path, tmp_path: Path, socli: Socli
) -> None:
    scored = bench(tmp_path, PROBLEMS[1].question.replace(" a day", "  A DAY"))
    file = recipe(tmp_path, "overlapping", four, tmp_path, bench={"sets": [str(scored)]})
    done = socli("annotate", "-r", str(file))
    assert (done.code, done.told[-1][:24]) == (0, "kept 3 now, 3 in all; ne")
    assert "left out 1 of the problems: they repeat one of" in done.err
    held = "SELECT question FROM problems ORDER BY rowid"
    assert sql(home / "socli.db", held) == [(PROBLEMS[n].question,) for n in (0, 2, 3)]
    allowed = socli("annotate", "-r", str(file), "--allow-overlap")
    assert "left out" not in allowed.err
    assert sql(home / "socli.db", held) == [(PROBLEMS[n].question,) for n in (0, 2, 3, 1)]


def test_distill_learns_from_no_repeat_unless_it_is_allowed(
    four: Path, tmp_path: Path, llama: Path, socli: Socli
) -> None:
    scored = bench(tmp_path, PROBLEMS[1].question.upper())
    once = {"epochs": 1}
    file = recipe(tmp_path, "overlapping", four, llama, bench={"sets": [str(scored)]}, train=once)
    lessons = [
        next(event["lessons"] for event in map(json.loads, done.told) if event["event"] == "distillbegan")
        for done in (
            socli("distill", "-r", str(file), "--json", *more) for more in ((), ("--allow-overlap",))
        )
    ]
    assert lessons == [3, 4]


def test_of_stories_exact_repeats_alone_are_left_out() -> None:
    """The generator tells `test` from the frames of `train`; a story may come near another by chance."""
    recipe = recipes.load("quickstart", ["problems.limit=1", "bench.steps=[1, 1]"])
    scored = list(sources.problems("stories:test", steps=(1, 1)))
    again = replace(scored[0], source="stories:train")
    other = replace(again, question=again.question.replace("?", " now?"))
    own = replace(other, source="own.jsonl")
    assert left_out([again, other, PROBLEMS[0]], recipe) == {again.id}
    assert left_out([own, PROBLEMS[0]], recipe) == {own.id}
