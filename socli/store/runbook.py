"""Runs with their metrics, benches with their predictions: the half of the store that is about students."""

import difflib
import json
import math
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from sqlite3 import Row
from typing import Any, Literal

from socli.errors import MissingError
from socli.home import checked_name, runs_folder
from socli.problem import ByLength, Prediction, Scorecard
from socli.records import BenchPlan, BenchRow, MetricRow, PredictionRow, RunPlan, RunRow
from socli.store.sqlitefile import END_OF_PATH, SqliteFile, batches, now


class RunBook:
    """Runs, metrics, benches and predictions in an open file with a store's tables."""

    def __init__(self, file: SqliteFile) -> None:
        self.path = file.path
        self._file = file

    # runs

    def start_run(self, plan: RunPlan) -> RunRow:
        """Write down that a run begins; its id and the folder for its weights are in what comes back.

        The folder is not made. It is stored relative to the store's, so that both can be moved together.
        """
        checked_name(plan.name, "run")
        id = secrets.token_hex(4)
        folder = runs_folder(self.path).name + f"/{plan.name}-{id}"
        values = (_json(plan.recipe), plan.seed, plan.scheme, plan.roles, plan.base)
        shared = (plan.arm, plan.budget, plan.traces)
        with self._file.writing(paid=True):
            self._file.insert(
                "INSERT INTO runs (id, name, recipe, seed, scheme, roles, base, folder, versions, note,"
                " arm, budget, traces, status, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'started', ?)",
                [(id, plan.name, *values, folder, _json(plan.versions), plan.note, *shared, now())],
            )
        return self.run(id)

    def finish_run(self, id: str, status: Literal["done", "failed"], note: str | None = None) -> RunRow:
        """Write down how a run ended; `note` takes the place of the one it had."""
        run = self.run(id)
        with self._file.writing(paid=True):
            self._file.insert(
                "UPDATE runs SET status = ?, finished = ?, note = coalesce(?, note) WHERE id = ?",
                [(status, now(), note, run.id)],
            )
        return self.run(run.id)

    def find_run(self, plan: RunPlan, status: Literal["started", "done"] = "started") -> RunRow | None:
        """The last run of this plan that was started and did not end: the one to go on with.

        Or the last that was done: the one that need not be trained again. A plan of other traces is another;
        how it is benched is no part of a training.
        """
        found = self._file.rows(
            "SELECT * FROM runs WHERE name = :name AND arm = :arm AND seed = :seed AND base = :base"
            " AND status = :status AND traces = :traces ORDER BY rowid DESC",
            name=plan.name,
            arm=plan.arm,
            seed=plan.seed,
            base=plan.base,
            status=status,
            traces=plan.traces,
        )
        wanted = _trained_by(plan.recipe)
        return next((run for run in map(self._run, found) if _trained_by(run.recipe) == wanted), None)

    def run(self, id: str) -> RunRow:
        """The run of this id, name, or unique beginning of an id.

        A name that several share stands for the last of them that was done or, failing that, the last; for a
        verifier only where all are.
        """
        exact = self._file.rows(
            "SELECT * FROM runs WHERE id = :id OR name = :id"
            " ORDER BY id = :id DESC, scheme = 'verify', status = 'done' DESC, rowid DESC LIMIT 1",
            id=id,
        )
        if exact:
            return self._run(exact[0])
        try:
            sql = "SELECT * FROM runs WHERE id >= :low AND id < :high ORDER BY id LIMIT 5"
            return self._run(self._file.one(sql, id, "run", "socli runs list"))
        except MissingError as error:
            names = [row["name"] for row in self._file.rows("SELECT DISTINCT name FROM runs")]
            near = difflib.get_close_matches(id, names, n=1)
            raise MissingError(str(error), f"did you mean `{near[0]}`?" if near else error.hint) from None

    def runs(self) -> list[RunRow]:
        """All runs, the newest first."""
        return [self._run(row) for row in self._file.rows("SELECT * FROM runs ORDER BY rowid DESC")]

    def last_good_run(self) -> RunRow | None:
        """The run that was done last, of those that solve."""
        sql = (
            "SELECT * FROM runs WHERE status = 'done' AND scheme != 'verify'"
            " ORDER BY finished DESC, rowid DESC LIMIT 1"
        )
        found = self._file.rows(sql)
        return self._run(found[0]) if found else None

    def remove_run(self, id: str) -> RunRow:
        """Forget a run with its metrics, benches and predictions; its folder is left to the caller."""
        run = self.run(id)
        with self._file.writing():
            self._file.insert("DELETE FROM runs WHERE id = ?", [(run.id,)])
        return run

    def add_metrics(self, rows: Iterable[MetricRow]) -> None:
        """Store optimizer steps; one that was stored before is replaced, as a continued run repeats some."""
        for batch in batches(rows):
            with self._file.writing():
                self._file.insert(
                    "INSERT INTO metrics (run, role, step, loss, lr, tokens_per_second, seconds, accuracy)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, role, step) DO UPDATE SET"
                    " loss = excluded.loss, lr = excluded.lr,"
                    " tokens_per_second = excluded.tokens_per_second, seconds = excluded.seconds,"
                    " accuracy = coalesce(excluded.accuracy, accuracy)",
                    (
                        (m.run, m.role, m.step, m.loss, m.lr, m.tokens_per_second, m.seconds, m.accuracy)
                        for m in batch
                    ),
                )

    def metrics(self, run: str) -> list[MetricRow]:
        """The optimizer steps of a run, by role and step."""
        found = self._file.rows("SELECT * FROM metrics WHERE run = :run ORDER BY role, step", run=run)
        return [
            MetricRow(
                run=row["run"],
                role=row["role"],
                step=row["step"],
                loss=_number(row["loss"]),
                lr=_number(row["lr"]),
                tokens_per_second=_number(row["tokens_per_second"]),
                seconds=_number(row["seconds"]),
                accuracy=row["accuracy"],
            )
            for row in found
        ]

    # benches

    def start_bench(self, plan: BenchPlan) -> BenchRow:
        """Write down that a bench begins."""
        id = secrets.token_hex(4)
        with self._file.writing():
            self._begin_bench(id, plan)
        return self.bench(id)

    def _begin_bench(self, id: str, plan: BenchPlan) -> None:
        values = (plan.run, plan.model, plan.set, int(plan.calculator), _json(plan.settings))
        self._file.insert(
            "INSERT INTO benches (id, run, model, set_name, calculator, settings, status, created)"
            " VALUES (?, ?, ?, ?, ?, ?, 'started', ?)",
            [(id, *values, now())],
        )

    def finish_bench(
        self, id: str, scorecard: Scorecard, settings: Mapping[str, Any] | None = None
    ) -> BenchRow:
        """Give a bench its scorecard, with which it is done, and the name and settings it has now."""
        bench = self.bench(id)
        s = scorecard
        counts = (s.n, s.correct, s.accuracy, s.low, s.high, s.unreadable, s.truncated, s.tokens, s.seconds)
        by_steps = json.dumps([asdict(one) for one in s.by_steps])
        said = None if settings is None else _json(settings)
        with self._file.writing():
            self._file.insert(
                "UPDATE benches SET status = 'done', finished = ?, n = ?, correct = ?, accuracy = ?, low = ?,"
                " high = ?, unreadable = ?, truncated = ?, tokens = ?, seconds = ?, majority = ?,"
                " unsound = ?, looped = ?, by_steps = ?, set_name = ?,"
                " settings = coalesce(?, settings) WHERE id = ?",
                [(now(), *counts, s.majority, s.unsound, s.looped, by_steps, s.set, said, bench.id)],
            )
        return self.bench(bench.id)

    def find_bench(self, plan: BenchPlan) -> BenchRow | None:
        """The bench of this plan, done or not, whose predictions need not be made again.

        How many problems are asked for is no part of what a prediction depends on: the last bench with the
        plan's own limit comes first, then the one that solved most.
        """
        solved = "(SELECT count(*) FROM predictions WHERE bench = benches.id) AS solved, rowid AS row"
        alike = "run IS :run AND model = :model AND calculator = :calculator"
        sql = f"SELECT *, {solved} FROM benches WHERE {alike} AND (set_name = :set OR {END_OF_PATH})"  # noqa: S608
        asked = {"run": plan.run, "model": plan.model, "set": plan.set, "calculator": int(plan.calculator)}
        limit, depends = plan.settings.get("limit"), _depends(plan.settings)

        def rank(row: Row) -> tuple[bool, bool, int, int]:
            same = json.loads(row["settings"]).get("limit") == limit
            return row["set_name"] == plan.set, same, 0 if same else row["solved"], row["row"]

        found = [
            row for row in self._file.rows(sql, **asked) if _depends(json.loads(row["settings"])) == depends
        ]
        return _bench(max(found, key=rank)) if found else None

    def bench(self, id: str) -> BenchRow:
        """The bench of this id or unique beginning of one."""
        sql = "SELECT * FROM benches WHERE id >= :low AND id < :high ORDER BY id LIMIT 5"
        return _bench(self._file.one(sql, id, "bench", "socli benches"))

    def benches(self, run: str | None = None) -> list[BenchRow]:
        """All benches, or those of one run, the newest first."""
        sql = "SELECT * FROM benches WHERE :run IS NULL OR run = :run ORDER BY rowid DESC"
        return [_bench(row) for row in self._file.rows(sql, run=run)]

    def fork_bench(self, bench: str, plan: BenchPlan) -> BenchRow:
        """Begin a bench with the predictions of another, all at once: a kill leaves no half of them."""
        id = secrets.token_hex(4)
        with self._file.writing():
            self._begin_bench(id, plan)
            self._file.insert(
                "INSERT INTO predictions"
                " (bench, position, problem, answer, correct, finish_reason, tokens, seconds, text, shares)"
                " SELECT ?, position, problem, answer, correct, finish_reason, tokens, seconds, text, shares"
                " FROM predictions WHERE bench = ?",
                [(id, bench)],
            )
        return self.bench(id)

    def drop_predictions(self, bench: str, positions: Iterable[int]) -> float:
        """Take copied predictions out of a bench; which share of the time of all they took."""
        with self._file.writing():
            sql = "SELECT total(seconds) AS s FROM predictions WHERE bench = :bench"
            before = self._file.rows(sql, bench=bench)[0]["s"]
            self._file.insert(
                "DELETE FROM predictions WHERE bench = ? AND position = ?", ((bench, n) for n in positions)
            )
            after = self._file.rows(sql, bench=bench)[0]["s"]
        return (before - after) / before if before else 0.0

    def note_seconds(self, bench: str, seconds: float) -> None:
        """Write down what solving took so far, for whoever goes on with the bench."""
        with self._file.writing():
            self._file.insert("UPDATE benches SET seconds = ? WHERE id = ?", [(seconds, bench)])

    def note_total(self, bench: str, total: int) -> None:
        """Write down how many problems a bench is to solve."""
        with self._file.writing():
            self._file.insert("UPDATE benches SET total = ? WHERE id = ?", [(total, bench)])

    def solved(self, bench: str) -> int:
        """How many predictions a bench has."""
        sql = "SELECT count(*) AS n FROM predictions WHERE bench = :bench"
        return int(self._file.rows(sql, bench=bench)[0]["n"])

    def add_predictions(self, bench: str, rows: Iterable[tuple[int, Prediction]]) -> int:
        """Store predictions by position in the input; how many were new. The first at a position stays."""
        new = 0
        for batch in batches(rows):
            with self._file.writing():
                new += self._file.insert(
                    "INSERT INTO predictions (bench, position, problem, answer, correct, finish_reason,"
                    " tokens, seconds, text, shares)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bench, position) DO NOTHING",
                    (
                        (
                            bench,
                            n,
                            p.problem_id,
                            p.answer,
                            p.correct,
                            p.finish_reason,
                            p.tokens,
                            p.seconds,
                            p.text,
                            json.dumps(p.shares) if p.shares else None,
                        )
                        for n, p in batch
                    ),
                )
        return new

    def predictions(self, bench: str, first: int = 0, last: int = 2**62) -> Iterator[PredictionRow]:
        """The predictions of a bench, in input order; those from one position to another, both included."""
        sql = (
            "SELECT * FROM predictions WHERE bench = :bench AND position > :position AND position <= :last"
            " ORDER BY position LIMIT :page"
        )
        for page in self._file.pages(sql, None, {"position": first - 1}, bench=bench, last=last):
            yield from map(_prediction, page)

    def _run(self, row: Row) -> RunRow:
        return RunRow(
            id=row["id"],
            name=row["name"],
            recipe=json.loads(row["recipe"]),
            seed=row["seed"],
            scheme=row["scheme"],
            roles=row["roles"],
            base=row["base"],
            versions=json.loads(row["versions"]),
            note=row["note"],
            arm=row["arm"],
            budget=row["budget"],
            traces=row["traces"],
            status=row["status"],
            folder=self.path.parent / row["folder"],
            created=row["created"],
            finished=row["finished"],
        )


