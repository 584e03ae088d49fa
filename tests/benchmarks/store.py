"""How fast the store takes rows, beside raw `executemany` into the same tables, and in how much memory.

    python tests/benchmarks/store.py

Seconds are processor seconds of this process, the best of three; raw and own take turns. Raw has its values,
ids included, ready before the clock starts; the store makes them and tells what it has already. The last line
is one JSON object, exit 1 where a figure misses its target.
"""

import json
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from socli.problem import Problem, Step, Trace
from socli.records import TraceRow
from socli.store import Store

ROWS = 10_000
PROBLEMS = 50_000
MORE = 10  # times as many rows in the measurement of memory
RAW = 500  # rows to a transaction, as the store's
TIMES = 3

WORDS = ["bottles", "boats", "candles", "hours", "jars", "litres", "pages", "pears", "trays", "weeks"]


def problems(count: int) -> Iterator[Problem]:
    """Word problems of about 150 letters, no two alike."""
    chance = random.Random(5)
    for n in range(count):
        some = " ".join(chance.choice(WORDS) for _ in range(16))
        yield Problem(f"In house {n} there are {some}. How many {chance.choice(WORDS)} are left?", str(n))


def rows(asked: Iterator[Problem]) -> Iterator[TraceRow]:
    """A trace of three steps for each, as a teacher's reply gives it."""
    chance = random.Random(6)
    for n, problem in enumerate(asked):
        steps = tuple(
            Step(
                f"How many {chance.choice(WORDS)} are there?",
                f"There are {n}*{k} = <<{n}*{k}={n * k}>>{n * k}.",
            )
            for k in (2, 3, 4)
        )
        reply = "\n".join(f"Ask: {step.question}\nWork: {step.text}" for step in steps) + f"\n#### {n}"
        trace = Trace(problem.id, steps, str(n), "m", prompt_hash="a" * 16)
        yield TraceRow(trace, "kept", reply=reply, finish_reason="stop", tokens_in=900, tokens_out=120)


def raw_traces(path: Path, ready: list[TraceRow]) -> float:
    """Seconds of the same rows through `executemany` alone, a transaction for 500 of them."""
    with closing(sqlite3.connect(path)) as file:
        questions = dict(file.execute("SELECT id, question FROM problems"))
    traces, steps, words = [], [], []
    for row in ready:
        trace, id = row.trace, row.trace.id
        traces.append(
            (id, trace.problem_id, trace.teacher, trace.prompt_hash, 0.0, 1.0, 0, 0, trace.answer, "kept",
             "", row.reply, row.finish_reason, row.tokens_in, row.tokens_out, "2026-01-01T00:00:00.000Z")
        )  # fmt: skip
        steps.append([(id, n, step.question, step.text) for n, step in enumerate(trace.steps, 1)])
        told = "\n".join(f"{step.question} {step.text}" for step in trace.steps)
        words.append((id, questions[trace.problem_id], told))
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = ON")
        file.execute("PRAGMA synchronous = NORMAL")
        began = time.process_time()
        for first in range(0, len(ready), RAW):
            part = slice(first, first + RAW)
            file.execute("BEGIN IMMEDIATE")
            file.executemany(f"INSERT INTO traces VALUES ({', '.join('?' * 16)})", traces[part])
            file.executemany(
                "INSERT INTO steps VALUES (?, ?, ?, ?)", [one for some in steps[part] for one in some]
            )
            file.executemany("INSERT INTO trace_words (trace, question, told) VALUES (?, ?, ?)", words[part])
            file.execute("COMMIT")
        return time.process_time() - began


def raw_problems(path: Path, ready: list[Problem]) -> float:
    """Seconds of problems and their places in a set through `executemany` alone."""
    values = [(problem.id, problem.question, problem.context) for problem in ready]
    members = [("set", p.id, n, p.gold, p.kind, p.source) for n, p in enumerate(ready)]
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = ON")
        file.execute("PRAGMA synchronous = NORMAL")
        began = time.process_time()
        for first in range(0, len(ready), RAW):
            part = slice(first, first + RAW)
            file.execute("BEGIN IMMEDIATE")
            file.executemany("INSERT INTO problems VALUES (?, ?, ?)", values[part])
            file.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?, ?)", members[part])
            file.execute("COMMIT")
        return time.process_time() - began


def own_traces(path: Path, ready: list[TraceRow]) -> float:
    """Seconds of the store's own way."""
    with Store(path) as store:
        began = time.process_time()
        stored = store.add_traces(ready)
        took = time.process_time() - began
    assert stored == len(ready)
    return took


def own_problems(path: Path, ready: list[Problem]) -> float:
    """Seconds of the store's own way."""
    with Store(path) as store:
        began = time.process_time()
        store.add_problems("set", ready)
        return time.process_time() - began


def best(folder: Path, name: str, ways: list[Callable[[Path], float]]) -> list[float]:
    """The least seconds of each way, which take turns, each time in a new store."""
    took: list[list[float]] = [[] for _ in ways]
    for time_ in range(TIMES):
        for way, seconds in zip(ways, took, strict=True):
            path = folder / f"{name}-{time_}-{len(seconds)}-{id(way)}.db"
            Store(path).close()
            seconds.append(way(path))
            path.unlink()
    return [min(seconds) for seconds in took]


def grown(path: Path, count: int) -> float:
    """MiB by which the peak of this process grows while so many rows, made as they are taken, are stored."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Store(path) as store:
        store.add_problems("set", problems(count))
        store.add_traces(rows(problems(count)))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> int:
    """Measure, print a table, then the JSON line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grown(folder / "few.db", ROWS)
        more = grown(folder / "many.db", ROWS * MORE)
        asked = list(problems(ROWS))
        ready = list(rows(iter(asked)))

        def own(path: Path) -> float:
            own_problems(path, asked)
            return own_traces(path, ready)

        def raw(path: Path) -> float:
            raw_problems(path, asked)
            return raw_traces(path, ready)

        ours, theirs = best(folder, "traces", [own, raw])
        many = list(problems(PROBLEMS))
        ours_p, theirs_p = best(
            folder, "problems", [lambda path: own_problems(path, many), lambda path: raw_problems(path, many)]
        )
    rate, rate_p = ROWS / ours, PROBLEMS / ours_p
    figures = [
        ("traces a CPU second", round(rate), "", True),
        ("traces, share of raw executemany", round(theirs / ours, 2), ">= 0.7", theirs / ours >= 0.7),
        ("problems a CPU second", round(rate_p), "", True),
        (
            "problems, share of raw executemany",
            round(theirs_p / ours_p, 2),
            ">= 0.7",
            theirs_p / ours_p >= 0.7,
        ),
        ("MiB more for ten times the rows", round(more), "<= 10", more <= 10),
    ]
    for what, value, target, holds in figures:
        print(f"{what:<40} {value!s:>8} {target:>8}  {('holds' if holds else 'MISSED') if target else ''}")
    keys = ("name", "value", "target", "holds")
    print(json.dumps({"figures": [dict(zip(keys, row, strict=True)) for row in figures]}))
    return 0 if all(row[-1] for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
