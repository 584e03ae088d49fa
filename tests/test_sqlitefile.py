"""Full disks, damaged files, other processes and kills: said in a sentence, and what was stored is whole."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from socli.errors import SocliError, StorageError, UsageError
from socli.problem import Problem, Step, Trace
from socli.records import TraceRow
from socli.store import Store
from socli.store.sqlitefile import batches, storable

PROBLEMS = [Problem(f"What is {n} + 1?", gold=str(n + 1)) for n in range(100)]


def row(n: int, by: str = "t", reply: str = "") -> TraceRow:
    problem = PROBLEMS[n % 100]
    return TraceRow(Trace(problem.id, (Step("?", "!"),), "1", by, sample=n), "kept", reply=reply)


def filled(path: Path, rows: int = 0, reply: str = "") -> Path:
    with Store(path) as store:
        store.add_problems("sums", PROBLEMS)
        store.add_traces(row(n, reply=reply) for n in range(rows))
    return path


def read_all(store: Store) -> list[object]:
    return [list(store.kept("sums")), list(store.traces()), store.counts(), store.runs(), store.benches()]


@pytest.fixture
def powerless() -> Iterator[Path]:
    """A folder in which this process may not write, also when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="socli-test-"))
    filled(folder / "socli.db", rows=1)
    (folder / "socli.db").chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            try:
                os.seteuid(65534)  # nobody, whom permissions hold
            except OSError:
                pytest.skip("root may not become another user here, and permissions do not hold root")
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


# disk full


