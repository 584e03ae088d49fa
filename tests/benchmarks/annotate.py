"""What annotating costs: requests per CPU-second, the share of an allowed rate that is used, memory.

    python tests/benchmarks/annotate.py [--problems 5000]

The server is a process of its own: raw asyncio, 50 ms a reply; for the rate it answers 429 above what it
allows. Prints one JSON line.
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
from socli.recipe import TeacherTable
from socli.scheme import Scheme
from socli.store import Store

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


def main() -> None:
    """All three figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--problems", type=int, default=5000)
    count = arguments.parse_args().problems
    job(300, 64)  # imports and first connections
    speed = job(count, 64)
    rate = 100.0
    limited = job(int(rate * 30), 64, rate)
    print(json.dumps({"speed": speed, "share_of_rate": limited["per_s"] / rate}))


if __name__ == "__main__":
    main()
