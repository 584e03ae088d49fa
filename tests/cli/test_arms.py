"""A recipe of several arms and seeds: one command trains the queue, another scores it."""

import hashlib
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Process, Socli, recipe, sql
from doubles import PROBLEMS

from socli.problem import Step, Trace
from socli.records import TraceRow
from socli.store import Store

ARMS = {
    "arms.cot": {"scheme.name": "cot"},
    "arms.planned": {"scheme.roles": "split", "scheme.decomposer": "planned", "scheme.guide": "count"},
}
NORA = (
    "Plan: 2\nAsk: How many candles does Nora pack?\nAsk: How many candles does she sell?\n"
    "Work: She packs 4*12 = <<4*12=48>>48 candles.\nWork: She sells 48-8 = <<48-8=40>>40 candles.\n#### 40"
)


@pytest.fixture
def compared(tmp_path: Path, four: Path, llama: Path) -> str:
    """A recipe with two arms and two seeds that learns nothing much."""
    train = {"epochs": 1, "seeds": [1, 2]}
    return str(recipe(tmp_path, "compared", four, llama, train=train, **ARMS))


def test_each_arm_is_trained_with_each_seed_and_scored(socli: Socli, home: Path, compared: str) -> None:
    done = socli("distill", "--recipe", compared)
    assert (done.code, done.out) == (0, "")
    assert [line for line in done.told if " of 4: " in line] == [
        "1 of 4: arm cot, seed 1",
        "2 of 4: arm planned, seed 1",
        "3 of 4: arm cot, seed 2",
        "4 of 4: arm planned, seed 2",
    ]
    runs = sql(home / "socli.db", "SELECT arm, seed, scheme, roles, budget, status, note FROM runs")
    assert runs == [
        ("cot", 1, "cot", "unified", "problems", "done", "4 traces"),
        ("planned", 1, "socratic", "split", "problems", "done", "4 traces"),
        ("cot", 2, "cot", "unified", "problems", "done", "4 traces"),
        ("planned", 2, "socratic", "split", "problems", "done", "4 traces"),
    ]
    roles = sql(home / "socli.db", "SELECT DISTINCT role FROM metrics ORDER BY role")
    assert roles == [("decomposer",), ("planner",), ("solver",), ("student",)]
    assert sql(home / "socli.db", "SELECT count(DISTINCT traces) FROM runs") == [(1,)]
    listed = [line.split("\t")[2:5] for line in socli("runs").lines]
    assert listed[0] == ["planned", "2", "socratic split planned, guide count"]
    assert listed[3] == ["cot", "1", "cot"]

    again = socli("distill", "--recipe", compared)
    ids = [run for (run,) in sql(home / "socli.db", "SELECT id FROM runs ORDER BY rowid")]
    assert again.told[:2] == [
        f"run {ids[0]} is done already (1 of 4: arm cot, seed 1)",
        f"run {ids[1]} is done already (2 of 4: arm planned, seed 1)",
    ]
    assert len(ids) == 4

    benched = socli("bench", "--recipe", compared, "--limit", "2", "--json")
    assert benched.code == 0
    assert [row["run"] for row in benched.rows] == [run for run in ids for _ in range(2)]
    assert [line for line in benched.told if line.startswith("run ")] == [
        f"run {ids[0]}: arm cot, seed 1",
        f"run {ids[1]}: arm planned, seed 1",
        f"run {ids[2]}: arm cot, seed 2",
        f"run {ids[3]}: arm planned, seed 2",
    ]
    assert [card["model"] for card in json.loads(benched.told[-1])["sets"]] == ids
    refused = socli("bench", "-", "--recipe", compared, input="")
    assert (refused.code, refused.told[0]) == (2, "error: stdin can be read by one run alone")


