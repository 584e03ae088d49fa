"""The store: one SQLite file that remembers problems, traces, runs and benches.

Its queries are here and, for runs and benches, in `runbook`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from sqlite3 import Row
from typing import Any, Self

from socli.check import Funnel, code, funnel
from socli.errors import UsageError
from socli.problem import Problem, Step, Trace
from socli.records import RUN, Code, TraceRow, Verdict
from socli.store.migrations import HISTORY, Migration, migrate
from socli.store.runbook import RunBook
from socli.store.sqlitefile import END_OF_PATH, SqliteFile, batches, copy, now, phrases

_START = {"position": -1, "row": -1}  # before the first row of a set


class Store(RunBook):
    """An open store. Iterators read a page at a time, so that one may write while going through them.

    Every method raises StorageError, and nothing of sqlite3, where the file cannot be used.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, history: Sequence[Migration] = HISTORY
    ) -> None:
        """Open the file, made if it was not there, and bring its tables up to date."""
        super().__init__(SqliteFile(path, read_only=read_only))
        self._file.connection.create_function("code", 1, code, deterministic=True)
        try:
            migrate(self._file, history)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    # problems

    def add_problems(self, set_name: str, problems: Iterable[Problem], start: int = 0) -> int:
        """Make these the problems of a set from position `start` on; how many there were.

        A problem already in the set keeps its place and takes the new gold answer. Reference steps are
        not kept here: they are the traces of the teacher `reference`.
        """
        count = 0
        for batch in batches(enumerate(problems, start)):
            with self._file.writing():
                self._add_members(set_name, batch)
            count += len(batch)
        return count

    def set_problems(self, set_name: str, problems: Sequence[Problem], *, whole: bool) -> None:
        """Make a set begin with these problems, in this order; what stood among them comes after them.

        `whole`: they are all of it, and others leave it. Their traces and predictions stay.
        """
        ids, n = json.dumps([problem.id for problem in problems]), len(problems)
        mine = "DELETE FROM members WHERE set_name = ? AND problem IN (SELECT value FROM json_each(?))"
        others = mine.replace(" IN ", " NOT IN ")
        behind = "UPDATE members SET position = position + ? WHERE set_name = ? AND position < ?"
        with self._file.writing():
            self._file.insert(mine, [(set_name, ids)])
            if whole:
                self._file.insert(others, [(set_name, ids)])
            self._file.insert(behind, [(n, set_name, n)])
            self._add_members(set_name, list(enumerate(problems)))

    def _add_members(self, set_name: str, placed: Sequence[tuple[int, Problem]]) -> None:
        """Problems by their position, inside a transaction."""
        members = [(position, problem.id, problem) for position, problem in placed]
        self._file.insert(
            "INSERT INTO problems (id, question, context) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
            ((id, problem.question, problem.context) for _, id, problem in members),
        )
        self._file.insert(
            "INSERT INTO members (set_name, problem, position, gold, kind, source)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (set_name, problem)"
            " DO UPDATE SET gold = excluded.gold, kind = excluded.kind, source = excluded.source",
            ((set_name, id, position, p.gold, p.kind, p.source) for position, id, p in members),
        )

    def _set(self, name: str) -> str:
        """The name of a set in this store: a file that it does not know by its whole path is known by the end
        of it, as it was typed when an older socli stored it.
        """
        known = "SELECT set_name FROM members WHERE set_name = :set LIMIT 1"
        older = f"SELECT set_name FROM members WHERE {END_OF_PATH} LIMIT 1"  # noqa: S608  a constant
        found = self._file.rows(known, set=name) or self._file.rows(older, set=name)
        return str(found[0]["set_name"]) if found else name

    def problems(self, set_name: str, limit: int | None = None) -> Iterator[Problem]:
        """The problems of a set, in its order, without reference steps."""
        sql = (
            "SELECT m.position, m.rowid AS row, p.question, p.context, m.gold, m.kind, m.source"
            " FROM members m JOIN problems p ON p.id = m.problem"
            " WHERE m.set_name = :set AND m.position >= :position"
            " AND (m.position > :position OR m.rowid > :row)"
            " ORDER BY m.position, m.rowid LIMIT :page"
        )
        for page in self._file.pages(sql, limit, _START, set=self._set(set_name)):
            yield from map(_problem, page)

    def problem(self, id: str) -> Problem:
        """The problem of this id or unique beginning of one; its gold answer is that of its first set."""
        sql = (
            "SELECT p.id, p.question, p.context, m.gold, m.kind, m.source FROM problems p"
            " LEFT JOIN members m ON m.rowid = (SELECT min(rowid) FROM members WHERE problem = p.id)"
            " WHERE p.id >= :low AND p.id < :high ORDER BY p.id LIMIT 5"
        )
        return _problem(self._file.one(sql, id, "problem", "socli problems SET"))

    # traces

    def add_traces(self, rows: Iterable[TraceRow], *, paid: bool = False) -> int:
        """Store traces with their steps; how many were new. The first trace of an id stays as it is.

        `paid` ones are on the disk when this returns. Up to 500 rows are one transaction.
        """
        new = 0
        for batch in batches(rows):
            stored = now()
            by_id: dict[str, TraceRow] = {}
            for row in batch:
                by_id.setdefault(row.trace.id, row)
            with self._file.writing(paid=paid):
                sql = "SELECT id FROM traces WHERE id IN (SELECT value FROM json_each(:ids))"
                for known in self._file.rows_among(sql, by_id):
                    del by_id[known["id"]]
                new += self._file.insert(
                    "INSERT INTO traces (id, problem, teacher, prompt_hash, temperature, top_p, seed, sample,"
                    " answer, verdict, reason, reply, finish_reason, tokens_in, tokens_out, created)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (_trace_values(id, row, stored) for id, row in by_id.items()),
                )
                self._file.insert(
                    "INSERT INTO steps (trace, n, question, text) VALUES (?, ?, ?, ?)",
                    (
                        (id, n, step.question, step.text)
                        for id, row in by_id.items()
                        for n, step in enumerate(row.trace.steps, 1)
                    ),
                )
                asked = self._questions(row.trace.problem_id for row in by_id.values())
                self._file.insert(  # values alone: a SELECT for each row takes five times as long
                    "INSERT INTO trace_words (trace, question, told) VALUES (?, ?, ?)",
                    ((id, asked[row.trace.problem_id], _words(row)) for id, row in by_id.items()),
                )
        return new

    def kept(
        self,
        set_name: str,
        teacher: str | Sequence[str] | None = None,
        prompt_hash: str | None = None,
        limit: int | None = None,
    ) -> Iterator[tuple[Problem, Trace]]:
        """The kept traces of a set's problems, in its order; of some teachers or a prompt where named."""
        sql = (
            "SELECT m.position, t.rowid AS row, p.question, p.context, m.gold, m.kind, m.source, t.*"
            " FROM members m JOIN problems p ON p.id = m.problem JOIN traces t ON t.problem = m.problem"
            " WHERE m.set_name = :set AND t.verdict = 'kept' AND m.position >= :position"
            " AND (m.position > :position OR t.rowid > :row)"
            " AND (:teachers IS NULL OR t.teacher IN (SELECT value FROM json_each(:teachers)))"
            " AND (:prompt_hash IS NULL OR t.prompt_hash = :prompt_hash)"
            " ORDER BY m.position, t.rowid LIMIT :page"
        )
        values = {"set": self._set(set_name), "teachers": _names(teacher), "prompt_hash": prompt_hash}
        for page in self._file.pages(sql, limit, _START, **values):
            steps = self._steps(page)
            for row in page:
                yield _problem(row), _trace(row, steps[row["id"]])

    def kept_otherwise(self, set_name: str, like: Trace, prompts: Iterable[str]) -> Iterator[Trace]:
        """Kept traces of models to a set's problems that were not asked as `like` with one of the prompts."""
        sql = (
            "SELECT m.position, t.rowid AS row, t.* FROM members m JOIN traces t ON t.problem = m.problem"
            " WHERE m.set_name = :set AND t.verdict = 'kept' AND t.teacher != 'reference'"
            " AND t.teacher NOT LIKE :runs"  # what a student drew for itself is asked for by name alone
            " AND m.position >= :position AND (m.position > :position OR t.rowid > :row)"
            " AND NOT (t.teacher = :teacher AND t.prompt_hash IN (SELECT value FROM json_each(:prompts))"
            " AND t.temperature = :temperature AND t.top_p = :top_p AND t.seed = :seed)"
            " ORDER BY m.position, t.rowid LIMIT :page"
        )
        asked = {"teacher": like.teacher, "prompts": json.dumps(list(prompts)), "runs": f"{RUN}%"}
        knobs = {"temperature": like.temperature, "top_p": like.top_p, "seed": like.seed}
        for page in self._file.pages(sql, None, _START, set=self._set(set_name), **asked, **knobs):
            steps = self._steps(page)
            yield from (_trace(row, steps[row["id"]]) for row in page)

    def teachers(self) -> list[str]:
        """Who wrote the traces of this store, by name."""
        return [row["teacher"] for row in self._file.rows("SELECT DISTINCT teacher FROM traces ORDER BY 1")]

    def kept_of(self, problem_ids: Iterable[str], teacher: str) -> dict[str, list[Trace]]:
        """The kept traces of one teacher for each of these problems, the oldest first."""
        kept: dict[str, list[Trace]] = {id: [] for id in problem_ids}
        found = self._file.rows(
            "SELECT * FROM traces WHERE verdict = 'kept' AND +teacher = :teacher"  # +: a teacher has them all
            " AND problem IN (SELECT value FROM json_each(:ids)) ORDER BY rowid",
            teacher=teacher,
            ids=json.dumps(list(kept)),
        )
        steps = self._steps(found)
        for row in found:
            kept[row["problem"]].append(_trace(row, steps[row["id"]]))
        return kept

    def traced(self, like: Trace, judged: Sequence[Code | None] = ()) -> set[str]:
        """Ids of the problems that have a trace asked for as `like` was; judged one of these ways, or any.

        That is of the same teacher with the same prompt, temperature, top_p, seed and sample number. None
        among `judged` stands for kept.
        """
        found = self._file.rows(
            "SELECT problem FROM traces WHERE teacher = :teacher AND prompt_hash = :prompt_hash"
            " AND temperature = :temperature AND top_p = :top_p AND seed = :seed AND sample = :sample"
            " AND (:codes = '[]' OR ifnull(code(reason), 'kept') IN (SELECT value FROM json_each(:codes)))",
            codes=json.dumps([code or "kept" for code in judged]),
            teacher=like.teacher,
            prompt_hash=like.prompt_hash,
            temperature=like.temperature,
            top_p=like.top_p,
            seed=like.seed,
            sample=like.sample,
        )
        return {row["problem"] for row in found}

    def traces(
        self,
        limit: int | None = None,
        verdict: Verdict | None = None,
        *,
        reason: Code | None = None,
        teacher: str | None = None,
        set_name: str | None = None,
        words: str | None = None,
    ) -> Iterator[TraceRow]:
        """Traces, the newest first; those alone that are so, refused for that, and hold all of the words.

        Words are looked for in the problem's question and in the steps, in whatever case and English ending.
        """
        sql = (
            "SELECT rowid AS row, * FROM traces WHERE rowid < :row"
            " AND (:verdict IS NULL OR verdict = :verdict) AND (:reason IS NULL OR code(reason) = :reason)"
            " AND (:teacher IS NULL OR teacher = :teacher)"
            " AND (:set IS NULL OR problem IN (SELECT problem FROM members WHERE set_name = :set))"
            " AND (:words IS NULL OR id IN (SELECT trace FROM trace_words WHERE trace_words MATCH :words))"
            " ORDER BY rowid DESC LIMIT :page"
        )
        asked = {"verdict": verdict, "reason": reason, "teacher": teacher}
        asked["set"] = set_name and self._set(set_name)
        asked["words"] = None if words is None else phrases(words)
        for page in self._file.pages(sql, limit, {"row": 2**63 - 1}, **asked):
            steps = self._steps(page)
            for row in page:
                yield _trace_row(row, steps[row["id"]])

    def funnel(self, set_name: str | None = None, teacher: str | Sequence[str] | None = None) -> Funnel:
        """What became of the traces of a set's problems and of some teachers, where they are named."""
        set_name = set_name and self._set(set_name)
        (members,) = self._file.rows(
            "SELECT count(DISTINCT problem) AS n FROM members WHERE :set IS NULL OR set_name = :set",
            set=set_name,
        )
        judged = self._file.rows(
            "SELECT code(reason) AS code, count(*) AS n FROM traces"
            " WHERE (:teachers IS NULL OR teacher IN (SELECT value FROM json_each(:teachers)))"
            " AND (:set IS NULL OR problem IN (SELECT problem FROM members WHERE set_name = :set))"
            " GROUP BY 1",
            set=set_name,
            teachers=_names(teacher),
        )
        return funnel(members["n"], {row["code"]: row["n"] for row in judged})

    def tokens_spent(self, set_name: str, teacher: str) -> tuple[int, int]:
        """Tokens read and written by a teacher for the problems of a set, as far as it said."""
        (row,) = self._file.rows(
            "SELECT coalesce(sum(tokens_in), 0) AS read, coalesce(sum(tokens_out), 0) AS written FROM traces"
            " WHERE teacher = :teacher AND problem IN (SELECT problem FROM members WHERE set_name = :set)",
            set=self._set(set_name),
            teacher=teacher,
        )
        return row["read"], row["written"]

    def trace(self, id: str) -> TraceRow:
        """The trace of this id or unique beginning of one."""
        sql = "SELECT * FROM traces WHERE id >= :low AND id < :high ORDER BY id LIMIT 5"
        row = self._file.one(sql, id, "trace", "socli traces list")
        return _trace_row(row, self._steps([row])[row["id"]])

    def _questions(self, problems: Iterable[str]) -> dict[str, str]:
        sql = "SELECT id, question FROM problems WHERE id IN (SELECT value FROM json_each(:ids))"
        return {row["id"]: row["question"] for row in self._file.rows_among(sql, problems)}

    def _steps(self, traces: Iterable[Row]) -> dict[str, list[Step]]:
        steps: dict[str, list[Step]] = {row["id"]: [] for row in traces}
        sql = "SELECT trace, question, text FROM steps WHERE trace IN (SELECT value FROM json_each(:ids))"
        for row in self._file.rows_among(f"{sql} ORDER BY trace, n", steps):
            steps[row["trace"]].append(Step(row["question"], row["text"]))
        return steps

    # the file

    def counts(self) -> dict[str, int]:
        """How many there are of each thing the store remembers."""
        (row,) = self._file.rows(
            "SELECT (SELECT count(*) FROM problems) AS problems,"
            " (SELECT count(DISTINCT set_name) FROM members) AS sets,"
            " (SELECT count(*) FROM traces WHERE verdict = 'kept') AS kept,"
            " (SELECT count(*) FROM traces WHERE verdict = 'refused') AS refused,"
            " (SELECT count(*) FROM steps) AS steps,"
            " (SELECT count(*) FROM runs) AS runs,"
            " (SELECT count(*) FROM benches) AS benches,"
            " (SELECT count(*) FROM predictions) AS predictions"
        )
        return dict(row)

    def backup(self, to: Path) -> None:
        """Copy the store, also while others write to it; a file that is there is not replaced."""
        if to.exists():
            raise UsageError(f"{to} is there already", hint="name a new file for the backup")
        copy(self.path, to)

    def check(self) -> list[str]:
        """What is wrong with the file, in SQLite's words: damaged pages, rows that point nowhere."""
        return self._file.problems_found()


