"""One training on one device and on two, in a process of its own: the devices must be set up before Keras starts.

``KERAS_BACKEND=jax|tensorflow python tests/training/replicas.py`` prints both histories as JSON.
"""

import json
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import contextlib

import keras
import numpy as np

import polyloss
from tests.training import small


def train(regularizer: object = None) -> dict[str, list[float]]:
    gan = small.compiled(small.model(ema_decay=0.9), penalty=[polyloss.GradientPenalty(), polyloss.R1Penalty(1.0)])
    for layer in gan.discriminator.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.regularizer = keras.regularizers.L2(0.01)
    logged = small.fit(gan)
    logged["average"] = [float(np.abs(keras.ops.convert_to_numpy(v.value)).sum()) for v in gan.averages]
    logged["weights"] = [float(np.abs(keras.ops.convert_to_numpy(v.value)).sum()) for v in gan.discriminator.variables]
    return logged


def two_devices() -> contextlib.AbstractContextManager:
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=keras.distribution.list_devices()).scope()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()


if __name__ == "__main__":
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one = train()
    with two_devices():
        two = train()
    print(json.dumps([one, two]))