def test_t2_a_queue_killed_in_its_second_run_ends_in_the_same_weights(
    socli: Socli, start: Callable[..., Process], home: Path, tmp_path: Path, compared: str
) -> None:
    often = [
        "--set",
        "train.checkpoint_minutes=0.001",
        "--set",
        "train.epochs=12",
        "--set",
        "train.seeds=[1]",
    ]
    command = ["distill", "--recipe", compared, *often]
    killed = start(*command)
    killed.read_until("decomposer kept to step ")  # the second arm is split, the first is not
    killed.send(signal.SIGKILL)
    assert killed.end().code == -signal.SIGKILL
    assert sql(home / "socli.db", "SELECT status FROM runs ORDER BY rowid") == [("done",), ("started",)]

    assert socli(*command).code == 0
    assert socli(*command, "--store", str(tmp_path / "whole.db")).code == 0
    steps = "SELECT arm, role, step, loss, m.lr FROM metrics m JOIN runs r ON r.id = m.run ORDER BY 1, 2, 3"
    assert sql(home / "socli.db", steps) == sql(tmp_path / "whole.db", steps)
    assert weights(home / "socli.db") == weights(tmp_path / "whole.db")


def weights(store: Path) -> dict[tuple[str, str], str]:
    """The hash of each role's weights, by arm."""
    folders = sql(store, "SELECT arm, folder FROM runs")
    return {
        (arm, file.parent.name): hashlib.sha256(file.read_bytes()).hexdigest()
        for arm, folder in folders
        for file in sorted((store.parent / folder).rglob("*.safetensors"))
    }