def test_t13_a_full_disk_is_a_sentence_and_earlier_rows_are_whole(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db")
    with Store(path) as store:
        (pages,) = store._file.connection.execute("PRAGMA page_count").fetchone()
        store._file.connection.execute(f"PRAGMA max_page_count = {pages + 50}")
        stored = 0

        def fill() -> None:
            nonlocal stored
            while True:
                stored += store.add_traces([row(stored, reply="x" * 4000)], paid=True)

        with pytest.raises(StorageError, match="no space is left to write to the store") as caught:
            fill()
        assert caught.value.exit_code == 74
        assert caught.value.hint is not None
        assert caught.value.hint.startswith("what was stored before is whole; free some space")
        assert stored > 20
        assert store.counts()["kept"] == stored
        store._file.connection.execute("PRAGMA max_page_count = 1000000")
        assert store.add_traces([row(stored)]) == 1  # space was freed: it goes on
    with Store(path) as store:
        assert store.check() == []
        assert store.counts()["kept"] == stored + 1


def test_t13_a_write_that_the_system_refuses_is_a_sentence_and_earlier_rows_are_whole(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db", rows=10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store(path) as store:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
            with pytest.raises(StorageError, match="the disk failed while the store") as caught:
                store.add_traces(row(n, reply="x" * 4000) for n in range(10, 400))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.exit_code == 74
        assert store.counts()["kept"] == 10
        assert store.add_traces([row(10)]) == 1
    with Store(path) as store:
        assert (store.counts()["kept"], store.check()) == (11, [])


# damaged and foreign files


def test_t15_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "socli.db"
    path.write_bytes(b"question,answer\nWhat is 1 + 1?,2\n" * 200)
    before = path.read_bytes()
    with pytest.raises(StorageError) as caught:
        Store(path)
    assert str(caught.value) == f"{path} is not a socli store"
    assert caught.value.hint == "the file was left as it is; name another with --store"
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["socli.db"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_t15_a_truncated_store_is_refused_and_left_as_it_was(tmp_path: Path, share: float) -> None:
    path = filled(tmp_path / "socli.db", rows=200)
    whole = path.read_bytes()
    cut = whole[: int(len(whole) * share)]
    path.write_bytes(cut)
    with pytest.raises(StorageError, match="is damaged") as caught:
        Store(path)
    assert caught.value.hint is not None
    assert "`socli doctor` examines it" in caught.value.hint
    assert path.read_bytes() == cut


def test_t15_a_page_of_noise_anywhere_gives_sentences_and_changes_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db", rows=120)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")  # noise in a page that holds nothing harms nothing
    whole = path.read_bytes()
    dice = random.Random(15)
    pages = range(len(whole) // 4096)
    for page in pages:
        damaged = bytearray(whole)
        damaged[page * 4096 : (page + 1) * 4096] = dice.randbytes(4096)
        path.write_bytes(damaged)
        found: list[str] = []
        try:
            with Store(path) as store:
                found += store.check()
                read_all(store)
        except StorageError as error:
            found.append(str(error))
        assert found, f"page {page}"
        assert path.read_bytes() == damaged
        assert [path.name for path in tmp_path.iterdir()] == ["socli.db"]
    assert len(pages) > 20


def test_check_finds_an_index_that_does_not_fit_its_table(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db", rows=1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE trace_words_content SET c1 = 'another question'")
        connection.commit()
    with Store(path) as store:
        assert [words.partition(":")[0] for words in store.check()] == ["the full-text index trace_words"]
    with Store(path, read_only=True) as store:
        assert store.check() == []


def test_check_names_rows_that_point_nowhere(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db", rows=1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM traces")
        connection.commit()
    with Store(path) as store:
        assert store.check() == ["row 1 of steps names a row of traces that is not there"]


# permissions


def test_t15_a_read_only_store_is_refused_before_anything_is_paid_for(powerless: Path) -> None:
    with pytest.raises(StorageError) as caught:
        Store(powerless / "socli.db")
    assert caught.value.exit_code == 74
    assert caught.value.hint is not None
    assert "--store" in caught.value.hint


def test_t15_a_read_only_file_in_an_open_folder_is_refused(tmp_path: Path, powerless: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(powerless / "socli.db", folder))
        path.chmod(0o444)
        with pytest.raises(StorageError, match="cannot be written: it or its folder is read-only"):
            Store(path)
        with Store(path, read_only=True) as store:
            assert store.counts()["kept"] == 1


def test_t15_a_store_cannot_be_made_in_a_read_only_folder(powerless: Path) -> None:
    with pytest.raises(StorageError, match=r"new\.db cannot be opened"):
        Store(powerless / "new.db")
    with pytest.raises(StorageError, match="cannot make the folder"):
        Store(powerless / "deeper" / "new.db")


def test_a_store_opened_for_reading_is_not_written_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.db cannot be opened"):
        Store(tmp_path / "nothing.db", read_only=True)
    assert list(tmp_path.iterdir()) == []
    with Store(filled(tmp_path / "socli.db"), read_only=True) as store:
        with pytest.raises(StorageError, match="cannot be written"):
            store.add_traces([row(1)])
        assert store.counts()["kept"] == 0


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(tmp_path)


# other processes


def test_t14_a_store_that_another_holds_too_long_is_a_sentence(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db")
    with Store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        store._file.connection.execute("PRAGMA busy_timeout = 20")
        other.execute("BEGIN IMMEDIATE")
        assert len(list(store.problems("sums"))) == 100  # a reader does not wait for a writer
        with pytest.raises(StorageError) as caught:
            store.add_traces([row(1)])
        assert str(caught.value) == f"another process has held the store {path} for more than 5 seconds"
        assert caught.value.hint == "let it finish, then run the same command again"
        other.execute("ROLLBACK")
        assert store.add_traces([row(1)]) == 1


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_sqlitefile import row
from socli.store import Store
path, by, flushes = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
for opening in range(3):
    with Store(path) as store:
        for flush in range(opening * flushes, (opening + 1) * flushes):
            seen = store.counts()["kept"]
            store.add_traces([row(flush * 10 + n, by) for n in range(10)], paid=True)
            assert store.counts()["kept"] >= seen + 10
            print(flush, flush=True)
"""


def writer(path: Path, by: str, flushes: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parent), str(path), by, str(flushes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_t14_two_processes_on_one_store_both_finish_with_all_rows(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db")
    writers = [writer(path, by, flushes=20) for by in ("one", "two")]
    assert [(done.communicate()[1], done.returncode) for done in writers] == [("", 0), ("", 0)]
    with Store(path) as store:
        assert store.counts()["kept"] == 2 * 3 * 20 * 10
        assert store.counts()["steps"] == 2 * 3 * 20 * 10
        assert len(list(store.kept("sums", teacher="one"))) == 600
        assert store.check() == []


@pytest.mark.parametrize("flushes", [1, 7, 25])
def test_t1_a_killed_writer_leaves_every_acknowledged_row(tmp_path: Path, flushes: int) -> None:
    path = filled(tmp_path / "socli.db")
    with writer(path, "killed", flushes=10_000) as killed:
        assert killed.stdout is not None
        for _ in range(flushes):
            assert killed.stdout.readline().strip().isdigit()
        killed.send_signal(signal.SIGKILL)
        acknowledged = flushes + sum(line.endswith("\n") for line in killed.stdout)
        killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    with Store(path) as store:
        assert store.check() == []
        kept = store.counts()["kept"]
        assert kept % 10 == 0  # whole flushes only
        assert acknowledged * 10 <= kept <= (acknowledged + 1) * 10
        for n in range(acknowledged * 10):
            assert store.trace(row(n, "killed").trace.id).trace == row(n, "killed").trace


# durability and copies


def test_paid_rows_are_forced_to_the_disk_and_others_are_not(tmp_path: Path) -> None:
    with Store(filled(tmp_path / "socli.db")) as store:
        asked: list[str] = []
        store._file.connection.set_trace_callback(asked.append)
        store.add_traces([row(1)], paid=True)
        store.add_traces([row(2)])
        store._file.connection.set_trace_callback(None)
        assert store._file.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    words = [sql for sql in asked if sql.startswith(("PRAGMA synchronous", "BEGIN", "COMMIT"))]
    assert words == [
        *("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE", "COMMIT"),
        *("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE", "COMMIT"),
    ]


def test_an_interruption_takes_back_the_whole_flush(tmp_path: Path) -> None:
    with Store(filled(tmp_path / "socli.db")) as store:

        def rows() -> Iterator[TraceRow]:
            yield row(1)
            raise KeyboardInterrupt

        def interrupted() -> None:
            with store._file.writing():
                store._file.insert("DELETE FROM members WHERE set_name = ?", [("sums",)])
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.add_traces(rows())
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert store.counts()["kept"] == 0
        assert len(list(store.problems("sums"))) == 100


def test_a_backup_is_whole_though_the_store_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / "copy.db.partial").write_text("left by a copy that was killed")
    with Store(filled(tmp_path / "socli.db")) as store:
        store.add_traces([row(1)])
        store.backup(tmp_path / "safe" / "copy.db")
        store.add_traces([row(2)])
    with Store(tmp_path / "safe" / "copy.db") as copy:
        assert (copy.counts()["kept"], copy.check()) == (1, [])
    assert [path.name for path in (tmp_path / "safe").iterdir()] == ["copy.db"]


def test_a_backup_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with Store(filled(tmp_path / "socli.db")) as store:
        for to in (tmp_path / "diary.txt", tmp_path / "socli.db", tmp_path):
            with pytest.raises(UsageError, match="is there already"):
                store.backup(to)
    assert (tmp_path / "diary.txt").read_text() == "dear diary"


def test_a_backup_that_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "socli.db", rows=200)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store(path) as store:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
            with pytest.raises(StorageError, match=r"cannot copy the store .* to .*copy\.db"):
                store.backup(tmp_path / "copy.db")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["socli.db"]


def test_every_error_of_a_closed_store_is_a_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path / "socli.db")
    store.close()
    with pytest.raises(SocliError, match="could not be used: Cannot operate on a closed database"):
        store.counts()


def test_storable_replaces_what_sqlite_cannot_hold_and_nothing_else() -> None:
    assert storable("a\0b\ud800c\udfff") == "a\ufffdb\ufffdc\ufffd"
    kept = "tab\t line\r\n é ‮ \u2028 \U0001f40c \x1b[31m"
    assert storable(kept) == kept


def test_batches_cover_all_items_in_order() -> None:
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([])) == []
