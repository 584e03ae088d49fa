"""Processes that train along with a command: started beside it, or by a launcher such as torchrun."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from socli.errors import UsageError

WAIT = 20
"""Seconds the others have to end by themselves."""


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
    before = dict(os.environ)
    quiet = subprocess.DEVNULL
    helpers = [
        subprocess.Popen(
            [sys.executable, "-m", "socli", "distill"],
            env={**before, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,  # Ctrl-C is heard by the first alone, which tells them
        )
        for rank in range(1, devices)
    ]
    os.environ.update(shared, RANK="0", LOCAL_RANK="0")
    try:
        yield
    except BaseException:
        for helper in helpers:
            helper.kill()
        raise
    finally:
        for name in (*shared, "RANK", "LOCAL_RANK"):
            os.environ.pop(name)
        for helper in helpers:
            _ended(helper)


def _refuse_too_many(devices: int) -> None:
    import torch

    there = torch.cuda.device_count()
    if torch.cuda.is_available() and devices > there:
        raise UsageError(f"there are {there} GPUs, not {devices}")


def _ended(helper: "subprocess.Popen[bytes]") -> None:
    try:
        helper.wait(WAIT)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()
