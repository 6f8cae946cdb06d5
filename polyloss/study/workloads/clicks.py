"""Problem 6: will this user click this ad?"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload

USERS, ADS = 50, 20


def data(rng: np.random.Generator) -> dict[str, Any]:
    """A user, an ad and the hour; each user and each ad has a taste, and clicks are rare."""
    rows = 1536
    user, ad, hour = rng.integers(USERS, size=rows), rng.integers(ADS, size=rows), rng.random(rows)
    taste = np.einsum("rk,rk->r", rng.normal(0, 1, (USERS, 4))[user], rng.normal(0, 1, (ADS, 4))[ad])
    logit = taste + np.sin(2 * np.pi * hour) - 1.5
    y = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype("float32")[:, None]
    x = {"user": user.astype("int32"), "ad": ad.astype("int32"), "hour": hour.astype("float32")[:, None]}
    split = [({k: v[part] for k, v in x.items()}, y[part]) for part in (slice(0, 1024), slice(1024, None))]
    return dict(zip(("train", "test"), split, strict=True))


def model() -> keras.Model:
    """Embeddings, their product, and a dense layer that ends in a logit."""
    user, ad, hour = (
        keras.Input((), dtype="int32", name="user"),
        keras.Input((), dtype="int32", name="ad"),
        keras.Input((1,), name="hour"),
    )
    vectors = [layers.Embedding(USERS, 8, name="of_user")(user), layers.Embedding(ADS, 8, name="of_ad")(ad)]
    both = layers.Multiply(name="match")(vectors)
    x = layers.Concatenate(name="all")([*vectors, both, hour])
    x = layers.Dense(16, activation="tanh", name="hidden")(x)
    return keras.Model({"user": user, "ad": ad, "hour": hour}, layers.Dense(1, name="logit")(x))


def workload() -> Workload:
    """Log loss from logits."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.BinaryCrossentropy(from_logits=True),
        optimizer=lambda: keras.optimizers.Adam(5e-3),
        metrics=lambda: [keras.metrics.AUC(from_logits=True, name="auc")],
        batch_size=64,
        epochs=4,
        about="Will this user click this ad? BinaryCrossentropy, the log loss.",
    )
