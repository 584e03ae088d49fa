"""What the optimizer moves: the weights of a model that are learnt, by name."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from socli.engine.average import Mean, first_of
from socli.tables import TrainTable

T = TypeVar("T")


class Weights:
    """The trained weights of a model with their optimizer, and their mean where one is asked for.

    `total` is the number of optimizer steps there will be.
    """

    def __init__(self, model: Any, settings: TrainTable, total: int) -> None:
        self.named: dict[str, torch.nn.Parameter] = {
            name: weight for name, weight in model.named_parameters() if weight.requires_grad
        }
        self.optimizer = _optimizer(list(self.named.values()), settings)
        self._clip = settings.clip
        self.mean = Mean(first_of(total, settings.average)) if settings.average else None

    def gradients(self) -> list[torch.Tensor]:
        """The gradients of the last backward pass, zeros where there was none."""
        for weight in self.named.values():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        return [weight.grad for weight in self.named.values() if weight.grad is not None]

    def step(self, rate: float, number: int) -> float:
        """One step along the clipped gradients, which are dropped; the norm they had.

        Nothing is moved where the norm is not a number. The weights after it are taken into the mean where
        the step of this number counts.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        norm = torch.nn.utils.clip_grad_norm_(self.named.values(), self._clip).item()
        if math.isfinite(norm):
            self.optimizer.step()
            if self.mean:
                self.mean.take(number, self.named)
        self.optimizer.zero_grad(set_to_none=True)  # frees the memory now, not at the next backward
        return norm

    def averaged(self, ask: Callable[[int], T], step: int) -> T:
        """What `ask` says of the step while the model holds the mean, as far as there is one."""
        if not self.mean:
            return ask(step)
        with self.mean.lent(self.named):
            return ask(step)

    def settle(self) -> None:
        """Put the mean into the model for good, where there is one."""
        if self.mean:
            self.mean.swap(self.named)
            self.mean = None


def _optimizer(parameters: list[torch.nn.Parameter], settings: TrainTable) -> torch.optim.AdamW:
    """Fused AdamW; decay falls on matrices alone."""
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=(0.9, 0.95), fused=True)
