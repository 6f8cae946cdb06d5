"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from backends.jax.native._shared import lacks


def triplet_loss(
    y_true: Any, y_pred: Any, *, margin: float | None = 0.2, mining: str = "semi-hard", distance: str = "l2"
) -> Any:
    """optax's loss of given triplets, mined by hand; it adds an epsilon to every square."""
    lacks("mining but what a line writes", mining != "hard")
    lacks("soft margin and no distance but l2", margin is None or distance != "l2")
    same = y_true.reshape(-1, 1) == y_true.reshape(1, -1)
    alike = same & ~jnp.eye(len(same), dtype=bool)
    d = jax.lax.stop_gradient(jnp.sum(jnp.square(y_pred[:, None] - y_pred[None]), -1))
    positive, negative = jnp.argmax(d * alike, 1), jnp.argmin(jnp.where(same, jnp.inf, d), 1)
    has = alike.any(1) & ~same.all(1)
    terms = optax.losses.triplet_margin_loss(y_pred, y_pred[positive], y_pred[negative], margin=margin, eps=1e-20)
    return jnp.where(has, terms, 0) * len(same) / jnp.maximum(has.sum(), 1)


def ntxent_loss(y_true: Any, y_pred: Any, *, temperature: float = 0.1) -> Any:
    """optax's own ntxent takes labels and gives one number; this is its cross-entropy over cosines."""
    z = y_pred.reshape(-1, y_pred.shape[-1])
    z = z / jnp.maximum(jnp.linalg.norm(z, axis=-1, keepdims=True), 1e-12)
    logits = jnp.where(jnp.eye(len(z), dtype=bool), -jnp.inf, z @ z.T / temperature)
    terms = optax.losses.softmax_cross_entropy_with_integer_labels(logits, jnp.arange(len(z)) ^ 1)
    return terms.reshape(-1, 2).mean(1)


BASELINES: dict[str, Callable[..., Any]] = {
    "TripletLoss": triplet_loss,
    "NTXentLoss": ntxent_loss,
}

NONE: dict[str, str] = {
    "ContrastiveLoss": "optax has no function for labelled pairs (its ntxent and triplet losses are others)",
}
