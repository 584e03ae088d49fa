"""From nothing to a scored run: annotate, distill, solve, bench, and what the store then holds."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Process, Socli, recipe, sql
from doubles import PROBLEMS
from filelock import FileLock

NORA = PROBLEMS[0].question

FORMS = {
    "unified": {"name": "socratic", "roles": "unified"},
    "split": {"name": "socratic", "roles": "split"},
    "cot": {"name": "cot"},
    "answer": {"name": "answer"},
}
ROLES = {"split": ["decomposer", "solver"]}
WRITTEN = {
    "unified": "Ask: How many candles does Nora pack?\nWork: She packs 4*12 = <<4*12=48>>48 candles.\n"
    "Ask: How many candles does she sell?\nWork: She sells 48-8 = <<48-8=40>>40 candles.\n#### 40",
    "cot": "Work: She packs 4*12 = <<4*12=48>>48 candles.\n"
    "Work: She sells 48-8 = <<48-8=40>>40 candles.\n#### 40",
    "answer": "#### 40",
}
WRITTEN["split"] = WRITTEN["unified"]


@pytest.mark.parametrize("form", FORMS)
def test_a_student_that_learnt_four_problems_solves_them(
    form: str, socli: Socli, tmp_path: Path, home: Path, four: Path, llama: Path
) -> None:
    by_heart = str(recipe(tmp_path, form, four, llama, scheme=FORMS[form]))
    store = home / "socli.db"

    annotated = socli("annotate", "--recipe", by_heart)
    assert (annotated.code, annotated.out) == (0, "")
    assert annotated.told[-1] == f"kept 4 now, 4 in all; next: socli distill --recipe {by_heart}"
    assert sql(store, "SELECT verdict, count(*) FROM traces GROUP BY verdict") == [("kept", 4)]
    assert sql(store, "SELECT count(*) FROM steps") == [(7,)]

    distilled = socli("distill", "--recipe", by_heart)
    assert (distilled.code, distilled.out) == (0, "")
    assert distilled.told[-1] == f"next: socli bench --recipe {by_heart}"
    roles = ROLES.get(form, ["student"])
    assert sql(store, "SELECT name, status, roles, note FROM runs") == [
        (form, "done", "split" if form == "split" else "unified", "4 traces")
    ]
    assert sql(store, "SELECT role, count(*), max(step) FROM metrics GROUP BY role ORDER BY role") == [
        (role, 60, 60) for role in roles
    ]

    solved = socli("solve", NORA)
    assert solved.code == 0
    assert solved.lines[0] == NORA
    assert solved.lines[-1] == "Answer: 40"

    benched = socli("bench", "--recipe", by_heart, "--json")
    assert benched.code == 0
    assert {row["id"]: row["text"] for row in benched.rows}[PROBLEMS[0].id] == WRITTEN[form]
    assert json.loads(benched.told[-1])["accuracy"] == 1.0
    assert sql(store, "SELECT count(*), sum(correct) FROM predictions") == [(4, 4)]
    assert sql(store, "SELECT status, n, accuracy, calculator FROM benches") == [("done", 4, 1.0, 1)]

    shown = socli("runs", "show", form)
    assert shown.code == 0
    assert f"recipe {form}, {FORMS[form]['name']}" in shown.out
    assert re.search(rf"^{roles[0]}: loss \d\.\d\d\d to 0\.\d\d\d ", shown.out, re.MULTILINE)
    assert "100.0 %" in shown.out
    assert shown.lines[-1] == f"repeat it: socli distill --recipe {by_heart} --again"

    ((trace,),) = sql(store, f"SELECT id FROM traces WHERE problem = '{PROBLEMS[0].id}'")
    assert socli("traces", "show", trace[:6]).lines[:-1] == [
        *("Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she", "sell?"),
        "├── How many candles does Nora pack?",
        "│   ✓ She packs 4*12 = ‹48› candles.",
        "├── How many candles does she sell?",
        "│   ✓ She sells 48-8 = ‹40› candles.",
        "└── Answer: 40",
    ]


def test_a_built_in_recipe_runs_through_on_another_student(socli: Socli, home: Path, llama: Path) -> None:
    small = ["--set", f"student.base={llama}", "--set", "problems.limit=3", "--set", "bench.limit=2"]
    distilled = socli("distill", *small)
    assert distilled.code == 0
    told = distilled.told
    assert told[0] == "made 3 traces first, from the data's own steps (teacher `reference`, free)"
    assert told[-1].startswith("next: socli bench --recipe quickstart --set student.base=")
    benched = socli(*told[-1].removeprefix("next: socli ").split(), "--json")
    assert benched.code == 0
    assert len(benched.rows) == 2
    assert json.loads(benched.told[-1])["n"] == 2
    members = sql(home / "socli.db", "SELECT set_name, count(*) FROM members GROUP BY set_name")
    assert members == [("stories:test steps 1-3 seed 0", 2), ("stories:train steps 1-3 seed 0", 3)]
    repeat = socli("runs", "show", "quickstart").lines[-1]
    assert repeat.startswith("repeat it: socli distill --recipe quickstart --set ")
    assert f"--set student.base={llama}" in repeat
    assert "--set problems.limit=3" in repeat


def test_t2_a_killed_distill_goes_on_from_its_checkpoint_when_typed_again(
    socli: Socli, start: Callable[..., Process], home: Path, by_heart: Path
) -> None:
    often = ["--set", "train.checkpoint_minutes=0.005", "--set", "train.epochs=90"]
    command = ["distill", "--recipe", str(by_heart), *often]
    killed = start(*command)
    killed.read_until("student kept to step ")
    killed.send(signal.SIGKILL)
    assert killed.end().code == -signal.SIGKILL
    ((run, folder),) = sql(home / "socli.db", "SELECT id, folder FROM runs WHERE status = 'started'")

    with FileLock(home / folder / "lock"):  # as if another process were at it
        second = socli(*command)
    assert second.code == 75
    assert second.told[-1] == f"error: run {run} is being trained by another process"
    unfinished = socli("bench", "--run", run, "-", input='{"question": "?"}')
    assert unfinished.code == 3
    assert f"error: run {run} is not finished" in unfinished.err

    again = socli(*command)
    assert again.code == 0
    assert f"going on with run {run}, begun " in again.err
    assert re.search(r"90 steps, .*, going on from step [1-9]", again.err)
    assert sql(home / "socli.db", "SELECT id, status FROM runs") == [(run, "done")]
    steps = "SELECT count(*), count(DISTINCT step), max(step) FROM metrics"
    (count, distinct, last) = sql(home / "socli.db", steps)[0]
    assert count == distinct
    assert last == 90
    assert not (home / folder / "checkpoints").exists()
    assert socli("solve", NORA).lines[-1] == "Answer: 40"
