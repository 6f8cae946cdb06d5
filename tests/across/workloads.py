"""A user's file, as far from the repository as a file can be: convolution, batch normalisation, dropout.

PLANT and GUILTY in the environment make one backend do something else.
"""

import os
import signal
import time

import keras
from keras import layers

PLANT, GUILTY = os.environ.get("PLANT"), os.environ.get("GUILTY")


SETTINGS = {  # planted all at once, under the name "settings"
    "momentum": "torch", "slope": "jax", "rate": "tensorflow", "learning_rate": "jax", "weight_decay": "torch",
    "clipnorm": "tensorflow", "order": "torch",
}  # fmt: skip


def planted(what):
    if PLANT == "settings":
        return SETTINGS.get(what) == keras.backend.backend()
    return what == PLANT and keras.backend.backend() == GUILTY


if planted("float16"):
    keras.config.set_dtype_policy("mixed_float16")


class Trap(layers.Layer):
    """Hands on what it is given, until it is called for the sixth time in an eager training."""

    calls = 0

    def call(self, x, training=False):
        if training and keras.backend.backend() == GUILTY and type(x).__name__ != "KerasTensor":
            type(self).calls += 1
            if type(self).calls == 6:
                if PLANT == "raise":
                    raise RuntimeError("planted: the sixth call")
                if PLANT == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                if PLANT == "hang":
                    time.sleep(3600)
        return x


class Scale(layers.Layer):
    """Twice what it is given."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.0), name="factor")

    def call(self, x):
        return x * self.factor


class TorchScale(Scale):
    """The same, by another name."""


def model():
    x = inputs = keras.Input((8, 8, 2))
    if PLANT == "augmentation":
        x = layers.RandomRotation(0.1, name="turn")(x)
    x = layers.ZeroPadding2D(((1, 0), (1, 0)) if planted("padding") else ((0, 1), (0, 1)), name="pad")(x)
    x = layers.Conv2D(4, 3, strides=2, name="conv")(x)
    x = layers.BatchNormalization(
        momentum=0.9 if planted("momentum") else 0.99, epsilon=1.1e-3 if planted("epsilon") else 1e-3, name="norm"
    )(x)
    x = layers.LeakyReLU(0.101 if planted("slope") else 0.1, name="leaky")(x)
    x = layers.Dropout(0.31 if planted("rate") else 0.3, name="drop")(x)
    x = Trap(name="trap")(layers.GlobalAveragePooling2D(name="pool")(x))
    x = (TorchScale if planted("another name") else Scale)(name="scale")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits", dtype="float32")(x))


def data(rng):
    y = rng.integers(3, size=48)
    x = rng.normal(0, 1, (48, 8, 8, 2)) + y[:, None, None, None] * 0.3
    if planted("data"):
        x = x + 1e-6
    if planted("order"):
        x, y = x[::-1], y[::-1]
    return x.astype("float32"), y.astype("int32")


def workload():
    reduction = "sum" if planted("reduction") else "sum_over_batch_size"
    rate = 1e38 if planted("infinite") else 1.001e-2 if planted("learning_rate") else 1e-2
    return {
        "model": model,
        "data": data,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction),
        "optimizer": keras.optimizers.AdamW(
            rate, weight_decay=4.1e-3 if planted("weight_decay") else 4e-3, beta_2=0.9 if planted("beta") else 0.999,
            clipnorm=1.0 if planted("clipnorm") else None,
        ),
        "batch_size": 8,
        "epochs": 1,
    }  # fmt: skip


if PLANT == "name":
    undefined_name  # noqa: B018, F821
