"""The cache of replies: what was paid for is found again, and nothing in it is trusted."""

import os
import pickle
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from doubles import completion
from fault_server import FaultServer

from socli.annotate import annotate
from socli.events import Noted, Traced
from socli.problem import Problem
from socli.recipe import TeacherTable
from socli.scheme import Scheme
from socli.store import Store
from socli.teacher.cached import LONGEST, Cache, key

SUMS = [Problem(f"What is {n} and {n}?", str(2 * n)) for n in range(1, 21)]


def right(problem, _):
    return "reply", completion(f"#### {2 * int(problem.split()[3])}")


def told(store, server, cache, **settings):
    table = TeacherTable(model="m", base_url=server.url, **settings)
    return list(annotate(SUMS, "set", table, Scheme("answer"), store, cache=cache, backoff=0.0))


@pytest.fixture
def cache(tmp_path):
    opened = Cache(tmp_path / "cache")
    yield opened
    opened.close()


def change(folder: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "cache.db")) as file:
        file.execute(sql, values)
        file.commit()


# ---- what it is for


def test_a_reply_that_was_not_stored_comes_from_the_cache_and_is_not_paid_again(store, cache):
    """A flush that fails is what a kill between a reply and its commit leaves."""

    class Dying(Store):
        def add_traces(self, rows, *, paid=False):
            raise RuntimeError("killed")

    with FaultServer(right) as server:
        with Dying(store.path) as dying, pytest.raises(RuntimeError, match="killed"):
            told(dying, server, cache, concurrency=4)
        paid = server.paid.total()
        assert paid >= 4
        assert store.counts()["kept"] == 0
        told(store, server, cache, concurrency=4)
        assert cache.found >= paid - 4  # those in flight when it died may not have come
        assert server.paid.total() == 20 + paid - cache.found
    assert store.counts()["kept"] == 20


def test_what_was_deleted_is_asked_again_and_ends_in_the_same_store(store, cache, tmp_path):
    with FaultServer(right) as server:
        told(store, server, cache)
        with Store(tmp_path / "second.db") as second:
            told(second, server, cache)
            assert (server.paid.total(), cache.found) == (20, 20)
            rows = {(row.trace, row.reply) for row in second.traces()}
        empty = Cache(tmp_path / "empty")
        with Store(tmp_path / "third.db") as third:
            told(third, server, empty)
            assert rows == {(row.trace, row.reply) for row in third.traces()}
        empty.close()
        assert server.paid.total() == 40


def test_another_sample_model_prompt_or_limit_is_another_reply():
    table = {"url": "http://a/v1", "body": '{"model": "m", "seed": 1}', "sample": 0}
    names = {key(*(table | other).values()) for other in (
        {}, {"sample": 1}, {"url": None}, {"body": '{"model": "n", "seed": 1}'},
    )}  # fmt: skip
    assert len(names) == 4


def test_samples_are_told_apart_though_their_seeds_meet(store, cache):
    """Sample 1 of seed 0 and sample 0 of seed 1 are the same request, and two replies."""
    with FaultServer(right) as server:
        told(store, server, cache, temperature=1, samples=2)
        told(store, server, cache, temperature=1, seed=1)
        assert set(server.paid.values()) == {3}


def test_only_the_user_may_read_it_and_what_is_too_long_is_left_out(cache):
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    cache.put("a", "x" * (LONGEST + 1))
    cache.put("b", "ü\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, "ü😀", None)
    assert [path.name for path in cache.folder.iterdir() if path.is_dir()] == []


def test_what_is_remembered_for_some_days_is_forgotten_after_them(cache):
    cache.put("a", "x", days=1)
    cache.put("b", "x", days=-1)
    assert (cache.get("a"), cache.get("b")) == ("x", None)


# ---- T16: a hostile cache


class Evil:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def hostile(folder: Path, what: str, canary: Path) -> None:
    """Put into a cache that holds `a` what someone else might."""
    pickled = pickle.dumps(Evil(canary))
    match what:
        case "pickled value":
            change(folder, "UPDATE Cache SET mode = 4, value = ?", pickled)
        case "pickled file":
            (folder / "x.val").write_bytes(pickled)
            change(folder, "UPDATE Cache SET mode = 4, value = NULL, filename = 'x.val'")
        case "pickled key":
            change(folder, "UPDATE Cache SET raw = 0, key = ? WHERE rowid = 1", pickled)
        case "file outside":
            change(folder, "UPDATE Cache SET mode = 3, value = NULL, filename = '../secret'")
        case "expired file outside":
            change(folder, "UPDATE Cache SET mode = 3, filename = '../secret', expire_time = 1")
        case "settings":
            change(
                folder,
                "INSERT OR REPLACE INTO Settings VALUES ('disk_pickle', 'x'), ('get', 'x')",
            )
        case "garbage":
            (folder / "cache.db").write_bytes(b"garbage" * 1000)
        case "folder":
            (folder / "cache.db").unlink()
            (folder / "cache.db").mkdir()


@pytest.mark.parametrize(
    "what",
    ["pickled value", "pickled file", "pickled key", "file outside", "expired file outside", "settings",
     "garbage", "folder"],
)  # fmt: skip
def test_t16_a_hostile_cache_runs_nothing_touches_nothing_and_stops_nothing(store, tmp_path, what):
    folder, secret, canary = tmp_path / "cache", tmp_path / "secret", tmp_path / "canary"
    secret.write_text("secret")
    with FaultServer(right) as server:
        first = Cache(folder)
        with Store(tmp_path / "first.db") as before:
            told(before, server, first)
        first.close()
        for file in folder.glob("cache.db-*"):
            file.unlink()
        hostile(folder, what, canary)
        cache = Cache(folder)
        events = told(store, server, cache)
        cache.put("a", "b")
        cache.close()
    assert sum(isinstance(event, Traced) for event in events) == 20
    assert not canary.exists()
    assert secret.read_text() == "secret"
    said = [event.text for event in events if isinstance(event, Noted)]
    if what in ("garbage", "settings"):
        assert f"the cache of replies in {folder} was damaged and is begun anew" in said
    if what == "folder":
        assert f"the cache of replies in {folder} cannot be used: the store goes without it" in said


def test_t16_a_cache_that_cannot_be_made_is_gone_without(store, tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache")
    with FaultServer(right) as server:
        events = told(store, server, cache)
    assert sum(isinstance(event, Traced) for event in events) == 20
    (said,) = [event.text for event in events if isinstance(event, Noted) and "cache" in event.text]
    assert said.endswith("cannot be used: the store goes without it")
