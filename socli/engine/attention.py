"""Keys and values of many rows at once, each row with its own length, and attention over them.

A `Slots` holds one tensor for all layers. Rows that are being written occupy the first places, so
that the working batch is a view; a row that is done is swapped behind them, which moves one row and
not the batch.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface

RAGGED = "socli_ragged"
CAUSAL = "socli_causal"
PACKED = "socli_packed"
GROW = 128  # slots are added in steps of this many tokens

Kernel = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, int, float], torch.Tensor]
"""As `varlen`."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Tokens of rows of several lengths, end to end: of which row each is, its column among the new ones, and
    its position in the row, [tokens]; `mask` [rows, 1, width, slots] is added to the scores.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    positions: torch.Tensor
    width: int
    mask: torch.Tensor

    @classmethod
    def of(cls, before: torch.Tensor, more: torch.Tensor, width: int) -> "Aim":
        """For `more` [rows] tokens after those there are `before` [rows]."""
        columns = torch.arange(width, device=before.device)
        places = before[:, None] + columns
        rows, taken = torch.nonzero(columns < more[:, None], as_tuple=True)
        slots = torch.arange(int((before + more).max()), device=before.device)
        return cls(rows, taken, places[rows, taken], width, added(slots <= places[:, None, :, None]))


class Slots:
    """A key-value cache of `rows` rows; stands where transformers expects `past_key_values`.

    `store` is [2, layers, rows, kv heads, slots, head size]. `aim` says where the next forward pass
    writes: the same positions in every layer. A pass is given its tokens end to end, as one row.
    """

    def __init__(self, config: Any, rows: int, dtype: torch.dtype, device: torch.device) -> None:
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        # zeros and not empty: a slot never written must not be NaN, since 0 x NaN is NaN
        self.store = torch.zeros(
            2, config.num_hidden_layers, rows, heads, 0, size, dtype=dtype, device=device
        )
        self._at: tuple[torch.Tensor, torch.Tensor]
        self._rows: slice | torch.Tensor = slice(0)
        self._read = 0

    def aim(self, rows: list[int], lengths: list[int], counts: list[int]) -> "Aim":
        """The next pass gives so many tokens to each of `rows`, which hold `lengths` before.

        Keys and values of the first rows in order are read as they lie; those of others are gathered.
        """
        where = self.store.device
        at, before, more = (torch.tensor(numbers, device=where) for numbers in (rows, lengths, counts))
        aim = Aim.of(before, more, max(counts))
        self._read = int((before + more).max())
        self._rows = slice(len(rows)) if rows == list(range(len(rows))) else at
        missing = self._read - self.store.shape[4]
        if missing > 0:
            self.store = F.pad(self.store, (0, 0, 0, missing + GROW))
        self._at = (at[aim.rows], aim.positions)
        return aim

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store new keys and values [1, kv heads, tokens, head size]; return all of the rows'."""
        rows, at = self._at
        self.store[0, layer, rows, :, at] = keys[0].transpose(0, 1).to(self.store.dtype)
        self.store[1, layer, rows, :, at] = values[0].transpose(0, 1).to(self.store.dtype)
        pair = self.store[:, layer, :, :, : self._read][:, self._rows]
        return pair[0], pair[1]

    @torch.inference_mode()
    def swap(self, one: int, other: int, length: int) -> None:
        """Let two rows change places, up to `length`."""
        held = self.store[:, :, one, :, :length].clone()
        self.store[:, :, one, :, :length] = self.store[:, :, other, :, :length]
        self.store[:, :, other, :, :length] = held

    @torch.inference_mode()
    def copy(self, one: int, other: int, length: int) -> None:
        """Give another row a row's keys and values up to `length`."""
        self.store[:, :, other, :, :length] = self.store[:, :, one, :, :length]

    @torch.inference_mode()
    def widen(self, rows: int, length: int) -> None:
        """Make so many rows more, each with the first row's keys and values up to `length`."""
        self.store = F.pad(self.store, (0, 0, 0, 0, 0, 0, 0, rows))
        self.store[:, :, -rows:, :, :length] = self.store[:, :, :1, :, :length]

    @torch.inference_mode()
    def copy_first(self, length: int) -> None:
        """Give every row the first row's keys and values up to `length`."""
        self.store[:, :, 1:, :, :length] = self.store[:, :, :1, :, :length]


