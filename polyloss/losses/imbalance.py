"""Imbalance: losses that reduce the weight of easy examples, or increase that of rare classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

from polyloss.core import numerics, ops
from polyloss.core.closed_form import closed_form
from polyloss.core.function import loss_function
from polyloss.core.kinds import ONE_OF_MANY, UNEQUAL_CLASSES, YES_NO
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import (
    Axis,
    ClassCounts,
    Flag,
    Fraction,
    IgnoreClass,
    NonNegative,
    Positive,
    at_least,
    between,
    one_or_per_class,
    optional,
)
from polyloss.losses._sigmoid import asked, sides, yes_and_no
from polyloss.losses._softmax import at_class, closed_terms, crossentropy_of_labels, labelled

__all__ = [
    "CategoricalFocalLoss",
    "FocalLoss",
    "LDAMLoss",
    "LogitAdjustedLoss",
    "categorical_focal_loss",
    "focal_loss",
    "ldam_loss",
    "logit_adjusted_loss",
]


@loss_function(YES_NO)
def focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: NonNegative = 2.0,
    alpha: Annotated[float | Sequence[float] | None, optional(one_or_per_class(between(0, 1)))] = 0.25,
    from_logits: Flag = False,
    label_smoothing: Fraction = 0.0,
) -> Tensor:
    r"""Binary cross-entropy with a factor that is small for easy decisions; one independent decision for each class.

    .. math:: \ell = -\alpha_t\,(1 - p_t)^{\gamma} \log p_t, \qquad
        (p_t, \alpha_t) = \begin{cases} (p,\ \alpha) & y = 1 \\ (1 - p,\ 1 - \alpha) & y = 0 \end{cases}

    With soft labels: the log loss of (y, p), times :math:`(1 - p_t)^\gamma` and :math:`\alpha_t`, with
    :math:`p_t = p y + (1 - p)(1 - y)` and :math:`\alpha_t = \alpha y + (1 - \alpha)(1 - y)`.

    When to choose it: detection and multi-label problems in which almost every decision is an easy "no".
    `gamma` sets how strongly the weight of easy decisions is reduced (0: not at all; 2: a decision with
    p_t = 0.9 has the weight 1/100). `alpha` is the weight of positives, and 1 - `alpha` that of negatives:
    **per target**, not per batch. It is small because the factor with `gamma` has already reduced the
    weight of the negatives. Take `binary_crossentropy` as the baseline, and compare both at the same rate of
    false alarms: `alpha` and the threshold decide more than `gamma`. For one class out of many, use
    `categorical_focal_loss`. The factor moves the predicted probabilities towards 1/2; if they must be
    calibrated, use `binary_crossentropy`.

    Args:
        y_true: 0/1 or probabilities, (..., classes); any real or integer dtype.
        y_pred: Probabilities, or logits with ``from_logits=True``; shape of `y_true`, float dtype
            (float64 stays, half precision is computed in float32).
        gamma: At least 0.
        alpha: In [0, 1]: the weight of positives, negatives get 1 - alpha; one number, or one a class
            (last axis). None: no weights.
        from_logits: Whether `y_pred` are logits. Prefer logits: a saturated sigmoid passes no gradient.
        label_smoothing: In [0, 1]; draws targets towards 1/2.

    Returns:
        One value an element, the shape of `y_pred`, in nats.

    Raises:
        ValueError: for shapes that differ, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =========================  ==============  =====================================================
    input                      value           gradient
    =========================  ==============  =====================================================
    logit +inf, y = 1          0               0
    logit +inf, y = 0          inf             1 - alpha
    p = 1, y = 1, gamma = 0.5  about 0         finite (that of `pow` would be infinite)
    p outside [0, 1] by 1e-5   NaN             none
    NaN                        NaN             NaN
    =========================  ==============  =====================================================

    >>> loss = polyloss.focal_loss([[1.0, 0.0]], [[3.0, -1.0]], from_logits=True)
    >>> [round(float(v), 5) for v in loss[0]]
    [3e-05, 0.01699]

    References: Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    if from_logits:
        return _focal(y_pred, *asked(y_true, label_smoothing), gamma=gamma, alpha=alpha)
    yes, no = yes_and_no(y_true, label_smoothing)
    log_p, log_q = numerics.log_probability_pair(y_pred)
    loss = -(yes * log_p + no * log_q)
    miss = yes * ops.exp(log_q) + no * ops.exp(log_p)
    if gamma:
        loss = numerics.power(miss, gamma) * loss  # miss = 1 - p_t
    if alpha is not None:
        a = numerics.constant(alpha, y_pred)
        loss = (a * yes + (1 - a) * no) * loss
    return loss


