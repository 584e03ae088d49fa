"""Asks a model behind an OpenAI-compatible API: many at a time, no faster than the server allows.

Owner of openai. The key is read from the environment and goes nowhere but into the request; no text of an
error is shown, for a server may repeat the key in it. One asyncio loop, and nothing runs beside it: it
stands still while the caller stores what came.
"""

import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from socli.errors import MissingError, SocliError, TryAgainError, UsageError
from socli.scheme import Scheme
from socli.tables import TeacherTable
from socli.teacher import Asking, Reply, cached, replies, request
from socli.teacher.cached import Cache
from socli.teacher.faults import LARGEST, Fault, TooLargeError, meaning
from socli.teacher.ladder import Ladder, Rung
from socli.teacher.limits import Limits
from socli.teacher.money import Purse, money

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TRIES = 10
CRASHED = "HTTP 500"
CRASHES = 3
"""So often in a row a server may fail on a form none was answered in; then it is asked in the next one."""
BACKOFF = 0.5
"""Seconds before the second try; doubled for each one more, and shortened at random. A caller that gives
less, as the tests do, has every wait shortened in proportion."""
LONGEST_WAIT = 120.0
"""Seconds a server may ask everyone to wait; when it asks for more, that is for another day."""
IN_A_ROW = 5
"""Problems in a row that were refused or lost before it is the server's fault and not theirs."""
FLUSH = 100
"""Replies handed over at once."""
WAIT, WAIT_FULL = 0.1, 0.01
"""Seconds a reply waits for others to be stored with; less where no other may be asked meanwhile."""
LOOK = 0.2
"""Seconds between two looks whether to stop."""
BYTES_A_TOKEN = 3
"""For the pace alone; what may be spent is counted with one."""

Source = Callable[[], Asking | None]
"""Gives the next asking; None where there is none until other replies have been judged."""


def ask(
    source: Source,
    table: TeacherTable,
    form: Scheme,
    purse: Purse,
    ladder: Ladder,
    cache: Cache | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
    backoff: float = BACKOFF,
) -> Iterator[list[Reply]]:
    """Ask for all that `source` gives; replies as they come, at most 100 at once.

    What was asked and not yet handed over is never more than `table.concurrency`. What `cache` holds is not
    asked. When `stop_asked` says so, nothing more is asked, what is in flight is waited for, and it ends.
    Raises MissingError without a key, UsageError where the server refuses what every request has, and
    TryAgainError where it cannot be reached, asks to wait too long, or the purse is empty; what came before
    that is handed over first.
    """
    with asyncio.Runner() as runner:
        talk = runner.run(_opened(source, table, form, key(table)))
        talk.purse, talk.ladder, talk.cache = purse, ladder, cache
        talk.stop_asked, talk.backoff = stop_asked, backoff
        try:
            while came := runner.run(talk.more()):
                yield came
        finally:
            runner.run(talk.close())


def key(table: TeacherTable) -> str:
    """The key of a teacher, or `none` for a server of one's own; MissingError where there must be one."""
    found = os.environ.get(table.api_key_env)
    if not found and not table.base_url:
        raise MissingError(
            f"the environment variable {table.api_key_env} holds no API key",
            hint="set it, or name a local server with --base-url, or use --teacher reference",
        )
    return found or "none"


async def _opened(source: Source, table: TeacherTable, form: Scheme, key: str) -> "_Talk":
    from openai import AsyncOpenAI, DefaultAioHttpClient

    for name in ("openai", "httpx2"):  # they write the whole address of each request, and what it holds
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = Limits(table.concurrency, table.rpm, table.tpm)
    client = AsyncOpenAI(
        api_key=key,
        base_url=table.base_url,
        max_retries=0,
        timeout=table.timeout,
        http_client=DefaultAioHttpClient(event_hooks={"response": [_heeding(limits)]}),
    )
    return _Talk(client, source, table, form, limits)


