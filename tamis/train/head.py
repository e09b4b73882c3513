"""Log-probabilities of tokens from hidden states, without the table of scores over the vocabulary.

Scores of 1,000 tokens over 49,152 words are 200 MB, and are read and written a dozen times where each step of a softmax is one
call. Here a tile of them is made at a time, small enough to stay near the processor, and with it, while it is there, what the
hidden state gets of it on the way back: two products of matrices a token, where recomputing takes three.
"""

from __future__ import annotations

from functools import cache
from typing import Any

TILE = 1 << 22
"""Scores at a time: 16 MB."""


def log_probs(hidden: Any, weight: Any, targets: Any) -> Any:
    """(n,) float32: log-probability of targets[i] after hidden[i]. The head learns nothing itself.

    hidden   (n, h) float32
    weight   (v, h) float32   of the head, without a bias
    targets  (n,) int64       0 to v - 1
    """
    return _function().apply(hidden, weight, targets)


@cache
def _function() -> Any:
    import torch

    class LogProbs(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
        """Each row of `hidden` decides on one number, so what it gets back is that number's gradient times a row kept here."""

        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, targets: Any) -> Any:
            found = hidden.new_empty(len(hidden))
            wanted = ctx.needs_input_grad[0]
            slopes = torch.empty_like(hidden) if wanted else None
            rows = max(1, TILE // len(weight))
            for at in range(0, len(hidden), rows):
                own, own_targets = hidden[at : at + rows], targets[at : at + rows, None]
                scores = own @ weight.t()
                scores -= scores.amax(1, keepdim=True)
                picked = scores.gather(1, own_targets)
                sums = scores.exp_().sum(1, keepdim=True)
                found[at : at + rows] = (picked - sums.log())[:, 0]
                if slopes is not None:
                    # d log p(t) / d h = w(t) - sum over v of p(v) w(v)
                    scores /= sums
                    slopes[at : at + rows] = weight[own_targets[:, 0]] - scores @ weight
            if wanted:
                ctx.save_for_backward(slopes)
            return found

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (slopes,) = ctx.saved_tensors
            return slopes * grad[:, None], None, None

    return LogProbs
