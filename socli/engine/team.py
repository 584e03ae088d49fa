"""Several processes train one student: each takes a share of every step, and gradients are summed.

Owner of torch.distributed. The process that a user sees is the first; the others read what to train
from it and write nothing. Any launcher will do that sets RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT, such as torchrun.
"""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from socli.engine import ranks
from socli.errors import TryAgainError, UsageError

T = TypeVar("T")
JOINING = timedelta(minutes=10)
"""How long all of a team have to come together."""
PATIENCE = timedelta(hours=2)
"""How long the others wait while the first evaluates or saves."""


@dataclass(frozen=True, slots=True)
class Team:
    """This process's place in the team. Whatever needs the others raises TryAgainError where one is gone."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process alone writes the store and the checkpoints."""
        return self.rank == 0

    def share(self, many: Sequence[T]) -> list[T]:
        """This process's part of a step: every so manieth of the lessons."""
        return list(many[self.rank :: self.size])

    def agree(self, loss: float, stop: bool) -> tuple[float, bool]:
        """The summed loss, and whether the first process was asked to stop."""
        if self.size == 1:
            return loss, stop
        both = torch.tensor([loss, float(stop and self.first)], dtype=torch.float64, device=_device(self))
        with _whole():
            dist.all_reduce(both)
        return both[0].item(), bool(both[1] > 0)

    def add(self, gradients: Sequence[torch.Tensor]) -> None:
        """Sum each gradient over the team, in place."""
        if self.size == 1:
            return
        with _whole():
            for waiting in [dist.all_reduce(one, async_op=True) for one in gradients]:
                waiting.wait()

    def tell(self, order: dict[str, Any] | None) -> dict[str, Any] | None:
        """What the first process says, heard by all: JSON and never a pickle."""
        if self.size == 1:
            return order
        said = json.dumps(order).encode() if self.first else b""
        where = _device(self)
        length = torch.tensor([len(said)], device=where)
        with _whole():
            dist.broadcast(length, src=0)
            text = torch.zeros(int(length), dtype=torch.uint8, device=where)
            if self.first:
                text = torch.frombuffer(bytearray(said), dtype=torch.uint8).to(where)
            dist.broadcast(text, src=0)
        heard: dict[str, Any] | None = json.loads(bytes(text.tolist()))
        return heard

    def heard(self) -> dict[str, Any]:
        """What the first process says next."""
        return self.tell(None) or {}


ALONE = Team()


def joined() -> Team:
    """The team that the environment names, waited for until all are there; alone without one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size < 2:
        return ALONE
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        if name not in os.environ:
            raise UsageError(f"WORLD_SIZE is {size}, but {name} is not set", hint="unset WORLD_SIZE")
    team = Team(int(os.environ["RANK"]), size)
    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(_local())
        kind = "nccl" if torch.cuda.is_available() else "gloo"
        with _whole():
            store = _met(team)
            dist.init_process_group(kind, store=store, rank=team.rank, world_size=size, timeout=PATIENCE)
    return team


def _met(team: Team) -> Any:
    """The store in which all of the team have found each other; not waited for where a helper has ended."""
    met: list[Any] = []
    wrong: list[RuntimeError] = []

    def meet() -> None:
        try:
            met.append(next(rendezvous("env://", team.rank, team.size, timeout=JOINING))[0])
        except RuntimeError as error:
            wrong.append(error)

    meeting = threading.Thread(target=meet, daemon=True)  # it cannot be called off
    meeting.start()
    while meeting.is_alive() and not ranks.lost():
        meeting.join(0.1)
    if not met:
        raise RuntimeError("not all of the team came") from next(iter(wrong), None)
    return met[0]


@contextmanager
def _whole() -> Iterator[None]:
    """Torch tells of a process that is gone by a RuntimeError of many words."""
    try:
        yield
    except RuntimeError as error:
        why = ranks.lost() or "another process of the team has ended"
        raise TryAgainError(why, hint="the same command goes on from the last checkpoint") from error


def leave() -> None:
    """End the process group, where there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _local() -> int:
    return int(os.environ.get("LOCAL_RANK", os.environ.get("RANK", "0"))) % max(1, torch.cuda.device_count())


def _device(team: Team) -> torch.device:
    return torch.device("cuda", _local()) if torch.cuda.is_available() else torch.device("cpu")