class _Talk:
    """The requests in flight and the replies that wait to be handed over."""

    def __init__(
        self, client: "AsyncOpenAI", source: Source, table: TeacherTable, form: Scheme, limits: Limits
    ) -> None:
        self.purse = Purse()
        self.ladder = Ladder(table.model, "text")
        self.cache: Cache | None = None
        self.stop_asked: Callable[[], bool] = lambda: False
        self.backoff = BACKOFF
        self._held: Asking | None = None  # what the purse does not afford beside the calls in flight
        self._client, self._source, self._table, self._form = client, source, table, form
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._came: list[Reply] = []
        self._first = 0.0  # when the first of them came
        self._woken, self._halt = asyncio.Event(), asyncio.Event()
        self._asleep = 0  # tasks that wait before they ask again: they leave their place to others
        self._failure: BaseException | None = None
        self._answered = False
        self._row: list[Fault] = []  # faults of problems since the last answer

    async def more(self) -> list[Reply]:
        """The next replies; none when all is done. Raises what ended it, once all replies are handed over."""
        while True:
            if self._failure or self.stop_asked():
                self._halt.set()
            self._fill()
            if self._due():
                came, self._came = self._came, []
                return came
            if not self._tasks:
                break
            self._woken.clear()
            timer = self._loop.call_later(self._patience(), self._woken.set)
            await self._woken.wait()
            timer.cancel()
        if self._row and not self._answered:
            self._blame(self._row[-1])
        if self._failure:
            raise self._failure
        return []

    async def close(self) -> None:
        """Let go of what is in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def _fill(self) -> None:
        """Ask as many more as may be in flight; replies not yet stored count as in flight."""
        while not self._halt.is_set() and len(self._tasks) - self._asleep < int(self._limits.width.now):
            if len(self._tasks) + len(self._came) >= self._table.concurrency:
                return
            asking, self._held = self._held or self._source(), None
            if asking is None:
                return
            body = request(asking, self._table, self._form, self.ladder.rung)
            if known := self._known(asking, body):
                self._arrived(known)
                continue
            if not self.purse.affords(*_worst(body)):
                self._held = asking
                if not self._tasks:
                    self._fail(_spent(self.purse))
                return
            self.purse.reserve(*_worst(body))
            task = self._loop.create_task(self._one(asking, body))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _due(self) -> bool:
        if not self._came:
            return False
        return len(self._came) >= FLUSH or not self._tasks or self._patience() <= 0

    def _patience(self) -> float:
        """Seconds until the replies that came are to be handed over, or until the next look."""
        if not self._came:
            return LOOK
        full = len(self._tasks) + len(self._came) >= self._table.concurrency
        return self._first + (WAIT_FULL if full else WAIT) - self._loop.time()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()
        if not task.cancelled() and (error := task.exception()):
            self._failure = self._failure or error  # a fault of ours: it ends all, and not only this one

    async def _one(self, asking: Asking, body: dict[str, Any]) -> None:
        """Ask until there is a reply or no hope of one; its worst case is set aside already."""
        worst, rung = _worst(body), self.ladder.rung
        tokens = worst[0] // BYTES_A_TOKEN + worst[1]
        fault = Fault("lost", "it was not asked")
        for attempt in range(TRIES):
            if attempt:
                if not self.purse.affords(*worst):
                    fault = Fault("hopeless", "the budget allows no other try")
                    break
                self.purse.reserve(*worst)
            if not await self._admitted(tokens):
                self.purse.release(*worst, billed=False)
                return
            asked = self._loop.time()
            came = await self._tried(asking, body, rung)
            if isinstance(came, Reply):
                used = (came.tokens_in, came.tokens_out)
                self.purse.pay(worst, used, self._loop.time() - asked, longer=asking.more)
                self._land(came, tokens)
                return
            fault = came
            free = fault.kind == "lost" or fault.why.startswith("HTTP")  # else it may have been written
            self.purse.release(*worst, billed=not free)
            if below := self._below(rung, fault, attempt + 1):
                rung, body = below, request(asking, self._table, self._form, below)  # costs no more
            elif fault.kind in ("final", "refused", "hopeless"):
                break
            if fault.kind != "refused" and not await self._retreated(fault, asked, attempt):
                return
        self._lost(asking, fault)

    def _below(self, rung: Rung, fault: Fault, times: int) -> Rung | None:
        """The form to ask in next, where after so many tries this one may be what the server cannot do."""
        may = fault.kind == "refused" or (fault.why == CRASHED and times >= CRASHES)
        return self.ladder.below(rung) if may else None

    async def _tried(self, asking: Asking, body: dict[str, Any], rung: Rung) -> Reply | Fault:
        """One request; what came is in the cache before anything else is done with it."""
        try:
            async with asyncio.timeout(self._table.timeout):
                sent = await self._client.post("/chat/completions", cast_to=bytes, body=body)
            reply = replies.read(sent, asking, rung)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told and costs one problem
            return meaning(error)
        self.ladder.answered(rung)
        if self.cache:
            self.cache.put(self._key(asking, body), sent.decode("utf-8", "replace"))
        return reply

    def _known(self, asking: Asking, body: dict[str, Any]) -> Reply | None:
        """The reply to this very request that was paid for before; None where there is none."""
        if not self.cache or not (text := self.cache.get(self._key(asking, body))):
            return None
        try:
            reply = replies.read(text.encode(), asking, self.ladder.rung)
        except replies.NoReplyError:
            return None
        self.cache.found += 1
        return reply

    def _key(self, asking: Asking, body: dict[str, Any]) -> str:
        return cached.key(self._table.base_url, json.dumps(body), asking.sample)

    async def _admitted(self, tokens: int) -> bool:
        """Wait until a request of so many tokens may be sent; False where all is to stop."""
        at = self._limits.reserve(tokens, self._loop.time())
        while (left := max(at, self._limits.resume) - self._loop.time()) > 0:
            if not await self._slept(left):
                return False
        return not self._halt.is_set()

    async def _retreated(self, fault: Fault, asked: float, attempt: int) -> bool:
        """Ask less at a time and wait, everyone as long as the server wishes; False where all is to stop."""
        now = self._loop.time()
        if fault.kind == "busy":
            self._limits.width.shrink(asked, now, said=fault.why.startswith("HTTP"))
        if fault.wait is not None and fault.wait > LONGEST_WAIT:
            self._fail(
                TryAgainError(
                    f"the teacher asks to wait {fault.wait:,.0f} seconds",
                    hint="the same command goes on where it stopped",
                )
            )
            return False
        if fault.wait:
            self._limits.pause(fault.wait * (self.backoff / BACKOFF), now)
        # while there are answers the unlucky wait no longer than others: the width spares the server
        tries = min(attempt, self._limits.width.rounds) if fault.kind == "busy" else attempt
        longest = min(30.0, self.backoff * 2**tries)
        self._asleep += 1
        try:
            return await self._slept(random.uniform(longest / 2, longest))  # noqa: S311  so that not all come at once
        finally:
            self._asleep -= 1

    async def _slept(self, how_long: float) -> bool:
        """Wait; False, and at once, where all is to stop."""
        try:
            async with asyncio.timeout(how_long):
                await self._halt.wait()
        except TimeoutError:
            return not self._halt.is_set()
        return False

    def _arrived(self, reply: Reply) -> None:
        if not self._came:
            self._first = self._loop.time()
        self._came.append(reply)

    def _land(self, reply: Reply, reserved: int) -> None:
        self._arrived(reply)
        if reply.fault:
            return
        self._answered = True
        self._row.clear()
        self._limits.width.grow()
        if reply.tokens_in is not None and reply.tokens_out is not None:
            self._limits.tokens.give_back(reserved - reply.tokens_in - reply.tokens_out)

    def _lost(self, asking: Asking, fault: Fault) -> None:
        """No reply to this one; where it is one of many in a row, or final, that ends all."""
        if fault.kind in ("refused", "lost"):
            self._row.append(fault)
        if fault.kind == "final" or len(self._row) >= IN_A_ROW:
            self._blame(fault)
        else:
            self._land(Reply(asking, fault=f"no reply: {fault.why}"), 0)

    def _blame(self, fault: Fault) -> None:
        """End all because of this."""
        if fault.kind == "lost":
            sentence = f"the teacher at {self._client.base_url.host} cannot be reached"
            self._fail(TryAgainError(sentence, hint="the same command goes on where it stopped"))
        else:
            hint = f"check the model's name, --base-url and the key in {self._table.api_key_env}"
            self._fail(UsageError(f"the teacher refuses the request: {fault.why}", hint))

    def _fail(self, error: SocliError) -> None:
        self._failure = self._failure or error
        self._woken.set()


def _worst(body: dict[str, Any]) -> tuple[int, int]:
    """The most tokens a request can read and have written: none is shorter than a byte."""
    form = len(json.dumps(body["response_format"])) if "response_format" in body else 0
    most = body.get("max_tokens") or body["max_completion_tokens"]
    return form + sum(len(said["content"].encode()) + 16 for said in body["messages"]), most


def _spent(purse: Purse) -> TryAgainError:
    budget = purse.budget or 0.0
    left = money(budget - purse.spent)
    return TryAgainError(
        f"the budget of {money(budget)} is spent: another call may cost more than the {left} left",
        hint="all replies are kept; the same command goes on, with a budget of its own",
    )


def _heeding(limits: Limits) -> Any:
    """A hook that reads the headers of each response, and lets no body be too large."""
    import httpx2

    class Capped(httpx2.AsyncByteStream):
        """A body that ends in an error when too much of it has come."""

        def __init__(self, body: Any) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = LARGEST
            async for part in self._body:
                left -= len(part)
                if left < 0:
                    raise TooLargeError
                yield part

        async def aclose(self) -> None:
            await self._body.aclose()

    async def heed(response: Any) -> None:
        limits.heed(response.headers, asyncio.get_running_loop().time())
        response.stream = Capped(response.stream)

    return heed
