"""How much memory a training needs, how much there is, and what gives way where it does not fit.

The estimate counts what PyTorch keeps: weights, moments, gradients and what the backward pass will read.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from socli.engine.batches import MICRO_TOKENS

GPU_TOKENS = 16_384
"""Most tokens in one forward pass on a GPU: fewer leave it waiting for the host."""
LEAST_TOKENS = 256
SPARE = 0.9
"""Share of the free memory that is planned with; the estimate is no better than that."""
SLACK = 1 << 30
"""Bytes of free memory a training keeps beside what it takes, where the machine has them: what is given back
is zeroed by the kernel again in the next step, a quarter of its time."""
RANK = 16
"""Rank of the adapters that are trained where the weights themselves do not fit."""
_GROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
"""Of the control group a container is in, second version and first."""
_KEEP_BELOW = 1 << 30
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # names of glibc's malloc.h


@dataclass(frozen=True, slots=True)
class Means:
    """How a step is computed: most tokens in a forward pass, layers recomputed or kept, LoRA's rank or 0;
    and whether the mean of the last weights is kept beside them.
    """

    tokens: int = MICRO_TOKENS
    recompute: bool = False
    rank: int = 0
    mean: bool = False


def keep_freed() -> None:
    """Let glibc keep what a step frees for the next one.

    Large tensors are otherwise given back and zeroed by the kernel again in each step, which is a fifth
    of the step's CPU time. `give_back` bounds what is kept. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _KEEP_BELOW)
        libc.mallopt(_TRIM_THRESHOLD, _KEEP_BELOW)


def bound(need: int, left: int) -> int:
    """Bytes a training that takes `need` may keep before it gives any back; `left` are free as it begins."""
    return max(need, min(need + SLACK, int(SPARE * left)))


def give_back(most: int) -> None:
    """Return free memory to the system where this process holds more than `most` bytes."""
    with suppress(OSError, AttributeError):
        if held() > most:
            ctypes.CDLL(None).malloc_trim(0)


def held() -> int:
    """Bytes of memory this process occupies; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def free(where: torch.device) -> int:
    """Bytes that can still be taken: of the GPU, or of the machine and the control group we are in."""
    if where.type == "cuda":
        return int(torch.cuda.mem_get_info(where)[0])
    found = [sys.maxsize]
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable"))
        found.append(int(line.split()[1]) * 1024)
    for most, used in _LIMITS:
        with suppress(OSError, ValueError):  # no such file, or the word `max`
            found.append(int((_GROUP / most).read_text()) - int((_GROUP / used).read_text()))
    return max(0, min(found))


def needed(model: Any, means: Means, longest: int) -> int:
    """Bytes a training takes beside the loaded fp32 weights, by the shapes of the model.

    The factors are bytes kept for the backward pass for each number of a hidden state, of an inner
    state and of the attention's scores; counted for bf16, and within a fifth of what a training took.
    """
    config = model.config
    layers, hidden = int(config.num_hidden_layers), int(config.hidden_size)
    inner = int(getattr(config, "intermediate_size", None) or 4 * hidden)
    weights: int = sum(p.numel() for p in model.parameters())
    learnt = weights if not means.rank else 4 * means.rank * layers * (hidden + inner)
    # the bf16 copy of autocast; moments, gradients and the mean
    fixed = 2 * weights + learnt * (8 + 4 + 4 * means.mean)
    a_layer = 40 * hidden + 14 * inner + 12 * int(config.num_attention_heads) * longest
    kept = a_layer + 4 * hidden * (layers - 1) if means.recompute else a_layer * layers
    return int(fixed + means.tokens * (kept + 8 * int(config.vocab_size)))


def fit(
    model: Any, lengths: Sequence[int], wished: Means, where: torch.device, share: int = 1
) -> tuple[Means, list[str]]:
    """The wished means, with as many tokens as suit the device, made to fit the free memory; and sentences
    that say what was changed for that.

    So many processes share the memory of a machine; each has a GPU of its own.
    """
    on_cpu = where.type == "cpu"
    wished = replace(wished, tokens=MICRO_TOKENS if on_cpu else GPU_TOKENS)
    room = int(SPARE * free(where)) // (share if on_cpu else 1)
    return fitted(model, wished, max(lengths), room)


def fitted(model: Any, wished: Means, longest: int, room: int) -> tuple[Means, list[str]]:
    """As `fit`, for `room` bytes: fewer tokens at a time, then recomputed layers, then LoRA."""
    least = max(LEAST_TOKENS, longest)
    means = wished
    while needed(model, means, longest) > room and means.tokens > least:
        means = replace(means, tokens=max(least, means.tokens // 2))
    if needed(model, means, longest) > room:
        means = replace(means, recompute=True)
    if needed(model, means, longest) > room and not means.rank:
        means = replace(means, rank=RANK)
    return means, _told(model, wished, means, longest, room)


def _told(model: Any, wished: Means, means: Means, longest: int, room: int) -> list[str]:
    if means == wished:
        return []
    changed = []
    if means.tokens != wished.tokens:
        changed.append(f"{means.tokens:,} instead of {wished.tokens:,} tokens at a time")
    if means.recompute:
        changed.append("layers computed twice")
    if means.rank != wished.rank:
        changed.append(f"LoRA of rank {means.rank} instead of all weights")
    full, less = (f"{needed(model, one, longest) / 2**30:.1f}" for one in (wished, means))
    has = f"{room / 2**30:.1f}"
    end = "" if needed(model, means, longest) <= room else ", and even that may not fit"
    return [f"training needs about {full} GB and {has} are free: {', '.join(changed)} ({less} GB){end}"]
