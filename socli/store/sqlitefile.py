"""One SQLite file, opened so that it is hard to harm: locks, transactions, copies, what its errors mean.

Knows nothing of problems or runs: `migrations` gives the file its tables, `store` its rows. The standard
library's `sqlite3` alone, so that reading a store costs no start-up time.
"""

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from socli.errors import MissingError, StorageError, UsageError
from socli.home import made
from socli.problem import storable

WAIT = 5.0  # seconds to wait while another process writes; a flush of 100 rows takes milliseconds
BATCH = 500  # rows to a transaction or a page: at 1,000 and more nothing is gained
_HANDFUL = 50  # rows whose text is looked through at once; replies of a megabyte stay 50 MB

END_OF_PATH = "substr(:set, -length(set_name) - 1) = '/' || set_name"
"""Whether the path `:set` ends with a set's name: so an older socli called a file, as it was typed."""

T = TypeVar("T")


_LEFT = "the file was left as it is"
_MEANINGS = {
    sqlite3.SQLITE_NOTADB: ("{} is not a socli store", f"{_LEFT}; name another with --store"),
    sqlite3.SQLITE_CORRUPT: (
        "the store {} is damaged",
        f"{_LEFT}; `socli doctor` examines it, a backup can take its place",
    ),
    sqlite3.SQLITE_FULL: (
        "no space is left to write to the store {}",
        "what was stored before is whole; free some space and run the same command again",
    ),
    sqlite3.SQLITE_BUSY: (
        f"another process has held the store {{}} for more than {WAIT:g} seconds",
        "let it finish, then run the same command again",
    ),
    sqlite3.SQLITE_READONLY: (
        "the store {} cannot be written: it or its folder is read-only",
        "set SOCLI_HOME or --store to a place that can be written",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the store {} cannot be opened",
        "see that the file and its folder exist and may be read and written, or name another with --store",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk failed while the store {} was read or written",
        "what was stored before is kept; `socli doctor` examines the store",
    ),
}


def now() -> str:
    """The time as the store writes it: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def phrases(words: str) -> str:
    """Words as FTS5 takes them: each quoted, so that none of them is a part of its query language."""
    quoted = ['"' + word.replace('"', '""') + '"' for word in words.split() if re.search(r"\w", word)]
    if not quoted:
        raise UsageError("there is no word to look for", hint="for example `socli traces search pencils`")
    return " ".join(quoted)


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The items in lists of `size`, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _storable(rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """The rows with text made storable, looked through by the handful: one look each costs a fifth of all."""
    for some in batches(rows, _HANDFUL):
        if _plain("".join([value for row in some for value in row if isinstance(value, str)])):
            yield from some
        else:
            yield from ([storable(one) if isinstance(one, str) else one for one in row] for row in some)


def _plain(text: str) -> bool:
    """Whether the text can be stored as it is."""
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return "\0" not in text


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors as StorageError sentences about the file at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
        general = ("the store {} could not be used: " + str(error), "`socli doctor` examines the store")
        sentence, hint = _MEANINGS.get(code, general)
        raise StorageError(sentence.replace("{}", str(path), 1), hint) from error
    except OverflowError as error:
        raise StorageError(
            f"a whole number is too large for the store {path}: 64 bits is the most"
        ) from error


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit: transactions are begun and ended here, never by the driver."""
    mode = "ro" if read_only else "rwc"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None)


def copy(path: Path, to: Path) -> None:
    """Copy a store in use, whole, through SQLite's backup; `to` appears complete or not at all."""
    partial = made(to.parent) / f"{to.name}.partial"
    try:
        partial.unlink(missing_ok=True)  # of a copy that was killed
        with closing(connect(path, read_only=True)) as source, closing(connect(partial)) as target:
            source.backup(target)
        partial.replace(to)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"cannot copy the store {path} to {to}: {error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


