"""What the optimizer moves: the weights of a model that are learnt, by name."""

import math
from typing import Any

import torch

from socli.tables import TrainTable


class Weights:
    """The trained weights of a model with their optimizer."""

    def __init__(self, model: Any, settings: TrainTable) -> None:
        self.named: dict[str, torch.nn.Parameter] = {
            name: weight for name, weight in model.named_parameters() if weight.requires_grad
        }
        self.optimizer = _optimizer(list(self.named.values()), settings)
        self._clip = settings.clip

    def gradients(self) -> list[torch.Tensor]:
        """The gradients of the last backward pass, zeros where there was none."""
        for weight in self.named.values():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        return [weight.grad for weight in self.named.values() if weight.grad is not None]

    def step(self, rate: float) -> float:
        """One step along the clipped gradients, which are dropped; the norm they had.

        Nothing is moved where the norm is not a number.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        norm = torch.nn.utils.clip_grad_norm_(self.named.values(), self._clip).item()
        if math.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)  # frees the memory now, not at the next backward
        return norm


def _optimizer(parameters: list[torch.nn.Parameter], settings: TrainTable) -> torch.optim.AdamW:
    """Fused AdamW; decay falls on matrices alone."""
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=(0.9, 0.95), fused=True)
