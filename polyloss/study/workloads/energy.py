"""Problem 9: energy use of homes, from watts to kilowatts."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload


def data(rng: np.random.Generator) -> dict[str, Any]:
    """Eight features of a home; its use is a product of powers of them, from 50 W to 20 kW."""
    rows = 1024
    x = rng.normal(0, 1, (rows, 8))
    watts = np.exp(6.5 + x @ rng.normal(0, 0.4, 8) + rng.normal(0, 0.1, rows)).clip(50, 2e4)
    x, y = x.astype("float32"), watts.astype("float32")[:, None]
    return {"train": (x[:768], y[:768]), "test": (x[768:], y[768:])}


def model() -> keras.Model:
    """A dense network whose last layer is the exponential of what it learns."""
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(24, activation="silu", name="hidden_1"),
            layers.Dense(24, activation="silu", name="hidden_2"),
            layers.Dense(1, activation="exponential", bias_initializer=keras.initializers.Constant(6.0), name="watts"),
        ]
    )


def workload() -> Workload:
    """Squared differences of logarithms: the relative error counts."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.MeanSquaredLogarithmicError(),
        optimizer=lambda: keras.optimizers.RMSprop(1e-3),
        metrics=lambda: [keras.metrics.MeanAbsolutePercentageError(name="mape")],
        batch_size=64,
        epochs=4,
        about="Energy use of homes from watts to kilowatts: MeanSquaredLogarithmicError.",
    )