def _problem(row: Row) -> Problem:
    return Problem(
        question=row["question"],
        gold=row["gold"],
        kind=row["kind"] or "number",
        source=row["source"] or "",
        context=row["context"],
    )


def _trace(row: Row, steps: Iterable[Step]) -> Trace:
    return Trace(
        problem_id=row["problem"],
        steps=tuple(steps),
        answer=row["answer"],
        teacher=row["teacher"],
        prompt_hash=row["prompt_hash"],
        temperature=row["temperature"],
        top_p=row["top_p"],
        seed=row["seed"],
        sample=row["sample"],
    )


def _trace_row(row: Row, steps: Iterable[Step]) -> TraceRow:
    return TraceRow(
        trace=_trace(row, steps),
        verdict=row["verdict"],
        reason=row["reason"],
        reply=row["reply"],
        finish_reason=row["finish_reason"],
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        created=row["created"],
    )


def _names(teacher: str | Sequence[str] | None) -> str | None:
    """Teachers as the queries take them."""
    return None if teacher is None else json.dumps([teacher] if isinstance(teacher, str) else list(teacher))


def _words(row: TraceRow) -> str:
    """What a trace can be found by beside its problem's question."""
    return "\n".join(f"{step.question} {step.text}" for step in row.trace.steps) or row.reply


def _trace_values(id: str, row: TraceRow, stored: str) -> tuple[Any, ...]:
    trace = row.trace
    asked = (trace.teacher, trace.prompt_hash, trace.temperature, trace.top_p, trace.seed, trace.sample)
    wrote = (row.reply, row.finish_reason, row.tokens_in, row.tokens_out, row.created or stored)
    return (id, trace.problem_id, *asked, trace.answer, row.verdict, row.reason, *wrote)
