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


def m006_rehearsals(db: "Database") -> None:
    """How many dev problems came out right in the middle of a training."""
    db.execute("ALTER TABLE metrics ADD COLUMN accuracy REAL")


def m003_arms(db: "Database") -> None:
    """Runs of several arms under one budget, and what each learnt from."""
    for column in _ARMS:
        db.execute(f"ALTER TABLE runs ADD COLUMN {column}")


def m004_scores(db: "Database") -> None:
    """What else a bench comes to; NULL for those that were scored before."""
    for column in _SCORES.split("\n"):
        db.execute(f"ALTER TABLE benches ADD COLUMN {column}")


def m005_views(db: "Database") -> None:
    """Views for whoever looks into the file with Datasette or another SQLite browser."""
    for statement in _VIEWS.split(";\n\n"):
        db.execute(statement)


def m007_votes(db: "Database") -> None:
    """How samples of a problem voted, and how many problems a bench is to solve."""
    for table, column in _VOTES:
        db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


HISTORY: tuple[Migration, ...] = (
    m001_start,
    m002_search,
    m003_arms,
    m004_scores,
    m005_views,
    m006_rehearsals,
    m007_votes,
)

_VIEWS = """\
CREATE VIEW scores AS                  -- every finished bench with its recipe; shares in per cent
SELECT b.id AS bench, r.name AS recipe, r.arm, r.seed, b.model, b.set_name, b.calculator, b.n,
       round(100 * b.accuracy, 1) AS accuracy, round(100 * b.low, 1) AS low, round(100 * b.high, 1) AS high,
       round(100 * b.majority, 1) AS majority, round(100 * b.unreadable, 1) AS unreadable,
       round(100 * b.truncated, 1) AS truncated, round(100 * b.looped, 1) AS looped,
       round(100 * b.unsound, 1) AS right_on_wrong_steps, round(1.0 * b.tokens / b.n, 1) AS tokens_each,
       round(b.seconds / b.n, 2) AS seconds_each, b.finished
FROM benches b LEFT JOIN runs r ON r.id = b.run
WHERE b.status = 'done';

CREATE VIEW scores_by_steps AS         -- the same by number of reference steps
SELECT b.id AS bench, b.model, b.set_name,
       json_extract(s.value, '$.steps') AS steps, json_extract(s.value, '$.n') AS n,
       round(100.0 * json_extract(s.value, '$.correct') / json_extract(s.value, '$.n'), 1) AS accuracy,
       round(100 * json_extract(s.value, '$.low'), 1) AS low,
       round(100 * json_extract(s.value, '$.high'), 1) AS high
FROM benches b, json_each(b.by_steps) s
WHERE b.status = 'done';

CREATE VIEW answers AS                 -- every prediction beside its question and the right answer
SELECT p.bench, p.position, q.question, m.gold, p.answer, p.correct, p.finish_reason, p.tokens, p.text
FROM predictions p JOIN benches b ON b.id = p.bench JOIN problems q ON q.id = p.problem
     LEFT JOIN members m ON m.set_name = b.set_name AND m.problem = p.problem;

CREATE VIEW flips AS                   -- problems that one bench got right and another of the set wrong
SELECT a.bench AS right_bench, b.bench AS wrong_bench, x.set_name, q.question,
       a.answer AS right_answer, b.answer AS wrong_answer
FROM predictions a JOIN predictions b ON b.problem = a.problem AND a.correct = 1 AND b.correct = 0
     JOIN benches x ON x.id = a.bench JOIN benches y ON y.id = b.bench AND y.set_name = x.set_name
     JOIN problems q ON q.id = a.problem;

CREATE VIEW traces_read AS             -- every trace beside its question, steps as one text
SELECT t.id AS trace, t.teacher, q.question, t.answer, t.verdict, t.reason,
       (SELECT group_concat(question || ' ' || text, char(10)) FROM
        (SELECT * FROM steps WHERE trace = t.id ORDER BY n)) AS told, t.created
FROM traces t JOIN problems q ON q.id = t.problem"""

_VOTES = (
    ("predictions", "shares TEXT /* JSON: of samples that voted, the winner's share each time; or NULL */"),
    ("benches", "total INTEGER /* problems of the set when it was begun; NULL where not known */"),
)

_SCORES = """\
unsound REAL
looped REAL
by_steps TEXT"""

_ARMS = (
    "arm TEXT NOT NULL DEFAULT '' /* of the recipe; empty where it has none */",
    "budget TEXT NOT NULL DEFAULT 'problems' /* what the arms get the same of: problems, steps, tokens */",
    "traces TEXT NOT NULL DEFAULT '' /* hash of what was learnt from */",
)

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
