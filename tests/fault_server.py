"""A chat-completions server on loopback that misbehaves as told: raw asyncio, so that it can cut and hang."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

Plan = Callable[[str, int], tuple[str, Any]]
"""(the problem's text, how often it was asked before) to what to do: see `FaultServer._act`."""


class FaultServer:
    """Listens while the `with` block lasts. `paid` counts the completions sent whole, by problem."""

    def __init__(self, plan: Plan, latency: float = 0.0) -> None:
        self.plan, self.latency = plan, latency
        self.asked: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        self.at: list[float] = []
        self.most = 0
        self._now = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "FaultServer":
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                body = json.loads(await reader.readexactly(length))
                self._now += 1
                self.most = max(self.most, self._now)
                try:
                    await self._act(body["messages"][-1]["content"], writer)
                finally:
                    self._now -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _act(self, problem: str, writer: asyncio.StreamWriter) -> None:
        before = self.asked[problem]
        self.asked[problem] += 1
        self.at.append(self._loop.time())
        await asyncio.sleep(self.latency)
        kind, what = self.plan(problem, before)
        match kind:
            case "reply":
                self.paid[problem] += 1
                self._send(writer, 200, json.dumps(what).encode())
            case "body":
                self._send(writer, 200, what)
            case "status":
                status, headers = what
                self._send(writer, status, b'{"error": {"message": "no"}}', headers)
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b'{"choices": [{"mess')
                await writer.drain()
                writer.transport.abort()
            case "drip":  # a byte at a time, for ever
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(what)
            case "hang":
                await asyncio.sleep(what)
                writer.transport.abort()
        await writer.drain()

    @staticmethod
    def _send(writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "") -> None:
        kind = "content-type: application/json\r\n"
        head = f"HTTP/1.1 {status} x\r\n{kind}content-length: {len(body)}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
