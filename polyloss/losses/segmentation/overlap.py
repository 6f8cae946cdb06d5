"""Overlap of regions: how much of what is there is found, and of what is found is there."""

from __future__ import annotations

from typing import ClassVar

from polyloss.core import numerics
from polyloss.core.function import loss_function
from polyloss.core.kinds import MASKS
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Flag, NonNegative
from polyloss.losses._overlap import Average, Per, RegionLoss, averaged, counted

__all__ = [
    "Dice",
    "Tversky",
    "dice",
    "tversky",
]


@loss_function(MASKS)
def dice(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: Flag = False,
    per: Per = "sample",
    average: Average = "macro",
    smooth: NonNegative = 1e-6,
    weight: Tensor | None = None,
) -> Tensor:
    r"""One minus the Dice coefficient (the F1 score) of soft masks.

    .. math:: \ell = 1 - \frac{2\,\mathrm{TP} + s}{2\,\mathrm{TP} + \mathrm{FP} + \mathrm{FN} + s}, \qquad
        \mathrm{TP} = \sum_i w_i\,y_i\,p_i,\quad \mathrm{FP} = \sum_i w_i\,(1 - y_i)\,p_i,\quad
        \mathrm{FN} = \sum_i w_i\,y_i\,(1 - p_i)

    The sums run over the pixels i of a sample (``per="sample"``) or of the whole batch (``per="batch"``), for each
    class by itself, whose losses are averaged (``average="macro"``), or over the classes too (``"micro"``).

    **One value a sample is a departure from Keras**, whose default pools the batch (``axis=None``): there a sample with
    little to find hardly counts, and weights of samples mean nothing. Keras's number is
    ``per="batch", average="micro"``, but for the smoothing, which Keras adds to the denominator only (1e-7): two empty
    masks cost 1 there and 0 here.

    When to choose it: segmentation judged by overlap, where the object is small against its background, so that
    cross-entropy per pixel can be low with nothing found. It says nothing of how sure a pixel should be and its
    gradient is uneven; add a cross-entropy where training is unsteady. Unequal cost of false alarms and misses:
    `tversky`. `smooth` is in pixels: at 1e-6 an empty mask costs 1 until almost nothing is predicted, at 1 a false
    alarm of one pixel costs 1/2.

    Args:
        y_true: Integer labels, (B, ...) or (B, ..., 1), or one mask a class, (B, ..., classes), 0/1 or soft; a binary
            mask, (B, ...) or (B, ..., 1), where `y_pred` has one class. Any real or integer dtype.
        y_pred: Probabilities, or logits with ``from_logits=True``, (B, ..., classes), class axis last; float dtype
            (float64 stays, half precision is computed in float32). Probabilities are taken as they are, so masks may
            overlap.
        from_logits: Whether `y_pred` are logits: of a softmax over the classes, or of a sigmoid where there is one.
        per: ``"sample"`` or ``"batch"``: what the sums run over.
        average: ``"macro"``: the mean over all classes; one that is neither there nor predicted costs 0.
            ``"micro"``: the classes pooled.
        smooth: At least 0, in pixels.
        weight: One a sample or pixel, (B,) or (B, ...), into the sums; 0 leaves a pixel out. The class form makes it of
            its `sample_weight` and mask.

    Returns:
        One value a sample, (B,), or with ``per="batch"`` a scalar; in [0, 1].

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =====================================  =====  =========================================================
    input                                  value  gradient
    =====================================  =====  =========================================================
    nothing there, nothing predicted       0      1/smooth by p
    the same with smooth = 0               0      0
    logits 100 for the right class         0      0
    logits 100, wrong class, smooth = 0    1      0
    label out of range                     NaN    not promised
    mask or p outside [0, 1] by 1e-5       NaN    not promised
    NaN                                    NaN    not promised
    =====================================  =====  =========================================================

    >>> y, p = [[[1], [1], [0], [0]]], [[[1.0], [0.5], [0.5], [0.0]]]
    >>> [round(float(v), 4) for v in polyloss.dice(y, p)]
    [0.25]

    References: Milletari, Navab and Ahmadi 2016, V-Net: Fully Convolutional Neural Networks for Volumetric Medical
    Image Segmentation, arXiv:1606.04797 (there with squares in the denominator); Sudre et al. 2017, Generalised Dice
    overlap as a deep learning loss function for highly unbalanced segmentations, arXiv:1707.03237.
    """
    n = counted(y_true, y_pred, from_logits, per, average, weight)
    return averaged(numerics.share(n.false_positives + n.false_negatives, 2 * n.hits + smooth), average)


class Dice(RegionLoss, function=dice):
    """Class form of `dice`, for `model.compile(loss=...)`. One value a sample, unlike Keras's.

    >>> polyloss.Dice(from_logits=True)
    Dice(from_logits=True, per='sample', average='macro', smooth=1e-06)
    """

    from_logits: bool = False
    per: str = "sample"
    average: str = "macro"
    smooth: float = 1e-6

    by_position: ClassVar[tuple[str, ...]] = ("reduction", "name")
    words: ClassVar[tuple[str, ...]] = (
        "segmentation",
        "F1",
        "GeneralizedDiceLoss",
        "medical images",
        "overlap",
        "mask",
    )
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": 'keras.losses.Dice (per="batch", average="micro" here)',
        "optax": "optax.losses.dice_loss",
        "segmentation-models-pytorch": "segmentation_models_pytorch.losses.DiceLoss (pools the batch)",
        "monai": "monai.losses.DiceLoss",
    }


