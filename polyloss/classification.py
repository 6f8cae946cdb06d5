"""Classification: how surprised the model is by the right class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import ClassVar

from keras import ops

from polyloss import checks, numerics
from polyloss.domains import DISTRIBUTION, LABELS, LABELS_OR_DISTRIBUTION, PROBABILITY, Domain
from polyloss.loss import Loss
from polyloss.numerics import Tensor

# -- what the losses on a sigmoid share -----------------------------------------------------------


def yes_and_no(y_true: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """How much a target asks for yes and for no, drawn towards 1/2 (each on its own: 1 - yes loses digits)."""
    if not label_smoothing:
        return y_true, 1 - y_true
    kept, half = 1 - label_smoothing, 0.5 * label_smoothing
    return y_true * kept + half, (1 - y_true) * kept + half


# -- what the losses on a softmax share -----------------------------------------------------------


def log_classes(y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Log probability of every class."""
    return numerics.log_softmax(y_pred, axis) if from_logits else numerics.log_normalized(y_pred, axis)


def log_class(y_pred: Tensor, labels: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Log probability of the labelled class."""
    if from_logits:
        return numerics.log_softmax_at(y_pred, labels, axis)
    return numerics.at_label(numerics.log_normalized(y_pred, axis), labels, axis)


def smooth_classes(y_true: Tensor, label_smoothing: float, axis: int) -> Tensor:
    """Targets drawn towards 1/C."""
    if not label_smoothing:
        return y_true
    return y_true * (1 - label_smoothing) + label_smoothing / numerics.size(y_true, axis)


# -- log loss -------------------------------------------------------------------------------------


@checks.parameters(
    from_logits=checks.boolean(),
    label_smoothing=checks.between(0, 1),
    axis=checks.integer(),
    pos_weight=checks.optional(checks.one_or_per_class(checks.at_least(0))),
)
def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    *,
    pos_weight: float | Sequence[float] | None = None,
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
    where = "binary_crossentropy"
    y_true, y_pred = checks.elementwise(where, y_true, y_pred)
    if len(y_pred.shape):
        checks.class_axis(where, axis, y_pred)
        checks.vector_length(where, "pos_weight", pos_weight, y_pred, axis)
    yes, no = yes_and_no(y_true, label_smoothing)
    total: Tensor | float = 1.0
    if pos_weight is not None:
        yes = numerics.constant(pos_weight, y_pred, axis) * yes
        total = yes + no
    if from_logits:
        return numerics.mean(numerics.log_loss(yes, no, y_pred, total), axis)
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

    targets: ClassVar[Domain] = PROBABILITY
    predictions: ClassVar[Domain] = PROBABILITY
    tasks: ClassVar[tuple[str, ...]] = ("binary classification", "multi-label classification")
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.BinaryCrossentropy",
        "torch": "torch.nn.BCEWithLogitsLoss",
        "optax": "optax.losses.sigmoid_binary_cross_entropy",
        "tensorflow": "tf.nn.sigmoid_cross_entropy_with_logits",
    }


# -- softmax cross-entropy ------------------------------------------------------------------------


@checks.parameters(
    from_logits=checks.boolean(),
    label_smoothing=checks.between(0, 1),
    axis=checks.integer(),
    class_weights=checks.optional(checks.per_class(checks.at_least(0))),
)
def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    *,
    class_weights: Sequence[float] | None = None,
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
    where = "categorical_crossentropy"
    y_true, y_pred, axis = checks.dense_targets(where, y_true, y_pred, axis)
    checks.vector_length(where, "class_weights", class_weights, y_pred, axis)
    log_p = log_classes(y_pred, from_logits, axis)
    terms = -numerics.times(smooth_classes(y_true, label_smoothing, axis), log_p)
    if class_weights is not None:
        terms = numerics.constant(class_weights, y_pred, axis) * terms
    return ops.sum(terms, axis=axis)


class CategoricalCrossentropy(Loss, function=categorical_crossentropy, kw_only=False):
    """Class form of `categorical_crossentropy`; a drop-in for `keras.losses.CategoricalCrossentropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    _: KW_ONLY
    class_weights: Sequence[float] | None = None

    targets: ClassVar[Domain] = DISTRIBUTION
    predictions: ClassVar[Domain] = DISTRIBUTION
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.CategoricalCrossentropy",
        "torch": "torch.nn.CrossEntropyLoss",
        "optax": "optax.losses.softmax_cross_entropy",
        "tensorflow": "tf.nn.softmax_cross_entropy_with_logits",
    }


@checks.parameters(
    from_logits=checks.boolean(),
    ignore_class=checks.optional(checks.integer()),
    axis=checks.integer(),
    label_smoothing=checks.between(0, 1),
    class_weights=checks.optional(checks.per_class(checks.at_least(0))),
    z_loss=checks.at_least(0),
)
def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    *,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    z_loss: float = 0.0,
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
    where = "sparse_categorical_crossentropy"
    labels, y_pred, axis = checks.integer_labels(where, y_true, y_pred, axis)
    checks.vector_length(where, "class_weights", class_weights, y_pred, axis)
    if z_loss and not from_logits:
        checks.refuse(where, "z_loss", "be 0 without from_logits=True", z_loss)
    kept, labels, y_pred = ignore(labels, y_pred, ignore_class, axis)
    labels, valid = numerics.valid_labels(labels, numerics.size(y_pred, axis))
    if label_smoothing:
        targets = smooth_classes(one_hot(labels, y_pred, axis), label_smoothing, axis)
        terms = -numerics.times(targets, log_classes(y_pred, from_logits, axis))
        if class_weights is not None:
            terms = numerics.constant(class_weights, y_pred, axis) * terms
        loss = ops.sum(terms, axis=axis)
    else:
        loss = -log_class(y_pred, labels, from_logits, axis)
        if class_weights is not None:
            loss = ops.take(ops.convert_to_tensor(class_weights, dtype=numerics.dtype_of(y_pred)), labels) * loss
    if z_loss:
        loss = loss + z_loss * ops.square(numerics.logsumexp(y_pred, axis))
    return settle(loss, kept, valid)


def one_hot(labels: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Labels as a table of 0 and 1 with the shape of `y_pred`."""
    return ops.one_hot(labels, ops.shape(y_pred)[axis], axis=axis, dtype=numerics.dtype_of(y_pred))


def ignore(labels: Tensor, y_pred: Tensor, ignore_class: int | None, axis: int) -> tuple[Tensor | None, Tensor, Tensor]:
    """Which samples are kept; the others get a harmless label and harmless predictions."""
    if ignore_class is None:
        return None, labels, y_pred
    kept = ops.not_equal(labels, ignore_class)
    return kept, ops.where(kept, labels, ops.zeros_like(labels)), ops.where(ops.expand_dims(kept, axis), y_pred, 1.0)


def settle(loss: Tensor, kept: Tensor | None, valid: Tensor) -> Tensor:
    """NaN for labels out of range, 0 for ignored samples."""
    loss = ops.where(valid, loss, float("nan"))
    return loss if kept is None else ops.where(kept, loss, 0.0)


def kept_labels(loss: Loss, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    """The samples that `loss.ignore_class` keeps, for the denominator of a mean."""
    ignore_class: int | None = getattr(loss, "ignore_class", None)
    if ignore_class is None:
        return None
    y_true, _, _, sparse = checks.labels_or_dense(str(loss.name), y_true, y_pred, getattr(loss, "axis", -1))
    return ops.not_equal(y_true, ignore_class) if sparse else None


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
    targets: ClassVar[Domain] = LABELS
    predictions: ClassVar[Domain] = DISTRIBUTION
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification", "segmentation", "language modelling")
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.SparseCategoricalCrossentropy",
        "torch": "torch.nn.CrossEntropyLoss",
        "optax": "optax.losses.softmax_cross_entropy_with_integer_labels",
        "tensorflow": "tf.nn.sparse_softmax_cross_entropy_with_logits",
    }

    kept = kept_labels


# -- Poly-1 ---------------------------------------------------------------------------------------


@checks.parameters(
    epsilon=checks.at_least(-1),
    label_smoothing=checks.between(0, 1),
    from_logits=checks.boolean(),
    axis=checks.integer(),
)
def poly_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    epsilon: float = 1.0,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
    axis: int = -1,
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
    y_true, y_pred, axis, sparse = checks.labels_or_dense("poly_loss", y_true, y_pred, axis)
    if sparse and not label_smoothing:
        labels, valid = numerics.valid_labels(y_true, numerics.size(y_pred, axis))
        log_p = log_class(y_pred, labels, from_logits, axis)
        return settle(-log_p - epsilon * ops.expm1(log_p), None, valid)
    valid = None
    if sparse:
        labels, valid = numerics.valid_labels(y_true, numerics.size(y_pred, axis))
        y_true = one_hot(labels, y_pred, axis)
    y = smooth_classes(y_true, label_smoothing, axis)
    log_p = log_classes(y_pred, from_logits, axis)
    # y (1 - p) summed, not 1 minus the sum of y p: the digits of a small miss survive.
    loss = ops.sum(-numerics.times(y, log_p) - epsilon * y * ops.expm1(log_p), axis=axis)
    return loss if valid is None else settle(loss, None, valid)


class PolyLoss(Loss, function=poly_loss):
    """Class form of `poly_loss`, for `model.compile(loss=...)`."""

    epsilon: float = 1.0
    label_smoothing: float = 0.0
    from_logits: bool = False
    axis: int = -1

    targets: ClassVar[Domain] = LABELS_OR_DISTRIBUTION
    predictions: ClassVar[Domain] = DISTRIBUTION
    tasks: ClassVar[tuple[str, ...]] = ("multi-class classification",)
    elsewhere: ClassVar[dict[str, str]] = {"optax": "optax.losses.poly_loss_cross_entropy"}
