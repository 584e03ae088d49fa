"""Arms that change more than the scheme: each trained as it says, found again, compared as one thing more."""

from pathlib import Path

import pytest
from command_line import Socli, recipe, sql
from doubles import PROBLEMS

from socli.augment import augmented
from socli.problem import Trace
from socli.report import paper
from socli.report.results import read

PAIRS = [(p, Trace(p.id, p.steps, p.gold or "", "reference")) for p in PROBLEMS]
ARMS = {
    "arms.plain": {},
    "arms.swap": {"problems.augment": 3},
    "arms.later": {},
    "arms.both": {"problems.augment": 3, "train.average": 0.5},
}


@pytest.fixture
def levers(socli: Socli, home: Path, trained: Path, tmp_path: Path, four: Path, llama: Path) -> str:
    """A recipe with four arms, all trained and scored; one starts from a run that knows the problems."""
    arms = {**ARMS, "arms.later": {"student.base": "run:by-heart"}}
    name = str(recipe(tmp_path, "levers", four, llama, train={"epochs": 1, "lr": 1e-30}, **arms))
    for verb in ("distill", "bench"):
        done = socli(verb, "--recipe", name)
        assert done.code == 0, done.err
        if verb == "distill":
            many = len(augmented(PAIRS, 3, 0))
            assert f"made {many} variants with swapped numbers" in done.err
    return name


def test_each_arm_is_trained_scored_and_compared_with_what_has_one_thing_less(
    socli: Socli, home: Path, tmp_path: Path, levers: str
) -> None:
    many = len(augmented(PAIRS, 3, 0))
    notes = "SELECT arm, note FROM runs WHERE name = 'levers' ORDER BY rowid"
    assert sql(home / "socli.db", notes) == [
        ("plain", "4 traces"),
        ("swap", f"4 traces and {many} variants with swapped numbers"),
        ("later", "4 traces"),
        ("both", f"4 traces and {many} variants with swapped numbers"),
    ]
    (first,) = sql(home / "socli.db", "SELECT id FROM runs WHERE name = 'by-heart'")
    bases = dict(sql(home / "socli.db", "SELECT arm, base FROM runs WHERE name = 'levers'"))
    assert bases["later"] == f"run:{first[0]}"
    assert len({bases[arm] for arm in ("plain", "swap", "both")}) == 1
    again = socli("distill", "--recipe", levers)
    assert sum("is done already" in line for line in again.told) == 4

    file = socli("report", "--recipe", levers, "--results", str(tmp_path / "out")).lines[0]
    found = read(Path(file).read_text(), file)
    assert (found.variant, [one.arm for one in found.entries]) == ("", ["plain", "swap", "later", "both"])
    (section,) = paper.sections(found)
    assert {(one.first, one.second) for one in section.contests} == {
        ("plain", "swap"), ("plain", "later"), ("plain", "both"), ("swap", "both"),
    }  # fmt: skip
    rights = {row.arm: sum(map(sum, row.outcomes(row.places))) for row in section.rows}
    assert (rights["plain"], rights["later"]) == (0, 4)
    schemes = {row[0]: row[1] for row in paper.scores(section)[1]}
    assert schemes["plain"] == "socratic unified"
    assert schemes["both"] == "socratic unified, augment 3, average 0.5"


def test_the_command_that_repeats_an_arm_names_what_is_its_own(
    socli: Socli, home: Path, tmp_path: Path, four: Path, llama: Path
) -> None:
    name = str(recipe(tmp_path, "levers", four, llama, train={"epochs": 1, "lr": 1e-30}, **ARMS))
    given = ["arms.both.train.average=0.25", "train.average=1.0", "arms.later.train.batch=2"]
    words = [word for one in given for word in ("--set", one)]
    assert socli("distill", "-r", name, *words, "--arm", "both", "--arm", "later").code == 0
    repeats = {
        arm: socli("runs", "show", id).lines[-1].removeprefix(f"repeat it: socli distill --recipe {name} ")
        for id, arm in sql(home / "socli.db", "SELECT id, arm FROM runs")
    }
    assert repeats == {
        "both": "--set arms.both.train.average=0.25 --set train.average=1.0 --arm both --again",
        "later": "--set arms.later.train.batch=2 --set train.average=1.0 --arm later --again",
    }
    given = [*words[:2], "--set", "arms.later.train.batch=3"]  # no run of `later` was trained so
    assert socli("bench", "-r", name, *given, "--limit", "1").code == 0
    scored = "SELECT arm FROM benches JOIN runs ON runs.id = benches.run"
    assert sql(home / "socli.db", scored) == [("both",)]
