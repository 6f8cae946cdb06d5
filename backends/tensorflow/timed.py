"""TensorFlow: what the benchmark (backends/bench.py) runs, waits for and measures. The same names in every backend's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Thunk = Callable[[], Any]


class Timed:
    """TensorFlow's graphs, plain and compiled by XLA."""

    packages = ("tensorflow",)
    memory_is = "peak bytes of the GPU, beyond the inputs"

    def __init__(self) -> None:
        import tensorflow as tf

        self.tf = tf
        gpus = tf.config.list_physical_devices("GPU")
        self.on_gpu = bool(gpus)
        if not gpus:
            self.memory_is = "not measured on the CPU"
        self.device = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else "CPU"

    def modes(self) -> dict[str, str | None]:
        return {"graph": None, "xla": None}

    def tensor(self, array: np.ndarray) -> Any:
        return self.tf.convert_to_tensor(array)

    def step(self, f: Callable[..., Any], y_true: Any, y_pred: Any, mode: str) -> Thunk:
        tf = self.tf

        @tf.function(jit_compile=mode == "xla", autograph=False)
        def forward_and_backward(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_mean(f(y, x))
            return loss, tape.gradient(loss, x)

        return lambda: forward_and_backward(y_pred, y_true)

    def wait(self, result: Any) -> None:
        if self.on_gpu:
            self.tf.test.experimental.sync_devices()

    def mean(self, values: Any) -> Any:
        return self.tf.reduce_mean(values)

    def array(self, x: Any) -> np.ndarray:
        return x.numpy()

    def memory(self, f: Callable[..., Any], y_true: Any, y_pred: Any, mode: str, run: Thunk) -> int | None:
        if not self.on_gpu:
            return None
        stats = self.tf.config.experimental
        run()
        stats.reset_memory_stats("GPU:0")
        before = stats.get_memory_info("GPU:0")["current"]
        run()
        self.wait(None)
        return stats.get_memory_info("GPU:0")["peak"] - before
