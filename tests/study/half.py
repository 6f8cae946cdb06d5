"""Half precision, a layer that is not compiled and that float64 breaks, metrics by output."""

import keras
from keras import layers

keras.config.set_dtype_policy("mixed_float16")


class Stubborn(layers.Layer):
    """Hands on what it is given, in single and half precision, uncompiled."""

    def __init__(self, **how):
        super().__init__(**how)
        self.supports_jit = False

    def call(self, x):
        if self.compute_dtype == "float64":
            raise TypeError("no float64 here")
        return x


def model():
    inputs = keras.Input((5,))
    x = Stubborn(name="stubborn")(layers.Dense(6, activation="tanh", name="hidden")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="logits", dtype="float32")(x))


def data(rng):
    y = rng.integers(2, size=32)
    x = (rng.normal(0, 1, (32, 5)) + y[:, None]).astype("float32")
    return {"train": (x, y), "test": (x, y)}


def workload():
    return {
        "model": model,
        "data": data,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "optimizer": keras.optimizers.SGD(0.1),
        "metrics": {"logits": ["accuracy"]},
        "batch_size": 8,
        "epochs": 2,
    }
