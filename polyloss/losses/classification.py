"""Classification: how surprised the model is by the right class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar

from polyloss.core import numerics, ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import DISTRIBUTIONS, LABELS, ONE_OF_MANY, SOFT_LABELS, YES_NO
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import (
    Axis,
    ClassWeights,
    Flag,
    Fraction,
    IgnoreClass,
    NonNegative,
    at_least,
    one_or_per_class,
    optional,
    refuse,
)
from polyloss.losses._sigmoid import asked, mean_log_loss, yes_and_no
from polyloss.losses._softmax import (
    at_class,
    closed_terms,
    crossentropy_of_labels,
    crossentropy_of_rows,
    divergence_of_probabilities,
    divergence_of_rows,
    labelled,
    rows_last,
    smooth_classes,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "PolyLoss",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "kl_divergence",
    "poly_loss",
    "sparse_categorical_crossentropy",
]

PosWeight = Annotated[float | Sequence[float] | None, optional(one_or_per_class(at_least(0)))]

# -- log loss -------------------------------------------------------------------------------------


@loss_function(YES_NO)
def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: Flag = False,
    label_smoothing: Fraction = 0.0,
    axis: Axis = -1,
    *,
    pos_weight: PosWeight = None,
) -> Tensor:
    r"""Log loss of yes/no decisions (binary cross-entropy).

    .. math:: \ell = -\big[w\,y \log p + (1 - y) \log(1 - p)\big], \qquad p = \sigma(x) \text{ from logits}

    averaged over `axis`. It is a proper score: its expectation is smallest at the true probability, so a
    model trained with it is calibrated.

    When to choose it: yes/no targets whose probability you will use (will this user click?), and
    multi-label problems. With rare positives see `focal_loss`; for one class out of many
    `categorical_crossentropy`.

    Args:
        y_true: 0/1 or probabilities, (..., classes); any real or integer dtype.
        y_pred: Probabilities, or logits with ``from_logits=True``; shape of `y_true`, float dtype
            (float64 stays, half precision is computed in float32).
        from_logits: Whether `y_pred` are logits. Prefer logits: a saturated sigmoid passes no gradient.
        label_smoothing: In [0, 1]; draws targets towards 1/2.
        axis: The axis to average over.
        pos_weight: Weight of positives, a number or one a class along `axis`. None: 1.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats, in the dtype of computation.

    Raises:
        ValueError: for shapes that differ, and parameters out of range.
        TypeError: for parameters of the wrong type.

    Values that are out of place never raise; `polyloss.validate` names them.

    =========================  ==============  =====================================================
    input                      value           gradient
    =========================  ==============  =====================================================
    logit +inf, y = 1          0               0
    logit +inf, y = 0          inf             1
    p = 0, y = 1               -log(epsilon)   -1 / epsilon: the clip passes the gradient on
    p outside [0, 1] by 1e-5   NaN             none
    NaN                        NaN             NaN
    =========================  ==============  =====================================================

    >>> loss = polyloss.binary_crossentropy([[1.0, 0.0]], [[3.0, -1.0]], from_logits=True)
    >>> round(float(loss[0]), 5)
    0.18092

    References: Good (1952), Rational Decisions, on the logarithmic score.
    """
    if from_logits and pos_weight is None:
        return mean_log_loss(rows_last(y_pred, axis), *(rows_last(y, axis) for y in asked(y_true, label_smoothing)))
    yes, no = yes_and_no(y_true, label_smoothing)
    if pos_weight is not None:
        yes = numerics.constant(pos_weight, y_pred, axis) * yes
    if from_logits:
        return mean_log_loss(*(rows_last(x, axis) for x in (y_pred, yes, no)))
    log_p, log_q = numerics.log_probability_pair(y_pred)
    return numerics.mean(-(yes * log_p + no * log_q), axis)


class BinaryCrossentropy(Loss, function=binary_crossentropy, kw_only=False):
    """Class form of `binary_crossentropy`; a drop-in for `keras.losses.BinaryCrossentropy`.

    >>> polyloss.BinaryCrossentropy(from_logits=True)
    BinaryCrossentropy(from_logits=True, label_smoothing=0.0, axis=-1, pos_weight=None)
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    _: KW_ONLY
    pos_weight: float | Sequence[float] | None = None

    words: ClassVar[tuple[str, ...]] = (
        "BCE",
        "BCELoss",
        "log loss",
        "logistic loss",
        "sigmoid cross-entropy",
        "yes or no",
        "click-through rate",
        "multi-label",
        "multilabel",
        "imbalanced",
    )
    tasks: ClassVar[tuple[str, ...]] = ("binary classification", "multi-label classification")
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.BinaryCrossentropy",
        "torch": "torch.nn.BCEWithLogitsLoss",
        "optax": "optax.losses.sigmoid_binary_cross_entropy",
        "tensorflow": "tf.nn.sigmoid_cross_entropy_with_logits",
    }


