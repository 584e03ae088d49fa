"""`socli distill`: what it makes first, what it says, and how it is stopped."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Socli, Terminal, dump, jsonl, listing, recipe, sql

OFTEN = ["--set", "train.checkpoint_minutes=1000", "--set", "train.epochs=2000"]
"""Checkpoints only when it is stopped; long enough to be stopped."""


def test_json_is_the_events_on_stderr(socli: Socli, by_heart: Path) -> None:
    done = socli("distill", "--recipe", str(by_heart), "--set", "train.epochs=2", "--json")
    assert (done.code, done.out) == (0, "")
    events = [json.loads(line) for line in done.told]
    assert [event["event"] for event in events] == ["noted", "distillbegan", "trained", "trained", "saved"]
    assert (events[1]["lessons"], events[1]["steps"], events[1]["role"]) == (4, 2, "student")


def test_a_run_of_a_recipe_file_is_called_after_it(
    socli: Socli, home: Path, by_heart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(by_heart.parent)
    assert socli("distill", "--recipe", "./by-heart.toml", "--set", "train.epochs=1").code == 0
    assert sql(home / "socli.db", "SELECT name FROM runs") == [("by-heart",)]
    assert [path.name[:9] for path in (home / "socli-runs").iterdir()] == ["by-heart-"]
    repeat = socli("runs", "show", "by-heart").lines[-1]
    assert repeat == f"repeat it: socli distill --recipe {by_heart} --set train.epochs=1 --again"
    by_heart.unlink()
    gone = socli("runs", "show", "by-heart").lines[-1]
    assert gone.startswith(f"repeat it: socli distill --recipe {by_heart} --again (there is no recipe file")


def test_what_is_done_is_left_alone_until_it_is_asked_for_again(
    socli: Socli, home: Path, by_heart: Path, four: Path
) -> None:
    once = ["distill", "--recipe", str(by_heart), "--set", "train.epochs=1"]
    assert socli(*once).code == 0
    ((run,),) = sql(home / "socli.db", "SELECT id FROM runs")
    done = socli(*once, "--set", "bench.limit=2")  # how it is scored does not change what was learnt
    assert (done.code, done.told[0]) == (0, f"run {run} is done already")
    assert sql(home / "socli.db", "SELECT id FROM runs") == [(run,)]
    assert socli(*once, "--again").code == 0
    assert sql(home / "socli.db", "SELECT count(*), sum(status = 'done') FROM runs") == [(2, 2)]
    jsonl(four, [json.loads(line) for line in four.read_text().splitlines()][:3])
    assert "is done already" not in socli(*once, "--set", "problems.limit=3").err
    assert sql(home / "socli.db", "SELECT note FROM runs")[-1] == ("3 traces",)


def test_traces_that_cost_something_are_not_made_but_the_command_is_named(
    socli: Socli, by_heart: Path, home: Path
) -> None:
    paid = ["--recipe", str(by_heart), "--set", "teacher.model=gpt-4o"]
    done = socli("distill", *paid)
    assert (done.code, done.out) == (3, "")
    assert done.told == [
        "error: there is no kept trace to learn from",
        f"hint: socli annotate {' '.join(paid)}",
    ]
    assert sql(home / "socli.db", "SELECT count(*) FROM runs") == [(0,)]


def test_traces_of_one_set_do_not_stand_in_for_those_of_a_set_that_is_not_here(
    socli: Socli, trained: Path, llama: Path
) -> None:
    done = socli("distill", "--recipe", "gsm8k", "--set", f"student.base={llama}")
    assert done.code == 3
    assert done.told[0].startswith("error: gsm8k:train is not on this machine: ")
    assert done.told[1].startswith("hint: set SOCLI_DATA to a folder that holds gsm8k/train_socratic.jsonl")


def test_where_the_file_is_gone_its_traces_in_the_store_do(
    socli: Socli, home: Path, four: Path, by_heart: Path
) -> None:
    assert socli("annotate", "--recipe", str(by_heart)).code == 0
    four.unlink()
    assert socli("distill", "--recipe", str(by_heart), "--set", "train.epochs=1").code == 0
    assert sql(home / "socli.db", "SELECT note FROM runs") == [("4 traces",)]


@pytest.mark.parametrize(
    ("override", "error", "hint"),
    [
        ("train.epoch=2", "there is no setting `train.epoch`", "did you mean `epochs`?"),
        ("trian.epochs=2", "there is no setting `trian`", "did you mean `train`?"),
        ("train.lr=nan", "`train.lr`: ", None),
        ("train.lr=-1", "`train.lr`: input should be greater than 0", None),
        ("train.epochs=many", "`train.epochs`: input should be a valid integer", None),
        (
            "scheme.name=sokratic",
            "`scheme.name`: input should be 'answer', 'cot', 'socratic' or 'verify'",
            None,
        ),
        ("problems.train=storis:train", "there is no set storis:train", "did you mean stories:train?"),
        ("problems.train=none.jsonl", "there is no file ", None),
        ("epochs", "--set 'epochs' is not table.key=value", "for example --set train.epochs=2"),
        ("student.base=gtp2", "'gtp2' is no known student", "did you mean `gpt2`?"),
        ("student.base=gpt2", "gpt2 is not here and cannot be fetched", "or copy its folder"),
    ],
)
def test_t19_a_bad_recipe_is_a_sentence_before_anything_is_trained(
    override: str, error: str, hint: str | None, socli: Socli, home: Path, by_heart: Path
) -> None:
    done = socli("distill", "--recipe", str(by_heart), "--set", override)
    assert done.code == (3 if "not here" in error or "no file" in error else 2)
    said = [line for line in done.told if line.startswith(("error:", "hint:"))]
    assert error in said[0]
    assert said[1:] == [] if hint is None else said[1].startswith(f"hint: {hint}")
    assert not (home / "socli-runs").exists()


def test_t19_every_fault_of_a_recipe_is_said_at_once(socli: Socli, by_heart: Path, home: Path) -> None:
    faults = ["--set", "train.epoch=1", "--set", "train.lr=-1", "--set", "scheme.names=cot"]
    done = socli("distill", "--recipe", str(by_heart), *faults)
    assert done.code == 2
    for fault in ("there is no setting `train.epoch`", "`train.lr`: ", "there is no setting `scheme.names`"):
        assert fault in done.told[0]
    assert not (home / "socli.db").exists()


def test_t19_an_empty_data_set_is_a_sentence(socli: Socli, tmp_path: Path, home: Path, llama: Path) -> None:
    empty = recipe(tmp_path, "empty", jsonl(tmp_path / "empty.jsonl", []), llama)
    done = socli("distill", "--recipe", str(empty))
    assert (done.code, done.told) == (
        3,
        ["error: there is no kept trace to learn from", f"hint: socli annotate --recipe {empty}"],
    )
    assert not (home / "socli-runs").exists()


@pytest.mark.parametrize("name", ["My Recipe", "con", ".hidden", "a" * 80])
def test_t20_a_name_that_cannot_be_a_folder_is_refused_before_anything_is_done(
    name: str, socli: Socli, tmp_path: Path, by_heart: Path
) -> None:
    (tmp_path / f"{name}.toml").write_text(by_heart.read_text())
    before = listing(tmp_path)
    done = socli("distill", "--recipe", str(tmp_path / f"{name}.toml"))
    assert (done.code, done.out) == (2, "")
    assert done.told == [
        f"error: `{name}` cannot be the name of a run",
        "hint: use up to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit",
    ]
    assert listing(tmp_path) == before


def test_t20_wherever_the_recipe_lies_its_run_lies_in_the_home(
    socli: Socli, tmp_path: Path, home: Path, by_heart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    before = listing(tmp_path)
    assert socli("distill", "--recipe", "../by-heart.toml", "--set", "train.epochs=1").code == 0
    assert {path.split("/")[0] for path in listing(tmp_path).keys() - before} == {"home"}


def test_t18_ctrl_c_keeps_what_was_learnt_and_says_how_to_go_on(
    terminal: Callable[..., Terminal], socli: Socli, home: Path, by_heart: Path
) -> None:
    screen = terminal("distill", "--recipe", str(by_heart), *OFTEN)
    screen.wait_for("tokens/s")
    screen.child.sendintr()
    assert screen.end() == 130
    shown = [row for row in screen.rows() if row]
    assert not screen.screen().cursor.hidden
    assert " ".join(shown[-2:]).endswith("and the same command goes on from there")
    (step,) = re.findall(r"kept to step (\d+)", "\n".join(shown))

    ((run, status),) = sql(home / "socli.db", "SELECT id, status FROM runs")
    assert status == "started"
    assert int(step) > 0
    assert sql(home / "socli.db", "SELECT max(step) FROM metrics") == [(int(step),)]
    assert [
        path.name for path in (home / "socli-runs" / f"by-heart-{run}" / "checkpoints" / "student").iterdir()
    ] == [f"step-{step}"]
    listed = socli("runs", "list", "--json").rows
    assert [(row["id"], row["status"]) for row in listed] == [(run, "started")]
    assert socli("solve", "?").told[0] == "error: there is no trained student yet"


def test_t18_sigterm_keeps_what_was_learnt_too(socli: Socli, home: Path, by_heart: Path) -> None:
    def terminate() -> None:
        while not any(home.glob("socli-runs/*/lock")):
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate, daemon=True).start()
    done = socli("distill", "--recipe", str(by_heart), *OFTEN)
    assert done.code == 143
    assert done.told[-1] == (
        "terminated; what was done so far is kept, and the same command goes on from there"
    )
    assert re.search(r"^student kept to step \d+$", done.err, re.MULTILINE)


def test_a_bad_recipe_changes_nothing_in_a_store(socli: Socli, trained: Path, by_heart: Path) -> None:
    before = dump(trained)
    assert socli("distill", "--recipe", str(by_heart), "--set", "train.batch=0").code == 2
    assert socli("distill", "--recipe", "quickstrat").code == 2
    assert dump(trained) == before
