"""What torch.nn.functional offers for each loss: the baselines on PyTorch.

`BASELINES` maps a polyloss class to a function with the signature of the polyloss function, `NONE` to the
reason why there is no such function. What torch does not ship in one piece rests on a loss that it ships.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def lacks(what: str, asked: bool = True) -> None:
    """Refuses what torch cannot express, where it is asked for."""
    if asked:
        raise NotImplementedError(f"torch.nn.functional has no {what}")


def is_integer(y_true: Tensor, y_pred: Tensor, axis: int) -> bool:
    """Whether `y_true` are class numbers rather than a table of the shape of `y_pred`."""
    number_each = y_true.ndim < y_pred.ndim or (y_true.shape[axis] == 1 != y_pred.shape[axis])
    return number_each and not y_true.is_floating_point()


def numbers(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    """Class numbers as torch wants them: int64, without an axis of length 1."""
    return (y_true.squeeze(axis) if y_true.ndim == y_pred.ndim else y_true).long()


def classes_second(x: Tensor, axis: int) -> Tensor:
    """The class axis where torch looks for it."""
    return x.movedim(axis, min(1, x.ndim - 1))


def table(y_true: Tensor, y_pred: Tensor, axis: int, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Targets and predictions with classes last, the targets as a smoothed table."""
    y_pred_last = y_pred.movedim(axis, -1)
    if is_integer(y_true, y_pred, axis):
        y = F.one_hot(numbers(y_true, y_pred, axis), y_pred_last.shape[-1])
    else:
        y = y_true.movedim(axis, -1)
    y = y.to(y_pred.dtype)
    return y * (1 - label_smoothing) + label_smoothing / y.shape[-1] if label_smoothing else y, y_pred_last


def vector(values: float | Sequence[float], like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)


def smooth_binary(y_true: Tensor, y_pred: Tensor, label_smoothing: float) -> Tensor:
    """Targets in the dtype of the predictions, drawn towards 1/2 by hand."""
    y = y_true.to(y_pred.dtype)
    return y * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y


def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    pos_weight: float | Sequence[float] | None = None,
) -> Tensor:
    y = smooth_binary(y_true, y_pred, label_smoothing)
    if not from_logits:
        lacks("weight of positives with probabilities", pos_weight is not None)
        return F.binary_cross_entropy(y_pred, y, reduction="none").mean(axis)
    weight = None if pos_weight is None else vector(pos_weight, y_pred)
    if weight is not None and weight.ndim:
        weight = weight.reshape(-1, *[1] * (y_pred.ndim - 1 - axis % y_pred.ndim))
    return F.binary_cross_entropy_with_logits(y_pred, y, pos_weight=weight, reduction="none").mean(axis)


def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    lacks("cross-entropy of probabilities that are made to sum to 1", not from_logits)
    return F.cross_entropy(
        classes_second(y_pred, axis),
        classes_second(y_true.to(y_pred.dtype), axis),
        weight=None if class_weights is None else vector(class_weights, y_pred),
        label_smoothing=label_smoothing,
        reduction="none",
    )


def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    z_loss: float = 0.0,
) -> Tensor:
    lacks("cross-entropy of probabilities that are made to sum to 1", not from_logits)
    lacks("z_loss", bool(z_loss))
    return F.cross_entropy(
        classes_second(y_pred, axis),
        numbers(y_true, y_pred, axis),
        weight=None if class_weights is None else vector(class_weights, y_pred),
        ignore_index=-100 if ignore_class is None else ignore_class,
        label_smoothing=label_smoothing,
        reduction="none",
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
    """Not one function of torch: its cross-entropy, and the paper's term in 1 - p."""
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        loss = sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
        return loss + epsilon * (1 - torch.exp(-loss))
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    loss = categorical_crossentropy(y, logits, from_logits=from_logits)
    return loss + epsilon * (y * (1 - F.softmax(logits, -1))).sum(-1)


def focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Not one function of torch: its binary cross-entropy, weighed as users (torchvision among them) do."""
    y = smooth_binary(y_true, y_pred, label_smoothing)
    if from_logits:
        p, loss = torch.sigmoid(y_pred), F.binary_cross_entropy_with_logits(y_pred, y, reduction="none")
    else:
        p, loss = y_pred, F.binary_cross_entropy(y_pred, y, reduction="none")
    loss = loss * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    if alpha is None:
        return loss
    weight = vector(alpha, y_pred) if isinstance(alpha, Sequence) else alpha
    return (weight * y + (1 - weight) * (1 - y)) * loss


def categorical_focal_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Sequence[float] | None = None,
    from_logits: bool = False,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Not one function of torch: its cross-entropy, weighed by (1 - p) ** gamma with p the exp of minus it.

    With soft labels every class has its own factor, on the labels.
    """
    if is_integer(y_true, y_pred, axis) and not label_smoothing:
        labels = numbers(y_true, y_pred, axis)
        loss = sparse_categorical_crossentropy(
            labels, y_pred, from_logits=from_logits, ignore_class=ignore_class, axis=axis
        )
        loss = (1 - torch.exp(-loss)) ** gamma * loss
        if isinstance(alpha, Sequence):
            return vector(alpha, y_pred)[labels if ignore_class is None else labels * (labels != ignore_class)] * loss
        return loss if alpha is None else alpha * loss
    lacks("ignore_class with soft labels", ignore_class is not None)
    y, logits = table(y_true, y_pred, axis, label_smoothing)
    y = y * (1 - F.softmax(logits, -1)) ** gamma
    return categorical_crossentropy(y if alpha is None else vector(alpha, y_pred) * y, logits, from_logits=from_logits)


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return F.mse_loss(y_pred, y_true.to(y_pred.dtype), reduction="none").mean(-1)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return F.l1_loss(y_pred, y_true.to(y_pred.dtype), reduction="none").mean(-1)


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    return F.huber_loss(y_pred, y_true.to(y_pred.dtype), delta=delta, reduction="none").mean(-1)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Not one function of torch: its squared error, of logarithms."""
    return F.mse_loss(torch.log1p(y_pred), torch.log1p(y_true.to(y_pred.dtype)), reduction="none").mean(-1)


def contrastive_loss(y_true: Tensor, y_pred: Tensor, *, margin: float = 1.0) -> Tensor:
    """Not one function of torch: written on its pairwise_distance, which adds no epsilon here."""
    d = F.pairwise_distance(y_pred[:, 0], y_pred[:, 1], eps=0.0) if y_pred.ndim == 3 else y_pred.reshape(-1)
    y = y_true.reshape(-1).to(d.dtype)
    return y * d.square() + (1 - y) * F.relu(margin - d).square()


LIBRARY = "torch.nn.functional"

BASELINES: dict[str, Callable[..., Tensor]] = {
    "BinaryCrossentropy": binary_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy,
    "SparseCategoricalCrossentropy": sparse_categorical_crossentropy,
    "PolyLoss": poly_loss,
    "FocalLoss": focal_loss,
    "CategoricalFocalLoss": categorical_focal_loss,
    "MeanSquaredError": mean_squared_error,
    "MeanAbsoluteError": mean_absolute_error,
    "Huber": huber,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error,
    "ContrastiveLoss": contrastive_loss,
}

NONE: dict[str, str] = {}