def _trained_by(recipe: Mapping[str, Any]) -> str:
    """All of a recipe that the weights depend on; keys that it is older than have their defaults."""
    from socli.recipe import settled  # pydantic, which most of what opens a store does without

    told = settled(recipe) | {"name": recipe.get("name")}
    return _json({key: value for key, value in told.items() if key not in ("about", "bench")})


def _depends(settings: Mapping[str, Any]) -> str:
    """The settings of a bench that a prediction depends on: neither the limit nor a recipe's other sets."""
    return _json({key: value for key, value in settings.items() if key not in ("limit", "sets")})


def _json(value: Mapping[str, Any]) -> str:
    """The same text for the same content, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _number(value: float | None) -> float:
    """SQLite stores NaN as NULL."""
    return math.nan if value is None else value


def _bench(row: Row) -> BenchRow:
    return BenchRow(
        id=row["id"],
        run=row["run"],
        model=row["model"],
        set=row["set_name"],
        calculator=bool(row["calculator"]),
        settings=json.loads(row["settings"]),
        status=row["status"],
        created=row["created"],
        finished=row["finished"],
        scorecard=_scorecard(row) if row["status"] == "done" else None,
        seconds=row["seconds"] or 0.0,
        total=row["total"],
    )


def _scorecard(row: Row) -> Scorecard:
    return Scorecard(
        set=row["set_name"],
        model=row["model"],
        calculator=bool(row["calculator"]),
        n=row["n"],
        correct=row["correct"],
        accuracy=_number(row["accuracy"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        unreadable=_number(row["unreadable"]),
        truncated=_number(row["truncated"]),
        tokens=row["tokens"],
        seconds=row["seconds"],
        majority=row["majority"],
        unsound=row["unsound"],
        looped=row["looped"],
        by_steps=tuple(ByLength(**one) for one in json.loads(row["by_steps"] or "[]")),
        bench=row["id"],
    )


def _prediction(row: Row) -> PredictionRow:
    return PredictionRow(
        position=row["position"],
        problem_id=row["problem"],
        answer=row["answer"],
        correct=None if row["correct"] is None else bool(row["correct"]),
        finish_reason=row["finish_reason"],
        tokens=row["tokens"],
        seconds=row["seconds"],
        text=row["text"],
        shares=tuple(json.loads(row["shares"] or "[]")),
    )
