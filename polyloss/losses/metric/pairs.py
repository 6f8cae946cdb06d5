"""Labelled pairs: close together what is alike, far apart what is not."""

from __future__ import annotations

from typing import ClassVar

from polyloss.core import numerics, ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import PAIRS
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Positive

__all__ = [
    "ContrastiveLoss",
    "contrastive_loss",
]


@loss_function(PAIRS)
def contrastive_loss(y_true: Tensor, y_pred: Tensor, *, margin: Positive = 1.0) -> Tensor:
    r"""Draws alike pairs together and pushes others apart until they are a margin away.

    **1 means alike, 0 means different**: the reverse of Hadsell's paper and of the Keras siamese example,
    where 1 means different. There is no factor 1/2.

    .. math:: \ell = y\,d^2 + (1 - y)\,\max(m - d,\ 0)^2, \qquad d = \lVert a - b \rVert_2

    When to choose it: an embedding to search in (the same product, the same person), trained from
    labelled pairs. `margin` sets the scale: pairs that differ and are further apart are left alone.

    Args:
        y_true: 1 for pairs that are alike, 0 for pairs that are not (or in between), (B,) or (B, 1); any
            real or integer dtype.
        y_pred: Pairs of embeddings, (B, 2, D), or distances, (B,) or (B, 1); float dtype (float64 stays,
            half precision is computed in float32).
        margin: Greater than 0, in units of the distance.

    Returns:
        One value a pair, (B,), in squared units of the distance.

    Raises:
        ValueError: for shapes that do not fit ((B, 2) among them: it could be either), and parameters out
            of range.
        TypeError: for parameters of the wrong type.

    In float32 on JAX and TensorFlow, value and gradient of an alike pair are 0 at a distance below 1e-19, whose square
    is smaller than the smallest normal number.

    ==========================  ==========  ======================================================
    input                       value       gradient
    ==========================  ==========  ======================================================
    a = b, y = 0                margin^2    0: there is no direction to push in
    d = margin, y = 0           0           0
    NaN                         NaN         NaN
    ==========================  ==========  ======================================================

    >>> loss = polyloss.contrastive_loss([1, 0], [[[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.5]]])
    >>> [float(v) for v in loss]
    [25.0, 0.25]

    References: Hadsell, Chopra and LeCun 2006, Dimensionality Reduction by Learning an Invariant Mapping,
    doi:10.1109/CVPR.2006.100.
    """
    y = y_true
    d = numerics.safe_norm(y_pred[:, 0] - y_pred[:, 1]) if len(y_pred.shape) == 3 else y_pred
    short = margin - d
    short = ops.where(short < 0, 0.0, short)
    return y * ops.square(numerics.asked_for(y, d)) + (1 - y) * ops.square(numerics.asked_for(1 - y, short))


class ContrastiveLoss(Loss, function=contrastive_loss):
    """Class form of `contrastive_loss`, for `model.compile(loss=...)`. 1 means alike."""

    margin: float = 1.0

    words: ClassVar[tuple[str, ...]] = ("similarity", "siamese", "embedding", "pairs", "retrieval", "face verification")
    tasks: ClassVar[tuple[str, ...]] = ("metric learning",)
    elsewhere: ClassVar[dict[str, str]] = {
        "pytorch-metric-learning": "pytorch_metric_learning.losses.ContrastiveLoss (mines its own pairs)",
        "tensorflow-addons": "tfa.losses.ContrastiveLoss",
    }
