"""Two processes on gloo train as one does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from socli.engine import ranks, team
from socli.engine.team import ALONE, Team
from socli.errors import TryAgainError, UsageError

MEMBER = """
import json, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from doubles import PROBLEMS
from socli import scheme
from socli.engine import team, training
from socli.engine.student import load
from socli.events import Trained
from socli.problem import Trace
from socli.tables import TrainTable
from socli.scheme import Scheme

training.fast_precision = lambda where: "fp32"
lessons = [
    lesson for p in PROBLEMS
    for lesson in scheme.lessons(p, Trace(p.id, p.steps, p.gold, "reference"), Scheme())
]
student = load(Path(sys.argv[2]), "tiny", "fp32", torch.device("cpu"))
together = team.joined()
table = TrainTable(epochs=2, batch=3, lr=0.01, checkpoint_minutes=1e-9, average=0.5)
events = training.train(student, lessons, table, Path(sys.argv[3]), "run", team=together)
losses = [event.loss for event in events if isinstance(event, Trained)]
total = sum(weight.double().abs().sum().item() for weight in student.model.parameters())
print(json.dumps({"rank": together.rank, "losses": losses, "total": total, "told": together.tell({"x": 1})}))
team.leave()
"""


def trained(size: int, base: Path, folder: Path) -> list[dict]:
    """What each of so many processes says at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", MEMBER, str(Path(__file__).parent), str(base), str(folder)]
    members = [
        subprocess.Popen(
            command, env={**os.environ, **shared, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True
        )
        for rank in range(size)
    ]
    return [json.loads(member.communicate(timeout=120)[0].splitlines()[-1]) for member in members]


def test_two_processes_have_the_losses_and_weights_of_one(student_folders, tmp_path):
    (alone,) = trained(1, student_folders["llama"], tmp_path / "alone")
    first, second = trained(2, student_folders["llama"], tmp_path / "both")
    assert len(alone["losses"]) == 4  # steps of three lessons and of one: the second process has none of it
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    assert first["total"] == pytest.approx(alone["total"], rel=1e-5)
    assert (second["losses"], second["total"]) == (first["losses"], first["total"])
    assert first["told"] == second["told"] == {"x": 1}
    names = sorted(path.name for path in (tmp_path / "both").iterdir())
    assert names == ["step-2", "step-3"]  # as one process writes them


def test_a_step_is_shared_out_without_losing_a_lesson():
    assert [Team(rank, 3).share("abcde") for rank in range(3)] == [["a", "d"], ["b", "e"], ["c"]]


def test_alone_there_is_nobody_to_agree_with():
    assert ALONE.agree(1.5, True) == (1.5, True)
    assert ALONE.tell({"a": 1}) == {"a": 1}
    assert ALONE.first


def test_a_process_that_ends_before_it_joins_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(TryAgainError) as caught, ranks.beside(2):
        team.joined()
    assert str(caught.value) == "process 1 of the team ended with code 1: it said nothing"
    assert "WORLD_SIZE" not in os.environ


def test_a_launcher_that_does_not_say_where_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UsageError, match="WORLD_SIZE is 2, but MASTER_ADDR is not set"):
        team.joined()
