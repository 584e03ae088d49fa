"""The store's tables, as a history: migrations are only ever added at the end, never edited after a release.

`sqlite_utils` is imported when there is something to migrate, not before: with pandas installed, as it is
wherever `datasets` is, that import costs 0.7 s of processor time, more than most commands that only read.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from socli.errors import StorageError
from socli.store.sqlitefile import SqliteFile, copy

if TYPE_CHECKING:
    from sqlite_utils import Database

Migration = Callable[["Database"], None]

NAME = "socli"  # of this history in the table `_sqlite_migrations`, where sqlite-utils keeps what was applied


def m001_start(db: "Database") -> None:
    """The tables of the first version."""
    for statement in _START.split(";\n\n"):
        db.execute(statement)


def m002_search(db: "Database") -> None:
    """Full-text search in traces: of the problem's question, and of the steps or, without any, the reply."""
    db.execute(_SEARCH)
    db.execute(
        "INSERT INTO trace_words (trace, question, told)"
        " SELECT t.id, p.question, coalesce((SELECT group_concat(question || ' ' || text, char(10)) FROM"
        " (SELECT * FROM steps WHERE trace = t.id ORDER BY n)), t.reply)"
        " FROM traces t JOIN problems p ON p.id = t.problem ORDER BY t.rowid"
    )


def m003_rehearsals(db: "Database") -> None:
    """How many dev problems came out right in the middle of a training."""
    db.execute("ALTER TABLE metrics ADD COLUMN accuracy REAL")


HISTORY: tuple[Migration, ...] = (m001_start, m002_search, m003_rehearsals)

_SEARCH = """\
CREATE VIRTUAL TABLE trace_words USING fts5 (
    trace UNINDEXED, question, told, tokenize = 'porter unicode61'
)"""

_START = """\
CREATE TABLE problems (
    id TEXT NOT NULL PRIMARY KEY,      -- hash of question and context
    question TEXT NOT NULL,
    context TEXT NOT NULL              -- shown with the question; may be empty
);

CREATE TABLE members (                 -- which problem is in which set
    set_name TEXT NOT NULL,            -- NAME:SPLIT
    problem TEXT NOT NULL REFERENCES problems (id),
    position INTEGER NOT NULL,         -- its place in the set
    gold TEXT,                         -- the right answer; NULL where it is not known
    kind TEXT NOT NULL,                -- how answers are compared: number, yes/no, text
    source TEXT NOT NULL,              -- where it was read
    PRIMARY KEY (set_name, problem)
);

CREATE INDEX members_in_order ON members (set_name, position);

CREATE INDEX members_of_problem ON members (problem);

CREATE TABLE traces (                  -- what teachers wrote, kept or refused
    id TEXT NOT NULL PRIMARY KEY,      -- hash of problem, prompt, teacher and the four settings below
    problem TEXT NOT NULL REFERENCES problems (id),
    teacher TEXT NOT NULL,
    prompt_hash TEXT NOT NULL,
    temperature REAL NOT NULL,
    top_p REAL NOT NULL,
    seed INTEGER NOT NULL,
    sample INTEGER NOT NULL,           -- number of this trace among those asked with the same settings
    answer TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('kept', 'refused')),
    reason TEXT NOT NULL,              -- why it was refused; empty when kept
    reply TEXT NOT NULL,               -- what the teacher wrote, word for word
    finish_reason TEXT NOT NULL,       -- why the teacher stopped, in its own words
    tokens_in INTEGER,                 -- NULL where the teacher did not say
    tokens_out INTEGER,
    created TEXT NOT NULL              -- this and all times: ISO 8601, UTC
);

CREATE INDEX traces_of_problem ON traces (problem);

CREATE INDEX traces_of_teacher ON traces (teacher, prompt_hash);

CREATE TABLE steps (                   -- of a trace, in order
    trace TEXT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
    n INTEGER NOT NULL,                -- from 1
    question TEXT NOT NULL,
    text TEXT NOT NULL,                -- the worked answer
    PRIMARY KEY (trace, n)
);

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,      -- eight hex digits, by chance
    name TEXT NOT NULL,                -- of the recipe; several runs may share it
    recipe TEXT NOT NULL,              -- JSON, resolved
    seed INTEGER NOT NULL,
    scheme TEXT NOT NULL,
    roles TEXT NOT NULL,
    base TEXT NOT NULL,                -- the student before training
    status TEXT NOT NULL CHECK (status IN ('started', 'done', 'failed')),
    folder TEXT NOT NULL,              -- of the weights, relative to the store's folder
    created TEXT NOT NULL,
    finished TEXT,
    versions TEXT NOT NULL,            -- JSON: library to version
    note TEXT NOT NULL
);

CREATE INDEX runs_of_name ON runs (name);

CREATE TABLE metrics (                 -- one row for each optimizer step that was noted
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    step INTEGER NOT NULL,
    loss REAL,                         -- NULL where it was not a number
    lr REAL,
    tokens_per_second REAL,
    seconds REAL,                      -- since training began
    PRIMARY KEY (run, role, step)
);

CREATE TABLE benches (                 -- one model on one set; the columns from n on are its scorecard
    id TEXT NOT NULL PRIMARY KEY,      -- eight hex digits, by chance
    run TEXT REFERENCES runs (id) ON DELETE CASCADE,  -- NULL for an untrained student
    model TEXT NOT NULL,
    set_name TEXT NOT NULL,
    calculator INTEGER NOT NULL,       -- 1: the calculator wrote the values
    settings TEXT NOT NULL,            -- JSON: all else that the result depends on
    status TEXT NOT NULL CHECK (status IN ('started', 'done')),
    created TEXT NOT NULL,
    finished TEXT,
    n INTEGER,
    correct INTEGER,
    accuracy REAL,                     -- this and the shares below: 0 to 1
    low REAL,                          -- of the 95 % interval
    high REAL,
    unreadable REAL,
    truncated REAL,
    tokens INTEGER,
    seconds REAL,
    majority REAL                      -- share of the most frequent gold answer, for yes/no sets
);

CREATE INDEX benches_of_run ON benches (run);

CREATE TABLE predictions (
    bench TEXT NOT NULL REFERENCES benches (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,         -- in input order
    problem TEXT NOT NULL REFERENCES problems (id),
    answer TEXT,                       -- NULL where none could be read
    correct INTEGER,                   -- 1, 0, or NULL where the right answer is not known
    finish_reason TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,
    text TEXT NOT NULL,                -- the whole transcript
    PRIMARY KEY (bench, position)
)"""


