"""Problem 10: which of many dishes is in the photo?"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload

DISHES = 20


def data(rng: np.random.Generator) -> dict[str, Any]:
    """Photos as 16 patches of 12 numbers; each dish has ingredients that lie about in any order."""
    rows = 640
    dish = rng.integers(DISHES, size=rows)
    ingredients = rng.normal(0, 1, (DISHES, 4, 12))
    chosen = rng.integers(4, size=(rows, 16))
    x = ingredients[dish[:, None], chosen] + rng.normal(0, 0.7, (rows, 16, 12))
    x, y = x.astype("float32"), np.eye(DISHES, dtype="float32")[dish]
    return {"train": (x[:448], y[:448]), "test": (x[448:], y[448:])}


def model() -> keras.Model:
    """A block of attention with dropout, as in a vision transformer."""
    x = inputs = keras.Input((16, 12))
    x = layers.Dense(16, name="patches")(x)
    attended = layers.MultiHeadAttention(2, 8, dropout=0.1, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm_1")(layers.Add(name="add_1")([x, attended]))
    mixed = layers.Dense(32, activation="gelu", name="mix_1")(x)
    x = layers.Add(name="add_2")([x, layers.Dense(16, name="mix_2")(mixed)])
    x = layers.GlobalAveragePooling1D(name="pool")(layers.LayerNormalization(name="norm_2")(x))
    return keras.Model(inputs, layers.Dense(DISHES, name="logits")(x))


def workload() -> Workload:
    """Softmax cross-entropy from logits with one-hot labels."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        optimizer=lambda: keras.optimizers.AdamW(3e-3, weight_decay=1e-2),
        metrics=lambda: [keras.metrics.CategoricalAccuracy(name="accuracy")],
        batch_size=32,
        epochs=3,
        about="One of twenty dishes in a photo, by attention: CategoricalCrossentropy.",
    )
