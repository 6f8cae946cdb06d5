"""Problem 11: products that look alike."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload


def data(rng: np.random.Generator) -> dict[str, Any]:
    """Pairs of 16 features, of the same product or of a similar one."""
    rows = 768
    products = rng.normal(0, 1, (40, 16))
    one = rng.integers(40, size=rows)
    same = rng.random(rows) < 0.5
    other = np.where(same, one, (one + rng.integers(1, 40, rows)) % 40)
    pair = [(products[p] + rng.normal(0, 0.4, (rows, 16))).astype("float32") for p in (one, other)]
    y = same.astype("float32")[:, None]
    split = [({"one": pair[0][part], "other": pair[1][part]}, y[part]) for part in (slice(0, 512), slice(512, None))]
    return dict(zip(("train", "test"), split, strict=True))


@keras.saving.register_keras_serializable("polyloss.study")
class Distance(layers.Layer):
    """The Euclidean distance of two vectors, with a gradient where they coincide."""

    def call(self, inputs: Any) -> Any:
        one, other = inputs
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(one - other), axis=-1, keepdims=True) + 1e-12)


def model() -> keras.Model:
    """One embedding for both, and their distance."""
    one, other = keras.Input((16,), name="one"), keras.Input((16,), name="other")
    embed = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(8, name="embedding"),
        ],
        name="embed",
    )
    return keras.Model({"one": one, "other": other}, Distance(name="distance")([embed(one), embed(other)]))


def workload() -> Workload:
    """Similar close, different far."""
    return Workload(
        model=model,
        data=data,
        loss=polyloss.ContrastiveLoss(),
        optimizer=lambda: keras.optimizers.SGD(0.05, momentum=0.9),
        batch_size=64,
        epochs=4,
        about="Products that look alike, similar close and different far: ContrastiveLoss.",
    )
