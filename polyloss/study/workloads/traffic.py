"""Problem 7: vehicles in the next hour, with outliers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload

PAST = 12


def data(rng: np.random.Generator) -> dict[str, Any]:
    """A day's rhythm with noise, in hundreds of vehicles; one hour in fifty has an accident or a parade."""
    hours = 1200
    t = np.arange(hours)
    flow = 5 + 3 * np.sin(2 * np.pi * t / 24) + 1.5 * np.sin(4 * np.pi * t / 24 + 1) + rng.normal(0, 0.4, hours)
    flow = np.where(rng.random(hours) < 0.02, flow + rng.choice([-6, 15], hours), flow)
    windows = np.lib.stride_tricks.sliding_window_view(flow / 5 - 1, PAST + 1).astype("float32")
    x, y = windows[:, :PAST, None].copy(), windows[:, PAST:].copy()
    return {"train": (x[:896], y[:896]), "test": (x[896:], y[896:])}


def model() -> keras.Model:
    """A small recurrent network."""
    return keras.Sequential(
        [
            keras.Input((PAST, 1)),
            layers.GRU(12, name="gru"),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dense(1, name="flow"),
        ]
    )


def workload() -> Workload:
    """Huber: square near, linear far."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.Huber(delta=0.5),
        optimizer=lambda: keras.optimizers.Adam(5e-3),
        metrics=lambda: [keras.metrics.MeanAbsoluteError(name="mae")],
        batch_size=64,
        epochs=3,
        about="Vehicles in the next hour, with outliers, by a GRU: Huber.",
    )
