"""An older store becomes a newer one with its rows intact, or stays exactly as it was."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from socli.errors import StorageError
from socli.problem import Problem, Step, Trace
from socli.store import Store
from socli.store.migrations import HISTORY, schema

PROBLEM = Problem("Kim fills 4 jugs of 3 litres. How many litres?", gold="12")
TRACE = Trace(PROBLEM.id, (Step("How many?", "12 litres"),), "12", "reference")


def m003_stars(db: Database) -> None:
    db.table("traces").add_column("stars", int)


def m004_rebuilt(db: Database) -> None:
    db.table("traces").transform(rename={"stars": "liked"})


def m005_broken(db: Database) -> None:
    db.execute("DELETE FROM steps")
    db.execute("INSERT INTO no_such_table VALUES (1)")


def m006_orphans(db: Database) -> None:
    db.execute("DELETE FROM problems")


NEWER = (*HISTORY, m003_stars, m004_rebuilt)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store made by the first migration alone, with rows."""
    path = tmp_path / "socli.db"
    with Store(path, history=HISTORY[:1]) as store:
        store.add_problems("mine:train", [PROBLEM])
    with closing(sqlite3.connect(path)) as connection, connection:  # as the first version wrote it
        connection.execute(
            "INSERT INTO traces VALUES (?, ?, 'reference', '', 0.0, 1.0, 0, 0, '12', 'kept', '', '', '',"
            " NULL, NULL, '2026-11-23T06:30:00.000Z')",
            (TRACE.id, PROBLEM.id),
        )
        connection.execute("INSERT INTO steps VALUES (?, 1, 'How many?', '12 litres')", (TRACE.id,))
    return path


def columns(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for _, name, *_ in connection.execute("PRAGMA table_info(traces)")}


def test_an_old_store_is_brought_up_to_date_with_its_rows(old: Path) -> None:
    with Store(old, history=NEWER) as store:
        assert list(store.kept("mine:train")) == [(PROBLEM, TRACE)]
        assert store.check() == []
        assert store._file.connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert "liked" in columns(old)
    with Store(old, history=NEWER) as store:
        assert store.counts()["kept"] == 1


def test_a_rebuilt_table_keeps_its_comments_and_checks(old: Path) -> None:
    with Store(old, history=NEWER) as store:
        text = schema(store._file.connection)
    assert "-- why it was refused; empty when kept" in text
    assert "CHECK (verdict IN ('kept', 'refused'))" in text


def test_the_old_store_is_copied_before_anything_is_changed(old: Path) -> None:
    with Store(old, history=NEWER):
        pass
    copy = old.with_name("socli-before-m002_search.db")
    assert "stars" not in columns(copy)
    with Store(copy, history=HISTORY[:1]) as store:
        assert list(store.kept("mine:train")) == [(PROBLEM, TRACE)]
    assert sorted(path.name for path in old.parent.iterdir()) == ["socli-before-m002_search.db", "socli.db"]


def test_traces_of_an_old_store_can_be_searched(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute(
            "INSERT INTO traces SELECT 'ab12', problem, 'm', '', 0, 1, 0, 0, '', 'refused', 'unreadable',"
            " 'who knows', 'stop', NULL, NULL, created FROM traces"
        )
    with Store(old) as store:
        assert [row.trace for row in store.traces(words="litre jug")][1:] == [TRACE]
        assert [row.trace.teacher for row in store.traces(words="knows")] == ["m"]
        assert store.counts() | {"kept": 1, "refused": 1, "steps": 1} == store.counts()
        assert store.check() == []


def test_a_new_store_is_not_copied(tmp_path: Path) -> None:
    with Store(tmp_path / "socli.db", history=NEWER):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["socli.db"]


def test_a_migration_that_fails_leaves_the_store_as_it_was(old: Path) -> None:
    with pytest.raises(StorageError, match="no such table: no_such_table"):
        Store(old, history=(*NEWER, m005_broken))
    assert not {"stars", "liked"} & columns(old)
    with Store(old, history=HISTORY[:1]) as store:
        assert list(store.kept("mine:train")) == [(PROBLEM, TRACE)]


def test_a_migration_that_leaves_rows_pointing_nowhere_is_undone(old: Path) -> None:
    with pytest.raises(StorageError, match="rows point to rows that are gone"):
        Store(old, history=(*HISTORY, m006_orphans))
    with Store(old, history=HISTORY[:1]) as store:
        assert list(store.kept("mine:train")) == [(PROBLEM, TRACE)]


def test_t15_a_newer_store_is_refused_and_left_as_it_was(old: Path) -> None:
    with Store(old, history=NEWER):
        pass
    before = old.read_bytes()
    for read_only in (False, True):
        with pytest.raises(
            StorageError, match=r"written by a newer socli \(it has `m004_rebuilt`\)"
        ) as caught:
            Store(old, read_only=read_only)
        assert caught.value.hint == "the file was left as it is; update socli, or name another with --store"
    assert old.read_bytes() == before


def test_t15_another_programs_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"songs\.db is an SQLite file, but not a socli store"):
        Store(path)
    assert path.read_bytes() == before


def test_an_old_store_cannot_be_brought_up_to_date_when_it_may_only_be_read(old: Path) -> None:
    before = old.read_bytes()
    with pytest.raises(StorageError, match="written by an older socli"):
        Store(old, read_only=True, history=NEWER)
    assert old.read_bytes() == before


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "socli.db"
    path.touch()
    with Store(path) as store:
        assert store.counts()["problems"] == 0


def test_the_copy_has_what_was_still_in_the_log(old: Path, tmp_path: Path) -> None:
    with Store(old, history=HISTORY[:1]) as store:
        store.add_problems("mine:test", [Problem("New?")])
        for end in ("", "-wal"):  # as a kill leaves them, with the row in the log alone
            shutil.copy(f"{old}{end}", tmp_path / f"killed.db{end}")
    with Store(tmp_path / "killed.db", history=NEWER) as store:
        assert store.counts()["sets"] == 2
    with Store(tmp_path / "killed-before-m002_search.db", history=HISTORY[:1]) as store:
        assert store.counts()["sets"] == 2


def test_three_processes_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, sqlite_utils; from socli.store import Store\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with Store(pathlib.Path(sys.argv[1])) as store: print(store.counts()['problems'])"
    )
    path = tmp_path / "socli.db"
    command = [sys.executable, "-c", code, str(path)]
    makers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    assert [maker.communicate()[0] for maker in makers] == ["0\n"] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["socli.db"]


def test_the_schema_is_the_same_in_a_file_and_in_the_docs(tmp_path: Path) -> None:
    with Store(tmp_path / "socli.db") as store:
        assert schema(store._file.connection) == schema()
    text = schema()
    assert text.startswith("CREATE TABLE problems (\n    id TEXT NOT NULL PRIMARY KEY,      -- hash of")
    assert "trace UNINDEXED, question, told, tokenize = 'porter unicode61'\n);\n" in text
    assert text.count("\nCREATE VIEW ") == 5
    assert "_sqlite_migrations" not in text


def test_the_names_of_the_history_never_change() -> None:
    assert [migration.__name__ for migration in HISTORY] == [
        "m001_start",
        "m002_search",
        "m003_arms",
        "m004_scores",
        "m005_views",
        "m006_rehearsals",
        "m007_votes",
    ]
