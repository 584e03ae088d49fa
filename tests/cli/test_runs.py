"""`socli runs`: list, show, remove."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Socli, Terminal, dump, listing, sql


def test_there_are_none_at_first(socli: Socli) -> None:
    as_json = socli("runs", "list", "--json")
    assert (as_json.code, as_json.out, as_json.err) == (0, "", "")
    for words in (["runs"], ["runs", "list"]):
        done = socli(*words)
        assert (done.code, done.out) == (0, "")
        assert done.told == ["there is none; next: socli distill --recipe quickstart"]


def test_a_run_is_a_line(socli: Socli, trained: Path, llama: Path) -> None:
    ((run, created),) = sql(trained, "SELECT id, created FROM runs")
    minute = created[:16].replace("T", " ")
    assert socli("runs").lines == [f"{run}\tby-heart\t\t1\tsocratic unified\t{llama}\tdone\t{minute}"]
    (row,) = socli("runs", "list", "--json").rows
    assert (row["id"], row["name"], row["status"], row["created"]) == (run, "by-heart", "done", created)
    assert Path(row["folder"]).is_dir()


def test_show_tells_losses_scores_and_the_command_that_repeats_it(
    socli: Socli, trained: Path, four: Path
) -> None:
    assert socli("bench", str(four)).code == 0
    shown = socli("runs", "show", "by-heart")
    assert shown.code == 0
    assert shown.lines[1].startswith("done, begun ")
    assert "accuracy 100.0 %" in [" ".join(line.split()) for line in shown.lines]
    assert shown.lines[2].startswith("budget problems, epochs 60, weights in ")
    assert re.fullmatch(r"student: loss [5-9]\.\d{3} to 0\.0\d\d in 60 steps", shown.lines[3])
    curve = shown.lines[4:9]
    assert [re.fullmatch(r" *(\d\.\d{3})? [ ▁▂▃▄▅▆▇█]*", row) is not None for row in curve] == [True] * 5
    assert curve[0].endswith("█") or "█" in curve[0]
    assert len(curve[-1]) == 9 + 60  # a column for each step
    assert shown.lines[-1].startswith("repeat it: socli distill --recipe ")
    (row,) = socli("runs", "show", "by-heart", "--json").rows
    assert len(row["losses"]) == 60
    assert [card["accuracy"] for card in row["scorecards"]] == [1.0]


def test_show_draws_what_the_dev_problems_came_to(socli: Socli, trained: Path) -> None:
    for step, share in ((20, 0.25), (40, 0.5), (60, 1.0)):
        with closing(sqlite3.connect(trained)) as file, file:
            file.execute("UPDATE metrics SET accuracy = ? WHERE step = ?", (share, step))
    told = [line for line in socli("runs", "show", "by-heart").lines if line.startswith("dev problems")]
    assert told == ["dev problems right ▁▃█ 25.0 % at step 20, 50.0 % at step 40, 100.0 % at step 60"]
    (row,) = socli("runs", "show", "by-heart", "--json").rows
    tried = {loss["step"]: loss["accuracy"] for loss in row["losses"] if "accuracy" in loss}
    assert tried == {20: 0.25, 40: 0.5, 60: 1.0}


def test_remove_takes_the_run_its_weights_and_its_predictions(
    socli: Socli, trained: Path, four: Path
) -> None:
    assert socli("bench", str(four)).code == 0
    done = socli("runs", "remove", "by-heart", "--yes")
    assert (done.code, done.out) == (0, "")
    assert done.told[-1].startswith("removed run ")
    for table in ("runs", "metrics", "benches", "predictions"):
        assert sql(trained, f"SELECT count(*) FROM {table}") == [(0,)]
    assert listing(trained.parent / "socli-runs") == {}
    assert sql(trained, "SELECT count(*) FROM traces") == [(4,)]


def test_nothing_is_removed_where_nobody_can_be_asked(socli: Socli, trained: Path) -> None:
    before = dump(trained), listing(trained.parent / "socli-runs")
    done = socli("runs", "remove", "by-heart")
    assert (done.code, done.told) == (2, ["error: nobody is there to be asked", "hint: say --yes"])
    assert (dump(trained), listing(trained.parent / "socli-runs")) == before


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\x03", 130), ("\x04", 130), ("y\n", 0)])
def test_t18_it_is_removed_only_where_the_answer_is_yes(
    answer: str, code: int, terminal: Callable[..., Terminal], trained: Path
) -> None:
    asked = terminal("runs", "remove", "by-heart")
    asked.wait_for("and its weights? [y/N]: ")
    asked.child.send(answer)
    assert asked.end() == code
    assert sql(trained, "SELECT count(*) FROM runs") == [(0 if code == 0 else 1,)]


@pytest.mark.parametrize(
    "name", ["nope", "../../x", "..", "x\x00y", "a" * 300, "x'; DROP TABLE runs; --", "%", "", "\x1b[2J"]
)
def test_t20_t21_a_name_that_is_none_is_refused_and_nothing_changes(
    name: str, socli: Socli, trained: Path
) -> None:
    before = dump(trained), listing(trained.parent / "socli-runs")
    for words in (["show", name], ["show", name, "--json"], ["remove", name, "--yes"]):
        done = socli("runs", *words)
        assert (done.code, done.out) == (3, "")
        assert done.told[0].startswith("error: no run `")
        assert done.told[1:] == ["hint: see `socli runs list`"]
        assert "\x1b" not in done.err
    assert (dump(trained), listing(trained.parent / "socli-runs")) == before
