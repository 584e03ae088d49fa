"""The mean of a training's last weights, which is saved instead of the last ones.

Averaging the iterates of a stochastic method is Polyak and Juditsky's (1992); doing so over the last share of
the steps alone is suffix averaging (Rakhlin, Shamir and Sridharan, arXiv 1109.5647) and, for deep networks,
stochastic weight averaging (Izmailov et al., arXiv 1803.05407), which as a rule begins at three quarters.
The rate is not changed for it: it goes on down its cosine, so the last weights lie closer together, and less
can be won, than with the constant or cyclic rate of the last of these.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch


class Mean:
    """The running mean of weights after each step from the step `first` on, in their precision: fp32."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.count = 0
        """How many weights it is the mean of."""
        self.named: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def take(self, step: int, weights: Mapping[str, torch.nn.Parameter]) -> None:
        """Take in the weights after a step, if it is one of those that count."""
        if step < self._first:
            return
        self.count += 1
        if self.count == 1:
            self.named = {name: weight.detach().clone() for name, weight in weights.items()}
            return
        for name, weight in weights.items():
            self.named[name].lerp_(weight, 1 / self.count)

    def swap(self, weights: Mapping[str, torch.nn.Parameter]) -> None:
        """Put the mean in the place of the weights and these in its own; nothing is copied."""
        for name in self.named:
            weight = weights[name]
            weight.data, self.named[name] = self.named[name], weight.data

    @contextmanager
    def lent(self, weights: Mapping[str, torch.nn.Parameter]) -> Iterator[None]:
        """The mean in the place of the weights inside the block, as far as there is one."""
        self.swap(weights)
        try:
            yield
        finally:
            self.swap(weights)


def first_of(total: int, share: float) -> int:
    """The first of the last steps that make up so large a share of all: one step at least."""
    return total + 1 - max(1, round(total * share))
