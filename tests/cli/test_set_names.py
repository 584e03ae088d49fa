"""Problems in files: two folders may have a file of one name, and a file may change."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line import Socli, jsonl, recipe, sql

from socli.problem import full_set_name, is_set_among, shown_set_name


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def change(store: Path, *statements: str) -> None:
    """Make a store look as an older socli left it."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_file_is_called_by_its_whole_path_and_known_sets_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert full_set_name("data.jsonl") == str(tmp_path / "data.jsonl")
    assert full_set_name("in/data.CSV") == str(tmp_path / "in" / "data.CSV")
    for name in ("gsm8k:train", "stories:test", "hf:me/mine/main:test", "stdin", "-"):
        assert full_set_name(name) == name


def test_before_people_a_file_is_called_by_its_name_and_told_apart_by_its_folder() -> None:
    assert shown_set_name("/home/me/a/data.jsonl") == "data.jsonl"
    assert shown_set_name("/me/a/data.jsonl", ["/me/a/data.jsonl", "/me/b/data.jsonl"]) == "a/data.jsonl"
    assert shown_set_name("stories:test steps 1-3 seed 0") == "stories:test steps 1-3 seed 0"


def test_a_set_is_found_by_what_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = str(tmp_path / "data.jsonl")
    assert all(is_set_among(name, [typed]) for typed in (name, "data.jsonl", "./data.jsonl"))
    assert is_set_among("stories:test steps 1-3 seed 0", ["stories:test"])
    assert not is_set_among(name, ["other.jsonl", "stories:test"])


def test_files_of_one_name_in_two_folders_are_two_sets(
    socli: Socli, trained: Path, four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, rows in (("a", rows_of(four)[:2]), ("b", rows_of(four)[2:])):
        (tmp_path / place).mkdir()
        jsonl(tmp_path / place / "data.jsonl", rows)
        monkeypatch.chdir(tmp_path / place)
        done = socli("bench", "data.jsonl", "--json")
        assert done.code == 0
        assert json.loads(done.told[-1])["sets"][0]["set"] == str(tmp_path / place / "data.jsonl")
    found = sql(
        trained, "SELECT set_name, count(*) FROM members GROUP BY 1 HAVING set_name LIKE '%data.jsonl'"
    )
    assert sorted(count for _, count in found) == [2, 2]
    listed = socli("benches")
    assert "\tdata.jsonl\t" in listed.out
    assert str(tmp_path) not in listed.out


def test_a_bench_of_an_older_socli_that_called_the_file_as_it_was_typed_is_found_and_goes_on(
    socli: Socli, trained: Path, four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(four.parent)
    first = socli("bench", "four.jsonl")
    assert first.code == 0
    change(
        trained,
        "UPDATE benches SET set_name = 'four.jsonl'",
        "DELETE FROM members WHERE set_name LIKE '%/four.jsonl'",
    )
    again = socli("bench", "four.jsonl")
    assert again.told[0].endswith(", 4 done before")
    assert sql(trained, "SELECT set_name FROM benches") == [(str(four),)]


def members(store: Path) -> list[str]:
    return [
        question
        for (question,) in sql(
            store,
            "SELECT p.question FROM members m JOIN problems p ON p.id = m.problem"
            " WHERE m.set_name LIKE '%four.jsonl' ORDER BY m.set_name, position",
        )
    ]


def test_what_was_deleted_from_the_file_is_not_learnt_any_more(
    socli: Socli, home: Path, four: Path, by_heart: Path
) -> None:
    store, rows = home / "socli.db", rows_of(four)
    assert socli("annotate", "-r", str(by_heart)).code == 0
    jsonl(four, [rows[0], rows[3]])
    assert socli("annotate", "-r", str(by_heart)).code == 0
    assert members(store) == [rows[0]["question"], rows[3]["question"]]
    jsonl(four, rows)
    assert socli("annotate", "-r", str(by_heart), "-n", "2").code == 0
    assert members(store) == [rows[0]["question"], rows[1]["question"], rows[3]["question"]]


def test_a_limited_call_drops_nothing_that_comes_after_it(
    socli: Socli, home: Path, four: Path, by_heart: Path
) -> None:
    assert socli("annotate", "-r", str(by_heart)).code == 0
    assert socli("annotate", "-r", str(by_heart), "-n", "2").code == 0
    assert members(home / "socli.db") == [row["question"] for row in rows_of(four)]


def test_distill_learns_the_file_as_it_is_and_an_older_stores_set_where_the_file_is_gone(
    socli: Socli, home: Path, four: Path, by_heart: Path, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = home / "socli.db"
    monkeypatch.chdir(four.parent)
    rows = rows_of(four)
    short = recipe(four.parent, "short", Path("four.jsonl"), llama, train={"epochs": 1})
    assert socli("annotate", "-r", str(short)).code == 0
    jsonl(four, rows[:3])
    assert socli("distill", "-r", str(short)).code == 0
    assert sql(store, "SELECT note FROM runs") == [("3 traces",)]
    change(
        store,
        "UPDATE members SET set_name = 'four.jsonl'",
        "UPDATE runs SET recipe = json_set(recipe, '$.problems.train', 'four.jsonl')",
    )
    four.unlink()
    done = socli("distill", "-r", str(short))
    assert done.code == 0
    assert "is done already" in done.err
    assert sql(store, "SELECT count(*) FROM runs") == [(1,)]