# -- softmax cross-entropy ------------------------------------------------------------------------


@loss_function(DISTRIBUTIONS)
def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: Flag = False,
    label_smoothing: Fraction = 0.0,
    axis: Axis = -1,
    *,
    class_weights: ClassWeights = None,
) -> Tensor:
    r"""Softmax cross-entropy with one-hot or soft labels.

    .. math:: \ell = -\sum_c w_c\,y_c \log p_c, \qquad p = \mathrm{softmax}(x) \text{ from logits}

    When to choose it: one class out of many, labels one-hot or soft (mixup, distillation). With integer
    labels `sparse_categorical_crossentropy` is the same without the table of zeros.

    Args:
        y_true: One-hot or soft labels, (..., classes); any real or integer dtype.
        y_pred: Probabilities (rows are renormalised, as in Keras), or logits with ``from_logits=True``;
            shape of `y_true`. A logit of -inf rules its class out.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: In [0, 1]; draws targets towards 1/C (arXiv:1512.00567).
        axis: The class axis.
        class_weights: One weight a class. They multiply the values and do not divide the mean (in torch
            they do). None: 1.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats.

    Raises:
        ValueError: for shapes that differ (integer labels among them), and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    logit -inf, its y = 0          as if the class were not there     0 for that logit
    largest logit not finite       NaN                                none
    p = 0, its y = 1               -log(epsilon)                      passed through the clip
    p outside [0, 1] by 1e-5       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.categorical_crossentropy([[0.0, 1.0]], [[1.0, 2.0]], from_logits=True)
    >>> round(float(loss[0]), 5)
    0.31326

    References: Bridle (1990), Probabilistic Interpretation of Feedforward Network Outputs.
    """
    y = smooth_classes(y_true, label_smoothing, axis)
    if class_weights is not None:
        y = numerics.constant(class_weights, y_pred, axis) * y
    return crossentropy_of_rows(y, y_pred, from_logits, axis)


