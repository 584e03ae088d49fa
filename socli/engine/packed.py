"""Weights laid out once as the processor's products want them, for students that only write.

Without it oneDNN lays each weight out anew in every pass: all products of the 135M student in bf16 take
129 ms instead of 97 for 64 rows, 75 instead of 57 for 32, 34 instead of 25 for one (one core of a Zen 4).
"""

from collections.abc import Callable
from typing import Any

import torch

from socli.engine.student import Student


def pack(who: Student) -> Student:
    """The same student with packed weights, on a CPU; it writes what it did, and can no longer be trained or
    saved. Elsewhere, or where this torch has no such product, the student as it was.
    """
    if who.device.type != "cpu" or not _can():
        return who
    table = who.model.get_input_embeddings().weight
    for module in who.model.modules():
        if type(module).__name__ in ("Linear", "Conv1D"):
            weight = module.weight if isinstance(module, torch.nn.Linear) else module.weight.t()
            module.forward = _product(weight.detach(), module.bias)
            if module.weight is not table:
                module.weight = None  # or it would be held twice
    return who


def _can() -> bool:
    ops: Any = torch.ops.mkldnn
    return all(hasattr(ops, name) for name in ("_linear_pointwise", "_reorder_linear_weight"))


def _product(weight: torch.Tensor, bias: torch.Tensor | None) -> Callable[[torch.Tensor], torch.Tensor]:
    ops: Any = torch.ops.mkldnn
    laid_out = ops._reorder_linear_weight(weight.contiguous())
    kept = None if bias is None else bias.detach()

    def product(inputs: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = ops._linear_pointwise(inputs, laid_out, kept, "none", [], "")
        return made

    return product
