"""A workload of the smallest kind."""

import keras
from keras import layers


def model():
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6, activation="tanh", name="hidden"),
            layers.Dropout(0.2, name="drop"),
            layers.Dense(2, name="logits"),
        ]
    )


def data(rng):
    y = rng.integers(2, size=48)
    x = (rng.normal(0, 1, (48, 5)) + y[:, None]).astype("float32")
    return {"train": (x[:32], y[:32]), "test": (x[32:], y[32:])}


def workload():
    return {
        "model": model,
        "data": data,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "optimizer": keras.optimizers.Adam(1e-2),
        "metrics": ["accuracy"],
        "batch_size": 8,
        "epochs": 2,
        "about": "Two classes & <two> layers.",
    }
