"""How near the machine's limit a training is: useful operations over those of one matrix product.

Filling, copies and recomputed layers are no use, and are not counted.
"""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

from socli.engine.student import Precision

ROWS = {"cpu": 768, "cuda": 16_384}
"""Rows of the product: the tokens of one pass."""


def operations(model: Any, lengths: Sequence[int], targets: int) -> float:
    """Multiplications and additions of forward and backward over lessons of these lengths.

    Six for each weight and token, and six for each number of the output matrix and target; causal
    attention sees half of what stands beside a token.
    """
    head = int(model.get_output_embeddings().weight.numel())
    inner = sum(int(weight.numel()) for weight in model.parameters()) - head
    beside = 6 * int(model.config.num_hidden_layers * model.config.hidden_size) * sum(n * n for n in lengths)
    return 6.0 * inner * sum(lengths) + 6.0 * head * targets + beside


def product(model: Any, where: torch.device, precision: Precision) -> float:
    """Operations a second of the widest matrix product of a layer with all threads: the median of nine."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    rows, hidden = ROWS[where.type], int(model.config.hidden_size)
    inner = int(getattr(model.config, "intermediate_size", None) or 4 * hidden)
    one = torch.ones(rows, hidden, dtype=kind, device=where)
    other = torch.ones(hidden, inner, dtype=kind, device=where)
    spent = []
    for _ in range(9):
        began = time.perf_counter()
        one @ other
        if where.type == "cuda":
            torch.cuda.synchronize(where)
        spent.append(time.perf_counter() - began)
    return 2.0 * rows * hidden * inner / statistics.median(spent)
