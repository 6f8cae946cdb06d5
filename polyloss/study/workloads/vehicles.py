"""Problem 1: which of vehicle, pedestrian and bicycle are at this place of the road? Mostly none."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload


def data(rng: np.random.Generator) -> dict[str, Any]:
    """24 features of a place; each object is there at 2 to 8 % of the places and leaves its own trace."""
    rows, features = 1536, 24
    there = rng.random((rows, 3)) < np.array([0.08, 0.04, 0.02])
    traces = rng.normal(0, 1, (3, features))
    x = (there @ traces + rng.normal(0, 0.8, (rows, features))).astype("float32")
    y = there.astype("float32")
    return {"train": (x[:1024], y[:1024]), "test": (x[1024:], y[1024:])}


def model() -> keras.Model:
    """A dense network with a logit for each kind of object."""
    x = inputs = keras.Input((24,))
    x = layers.Dense(32, activation="relu", name="hidden_1")(x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Dense(32, activation="relu", name="hidden_2")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x))


def workload() -> Workload:
    """Focal loss, a sigmoid for each class."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.FocalLoss(from_logits=True),
        optimizer=lambda: keras.optimizers.Adam(3e-3),
        metrics=lambda: [keras.metrics.Recall(thresholds=0.0, name="recall")],
        batch_size=64,
        epochs=4,
        about="Rare objects on the road, a sigmoid for each class: FocalLoss.",
    )
