"""`socli annotate` killed and started again: nothing stored is lost, nothing stored is paid for twice."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from command_line import jsonl, sql
from doubles import completion
from fault_server import FaultServer

PROBLEMS = 2000
IN_FLIGHT = 32


def text(n: int) -> str:
    return f"Ask: How many?\nWork: {n}+{n} = <<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n}"


def right(problem, _):
    return "reply", completion(text(int(re.search(r"\d+", problem)[0])))


def recipe(folder: Path, url: str, count: int = PROBLEMS) -> Path:
    rows = [{"question": f"Ada has {n} pears and gets {n} more. How many?", "answer": str(2 * n)}
            for n in range(1, count + 1)]  # fmt: skip
    file = folder / "sums.toml"
    file.write_text(
        f'[problems]\ntrain = "{jsonl(folder / "sums.jsonl", rows)}"\n'
        f'[teacher]\nmodel = "m"\nbase_url = "{url}"\nconcurrency = {IN_FLIGHT}\n'
    )
    return file


def start(file: Path, store: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "socli", "annotate", "-r", str(file), "--store", str(store), "--json"]
    return subprocess.Popen(
        words, env={**os.environ, "OPENAI_API_KEY": "sk-canary"}, stderr=subprocess.DEVNULL
    )


def stored(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)) as file:
            return int(file.execute("SELECT count(*) FROM traces").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not made yet


def test_t1_killed_at_ten_random_moments_it_ends_in_the_same_store(home: Path, tmp_path: Path) -> None:
    """Each time after another ten to two hundred rows; the requests in flight are all that is paid again."""
    chance, store = random.Random(11), tmp_path / "socli.db"
    with FaultServer(right, latency=0.03) as server:
        file, kills = recipe(tmp_path, server.url), 0
        for _ in range(10):
            process, until = start(file, store), stored(store) + chance.randint(10, 190)
            while process.poll() is None and stored(store) < until:
                time.sleep(chance.uniform(0.0, 0.01))
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert start(file, store).wait() == 0
        assert kills == 10
        assert len(server.paid) == PROBLEMS
        assert server.paid.total() - PROBLEMS <= kills * IN_FLIGHT
        assert server.most <= 2 * IN_FLIGHT  # those of a killed process may still be served
    rows = sql(
        store,
        "SELECT position, verdict, answer, reply, tokens_out, (SELECT count(*) FROM steps WHERE trace = t.id)"
        " FROM traces t JOIN members m ON m.problem = t.problem ORDER BY position, t.id",
    )
    assert rows == [(n - 1, "kept", str(2 * n), text(n), 7, 1) for n in range(1, PROBLEMS + 1)]
    assert sql(store, "SELECT count(*), count(DISTINCT trace) FROM trace_words") == [(PROBLEMS, PROBLEMS)]
    assert sql(store, "PRAGMA integrity_check") == [("ok",)]


def test_t14_two_processes_on_one_store_both_finish(home: Path, tmp_path: Path) -> None:
    store = tmp_path / "socli.db"
    with FaultServer(right, latency=0.01) as server:
        file = recipe(tmp_path, server.url, 300)
        two = [start(file, store), start(file, store)]
        assert [process.wait() for process in two] == [0, 0]
    assert sql(store, "SELECT count(*), count(DISTINCT problem) FROM traces") == [(300, 300)]