def test_an_arm_that_learnt_plans_asks_and_solves(
    socli: Socli, home: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    by_heart = str(recipe(tmp_path, "arms", four, llama, **ARMS))
    done = socli("distill", "--recipe", by_heart, "--arm", "planned")
    assert done.code == 0
    assert not any(" of " in line for line in done.told if line.startswith(("1 ", "2 ")))
    benched = socli("bench", "--recipe", by_heart, "--json")
    assert f"not trained yet: arm cot, seed 1; next: socli distill --recipe {by_heart}" in benched.told
    assert {row["id"]: row["text"] for row in benched.rows}[PROBLEMS[0].id] == NORA
    assert json.loads(benched.told[-1])["accuracy"] == 1.0

    shown = socli("runs", "show", "arms")
    assert shown.lines[0].endswith(
        f": recipe arms, socratic split planned, guide count, arm planned, seed 1, base {llama}"
    )
    assert [line.partition(":")[0] for line in shown.lines if re.match(r"\w+: loss", line)] == [
        *("decomposer", "planner", "solver")
    ]
    assert shown.lines[-1] == f"repeat it: socli distill --recipe {by_heart} --arm planned --again"


def test_the_command_that_repeats_an_arm_names_its_seed_and_what_was_set(
    socli: Socli, home: Path, compared: str
) -> None:
    given = ["--set", "arms.cot.scheme.name=answer", "--set", "train.lr=0.001", "--set", "train.seeds=[7]"]
    assert socli("distill", "--recipe", compared, *given, "--arm", "cot").code == 0
    repeat = socli("runs", "show", "compared").lines[-1]
    assert repeat == (
        f"repeat it: socli distill --recipe {compared} --set arms.cot.scheme.name=answer"
        " --set train.lr=0.001 --set 'train.seeds=[7]' --arm cot --again"
    )
    import shlex

    assert socli(*shlex.split(repeat.removeprefix("repeat it: socli "))).code == 0
    one, other = (json.loads(text) for (text,) in sql(home / "socli.db", "SELECT recipe FROM runs"))
    assert one == other
    weights = sorted(home.glob("socli-runs/*/student/model.safetensors"))
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.parametrize(
    ("name", "hint"), [("cott", "did you mean `cot`?"), ("xyz", "its arms: cot, planned")]
)
def test_an_arm_that_is_none_is_refused(
    name: str, hint: str, socli: Socli, home: Path, compared: str
) -> None:
    done = socli("distill", "--recipe", compared, "--arm", name)
    assert (done.code, done.told) == (2, [f"error: the recipe has no arm '{name}'", f"hint: {hint}"])
    assert not home.exists()


def test_arms_without_a_run_name_the_command_that_trains_them(socli: Socli, compared: str) -> None:
    done = socli("bench", "--recipe", compared)
    assert (done.code, done.told) == (
        3,
        [
            f"error: there is no finished run of recipe {compared} yet",
            f"hint: socli distill --recipe {compared}",
        ],
    )


def test_problems_that_one_arm_cannot_learn_from_are_left_out_of_all(
    socli: Socli, home: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    rows = [json.loads(line) for line in four.read_text().splitlines()]
    rows[0]["steps"] = [step | {"question": ""} for step in rows[0]["steps"]]
    four.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    arms = {"arms.answer": {"scheme.name": "answer"}, "arms.asks": {"scheme.name": "socratic"}}
    path = recipe(tmp_path, "uneven", four, llama, train={"epochs": 1}, **arms)
    done = socli("distill", "--recipe", str(path))
    assert done.code == 0
    assert "left out 1 problems: they have no trace that fits every arm" in done.told
    assert sql(home / "socli.db", "SELECT arm, note FROM runs") == [
        ("answer", "3 traces"),
        ("asks", "3 traces"),
    ]


def test_roles_may_start_from_different_students(
    socli: Socli, home: Path, tmp_path: Path, four: Path, llama: Path, student_folders: dict[str, Path]
) -> None:
    bases = {"decomposer": str(student_folders["gpt2"]), "planner": str(student_folders["qwen2"])}
    scheme = {"roles": "split", "guide": "operators"}
    path = recipe(
        tmp_path, "mixed", four, llama, student=bases, scheme=scheme, train={"epochs": 40, "lr": 0.02}
    )
    assert socli("distill", "--recipe", str(path)).code == 0
    ((folder,),) = sql(home / "socli.db", "SELECT folder FROM runs")
    families = {
        role: json.loads((home / folder / role / "config.json").read_text())["model_type"]
        for role in ("planner", "decomposer", "solver")
    }
    assert families == {"planner": "qwen2", "decomposer": "gpt2", "solver": "llama"}
    shown = socli("runs", "show", "mixed").lines[0]
    assert shown.endswith(
        f"base {llama}, decomposer from {bases['decomposer']}, planner from {bases['planner']}"
    )
    scored = json.loads(socli("bench", "--recipe", str(path), "--json").told[-1])
    assert scored["n"] == 4
    assert scored["accuracy"] >= 0.75


def test_an_arm_may_learn_the_same_problems_from_another_teacher(
    socli: Socli, home: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    arms = {"arms.reference": {"scheme.teacher": "reference"}, "arms.taught": {}}
    mixed = str(recipe(tmp_path, "mixed", four, llama, teacher={"model": "m"}, **arms))
    missing = socli("distill", "--recipe", mixed)
    assert (missing.code, missing.told[-2:]) == (
        3,
        ["error: there is no kept trace to learn from", f"hint: socli annotate --recipe {mixed}"],
    )
    with Store(home / "socli.db") as store:
        store.add_traces(
            TraceRow(Trace(one.id, (Step("And now?", "That is it."),), one.gold or "", "m"), "kept")
            for one in PROBLEMS[:3]
        )
    shown = socli("distill", "--recipe", mixed, "--show-lessons", "1")
    assert shown.code == 0
    assert "left out 1 problems: they have no trace that fits every arm" in shown.told
    runs = sql(home / "socli.db", "SELECT arm, note, json_extract(recipe, '$.scheme.teacher') FROM runs")
    assert runs == [("reference", "3 traces", "reference"), ("taught", "3 traces", "m")]
    losses = sql(home / "socli.db", "SELECT DISTINCT run, loss FROM metrics WHERE step = 1")
    assert len({loss for _, loss in losses}) == 2  # they read different words
    assert socli("bench", "--recipe", mixed, "--limit", "2").code == 0
    table = socli("report", "--recipe", mixed).out
    assert "reference\tsocratic unified, traces by reference\t" in table
    assert "taught\tsocratic unified, traces by m\t" in table
    assert "taught\treference\t" in table  # compared with each other
    taught = socli("runs", "show", runs_of(home)["taught"]).lines[-1]
    assert taught.endswith("--arm taught --again")

    both = socli("distill", "--recipe", mixed, "--set", "teacher.reuse=true", "--set", "problems.augment=2")
    assert (both.code, both.told[-1]) == (2, "hint: leave out teacher.reuse, problems.augment")


def runs_of(home: Path) -> dict[str, str]:
    """The id of each arm's last run."""
    return dict(sql(home / "socli.db", "SELECT arm, id FROM runs"))
