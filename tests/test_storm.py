"""Every fault at once, for ever or a while: each problem ends once, answered or refused with its reason."""

import json
import random
import re
from collections import Counter

from doubles import completion
from fault_server import FaultServer

from socli.annotate import annotate
from socli.events import Refused, Traced
from socli.problem import Problem
from socli.scheme import Scheme
from socli.tables import TeacherTable

PROBLEMS = 200
LARGE = b'{"choices": [{"message": {"content": "%b"}}]}' % (b"x" * 5_000_000)
LONG = "Ask: How many?\nWork: " + "and so on " * 100_000

FOR_EVER = {
    0: (("status", (500, "")), "no reply: HTTP 500"),
    1: (("cut", None), "no reply: the connection was cut"),
    2: (("body", b'{"choices": []}'), "no reply: the server sent no choice"),
    3: (("body", b'{"choices": [{"message": {"cont'), "no reply: the server sent no JSON, or half of one"),
    4: (
        ("typed", ("text/html", b"<html>Sign in</html>")),
        "no reply: the server sent no JSON, or half of one",
    ),
    5: (("body", LARGE), "no reply: it is longer than 4,000,000 bytes"),
    6: (("reply", completion(LONG)), "unreadable"),
    7: (("reply", completion("#### 7 million")), "wrong answer"),
    8: (("hang", 5), "no reply: the server took too long"),
}
"""What the problems of so much modulo 40 always get, and what they are refused for."""
FOR_A_WHILE = [
    ("status", (429, "")), ("status", (429, "retry-after: 1\r\n")), ("status", (503, "")),
    ("cut", None), ("status", (502, "")), ("body", b"[1, 2]"), ("body", b'{"choices": [{}'),
    ("typed", ("image/png", b"\x89PNG")),
]  # fmt: skip


def number(problem: str) -> int:
    return int(re.search(r"\d+", problem)[0])


class Storm(FaultServer):
    """Also sends bodies of any content type, and each reply after a time of its own: none is in order."""

    async def _act(self, problem, writer):
        self.latency = random.Random(f"{problem} {self.asked[problem]}").uniform(0, 0.02)
        if self.plan(problem, self.asked[problem])[0] != "typed":
            return await super()._act(problem, writer)
        kind, body = self.plan(problem, self.asked[problem])[1]
        self.asked[problem] += 1
        head = f"HTTP/1.1 200 x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        return await writer.drain()


def weather(problem, before):
    n = number(problem)
    if n % 40 in FOR_EVER:
        return FOR_EVER[n % 40][0]
    chance = random.Random(f"{problem} {before}")
    if before < 6 and chance.random() < 0.3:
        return chance.choice(FOR_A_WHILE)
    return fine(problem, before)


def fine(problem, before):
    n = number(problem)
    text = f"Ask: How many?\nWork: {n}+{n} = <<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n}"
    whole = completion(text)
    return ("typed", ("text/plain", json.dumps(whole).encode())) if n % 40 == 20 else ("reply", whole)


def job(store, server):
    problems = [
        Problem(f"Ada has {n} pears and gets {n} more. How many?", str(2 * n)) for n in range(PROBLEMS)
    ]
    table = TeacherTable(model="m", base_url=server.url, concurrency=48, timeout=0.3)
    events = list(annotate(problems, "set", table, Scheme("socratic"), store, backoff=0.001))
    return [event for event in events if isinstance(event, Traced | Refused)]


def test_t4_t5_t6_t7_t8_in_a_storm_every_problem_ends_once_answered_or_refused_with_its_reason(store):
    with Storm(weather) as server:
        told = job(store, server)
        assert Counter(event.problem.question for event in told).most_common(1)[0][1] == 1
        assert len(told) == PROBLEMS
        for event in told:
            n = number(event.problem.question)
            reason = event.reason if isinstance(event, Refused) else ""
            assert reason == FOR_EVER.get(n % 40, (None, ""))[1], n
        assert max(server.asked.values()) == 10
    each = PROBLEMS // 40
    assert (store.counts()["kept"], store.counts()["refused"]) == (each * 31, each * 2)

    with Storm(fine) as server:
        told = job(store, server)
        assert len(told) == len(server.asked) == each * 7  # what had no reply, and nothing that had one
        assert set(map(type, told)) == {Traced}
    assert (store.counts()["kept"], store.counts()["refused"]) == (each * 38, each * 2)
