"""`socli distill --show-lessons`, `--devices`, `train.dev`: what is shown, who trains along, what is kept."""

import signal
from collections.abc import Callable
from pathlib import Path

from command_line import Process, Socli, sql

ONCE = ["--set", "train.epochs=1"]


def test_lessons_are_shown_before_they_are_learnt(socli: Socli, by_heart: Path) -> None:
    done = socli("distill", "--recipe", str(by_heart), *ONCE, "--show-lessons", "1")
    assert done.code == 0
    said, *lines = done.lines
    assert said.startswith("what the student learns from problem ")
    assert lines == [
        "Problem: Nora packs 4 boxes of 12 candles and keeps 8 back. How many candles does she sell?",
        "{+Ask: How many candles does Nora pack?",
        "Work: She packs 4*12 = <<4*12=48>>48 candles.",
        "Ask: How many candles does she sell?",
        "Work: She sells 48-8 = <<48-8=40>>40 candles.",
        "#### 40<end>+}",
        "",
    ]


def test_what_each_of_two_roles_learns_is_shown_apart(socli: Socli, by_heart: Path) -> None:
    split = ["--set", "scheme.roles=split", "--show-lessons", "1"]
    done = socli("distill", "--recipe", str(by_heart), *ONCE, *split)
    assert done.code == 0
    assert [line for line in done.lines if line.startswith("what the")][1].startswith("what the solver ")
    assert "Work:{+ She packs 4*12 = <<4*12=48>>48 candles." in done.lines
    assert "{+<end>+}" in done.out  # of the decomposer, which learns to end


def test_dev_problems_are_told_and_their_accuracy_is_stored(socli: Socli, home: Path, by_heart: Path) -> None:
    dev = ["--set", "train.dev=1", "--set", "train.dev_times=1", "--set", "bench.max_tokens=40"]
    done = socli("distill", "--recipe", str(by_heart), *ONCE, *dev)
    assert done.code == 0
    assert any(
        line.startswith("student step 1: ") and "of 1 dev problems right" in line for line in done.told
    )
    (accuracy,) = sql(home / "socli.db", "SELECT accuracy FROM metrics WHERE step = 1")
    assert accuracy[0] in (0.0, 1.0)


def test_two_processes_train_one_student_and_a_stop_ends_both(
    start: Callable[..., Process], home: Path, by_heart: Path
) -> None:
    often = [
        "--set",
        "train.epochs=100000",
        "--set",
        "train.batch=2",
        "--set",
        "train.checkpoint_minutes=100",
    ]
    process = start("distill", "--recipe", str(by_heart), "--devices", "2", *often)
    process.read_until(" step ")
    process.send(signal.SIGTERM)
    done = process.end()
    assert done.code == 143
    ((last,),) = sql(home / "socli.db", "SELECT max(step) FROM metrics")
    assert f"student kept to step {last}" in done.told
    assert [path.name for path in home.glob("socli-runs/*/checkpoints/student/*")] == [f"step-{last}"]
