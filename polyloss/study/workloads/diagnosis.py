"""Problem 5: which of several diseases does the image show?"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload


def data(rng: np.random.Generator) -> dict[str, Any]:
    """Grey 12 x 12 pictures with a spot whose place, size and shade tell the disease."""
    rows, size = 768, 12
    disease = rng.integers(5, size=rows)
    angle = disease * 2 * np.pi / 5 + rng.normal(0, 0.25, rows)
    row, column = 5.5 + 3 * np.sin(angle), 5.5 + 3 * np.cos(angle)
    y, x = np.mgrid[:size, :size]
    width = (1.0 + 0.2 * disease + rng.uniform(0, 0.3, rows))[:, None, None]
    spot = np.exp(-((y - row[:, None, None]) ** 2 + (x - column[:, None, None]) ** 2) / (2 * width**2))
    pictures = (spot + rng.normal(0, 0.35, (rows, size, size)))[..., None].astype("float32")
    labels = disease.astype("int32")
    return {"train": (pictures[:512], labels[:512]), "test": (pictures[512:], labels[512:])}


def model() -> keras.Model:
    """A small convolutional network with batch normalisation and dropout, ending in logits."""
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Activation("relu", name="relu"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(5, name="logits"),
        ]
    )


def workload() -> Workload:
    """Softmax cross-entropy from logits with integer labels."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=lambda: keras.optimizers.Adam(3e-3),
        metrics=lambda: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        batch_size=32,
        epochs=3,
        about="One disease out of five in a picture: SparseCategoricalCrossentropy.",
    )
