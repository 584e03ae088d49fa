"""Processes that train along with a command: started beside it, or by a launcher such as torchrun."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from socli.errors import UsageError

WAIT = 20
"""Seconds the others have to end by themselves."""

_Helper = tuple["subprocess.Popen[bytes]", IO[bytes]]
_helpers: list[_Helper] = []
"""Those that this process started, each with the file that holds what it says to stderr."""


def is_helper() -> bool:
    """Whether this process only trains along with the first one of its team."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and os.environ.get("RANK", "0") != "0"


@contextmanager
def beside(devices: int) -> Iterator[None]:
    """Inside the block this process is the first of a team of so many; the others are started here.

    Where a launcher has made a team already, that is the team.
    """
    if devices == 1 or "WORLD_SIZE" in os.environ:
        yield
        return
    _refuse_too_many(devices)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    size = str(devices)
    shared = {
        "WORLD_SIZE": size,
        "LOCAL_WORLD_SIZE": size,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    before = {name: os.environ.get(name) for name in (*shared, "RANK", "LOCAL_RANK")}
    _helpers.extend(_started(rank, shared) for rank in range(1, devices))
    os.environ.update(shared, RANK="0", LOCAL_RANK="0")
    try:
        yield
    except BaseException:
        for helper, _ in _helpers:
            helper.kill()
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        while _helpers:
            _ended(*_helpers.pop())


def lost() -> str | None:
    """Which of the processes started here has ended by a fault, and its last words; None where none has."""
    for rank, (helper, said) in enumerate(_helpers, 1):
        if helper.poll():
            said.seek(0)
            words = said.read().decode("utf-8", "replace").split("\n")
            last = next((line.strip() for line in reversed(words) if line.strip()), "it said nothing")
            return f"process {rank} of the team ended with code {helper.returncode}: {last[:200]}"
    return None


def _started(rank: int, shared: dict[str, str]) -> _Helper:
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the helper has ended
    helper = subprocess.Popen(
        [sys.executable, "-m", "socli", "distill"],
        env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,  # Ctrl-C is heard by the first alone, which tells them
    )
    return helper, said


def _refuse_too_many(devices: int) -> None:
    import torch

    there = torch.cuda.device_count()
    if torch.cuda.is_available() and devices > there:
        raise UsageError(f"there are {there} GPUs, not {devices}")


def _ended(helper: "subprocess.Popen[bytes]", said: IO[bytes]) -> None:
    with said:
        with suppress(subprocess.TimeoutExpired):
            helper.wait(WAIT)
        helper.kill()
        helper.wait()
