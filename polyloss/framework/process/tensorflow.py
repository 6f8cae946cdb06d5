"""TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from polyloss.framework.process.plain import TrainFunction as TrainFunction


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    tf.test.experimental.sync_devices()


def device_name() -> str:
    """The device that computes, in words."""
    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "gpu") if found else "cpu"


def device_memory() -> int | None:
    """The most bytes that were in use on the device so far; None where the device does not say."""
    if not tf.config.list_physical_devices("GPU"):
        return None
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def exact_products() -> None:
    """Products of float32 in float32: no TF32."""
    tf.config.experimental.enable_tensor_float_32_execution(False)


def double_precision() -> None:
    """Float64 is float64."""


def graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a `tf.function`: an eager `ops.map` calls the ops of every element one by one."""
    made: Callable[..., Any] = tf.function(function, autograph=False)
    return made


def compiled_by(model: Any) -> str:
    """What compiles the train function of a compiled model, in words."""
    if model.run_eagerly:
        return "eager"
    return "tf.function with XLA" if model.jit_compile else "tf.function"


class OwnLoop(TrainFunction):
    """The same model, loss and optimizer in a loop as one writes it for TensorFlow: one function with a tape."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        if not hasattr(model, "own_step"):
            model.own_step = tf.function(functools.partial(_own_step, model), jit_compile=model.jit_compile)

    def ready(self, data: Any) -> Callable[[], dict[str, Any]]:
        return lambda: {"loss": self.model.own_step(*data)}


def _own_step(model: Any, x: Any, y: Any, weight: Any) -> Any:
    with tf.GradientTape() as tape:
        predicted = model(x, training=True)
        total = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
        scaled = model.optimizer.scale_loss(total)
    model.optimizer.apply(tape.gradient(scaled, model.trainable_weights), model.trainable_weights)
    return total