@closed_form()
def _focal(
    x: Tensor, yes: Tensor, no: Tensor | None = None, *, gamma: float, alpha: float | tuple[float, ...] | None
) -> tuple[Tensor, Callable[[], Tensor]]:
    """The loss of logits. Without `no`: yes + no = 1."""
    side, minus, small, rest, wrong = sides(x, yes, no)
    loss = rest - numerics.product(wrong, minus)
    turn = 1 - 2 * wrong
    miss = wrong + small * turn  # 1 - p_t, whose slope is side turn small (1 - small)
    if alpha is None:
        a: Tensor | float = 1.0
    else:
        weight = numerics.constant(alpha, x)
        a = weight * yes + (1 - weight) * (1 - yes if no is None else no)
    if gamma == 0:
        return numerics.terms(a * loss), lambda: a * side * (small - wrong)
    bounded = numerics.at_most(loss, 1e30)  # its factor is 0 where it is infinite
    if gamma >= 1:
        f = a * numerics.power(miss, gamma - 1)
        return (
            numerics.terms(f * miss * loss),
            lambda: side * f * (gamma * turn * (1 - small) * small * bounded + miss * (small - wrong)),
        )
    f = a * numerics.power(miss, gamma)
    ratio = small / numerics.at_least(miss, numerics.smallest_normal(x))
    return numerics.terms(f * loss), lambda: side * f * (gamma * turn * (1 - small) * ratio * bounded + small - wrong)


class FocalLoss(Loss, function=focal_loss):
    """Class form of `focal_loss`, for `model.compile(loss=...)`.

    >>> polyloss.FocalLoss(from_logits=True)
    FocalLoss(gamma=2.0, alpha=0.25, from_logits=True, label_smoothing=0.0)
    """

    gamma: float = 2.0
    alpha: float | Sequence[float] | None = 0.25
    from_logits: bool = False
    label_smoothing: float = 0.0

    words: ClassVar[tuple[str, ...]] = (
        "imbalanced",
        "imbalance",
        "rare",
        "background",
        "detection",
        "multi-label",
        "multilabel",
        "RetinaNet",
        "sigmoid focal",
        "SigmoidFocalCrossEntropy",
    )
    tasks: ClassVar[tuple[str, ...]] = ("object detection", "multi-label classification", "binary classification")
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True)",
        "torchvision": "torchvision.ops.sigmoid_focal_loss",
        "optax": "optax.losses.sigmoid_focal_loss",
    }


