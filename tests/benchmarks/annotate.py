"""What annotating costs: requests per CPU-second, the share of an allowed rate that is used, memory.

    python tests/benchmarks/annotate.py [--problems 5000] [--many 100000]

The server is a process of its own: raw asyncio, 50 ms a reply; for the rate it answers 429 above what it
allows. `--many 0` leaves out the memory of many problems, which takes minutes. The last line is one JSON
object, exit 1 where a figure misses its target.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from socli.annotate import annotate
from socli.problem import Problem
from socli.scheme import Scheme
from socli.store import Store
from socli.tables import TeacherTable

RATE = 100.0
"""Requests a second that the strict server allows, for half a minute."""
TEXT = "Ask: How many are there?\nWork: 4*12 = <<4*12=48>>48.\nAsk: How many are left?\n"
TEXT += "Work: 48-8 = <<48-8=40>>40, as it is said above.\n#### 40"
BODY = json.dumps(
    {
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 60},
    }
).encode()


def serve(pipe: Any, latency: float, rate: float | None) -> None:
    """Answer for ever; with a rate, a bucket of a tenth of a second says 429 when it is empty."""
    bucket = {"level": (rate or 0) / 10, "at": time.monotonic()}

    def allowed() -> bool:
        if rate is None:
            return True
        now = time.monotonic()
        bucket["level"] = min(rate / 10, bucket["level"] + (now - bucket["at"]) * rate)
        bucket["at"] = now
        if bucket["level"] < 1:
            return False
        bucket["level"] -= 1
        return True

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                ok = allowed()
                await asyncio.sleep(latency)
                status, body = (b"200 OK", BODY) if ok else (b"429 Busy", b"{}")
                writer.write(
                    b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                    % (status, len(body), body)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(client, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class Sums:
    """So many problems, made when they are asked for: what is held is what annotate holds."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Problem]:
        return (Problem(f"Nora packs {n} boxes of candles. " * 4, "40") for n in range(self.count))


def job(count: int, concurrency: int, rate: float | None = None) -> dict[str, float]:
    """One job; its CPU and wall seconds and how much its memory grew."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs, 0.05, rate), daemon=True)
    server.start()
    table = TeacherTable(model="m", base_url=f"http://127.0.0.1:{ours.recv()}/v1", concurrency=concurrency)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "socli.db") as store:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in annotate(Sums(count), "set", table, Scheme(), store):  # type: ignore[arg-type]
            pass
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        kept = store.counts()["kept"]
    server.terminate()
    server.join()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    return {
        "kept": kept,
        "cpu_s": cpu,
        "wall_s": wall,
        "per_cpu_s": kept / cpu,
        "per_s": kept / wall,
        "MiB": grown,
    }


def main() -> int:
    """Measure, print a table, then the JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--problems", type=int, default=5000)
    arguments.add_argument("--many", type=int, default=100_000)
    given = arguments.parse_args()
    job(300, 64)  # imports and first connections
    speed = job(given.problems, 64)
    share = job(int(RATE * 30), 64, RATE)["per_s"] / RATE
    figures = [
        ("requests a CPU second", round(speed["per_cpu_s"]), ">= 350", speed["per_cpu_s"] >= 350),
        ("requests a second", round(speed["per_s"]), "", True),
        (f"share of {RATE:.0f} a second that a server allows", round(share, 3), ">= 0.95", share >= 0.95),
    ]
    if given.many:
        more = job(given.many, 512)["MiB"]
        what = f"MiB more for {given.many:,} problems than for {given.problems:,}"
        figures.append((what, round(more), "<= 32", more <= 32))
    for what, value, target, holds in figures:
        print(f"{what:<48} {value!s:>8} {target:>8}  {('holds' if holds else 'MISSED') if target else ''}")
    keys = ("name", "value", "target", "holds")
    print(json.dumps({"figures": [dict(zip(keys, row, strict=True)) for row in figures]}))
    return 0 if all(row[-1] for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
