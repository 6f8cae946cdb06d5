"""What optax offers for each loss: the baselines on JAX.

`BASELINES` maps a polyloss class to a function with the signature of the polyloss function, `NONE` to the
reason why there is no such function. What optax does not ship in one piece rests on a loss that it ships.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import optax
from jax import Array


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what optax cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"optax has no {what}")


def is_integer(y_true: Array, y_pred: Array, axis: int) -> bool:
    """Whether `y_true` are class numbers rather than a table of the shape of `y_pred`."""
    number_each = y_true.ndim < y_pred.ndim or (y_true.shape[axis] == 1 != y_pred.shape[axis])
    return number_each and jnp.issubdtype(y_true.dtype, jnp.integer)


def numbers(y_true: Array, y_pred: Array, axis: int) -> Array:
    """Class numbers without an axis of length 1."""
    return jnp.squeeze(y_true, axis) if y_true.ndim == y_pred.ndim else y_true


def table(y_true: Array, y_pred: Array, axis: int, label_smoothing: float) -> tuple[Array, Array]:
    """Targets and predictions with classes last, the targets as a table, smoothed by optax."""
    y_pred_last = jnp.moveaxis(y_pred, axis, -1)
    if is_integer(y_true, y_pred, axis):
        y = jax.nn.one_hot(numbers(y_true, y_pred, axis), y_pred_last.shape[-1], dtype=y_pred.dtype)
    else:
        y = jnp.moveaxis(y_true, axis, -1).astype(y_pred.dtype)
    return optax.losses.smooth_labels(y, label_smoothing) if label_smoothing else y, y_pred_last


def smooth_binary(y_true: Array, y_pred: Array, label_smoothing: float) -> Array:
    """Targets in the dtype of the predictions, drawn towards 1/2 by hand."""
    return y_true.astype(y_pred.dtype) * (1 - label_smoothing) + 0.5 * label_smoothing


def binary_crossentropy(
    y_true: Array,
    y_pred: Array,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    pos_weight: float | Sequence[float] | None = None,
) -> Array:
    lacks("binary cross-entropy of probabilities", not from_logits)
    lacks("weight of positives", pos_weight is not None)
    return optax.losses.sigmoid_binary_cross_entropy(y_pred, smooth_binary(y_true, y_pred, label_smoothing)).mean(axis)


def categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    class_weights: Sequence[float] | None = None,
) -> Array:
    """The loss is linear in the labels, so class weights go there."""
    lacks("cross-entropy of probabilities", not from_logits)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return optax.losses.softmax_cross_entropy(
        logits, y if class_weights is None else y * jnp.asarray(class_weights, y.dtype)
    )


def sparse_categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    *,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    z_loss: float = 0.0,
) -> Array:
    """Class weights and `ignore_class` are a factor and a choice around optax's loss."""
    lacks("cross-entropy of probabilities", not from_logits)
    lacks("z_loss", bool(z_loss))
    labels = numbers(y_true, y_pred, axis)
    kept = None if ignore_class is None else labels != ignore_class
    if kept is not None:
        labels = jnp.where(kept, labels, 0)
    if label_smoothing:
        loss = categorical_crossentropy(
            labels,
            y_pred,
            from_logits=True,
            label_smoothing=label_smoothing,
            axis=axis,
            class_weights=class_weights,
        )
    else:
        loss = optax.losses.softmax_cross_entropy_with_integer_labels(y_pred, labels, axis=axis)
        if class_weights is not None:
            loss = jnp.asarray(class_weights, loss.dtype)[labels] * loss
    return loss if kept is None else jnp.where(kept, loss, 0)


def poly_loss(
    y_true: Array,
    y_pred: Array,
    *,
    epsilon: float = 1.0,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Array:
    lacks("PolyLoss of probabilities", not from_logits)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return optax.losses.poly_loss_cross_entropy(logits, y, epsilon=epsilon)


def focal_loss(
    y_true: Array,
    y_pred: Array,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Array:
    lacks("focal loss of probabilities", not from_logits)
    y = smooth_binary(y_true, y_pred, label_smoothing)
    weight = jnp.asarray(alpha, y_pred.dtype) if isinstance(alpha, Sequence) else alpha
    return optax.losses.sigmoid_focal_loss(y_pred, y, alpha=weight, gamma=gamma)


def categorical_focal_loss(
    y_true: Array,
    y_pred: Array,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = None,
    from_logits: bool = False,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Not one function of optax: its cross-entropy, weighed by (1 - p) ** gamma with p the exp of minus it.

    With soft labels every class has its own factor; the loss is linear in the labels, so it goes there.
    """
    lacks("softmax focal loss of probabilities", not from_logits)
    weight = jnp.asarray(1.0 if alpha is None else alpha, y_pred.dtype)
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        labels = numbers(y_true, y_pred, axis)
        loss = sparse_categorical_crossentropy(labels, y_pred, from_logits=True, ignore_class=ignore_class, axis=axis)
        if weight.ndim:
            weight = weight[labels if ignore_class is None else jnp.where(labels == ignore_class, 0, labels)]
        return weight * (1 - jnp.exp(-loss)) ** gamma * loss
    lacks("ignore_class with soft labels", ignore_class is not None)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    return optax.losses.softmax_cross_entropy(logits, weight * (1 - jax.nn.softmax(logits)) ** gamma * y)


def mean_squared_error(y_true: Array, y_pred: Array) -> Array:
    return optax.losses.squared_error(y_pred, y_true.astype(y_pred.dtype)).mean(-1)


def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Array:
    return optax.losses.huber_loss(y_pred, y_true.astype(y_pred.dtype), delta=delta).mean(-1)


def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Array:
    """Not one function of optax: its squared error, of logarithms."""
    return optax.losses.squared_error(jnp.log1p(y_pred), jnp.log1p(y_true.astype(y_pred.dtype))).mean(-1)


LIBRARY = "optax"

BASELINES: dict[str, Callable[..., Array]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "MeanSquaredError": mean_squared_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
}

NONE: dict[str, str] = {
    "MeanAbsoluteError": "optax has no function for the absolute error",
    "ContrastiveLoss": "optax has no function for labelled pairs (its ntxent and triplet losses are others)",
}
