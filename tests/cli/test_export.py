"""`socli export`: what it says, and that its folder solves and is scored where no store knows the run."""

import json
from pathlib import Path

from command_line import Socli, listing, sql


def test_the_folder_solves_and_is_scored_without_the_store(
    socli: Socli, trained: Path, tmp_path: Path, four: Path
) -> None:
    out, other = tmp_path / "out", str(tmp_path / "other.db")
    assert socli("bench", str(four)).code == 0
    done = socli("export", "by-heart", str(out))
    assert (done.code, done.lines) == (0, [str(out)])
    assert done.told[-1].startswith("wrote run ")
    assert done.told[-1].endswith(f"next: socli solve --run {out}")
    assert listing(out).keys() >= {"README.md", "socli.json", "model.safetensors", "tokenizer.json"}
    (row,) = [
        line
        for line in (out / "README.md").read_text().splitlines()
        if line.startswith("| ") and " on " in line
    ]
    assert row.split(" | ")[1:6] == ["4", "4", "100.0 %", "51.0 % to 100.0 %", "on"]

    scored = socli("bench", str(four), "--run", str(out), "--store", other, "--json")
    assert json.loads(scored.told[-1])["correct"] == 4
    ((run, model, benches),) = sql(Path(other), "SELECT run, model, count(*) FROM benches")
    assert (run, model[:4], benches) == (None, "out@", 1)
    question = json.loads(four.read_text().splitlines()[0])["question"]
    solved = socli("solve", question, "--run", str(out), "--store", other, "--json")
    assert json.loads(solved.lines[-1])["prediction"]["answer"] == "40"


def test_a_bare_name_is_a_run_first_and_then_a_folder(
    socli: Socli, trained: Path, tmp_path: Path, four: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert socli("export", "by-heart", "taken-home", "--json").rows[0]["folder"] == str(
        tmp_path / "taken-home"
    )
    assert socli("bench", str(four), "--run", "taken-home").code == 0
    assert socli("bench", str(four), "--run", "by-heart").code == 0
    models = [model[:8] for (model,) in sql(trained, "SELECT model FROM benches ORDER BY rowid")]
    ((run,),) = sql(trained, "SELECT id FROM runs")
    assert models == ["taken-ho", run]


def test_what_cannot_be_exported_or_read_is_a_sentence(socli: Socli, trained: Path, tmp_path: Path) -> None:
    twice = [socli("export", "by-heart", str(tmp_path / "out")) for _ in range(2)][1]
    assert (twice.code, twice.told) == (
        2, [f"error: {tmp_path / 'out'} is there already and is not empty", "hint: name a new folder"],
    )  # fmt: skip
    assert socli("export", "by-hart", str(tmp_path / "no")).code == 3
    missing = socli("solve", "How many?", "--run", str(tmp_path / "no"))
    assert (missing.code, missing.told[0]) == (3, f"error: there is no folder {tmp_path / 'no'}")
    assert socli("solve", "How many?", "--run", str(tmp_path)).code == 2
    import sqlite3

    with sqlite3.connect(trained) as file:
        file.execute("UPDATE runs SET status = 'started'")
    done = socli("export", "by-heart", str(tmp_path / "no"))
    assert (done.code, done.told[0].endswith("is not finished")) == (3, True)