def grouped(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention that never repeats the keys: query heads that share a key head are stacked as rows.

    query [B, H, n, D], key and value [B, H_kv, T, D], mask [B, 1, n, T] that is added; returns [B, n, H, D].
    """
    batch, heads, n, size = query.shape
    shared = key.shape[1]
    group = heads // shared
    stacked = query.reshape(batch, shared, group * n, size)
    if n == 1:  # the longer side first: takes half the time
        scores = torch.matmul(key, stacked.transpose(2, 3)).transpose(2, 3)
    else:
        scores = torch.matmul(stacked, key.transpose(2, 3))
    # scaled and summed in fp32, as the mask is
    scores = torch.add(attention_mask[:, :, None], scores.reshape(batch, shared, group, n, -1), alpha=scaling)
    weights = torch.softmax(scores, dim=-1).to(value.dtype).view(batch, shared, group * n, -1)
    weights = F.dropout(weights, dropout) if dropout else weights
    mixed = torch.matmul(weights, value).view(batch, heads, n, size)
    return mixed.transpose(1, 2), None


def ragged(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    aim: Aim | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """`grouped` for rows of several lengths that lie end to end: only here are they filled up.

    query [1, H, tokens, D], key and value [B, H_kv, T, D]; returns [1, tokens, H, D].
    """
    if aim is None:
        raise ValueError("ragged attention needs to know of which row each token is")
    tokens = query[0].transpose(0, 1)
    if aim.width == 1:
        filled = tokens[:, None]
    else:
        filled = tokens.new_zeros(len(key), aim.width, *tokens.shape[1:])
        filled[aim.rows, aim.columns] = tokens
    mixed, weights = grouped(module, filled.transpose(1, 2), key, value, attention_mask, **more)
    return mixed.transpose(0, 1) if aim.width == 1 else mixed[aim.rows, aim.columns][None], weights


def causal(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of short rows for training on a CPU: as `grouped`, with a gradient.

    A step of the 135M student on rows of 130 tokens takes 6 % less CPU time than with torch's
    flash kernel for CPUs, whose backward pass is slow at such lengths.
    """
    n = query.shape[2]
    past = torch.ones(1, 1, n, n, dtype=torch.bool, device=query.device).tril()
    return grouped(module, query, key, value, added(past), scaling, dropout)


def added(seen: torch.Tensor) -> torch.Tensor:
    """What is added to scores: 0 where a slot is seen, -inf where it is not."""
    return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, float("-inf"))


def varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: torch.Tensor,
    longest: int,
    scale: float,
) -> torch.Tensor:
    """Torch's own kernel for rows of many lengths in one; CUDA only.

    query [T, H, D], key and value [T, H_kv, D], `bounds` [rows + 1] int32 where rows begin and end.
    What is causal and what is shared is said by other arguments in torch 2.11 than in 2.13.
    """
    from torch.nn.attention.varlen import varlen_attn

    known = inspect.signature(varlen_attn).parameters
    if "enable_gqa" not in known and key.shape[1] != query.shape[1]:
        key, value = (one.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for one in (key, value))
    said: dict[str, Any] = {"window_size": (-1, 0)} if "window_size" in known else {"is_causal": True}
    said |= {"enable_gqa": True} if "enable_gqa" in known else {}
    kernel: Any = varlen_attn  # with an option that is not used here it returns more than a tensor
    mixed: torch.Tensor = kernel(query, key, value, bounds, bounds, longest, longest, scale=scale, **said)
    return mixed


def packed_by(kernel: Kernel) -> Callable[..., tuple[torch.Tensor, None]]:
    """Causal attention of packed rows, which see none of each other, by that kernel; no dropout."""

    def attend(
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None,
        scaling: float | None = None,
        cu_seq_lens_q: torch.Tensor | None = None,
        max_length_q: int = 0,
        **_: Any,
    ) -> tuple[torch.Tensor, None]:
        if cu_seq_lens_q is None:
            raise ValueError("packed attention needs to know where rows begin")
        one, other, third = (heads[0].transpose(0, 1).to(value.dtype) for heads in (query, key, value))
        scale = scaling if scaling is not None else query.shape[-1] ** -0.5
        return kernel(one, other, third, cu_seq_lens_q, max_length_q, scale)[None], None

    return attend


def use_packed(name: str, kernel: Kernel) -> None:
    """Let models use packed attention by that kernel under this name; no mask is made for it."""
    AttentionInterface.register(name, packed_by(kernel))
    AttentionMaskInterface.register(name, lambda *_, **__: None)


AttentionInterface.register(RAGGED, ragged)
AttentionInterface.register(CAUSAL, causal)
use_packed(PACKED, varlen)


@contextmanager
def named(model: Any, implementation: str) -> Iterator[None]:
    """Use that attention inside the block, the former one afterwards."""
    before = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def lent(config: Any, implementation: str) -> Iterator[None]:
    """As `named`, for one pass of many: looks through no modules, of which a pass has 400."""
    before = config._attn_implementation
    config._attn_implementation = implementation
    try:
        yield
    finally:
        config._attn_implementation = before