class CategoricalCrossentropy(Loss, function=categorical_crossentropy, kw_only=False):
    """Class form of `categorical_crossentropy`; a drop-in for `keras.losses.CategoricalCrossentropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    _: KW_ONLY
    class_weights: Sequence[float] | None = None

    words: ClassVar[tuple[str, ...]] = ("CCE", "softmax loss", "one-hot", "image classification", "soft labels")
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.CategoricalCrossentropy",
        "torch": "torch.nn.CrossEntropyLoss",
        "optax": "optax.losses.softmax_cross_entropy",
        "tensorflow": "tf.nn.softmax_cross_entropy_with_logits",
    }


@loss_function(LABELS)
def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: Flag = False,
    ignore_class: IgnoreClass = None,
    axis: Axis = -1,
    *,
    label_smoothing: Fraction = 0.0,
    class_weights: ClassWeights = None,
    z_loss: NonNegative = 0.0,
) -> Tensor:
    r"""Softmax cross-entropy with integer labels.

    .. math:: \ell = -w_y \log p_y + z\,\Big(\log\sum_j e^{x_j}\Big)^2, \qquad p = \mathrm{softmax}(x) \text{ from logits}

    With `label_smoothing` the first term is that of `categorical_crossentropy` on the smoothed one-hot
    label. The second is off by default.

    When to choose it: one class out of many, labels as integers: which disease, which dish, which token.
    With one-hot or soft labels `categorical_crossentropy`; with rare classes `categorical_focal_loss`.

    Args:
        y_true: Integer labels, (...) or (..., 1). They never pass through a float.
        y_pred: Probabilities (rows are renormalised, as in Keras), or logits with ``from_logits=True``;
            (..., classes). A logit of -inf rules its class out.
        from_logits: Whether `y_pred` are logits.
        ignore_class: A label (it need not be in range) whose samples count for nothing: value and
            gradient 0, and the class form leaves them out of the mean.
        axis: The class axis.
        label_smoothing: In [0, 1]; draws targets towards 1/C (arXiv:1512.00567).
        class_weights: One weight a class; they multiply the values and do not divide the mean.
        z_loss: Weight of the squared log-partition, which keeps logits from drifting (arXiv:2204.02311);
            from logits only.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats.

    Raises:
        ValueError: for shapes that do not fit (one-hot labels among them), and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    label out of range             NaN, on every backend              0
    label = ignore_class           0                                  0
    logit -inf, another label      as if the class were not there     0 for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.sparse_categorical_crossentropy([1], [[1.0, 2.0]], from_logits=True)
    >>> round(float(loss[0]), 5)
    0.31326

    References: Bridle (1990), Probabilistic Interpretation of Feedforward Network Outputs.
    """
    if z_loss and not from_logits:
        refuse("sparse_categorical_crossentropy", "z_loss", "be 0 without from_logits=True", z_loss)
    given = labelled(y_true, y_pred, axis, ignore_class)
    if label_smoothing:
        y = given.rows(label_smoothing, axis)
        if class_weights is not None:
            y = numerics.constant(class_weights, y_pred, axis) * y
        loss = crossentropy_of_rows(y, given.x, from_logits, axis)
    else:
        loss = crossentropy_of_labels(given.y, given.x, from_logits, axis)
        if class_weights is not None:
            loss = at_class(class_weights, given.y, y_pred) * loss
    if z_loss:
        loss = loss + z_loss * ops.square(numerics.logsumexp(given.x, axis))
    return given.marked(loss)


class SparseCategoricalCrossentropy(Loss, function=sparse_categorical_crossentropy, kw_only=False):
    """Class form of `sparse_categorical_crossentropy`; a drop-in for `keras.losses.SparseCategoricalCrossentropy`."""

    from_logits: bool = False
    ignore_class: int | None = None
    _: KW_ONLY
    axis: int = -1
    label_smoothing: float = 0.0
    class_weights: Sequence[float] | None = None
    z_loss: float = 0.0

    by_position: ClassVar[tuple[str, ...]] = ("from_logits", "ignore_class", "reduction", "axis", "name", "dtype")
    words: ClassVar[tuple[str, ...]] = (
        "SCCE",
        "NLLLoss",
        "softmax loss",
        "integer labels",
        "image classification",
        "semantic segmentation",
        "imbalanced",
        "next token",
    )
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification", "segmentation", "language modelling")
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.SparseCategoricalCrossentropy",
        "torch": "torch.nn.CrossEntropyLoss",
        "optax": "optax.losses.softmax_cross_entropy_with_integer_labels",
        "tensorflow": "tf.nn.sparse_softmax_cross_entropy_with_logits",
    }


# -- divergence ------------------------------------------------------------------------------------


@loss_function(SOFT_LABELS)
def kl_divergence(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: Flag = False,
    axis: Axis = -1,
) -> Tensor:
    r"""Kullback-Leibler divergence: how much longer data of y are when they are coded for p.

    .. math:: \ell = \sum_c y_c \log \frac{y_c}{p_c}, \qquad p = \mathrm{softmax}(x) \text{ from logits}

    with :math:`0 \log 0 = 0`. It is the cross-entropy less the entropy of the targets.

    When to choose it: the targets are probabilities (of annotators, of a teacher), and a loss of 0 is to
    mean that they are met. The gradient is that of `categorical_crossentropy`, and with one-hot labels so
    is the value. Where a teacher gives logits, `distillation_loss`.

    Args:
        y_true: Probabilities, (..., classes); any real or integer dtype.
        y_pred: Probabilities (as they are: rows are not renormalised, as in Keras), or logits with
            ``from_logits=True``; shape of `y_true`. A logit of -inf rules its class out.
        from_logits: Whether `y_pred` are logits.
        axis: The class axis.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats.

    Raises:
        ValueError: for shapes that differ, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    y = p                          0, exactly                         -1 for each p_c
    y = 0                          that class adds 0, exactly         0 for that p_c
    p = 0, its y = 1               -log(epsilon)                      -1 / epsilon: through the clip
    logit -inf, its y = 0          as if the class were not there     0 for that logit
    logit -inf, its y > 0          inf                                -y_c for that logit
    largest logit not finite       NaN                                none
    y or p outside [0, 1]          NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.kl_divergence([[0.5, 0.5]], [[0.0, 2.0]], from_logits=True)
    >>> round(float(loss[0]), 5)
    0.43378

    References: Kullback and Leibler (1951), On Information and Sufficiency.
    """
    if not from_logits:
        return divergence_of_probabilities(y_true, y_pred, axis)
    wrong = numerics.any_outside([y_true], (axis,))
    y = numerics.clip(y_true, 0.0, 1.0)
    some = ops.where(ops.equal(y, 0), 1.0, y)  # 0 log 0 = 0
    return ops.where(wrong, float("nan"), divergence_of_rows(y, ops.log(some), y_pred, axis))


class KLDivergence(Loss, function=kl_divergence, kw_only=False):
    """Class form of `kl_divergence`; a drop-in for `keras.losses.KLDivergence`.

    >>> polyloss.KLDivergence(from_logits=True)
    KLDivergence(from_logits=True, axis=-1)
    """

    _: KW_ONLY
    from_logits: bool = False
    axis: int = -1

    words: ClassVar[tuple[str, ...]] = ("KL", "KLDivLoss", "relative entropy")
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification", "distillation")
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.KLDivergence",
        "torch": "torch.nn.KLDivLoss",
        "optax": "optax.losses.kl_divergence",
    }


# -- Poly-1 ---------------------------------------------------------------------------------------


@loss_function(ONE_OF_MANY)
def poly_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    epsilon: Annotated[float, at_least(-1)] = 1.0,
    label_smoothing: Fraction = 0.0,
    from_logits: Flag = False,
    axis: Axis = -1,
) -> Tensor:
    r"""Poly-1: cross-entropy with the first coefficient of its Taylor expansion in 1 - p changed.

    .. math:: \ell = -\sum_c y_c \log p_c + \epsilon\,\Big(1 - \sum_c y_c p_c\Big)

    When to choose it: as cross-entropy, where one more parameter to tune is worth a little accuracy.
    Positive epsilon presses on with samples that are already likely, negative epsilon lets go of them.
    ``epsilon=0`` is cross-entropy. (optax's default is 2.)

    Args:
        y_true: Integer labels, (...) or (..., 1), or one-hot/soft labels, (..., classes).
        y_pred: Probabilities (rows are renormalised), or logits with ``from_logits=True``; (..., classes).
        epsilon: At least -1.
        label_smoothing: In [0, 1]; draws targets towards 1/C, in both terms.
        from_logits: Whether `y_pred` are logits.
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
    logit -inf, its y = 0          as if the class were not there     0 for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.poly_loss([1], [[1.0, 2.0]], from_logits=True)
    >>> round(float(loss[0]), 5)
    0.5822

    References: Leng et al. 2022, PolyLoss, arXiv:2204.12511.
    """
    given = labelled(y_true, y_pred, axis)
    if given.sparse and not label_smoothing:
        loss = crossentropy_of_labels(given.y, given.x, from_logits, axis)
        return given.marked(loss - epsilon * ops.expm1(-loss))
    return given.marked(_poly_terms(given.x, given.rows(label_smoothing, axis), from_logits, axis, epsilon=epsilon))


@closed_terms
def _poly_terms(
    y: Tensor, log_p: Tensor, p: Tensor, miss: Tensor, *, epsilon: float
) -> tuple[Tensor, Callable[[], Tensor]]:
    # y (1 - p) of each, not 1 minus the sum of y p: the digits of a small miss survive.
    return epsilon * y * miss - numerics.product(y, log_p), lambda: y * (1 + epsilon * p)


class PolyLoss(Loss, function=poly_loss):
    """Class form of `poly_loss`, for `model.compile(loss=...)`."""

    epsilon: float = 1.0
    label_smoothing: float = 0.0
    from_logits: bool = False
    axis: int = -1

    words: ClassVar[tuple[str, ...]] = ("Poly-1", "poly1")
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification",)
    elsewhere: ClassVar[dict[str, str]] = {"optax": "optax.losses.poly_loss_cross_entropy"}
