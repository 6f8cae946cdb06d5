"""What the tests need of TensorFlow: the same names in every backend's harness."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from backends.tensorflow import transforms as transforms

GRADIENTS = True
DTYPES = ("float32", "float64")
COMPILED = ("graph", "xla")
PLANTED = "fault"
REPLICAS = True
"""Whether one process can train on several devices: then `split_cpu` and `two_devices` are there."""


def tensor(array: np.ndarray) -> Any:
    return tf.constant(array)


def array(x: Any) -> np.ndarray:
    return x.numpy() if hasattr(x, "numpy") else np.asarray(x)


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    yield


def value_and_grad(f: Callable[..., Any], x: Any, *others: Any) -> tuple[np.ndarray, np.ndarray]:
    """f(x, *others), and the gradient of its sum by x."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = f(x, *others)
    gradient = tape.gradient(values, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return array(values), array(tf.convert_to_tensor(gradient))  # that of a gather comes as rows and their numbers


def as_used(f: Callable[..., Any]) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The same as a program, where the framework is used so."""
    return functools.partial(value_and_grad, f)


def compiled(f: Callable[..., Any], mode: str) -> Callable[..., Any]:
    return tf.function(f, jit_compile=mode == "xla")


def device_of(x: Any) -> str:
    return tf.DeviceSpec.from_string(x.device).device_type.lower()


def accelerator() -> str | None:
    """The accelerator that tensors land on, or None."""
    for kind in ("GPU", "TPU"):
        if tf.config.list_logical_devices(kind):
            return kind.lower()
    return None


def split_cpu() -> None:
    """Two devices of one CPU; before anything is computed."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def two_devices() -> contextlib.AbstractContextManager[Any]:
    """A scope in which a model is trained on both."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
