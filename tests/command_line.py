"""What the tests of the command line share: processes, terminals, files, and a look into the store."""

import json
import os
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pexpect
import pyte

COMMAND = [sys.executable, "-m", "socli"]
PATIENCE = 120.0
"""Seconds a process may take, on the slowest machine, before a test gives up on it."""


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines of stdout, without blanks at their ends."""
        return [line.rstrip() for line in self.out.splitlines()]

    @property
    def told(self) -> list[str]:
        """Lines of stderr."""
        return self.err.splitlines()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Stdout as JSONL; every line must be an object."""
        return [json.loads(line) for line in self.out.splitlines()]


Socli = Callable[..., Ran]
"""Runs a command in this process: `socli("runs", "list")`."""


def jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def recipe(folder: Path, name: str, problems: Path, base: Path, /, **tables: dict[str, Any]) -> Path:
    """A recipe file that learns a file by heart in a few seconds; `tables` change or add settings."""
    settings: dict[str, dict[str, Any]] = {
        "problems": {"train": str(problems)},
        "student": {"base": str(base)},
        "train": {"epochs": 60, "batch": 4, "lr": 0.01},
        "bench": {"sets": [str(problems)]},
    }
    for table, changed in tables.items():
        settings[table] = settings.get(table, {}) | changed
    lines = [
        f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for table, keys in settings.items()
    ]
    (folder / f"{name}.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder / f"{name}.toml"


def sql(store: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query; the store is read from outside, as anyone may."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def dump(store: Path) -> list[str]:
    """Everything a store holds."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


def listing(folder: Path) -> dict[str, int]:
    """Every file below a folder with its size."""
    return {
        str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }


class Process:
    """A socli process whose streams are pipes that a test reads and writes as it goes."""

    def __init__(self, *words: str) -> None:
        pipe = subprocess.PIPE
        self.child = subprocess.Popen([*COMMAND, *words], stdin=pipe, stdout=pipe, stderr=pipe)
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        self.stdin, self.stdout, self.stderr = self.child.stdin, self.child.stdout, self.child.stderr
        self.told = ""

    def type(self, text: str) -> None:
        """Write to its stdin."""
        self.stdin.write(text.encode())
        self.stdin.flush()

    def read_until(self, what: str, stream: IO[bytes] | None = None) -> str:
        """Read a stream, stderr where none is named, until something was said; the lines read."""
        seen, stream = "", stream or self.stderr
        deadline = time.monotonic() + PATIENCE
        while what not in seen:
            assert time.monotonic() < deadline, f"waited for {what!r}, read {seen!r}"
            if select.select([stream], [], [], 1.0)[0]:
                more = os.read(stream.fileno(), 65536).decode()
                assert more, f"it ended before {what!r}: {seen!r}"
                seen += more
        if stream is self.stderr:
            self.told += seen
        return seen

    def send(self, number: int) -> None:
        """A signal to the process."""
        self.child.send_signal(number)

    def end(self) -> Ran:
        """Wait for its end; what was not read before, and all of stderr."""
        with self.child:
            out, err = self.child.communicate(timeout=PATIENCE)
        return Ran(self.child.returncode, (out or b"").decode(), self.told + (err or b"").decode())


class Terminal:
    """A socli process in a terminal of 80 by 50, and what that terminal shows."""

    def __init__(self, *words: str, width: int = 80, height: int = 50) -> None:
        self._size = (height, width)
        env = os.environ | {"TERM": "xterm-256color"}
        env.pop("COLUMNS", None)
        self.child = pexpect.spawn(
            COMMAND[0], [*COMMAND[1:], *words], dimensions=self._size, env=env, timeout=PATIENCE
        )
        self.raw = b""

    def wait_for(self, what: str) -> None:
        """Read until this was written, escape codes and all."""
        self.child.expect_exact(what)
        self.raw += self.child.before + self.child.after

    def end(self) -> int:
        """Read to the end; the exit code."""
        self.child.expect(pexpect.EOF)
        self.raw += self.child.before
        self.child.close()
        return int(self.child.exitstatus)

    def screen(self) -> pyte.Screen:
        """A terminal that was shown all that was read."""
        screen = pyte.Screen(self._size[1], self._size[0])
        pyte.ByteStream(screen).feed(self.raw)
        return screen

    def rows(self) -> list[str]:
        """The lines it shows."""
        return [row.rstrip() for row in self.screen().display]
