"""JAX: what the benchmark (backends/bench.py) runs, waits for and measures. The same names in every backend's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Thunk = Callable[[], Any]


class Timed:
    """JAX under jit."""

    packages = ("jax", "jaxlib", "optax")
    memory_is = "temporary bytes of the compiled program"

    def __init__(self) -> None:
        import jax

        self.jax = jax
        self.device = jax.devices()[0].device_kind

    def modes(self) -> dict[str, str | None]:
        return {"jit": None}

    def tensor(self, array: np.ndarray) -> Any:
        return self.jax.numpy.asarray(array)

    def step(self, f: Callable[..., Any], y_true: Any, y_pred: Any, mode: str) -> Thunk:
        forward_and_backward = self._jitted(f)
        return lambda: forward_and_backward(y_pred, y_true)

    def _jitted(self, f: Callable[..., Any]) -> Any:
        return self.jax.jit(self.jax.value_and_grad(lambda x, y: f(y, x).mean()))

    def wait(self, result: Any) -> None:
        self.jax.block_until_ready(result)

    def mean(self, values: Any) -> Any:
        return values.mean()

    def array(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def memory(self, f: Callable[..., Any], y_true: Any, y_pred: Any, mode: str, run: Thunk) -> int | None:
        analysis = self._jitted(f).lower(y_pred, y_true).compile().memory_analysis()
        return None if analysis is None else analysis.temp_size_in_bytes