@loss_function(ONE_OF_MANY)
def categorical_focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: NonNegative = 2.0,
    alpha: Annotated[float | Sequence[float] | None, optional(one_or_per_class(at_least(0)))] = None,
    from_logits: Flag = False,
    ignore_class: IgnoreClass = None,
    label_smoothing: Fraction = 0.0,
    axis: Axis = -1,
) -> Tensor:
    r"""Softmax cross-entropy that fades as a sample becomes easy.

    .. math:: \ell = -\sum_c \alpha_c\,y_c\,(1 - p_c)^{\gamma} \log p_c

    When to choose it: one class out of many, classes very unequal in number (rare diseases among common
    ones), and the rare ones hard. `gamma` is how fast easy samples fade, ``gamma=0`` is cross-entropy;
    `alpha` weighs classes. Take `sparse_categorical_crossentropy` with `class_weights` as the baseline: it is
    often as good. For independent yes/no decisions `focal_loss`.

    Args:
        y_true: Integer labels, (...) or (..., 1), or one-hot/soft labels, (..., classes).
        y_pred: Probabilities (rows are renormalised), or logits with ``from_logits=True``; (..., classes).
            A logit of -inf rules its class out.
        gamma: At least 0.
        alpha: At least 0: one number, or one a class. None: 1. (Keras's default is 0.25 for every class,
            which only scales the learning rate.)
        from_logits: Whether `y_pred` are logits.
        ignore_class: An integer label whose samples count for nothing: value and gradient 0, and the
            class form leaves them out of the mean.
        label_smoothing: In [0, 1]; draws targets towards 1/C.
        axis: The class axis.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats.

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for labels that are not integers, and parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    label out of range             NaN, on every backend              0
    label = ignore_class           0                                  0
    logit -inf, its y = 0          as if the class were not there     0 for that logit
    p_y = 1, gamma = 0.5           0                                  0 (that of `pow` is infinite)
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.categorical_focal_loss([1], [[1.0, 2.0]], from_logits=True)
    >>> round(float(loss[0]), 5)
    0.02266

    References: Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    given = labelled(y_true, y_pred, axis, ignore_class)
    if given.sparse and not label_smoothing:
        loss = _faded(crossentropy_of_labels(given.y, given.x, from_logits, axis), gamma)
        return given.marked(loss if alpha is None else at_class(alpha, given.y, y_pred) * loss)
    y = given.rows(label_smoothing, axis)
    if alpha is not None:
        y = numerics.constant(alpha, y_pred, axis) * y
    return given.marked(_focal_terms(given.x, y, from_logits, axis, gamma=gamma))


def _faded(crossentropy: Tensor, gamma: float) -> Tensor:
    """``(1 - p)^gamma`` times ``-log p``, with ``1 - p`` as ``-expm1(log p)``, which keeps its digits near p = 1."""
    if not gamma:
        return crossentropy
    bounded = numerics.at_most(crossentropy, 1e3)  # where p is 0 in any dtype: the slope is 0, not 0 times infinity
    return numerics.power(-ops.expm1(-bounded), gamma) * crossentropy


@closed_terms
def _focal_terms(
    y: Tensor, log_p: Tensor, p: Tensor, miss: Tensor, *, gamma: float
) -> tuple[Tensor, Callable[[], Tensor]]:
    if not gamma:
        return -numerics.product(y, log_p), lambda: y
    bounded = numerics.at_least(log_p, -1e3)
    if gamma >= 1:
        f = y * numerics.power(miss, gamma - 1)
        return -numerics.product(f * miss, log_p), lambda: f * (miss - gamma * p * bounded)
    f = y * numerics.power(miss, gamma)
    ratio = bounded / numerics.at_least(miss, numerics.smallest_normal(miss))
    return -numerics.product(f, log_p), lambda: f * (1 - gamma * p * ratio)


class CategoricalFocalLoss(Loss, function=categorical_focal_loss):
    """Class form of `categorical_focal_loss`, for `model.compile(loss=...)`."""

    gamma: float = 2.0
    alpha: float | Sequence[float] | None = None
    from_logits: bool = False
    ignore_class: int | None = None
    label_smoothing: float = 0.0
    axis: int = -1

    words: ClassVar[tuple[str, ...]] = (
        "imbalanced",
        "imbalance",
        "rare classes",
        "softmax focal",
        "SparseCategoricalFocalLoss",
    )
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification", "segmentation")
    elsewhere: ClassVar[dict[str, str]] = {"keras": "keras.losses.CategoricalFocalCrossentropy"}


# -- class counts ---------------------------------------------------------------------------------


@loss_function(UNEQUAL_CLASSES)
def logit_adjusted_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    class_counts: ClassCounts,
    tau: NonNegative = 1.0,
    axis: Axis = -1,
) -> Tensor:
    r"""Softmax cross-entropy of logits to which the classes' frequencies have been added.

    .. math:: \ell = -\sum_c y_c \log q_c, \qquad q = \mathrm{softmax}(x + \tau \log \pi),
        \quad \pi_c = \frac{n_c}{\sum_j n_j}

    In training the frequent classes get a head start, so the model need not learn it: its logits, taken as
    they are, rank the classes as if all were equally frequent, which is what balanced accuracy asks for.

    When to choose it: one class out of many, classes very unequal in number, and each of them matters as
    much as the others. ``tau=1`` (also known as balanced softmax) is consistent for the balanced error,
    ``tau=0`` is cross-entropy. Where probabilities of the data as they are must be calibrated,
    `sparse_categorical_crossentropy`; where margins are preferred to a prior, `ldam_loss`.

    Args:
        y_true: Integer labels, (...) or (..., 1), or one-hot/soft labels, (..., classes).
        y_pred: Logits, (..., classes), without the adjustment. A logit of -inf rules its class out.
        class_counts: How many training samples each class has (or any numbers in that proportion);
            greater than 0, one a class.
        tau: At least 0; how much of the frequencies is added.
        axis: The class axis.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats.

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for labels that are not integers, parameters of the wrong type, and without `class_counts`.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    all logits equal               -log of the label's frequency      q - y: 0 where q_c = y_c
    label out of range             NaN, on every backend              0
    logit -inf, its y = 0          as if the class were not there     0 for that logit
    logit -inf, its y = 1          inf                                -1 for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.logit_adjusted_loss([1], [[0.0, 0.0]], class_counts=(3, 1))
    >>> round(float(loss[0]), 5)
    1.38629

    References: Menon et al. 2021, Long-tail learning via logit adjustment, arXiv:2007.07314; as balanced
    softmax Ren et al. 2020, arXiv:2007.10740.
    """
    given = labelled(y_true, y_pred, axis)
    head_start = [tau * math.log(count / sum(class_counts)) for count in class_counts]
    return given.crossentropy(given.x + numerics.constant(head_start, y_pred, axis), axis)


class LogitAdjustedLoss(Loss, function=logit_adjusted_loss):
    """Class form of `logit_adjusted_loss`, for `model.compile(loss=...)`.

    >>> polyloss.LogitAdjustedLoss(class_counts=(900, 90, 10))
    LogitAdjustedLoss(class_counts=(900, 90, 10), tau=1.0, axis=-1)
    """

    class_counts: Sequence[float]
    tau: float = 1.0
    axis: int = -1

    example: ClassVar[dict[str, Any]] = {"class_counts": (900, 90, 10)}
    words: ClassVar[tuple[str, ...]] = (
        "imbalanced",
        "long tail",
        "balanced softmax",
        "BalancedSoftmax",
        "prior",
        "rare classes",
    )
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification",)


@loss_function(UNEQUAL_CLASSES)
def ldam_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    class_counts: ClassCounts,
    max_margin: NonNegative = 0.5,
    scale: Positive = 30.0,
    axis: Axis = -1,
) -> Tensor:
    r"""Softmax cross-entropy with a margin that is larger for rare classes (label-distribution-aware margins).

    .. math:: \ell = -\sum_c y_c \log q_c, \qquad q = \mathrm{softmax}\big(s\,(x - y \odot \Delta)\big),
        \quad \Delta_c = m \Big(\frac{\min_j n_j}{n_c}\Big)^{1/4}

    with :math:`m` the `max_margin` and :math:`s` the `scale`: the right class must lead by its margin.

    When to choose it: one class out of many, classes very unequal in number, on outputs that are cosines
    in [-1, 1] (the last layer multiplies normalised features with normalised weights); they are what
    `scale` and `max_margin` are made for. From ordinary logits start with ``scale=1``, or take
    `logit_adjusted_loss`. Its authors train first without class weights and add them late; here those are
    the `sample_weight` of the call.

    Args:
        y_true: Integer labels, (...) or (..., 1), or one-hot labels, (..., classes). Of soft labels each
            class gives up its share of its margin: y_c times it.
        y_pred: Cosines or logits, (..., classes). A logit of -inf rules its class out.
        class_counts: How many training samples each class has (or any numbers in that proportion);
            greater than 0, one a class.
        max_margin: At least 0; the margin of the rarest class.
        scale: Greater than 0; an inverse temperature.
        axis: The class axis.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats.

    Raises:
        ValueError: for shapes that do not fit, and parameters out of range.
        TypeError: for labels that are not integers, parameters of the wrong type, and without `class_counts`.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    label out of range             NaN, on every backend              0
    logit -inf, its y = 0          as if the class were not there     0 for that logit
    logit -inf, its y = 1          inf                                -scale for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.ldam_loss([1], [[0.3, 0.9]], class_counts=(1600, 100))
    >>> round(float(loss[0]), 5)
    0.04859

    References: Cao et al. 2019, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss,
    arXiv:1906.07413.
    """
    given = labelled(y_true, y_pred, axis)
    margins = [max_margin * (min(class_counts) / count) ** 0.25 for count in class_counts]
    share = given.rows(0.0, axis) * numerics.constant(margins, y_pred, axis)
    return given.crossentropy(scale * (given.x - share), axis)


class LDAMLoss(Loss, function=ldam_loss):
    """Class form of `ldam_loss`, for `model.compile(loss=...)`.

    >>> polyloss.LDAMLoss(class_counts=(900, 90, 10))
    LDAMLoss(class_counts=(900, 90, 10), max_margin=0.5, scale=30.0, axis=-1)
    """

    class_counts: Sequence[float]
    max_margin: float = 0.5
    scale: float = 30.0
    axis: int = -1

    example: ClassVar[dict[str, Any]] = {"class_counts": (900, 90, 10)}
    words: ClassVar[tuple[str, ...]] = ("imbalanced", "long tail", "margin", "rare classes")
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification",)