class SqliteFile:
    """An open file: `rows` and `pages` read, `insert` inside `writing` writes; errors are StorageErrors."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._synchronous = "FULL"
        if not read_only:
            made(path.parent)
        with told(path):
            self.connection = connect(path, read_only=read_only)
            try:
                self.connection.execute("PRAGMA foreign_keys = ON")
                self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # is it a database?
            except sqlite3.Error:
                self.connection.close()
                raise

    def close(self) -> None:
        """Let the file go; the last one to close it folds the write-ahead log into it."""
        self.connection.close()

    def prepare_writing(self) -> None:
        """Switch to a write-ahead log, so that readers and a writer never wait for each other.

        Fails at once where the file is read-only, and not after the first reply was paid for.
        """
        deadline = time.monotonic() + WAIT
        with told(self.path):
            while True:
                try:
                    (mode,) = self.connection.execute("PRAGMA journal_mode = WAL").fetchone()
                    break
                except sqlite3.OperationalError as error:
                    # two processes that make the same file: SQLite refuses this one at once, without waiting
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
            if mode == "wal":  # without a log, as on some network disks, NORMAL could harm the file
                self._synchronous = "NORMAL"
            self.connection.execute("BEGIN IMMEDIATE")  # on a read-only file this succeeds, as a plain BEGIN
            try:
                self.connection.execute("PRAGMA user_version = 0")  # a write, taken back
            finally:
                self.connection.execute("ROLLBACK")

    def rows(self, sql: str, **values: Any) -> list[sqlite3.Row]:
        """All rows of a query with `:named` values."""
        safe = {name: storable(value) if isinstance(value, str) else value for name, value in values.items()}
        with told(self.path):
            cursor = self.connection.cursor()
            cursor.row_factory = sqlite3.Row
            return cursor.execute(sql, safe).fetchall()

    def rows_among(self, sql: str, ids: Iterable[str]) -> list[sqlite3.Row]:
        """All rows of a query that mentions `(SELECT value FROM json_each(:ids))`."""
        return self.rows(sql, ids=json.dumps(list(ids)))

    def one(self, sql: str, beginning: str, what: str, see: str) -> sqlite3.Row:
        """The one row whose hexadecimal id begins so; the query takes ids from `:low` to below `:high`."""
        found = self.rows(sql, low=beginning, high=beginning + "g") if beginning else []  # g comes after f
        if not found:
            raise MissingError(f"no {what} `{beginning[:80]}` in the store", hint=f"see `{see}`")
        if len(found) > 1:
            ids = ", ".join(f"`{row['id']}`" for row in found[:4])
            raise UsageError(
                f"`{beginning}` is the beginning of more than one {what}", hint=f"for example {ids}"
            )
        return found[0]

    def pages(
        self, sql: str, limit: int | None, after: dict[str, int], **values: Any
    ) -> Iterator[list[sqlite3.Row]]:
        """The rows of a query, a page of `:page` rows at a time, at most `limit` of them.

        `after` names the columns it is ordered by, with values before the first row: the query goes on
        after them, and the next page takes them from the last row of the one before. No cursor stays open
        between pages: it would hold an old view of the file, and the next write on this connection would
        fail as soon as another process had written.
        """
        left = 2**62 if limit is None else limit
        while page := self.rows(sql, page=min(left, BATCH), **after, **values):
            yield page
            left -= len(page)
            if len(page) < BATCH or left <= 0:
                return
            after = {column: page[-1][column] for column in after}

    @contextmanager
    def writing(self, *, paid: bool = False) -> Iterator[None]:
        """One transaction: all of it is stored when the block ends, or nothing.

        It takes the write lock when it begins: a deferred one that reads first fails with `database is
        locked` when another process writes in between, however long it may wait. `paid` rows are on the
        disk when this returns; others survive a kill, not always a loss of power.
        """
        with told(self.path):
            level = "FULL" if paid else self._synchronous
            self.connection.execute(f"PRAGMA synchronous = {level}")
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # a full disk may have ended it already
                    self.connection.execute("ROLLBACK")
                raise

    def insert(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement with `?` for each row, text made storable; how many rows it changed."""
        before = self.connection.total_changes
        self.connection.executemany(sql, _storable(rows))
        return self.connection.total_changes - before

    def problems_found(self) -> list[str]:
        """What is wrong with the file, in SQLite's words: damaged pages, rows that point nowhere."""
        found: list[str] = []
        try:
            found += [text for (text,) in self.connection.execute("PRAGMA quick_check") if text != "ok"]
            for table, row, parent, _ in self.connection.execute("PRAGMA foreign_key_check"):
                found.append(f"row {row} of {table} names a row of {parent} that is not there")
            found += self._indexes_broken()
        except sqlite3.DatabaseError as error:
            found.append(str(error))
        return found

    def _indexes_broken(self) -> list[str]:
        """Full-text indexes that do not fit their tables: the pragmas above do not look inside them.

        FTS5 is asked by an INSERT that writes nothing, so a store that is only read cannot be asked.
        """
        if self.read_only:
            return []
        broken = []
        indexes = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE % USING fts5%'"
        for (name,) in self.connection.execute(indexes).fetchall():
            try:
                self.connection.execute(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")  # noqa: S608
            except sqlite3.DatabaseError as error:
                broken.append(f"the full-text index {name}: {error}")
        return broken