def pending(file: SqliteFile, history: Sequence[Migration] = HISTORY) -> list[Migration]:
    """The migrations a file still needs; a StorageError where it is no store, or one of a newer socli."""
    tables = {row["name"] for row in file.rows("SELECT name FROM sqlite_master")}
    if not tables:
        return list(history)
    applied: list[str] = []
    if "_sqlite_migrations" in tables:
        sql = "SELECT name FROM _sqlite_migrations WHERE migration_set = :set ORDER BY rowid"
        applied = [row["name"] for row in file.rows(sql, set=NAME)]
    if not applied:
        raise StorageError(
            f"{file.path} is an SQLite file, but not a socli store",
            hint="the file was left as it is; name another with --store",
        )
    known = {migration.__name__ for migration in history}
    if newer := [name for name in applied if name not in known]:
        raise StorageError(
            f"the store {file.path} was written by a newer socli (it has `{newer[-1]}`)",
            hint="the file was left as it is; update socli, or name another with --store",
        )
    return [migration for migration in history if migration.__name__ not in applied]


def migrate(file: SqliteFile, history: Sequence[Migration] = HISTORY) -> None:
    """Bring a file up to date: all that is missing in one transaction, after a copy of what was there.

    The copy of `socli.db` is `socli-before-m002_name.db`. On an error the file is as it was before.
    """
    waiting = pending(file, history)
    if file.read_only:
        if waiting:
            raise StorageError(
                f"the store {file.path} was written by an older socli and cannot be brought up to date here",
                hint="use it once from a place where it can be written",
            )
        return
    file.prepare_writing()
    if not waiting:
        return
    # off while tables are rebuilt: dropping one would take along the rows that point to it
    file.connection.execute("PRAGMA foreign_keys = OFF")
    try:
        with file.writing(paid=True):
            waiting = pending(file, history)  # another process may have been first
            if len(waiting) not in (0, len(history)):
                stem, suffix = file.path.stem, file.path.suffix
                copy(file.path, file.path.with_name(f"{stem}-before-{waiting[0].__name__}{suffix}"))
            _apply(file.connection, history)
            if waiting and file.connection.execute("PRAGMA foreign_key_check").fetchone():
                raise StorageError(
                    f"the store {file.path} cannot be brought up to date: rows point to rows that are gone",
                    hint="the file was left as it is; `socli doctor` examines it",
                )
    finally:
        file.connection.execute("PRAGMA foreign_keys = ON")


def _apply(connection: sqlite3.Connection, history: Sequence[Migration]) -> None:
    from sqlite_utils import Database, Migrations

    migrations = Migrations(NAME)
    for migration in history:
        migrations(name=migration.__name__)(migration)
    migrations.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def schema(connection: sqlite3.Connection | None = None) -> str:
    """The SQL of a store's tables and indexes with their comments; of a new store where none is given."""
    if connection is None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
            _apply(new, HISTORY)
            return schema(new)
    sql = (
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND substr(tbl_name, 1, 1) != '_'"
        " AND substr(tbl_name, 1, 12) != 'trace_words_' ORDER BY rowid"  # where SQLite keeps the index
    )
    return "".join(f"{text};\n\n" for (text,) in connection.execute(sql)).rstrip() + "\n"
