"""The whole loop on the real embedded student, in both Socratic forms."""

import json
import os
from pathlib import Path

import pytest
from command_line import Socli, sql

from socli import models
from socli.errors import MissingError

ROLES = {"unified": ["student"], "split": ["decomposer", "solver"]}


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of smollm2-135m, fetched where it can be; the test is skipped where it cannot."""
    chosen = os.environ["SOCLI_HOME"]
    monkeypatch.undo()  # the models of the person who runs the tests, where they have some
    if "SOCLI_HOME" not in os.environ and models.on_disk("smollm2-135m") is None:
        monkeypatch.setenv("SOCLI_HOME", chosen)
    try:
        folder = models.fetch("smollm2-135m")
    except MissingError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("SOCLI_HOME", chosen)
    return folder


@pytest.mark.student
@pytest.mark.parametrize("roles", ["unified", "split"])
def test_the_embedded_student_learns_solves_and_is_scored(
    roles: str, socli: Socli, embedded: Path, tmp_path: Path
) -> None:
    store = tmp_path / "home" / "socli.db"
    settings = {
        "problems.limit": 8,
        "scheme.roles": roles,
        "student.base": json.dumps(str(embedded)),
        "train.epochs": 2,
    }
    changes = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    distilled = socli("distill", "--recipe", "quickstart", *changes)
    assert distilled.code == 0, distilled.err
    losses = sql(store, "SELECT role, step, loss FROM metrics ORDER BY role, step")
    assert {role for role, _, _ in losses} == set(ROLES[roles])
    for role in ROLES[roles]:
        curve = [loss for who, _, loss in losses if who == role]
        assert curve[-1] < 0.8 * curve[0], f"{role} learnt nothing: {curve}"

    solved = socli("solve", "Ana buys 3 packs of 8 stickers and gives 5 away. How many are left?", "--json")
    assert solved.code == 0, solved.err
    written = json.loads(solved.lines[-1])["prediction"]["text"]
    assert written.startswith("Ask: ")
    assert "Work: " in written

    benched = socli("bench", "stories:test", "--steps", "1-2", "--limit", "3", "--json")
    assert benched.code == 0, benched.err
    assert len(benched.lines) == 3
    assert json.loads(benched.told[-1])["n"] == 3
    assert sql(store, "SELECT count(*) FROM predictions") == [(3,)]
