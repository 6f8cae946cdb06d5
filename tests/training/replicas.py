"""One training on one device and on two, in a process of its own: the devices must be set up before Keras starts.

``KERAS_BACKEND=jax python tests/training/replicas.py`` prints both histories as JSON; on a backend whose harness has REPLICAS.
"""

import json
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import importlib

import keras
import numpy as np

import polyloss
from tests.training import small


def train(regularizer: object = None) -> dict[str, list[float]]:
    gan = small.compiled(
        small.model(ema_decay=0.9), penalty=[polyloss.GradientPenalty(), polyloss.R1Penalty(1.0)], **small.TWICE
    )
    for layer in gan.discriminator.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.regularizer = keras.regularizers.L2(0.01)
    logged = small.fit(gan)
    logged["average"] = [float(np.abs(keras.ops.convert_to_numpy(v.value)).sum()) for v in gan.averages]
    logged["weights"] = [float(np.abs(keras.ops.convert_to_numpy(v.value)).sum()) for v in gan.discriminator.variables]
    return logged


if __name__ == "__main__":
    harness = importlib.import_module(f"backends.{keras.backend.backend()}.harness")
    harness.split_cpu()
    one = train()
    with harness.two_devices():
        two = train()
    print(json.dumps([one, two]))
