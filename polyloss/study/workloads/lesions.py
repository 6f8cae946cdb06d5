"""Problem 8: diseases in images, most of them rare."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload

SHARES = (0.8, 0.12, 0.05, 0.03)


def data(rng: np.random.Generator) -> dict[str, Any]:
    """10 x 10 pictures in three colours; a lesion's colour and border tell its class."""
    rows, size = 768, 10
    kind = rng.choice(len(SHARES), size=rows, p=SHARES)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    border = 2.5 + 0.5 * np.sin(np.arctan2(y, x)[None] * (kind + 2)[:, None, None])
    inside = np.hypot(y, x)[None] < border
    colour = np.array([[0.6, 0.4, 0.3], [0.5, 0.3, 0.3], [0.3, 0.2, 0.2], [0.2, 0.2, 0.3]])[kind][:, None, None]
    pictures = np.where(inside[..., None], colour, 0.8) + rng.normal(0, 0.15, (rows, size, size, 3))
    pictures, labels = pictures.astype("float32"), kind.astype("int32")
    return {"train": (pictures[:512], labels[:512]), "test": (pictures[512:], labels[512:])}


def model() -> keras.Model:
    """A separable convolution, group normalisation, a mean over the picture."""
    return keras.Sequential(
        [
            keras.Input((10, 10, 3)),
            layers.Conv2D(8, 3, name="conv"),
            layers.GroupNormalization(4, name="norm"),
            layers.Activation("gelu", name="gelu"),
            layers.SeparableConv2D(12, 3, name="separable"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dropout(0.1, name="dropout"),
            layers.Dense(len(SHARES), name="logits"),
        ]
    )


def workload() -> Workload:
    """Focal loss over a softmax, with integer labels."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.CategoricalFocalLoss(from_logits=True),
        optimizer=lambda: keras.optimizers.Adam(3e-3),
        metrics=lambda: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        batch_size=32,
        epochs=3,
        about="Diseases in images, very unequal in number: CategoricalFocalLoss.",
    )
