"""Triplets within a batch: an anchor closer to what shows the same than to what shows another."""

from __future__ import annotations

from typing import Annotated, ClassVar

from polyloss.core import numerics, ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import SETS
from polyloss.core.loss import SetLoss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import greater_than, one_of, optional
from polyloss.losses import _pairs

__all__ = [
    "TripletLoss",
    "triplet_loss",
]


@loss_function(SETS)
def triplet_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    margin: Annotated[float | None, optional(greater_than(0))] = 0.2,
    mining: Annotated[str, one_of("semi-hard", "hard", "all")] = "semi-hard",
    distance: Annotated[str, one_of("l2", "squared-l2", "cosine")] = "l2",
    present: Tensor | None = None,
) -> Tensor:
    r"""Draws every anchor closer to samples with its own id than to those with another, by a margin.

    .. math:: \ell(a, p, n) = \max(d_{ap} - d_{an} + m,\ 0), \qquad \log(1 + e^{d_{ap} - d_{an}}) \ \text{without } m

    The triplets (a, p, n) are formed in the batch: a and p are different samples with one id, n has another. `mining`
    says which of them count, and how their losses are averaged:

    - ``"all"``: every triplet. The loss is the mean over the triplets above 0 (without a margin: over all).
    - ``"hard"``: for each anchor the farthest positive and the nearest negative. The mean over the anchors that have
      both.
    - ``"semi-hard"``: every positive of an anchor, each with the nearest negative that is farther than it, or where
      none is, the farthest one. The mean over the positives of an anchor, then over the anchors that have a triplet.

    When to choose it: an embedding to search in, where samples carry ids (of a person, a product) and every batch
    holds several of each id. Start with ``"semi-hard"``; ``"hard"`` learns more from clean data and collapses to one
    point on others, which ``margin=None`` makes less likely.

    Args:
        y_true: Ids, (B,) or (B, 1), compared with each other and nothing else; integers of 64 bits stay what they are
            where the backend has them (JAX: with ``jax_enable_x64``).
        y_pred: Embeddings, (B, D); float dtype (float64 stays, half precision is computed in float32). They are taken
            as they are: normalise them first if lengths should not count.
        margin: Greater than 0, in units of the distance; None: softplus in place of the hinge.
        mining: ``"semi-hard"``, ``"hard"`` or ``"all"``.
        distance: ``"l2"``, ``"squared-l2"`` (points nearer than 1e-19 have distance 0 in float32), or ``"cosine"``,
            which is 1 - cosine.
        present: Booleans (B,), False for samples to be left out of everything; None: all are there.

    Returns:
        One value an anchor, (B,), in units of the distance, scaled so that their mean over the samples that are
        present is the loss; 0 for an anchor without a triplet. Takes memory for B * B * D numbers, and for B * B * B
        unless mining is ``"hard"``.

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for parameters of the wrong type.

    ==========================  ==========  ======================================================
    input                       value       gradient
    ==========================  ==========  ======================================================
    one id, or no two alike     0           0
    one sample                  0           0
    all embeddings equal        margin      0: there is no direction to push in
    d_ap + margin = d_an        0           0
    negatives that tie          the same    shared evenly, whatever the order of the rows
    zeros, "cosine"             finite      finite: zeros have none, they are 1 away from everything
    NaN                         NaN         not promised
    ==========================  ==========  ======================================================

    >>> points = [[0.0, 0.0], [3.0, 4.0], [0.0, 5.5], [9.0, 9.0]]
    >>> loss = polyloss.triplet_loss([7, 7, 1, 1], points, margin=1.0, mining="hard")
    >>> [round(float(v), 4) for v in loss]
    [0.5, 2.6459, 7.3025, 2.8464]

    References: Schroff et al. 2015, FaceNet, arXiv:1503.03832 (semi-hard); Hermans et al. 2017, In Defense of the
    Triplet Loss for Person Re-Identification, arXiv:1703.07737 (hard, all, soft margin).
    """
    d = _pairs.distances(y_pred, distance)
    alike, different = _pairs.alike_and_different(y_true, y_pred, present)
    positive, negative, there = _mined(d, alike, different, mining)
    short = positive - negative if margin is None else positive - negative + margin
    terms = numerics.softplus(short) if margin is None else ops.where(short <= 0, 0.0, short)
    if mining == "all" and margin is not None:
        there = ops.logical_and(there, _above(short, 0.0))
    total, triplets = ops.sum(ops.where(there, terms, 0.0), axis=(1, 2)), _pairs.count(there, d, (1, 2))
    counted = ops.sum(triplets)
    if mining != "all":
        total, counted = total / _pairs.at_least_one(triplets), _pairs.count(triplets > 0, d)
    return total * (_pairs.rows(y_pred, present) / _pairs.at_least_one(counted))


class TripletLoss(SetLoss, function=triplet_loss):
    """Class form of `triplet_loss`, for `model.compile(loss=...)`. Batches need several samples of each id."""

    margin: float | None = 0.2
    mining: str = "semi-hard"
    distance: str = "l2"

    words: ClassVar[tuple[str, ...]] = (
        "similarity",
        "TripletMarginLoss",
        "embedding",
        "retrieval",
        "face recognition",
        "hard negatives",
    )
    tasks: ClassVar[tuple[str, ...]] = ("metric learning",)
    elsewhere: ClassVar[dict[str, str]] = {
        "pytorch-metric-learning": "pytorch_metric_learning.losses.TripletMarginLoss (with a miner)",
        "tensorflow-addons": "tfa.losses.TripletSemiHardLoss, tfa.losses.TripletHardLoss",
    }


def _above(a: Tensor, b: Tensor | float) -> Tensor:
    """Where a > b, or a is NaN. (TensorFlow's graph makes ``a > b`` of ``not a <= b``, and NaN is lost.)"""
    return ops.logical_or(a > b, ops.isnan(a))


def _mined(d: Tensor, alike: Tensor, different: Tensor, mining: str) -> tuple[Tensor, Tensor, Tensor]:
    """Distances to positives and negatives, and which triplets there are: (B, positives, negatives) each, or 1s."""
    to_positive, to_negative = ops.expand_dims(d, 2), ops.expand_dims(d, 1)
    each, other = ops.expand_dims(alike, 2), ops.expand_dims(different, 1)
    if mining == "all":
        return to_positive, to_negative, ops.logical_and(each, other)
    if mining == "hard":
        farthest, nearest = _pairs.largest(d, alike), _pairs.smallest(d, different)
        both = ops.logical_and(ops.any(alike, axis=-1), ops.any(different, axis=-1))
        return tuple(ops.reshape(x, (-1, 1, 1)) for x in (farthest, nearest, both))
    beyond = ops.logical_and(other, _above(to_negative, to_positive))
    nearest = _pairs.smallest(to_negative, beyond)
    chosen = ops.where(ops.any(beyond, axis=-1), nearest, ops.expand_dims(_pairs.largest(d, different), 1))
    return to_positive, ops.expand_dims(chosen, 2), ops.logical_and(each, ops.any(other, axis=-1, keepdims=True))
