"""Two views of every sample: alike to each other and unlike all the rest of the batch."""

from __future__ import annotations

from typing import ClassVar

from polyloss.core import numerics, ops
from polyloss.core.columns import others_and_own
from polyloss.core.function import loss_function
from polyloss.core.kinds import VIEWS
from polyloss.core.loss import SetLoss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import PositiveOrTensor
from polyloss.losses import _pairs

__all__ = [
    "NTXentLoss",
    "ntxent_loss",
]


@loss_function(VIEWS)
def ntxent_loss(
    y_true: Tensor, y_pred: Tensor, *, temperature: PositiveOrTensor = 0.1, present: Tensor | None = None
) -> Tensor:
    r"""Finds the other view of a sample among all the views of the batch, by cosine: SimCLR's loss.

    .. math:: \ell_{ij} = -\log \frac{e^{s_{ij} / \tau}}{\sum_{k \ne i} e^{s_{ik} / \tau}}, \qquad
        s_{ij} = \frac{z_i \cdot z_j}{\lVert z_i \rVert \lVert z_j \rVert}

    With B samples there are 2 B views, each of them an anchor i, whose positive j is the other view of its sample; the
    sum is over the 2 B - 1 views besides the anchor.

    When to choose it: representations learned without labels, from two random augmentations of every sample, in
    batches as large as memory allows (every other sample is a negative). `temperature` says how much the hardest
    negatives outweigh the others; less is harder.

    Args:
        y_true: Not looked at: anything with as many rows as `y_pred`.
        y_pred: Two views of every sample, (B, 2, D); float dtype (float64 stays, half precision is computed in
            float32). Their lengths do not count.
        temperature: Greater than 0. A scalar tensor, where it is learnt: its gradient is there. The class takes a number.
        present: Booleans (B,), False for samples to be left out of everything; None: all are there.

    Returns:
        One value a sample, (B,), in nats: the mean of its two views as anchors. The table of all pairs is never there: it is
        computed a block at a time, forward and again backward. (A second derivative, forward mode and ``torch.func.vmap``
        hold it on PyTorch; JAX has no forward mode here.)

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for parameters of the wrong type.

    ==========================  ==========  ======================================================
    input                       value       gradient
    ==========================  ==========  ======================================================
    one sample                  0           0
    all views equal             log(2B-1)   0
    zeros                       finite      0: a view without direction, at cosine 0 to all
    NaN                         NaN         not promised
    ==========================  ==========  ======================================================

    >>> views = [[[1.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]]
    >>> [round(float(v), 4) for v in polyloss.ntxent_loss([0, 1], views, temperature=0.5)]
    [0.2395, 0.2395]

    References: Chen et al. 2020, A Simple Framework for Contrastive Learning of Visual Representations,
    arXiv:2002.05709, equation 1.
    """
    views = _pairs.directions(ops.concatenate([y_pred[:, 0], y_pred[:, 1]], axis=0))
    index = ops.cumsum(ops.ones_like(y_pred[:, 0, 0], dtype="int32")) - 1
    count = ops.sum(ops.ones_like(index))
    themselves, partners = ops.concatenate([index, index + count]), ops.concatenate([index + count, index])
    twice = None if present is None else ops.concatenate([present, present])
    absent = None if twice is None else ops.where(twice, 0.0, ops.full_like(views[:, 0], -float("inf")))
    above = others_and_own(views / temperature, views, partners, bias=absent, skipped=themselves, by_row=True)[0]
    value = numerics.softplus(above if twice is None else ops.where(twice, above, 0.0))
    value = 0.5 * ops.sum(ops.reshape(value, (2, -1)), axis=0)
    return value if present is None else ops.where(present, value, 0.0)


class NTXentLoss(SetLoss, function=ntxent_loss):
    """Class form of `ntxent_loss`, for `model.compile(loss=...)`. The targets are not looked at."""

    temperature: float = 0.1

    words: ClassVar[tuple[str, ...]] = ("similarity", "InfoNCE", "SimCLR", "contrastive learning", "unlabelled")
    tasks: ClassVar[tuple[str, ...]] = ("metric learning", "self-supervised learning")
    elsewhere: ClassVar[dict[str, str]] = {
        "optax": "optax.losses.ntxent (labels in place of pairs)",
        "pytorch-metric-learning": "pytorch_metric_learning.losses.NTXentLoss, in SelfSupervisedLoss",
    }