@loss_function(MASKS)
def tversky(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    from_logits: Flag = False,
    per: Per = "sample",
    average: Average = "macro",
    smooth: NonNegative = 1e-6,
    weight: Tensor | None = None,
) -> Tensor:
    r"""One minus the Tversky index of soft masks: Dice with one weight for false alarms and one for misses.

    .. math:: \ell = 1 - \frac{\mathrm{TP} + s}{\mathrm{TP} + \alpha\,\mathrm{FP} + \beta\,\mathrm{FN} + s}, \qquad
        \mathrm{TP} = \sum_i w_i\,y_i\,p_i,\quad \mathrm{FP} = \sum_i w_i\,(1 - y_i)\,p_i,\quad
        \mathrm{FN} = \sum_i w_i\,y_i\,(1 - p_i)

    The sums run over the pixels i of a sample (``per="sample"``) or of the whole batch (``per="batch"``), for each
    class by itself, whose losses are averaged (``average="macro"``), or over the classes too (``"micro"``).

    **Two departures from Keras.** `alpha` weighs false positives and `beta` false negatives, as the paper and Keras's
    documentation say; Keras 3.15.1 computes them the other way round, so there swap the two numbers. And one value a
    sample is returned, where Keras's default pools the batch (``axis=None``): ``per="batch", average="micro"`` here,
    but for the smoothing, which Keras adds to the denominator only (1e-7).

    When to choose it: segmentation where a miss is worse than a false alarm (lesions: ``alpha=0.3, beta=0.7``), or the
    reverse. alpha = beta = 0.5 is `dice` with twice the `smooth`, alpha = beta = 1 the Jaccard index (IoU).

    Args:
        y_true: Integer labels, (B, ...) or (B, ..., 1), or one mask a class, (B, ..., classes), 0/1 or soft; a binary
            mask, (B, ...) or (B, ..., 1), where `y_pred` has one class. Any real or integer dtype.
        y_pred: Probabilities, or logits with ``from_logits=True``, (B, ..., classes), class axis last; float dtype
            (float64 stays, half precision is computed in float32). Probabilities are taken as they are, so masks may
            overlap.
        alpha: At least 0: the weight of false positives.
        beta: At least 0: the weight of false negatives.
        from_logits: Whether `y_pred` are logits: of a softmax over the classes, or of a sigmoid where there is one.
        per: ``"sample"`` or ``"batch"``: what the sums run over.
        average: ``"macro"``: the mean over all classes; one that is neither there nor predicted costs 0.
            ``"micro"``: the classes pooled.
        smooth: At least 0, in pixels.
        weight: One a sample or pixel, (B,) or (B, ...), into the sums; 0 leaves a pixel out. The class form makes it of
            its `sample_weight` and mask.

    Returns:
        One value a sample, (B,), or with ``per="batch"`` a scalar; in [0, 1].

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =====================================  =====  =========================================================
    input                                  value  gradient
    =====================================  =====  =========================================================
    nothing there, nothing predicted       0      alpha/smooth by p
    the same with smooth = 0               0      0
    alpha = 0, beta = 0                    0      0
    logits 100 for the right class         0      0
    logits 100, wrong class, smooth = 0    1      0
    label out of range                     NaN    not promised
    mask or p outside [0, 1] by 1e-5       NaN    not promised
    NaN                                    NaN    not promised
    =====================================  =====  =========================================================

    >>> y, p = [[[1], [1], [0], [0]]], [[[1.0], [0.5], [0.5], [0.0]]]
    >>> [round(float(polyloss.tversky(y, p, alpha=a, beta=1 - a)[0]), 4) for a in (0.5, 1.0)]
    [0.25, 0.25]

    References: Salehi, Erdogmus and Gholipour 2017, Tversky loss function for image segmentation using 3D fully
    convolutional deep networks, arXiv:1706.05721.
    """
    n = counted(y_true, y_pred, from_logits, per, average, weight)
    return averaged(numerics.share(alpha * n.false_positives + beta * n.false_negatives, n.hits + smooth), average)


class Tversky(RegionLoss, function=tversky):
    """Class form of `tversky`, for `model.compile(loss=...)`. alpha weighs false positives; one value a sample."""

    alpha: float = 0.5
    beta: float = 0.5
    from_logits: bool = False
    per: str = "sample"
    average: str = "macro"
    smooth: float = 1e-6

    by_position: ClassVar[tuple[str, ...]] = ("alpha", "beta", "reduction", "name")
    words: ClassVar[tuple[str, ...]] = ("segmentation", "imbalanced masks", "recall", "lesions", "overlap")
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.Tversky (alpha and beta swapped in 3.15.1)",
        "optax": "optax.losses.dice_loss(alpha=, beta=)",
        "segmentation-models-pytorch": "segmentation_models_pytorch.losses.TverskyLoss (pools the batch)",
        "monai": "monai.losses.TverskyLoss",
    }
