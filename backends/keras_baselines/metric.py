"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import losses, ops

from backends.keras_baselines._shared import Tensor


def ntxent_loss(y_true: Tensor, y_pred: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Not one function of Keras: its cross-entropy over cosines, as users write it."""
    count = 2 * y_pred.shape[0]
    z = ops.normalize(ops.reshape(y_pred, (count, -1)), axis=-1)
    logits = ops.where(ops.eye(count, dtype="bool"), -1e9, ops.matmul(z, ops.transpose(z)) / temperature)
    partner = ops.convert_to_tensor([i ^ 1 for i in range(count)], "int32")
    terms = losses.sparse_categorical_crossentropy(partner, logits, from_logits=True)
    return ops.mean(ops.reshape(terms, (-1, 2)), axis=1)


BASELINES: dict[str, Callable[..., Any]] = {
    "NTXentLoss": ntxent_loss,
}

NONE: dict[str, str] = {
    "ContrastiveLoss": "keras.losses has no function for labelled pairs",
    "TripletLoss": "keras.losses has no function for triplets",
}
