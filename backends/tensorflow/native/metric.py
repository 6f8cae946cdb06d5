"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def ntxent_loss(y_true: Any, y_pred: Any, *, temperature: float = 0.1) -> Any:
    """Not one function of TensorFlow: its cross-entropy over cosines, as users write it."""
    z = tf.nn.l2_normalize(tf.reshape(y_pred, (-1, y_pred.shape[-1])), axis=-1)
    count = tf.shape(z)[0]
    logits = tf.linalg.set_diag(tf.matmul(z, z, transpose_b=True) / temperature, tf.fill((count,), z.dtype.min))
    partner = tf.bitwise.bitwise_xor(tf.range(count), 1)
    terms = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=partner, logits=logits)
    return tf.reduce_mean(tf.reshape(terms, (-1, 2)), axis=1)


BASELINES: dict[str, Callable[..., Any]] = {
    "NTXentLoss": ntxent_loss,
}

NONE: dict[str, str] = {
    "ContrastiveLoss": "TensorFlow has no function for labelled pairs outside TensorFlow Addons",
    "TripletLoss": "TensorFlow has no triplet loss outside TensorFlow Addons",
}
