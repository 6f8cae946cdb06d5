"""What the tests need of JAX: the same names in every backend's harness."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from backends.jax import transforms as transforms

GRADIENTS = True
DTYPES = ("float32", "float64")
COMPILED = ("jit",)
PLANTED = "fault"
REPLICAS = True
"""Whether one process can train on several devices: then `split_cpu` and `two_devices` are there."""


def tensor(array: np.ndarray) -> Any:
    return jnp.asarray(array)


def array(x: Any) -> np.ndarray:
    return np.asarray(x)


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    """float64 exists only where it was asked for."""
    enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64  # until 0.8
    with enable_x64(dtype == "float64"):
        yield


def value_and_grad(f: Callable[..., Any], x: Any, *others: Any) -> tuple[np.ndarray, np.ndarray]:
    """f(x, *others), and the gradient of its sum by x."""
    values, gradient = _value_and_grad(f, x, *others)
    return np.asarray(values), np.asarray(gradient)


def as_used(f: Callable[..., Any]) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The same as a program, as JAX is used, compiled once a shape; op by op, each op is compiled for itself."""
    program = jax.jit(functools.partial(_value_and_grad, f))
    return lambda x, *others: tuple(map(np.asarray, program(x, *others)))


def _value_and_grad(f: Callable[..., Any], x: Any, *others: Any) -> tuple[Any, Any]:
    values, pullback = jax.vjp(lambda x: f(x, *others), x)
    return values, pullback(jnp.ones_like(values))[0]


def compiled(f: Callable[..., Any], mode: str) -> Callable[..., Any]:
    return jax.jit(f)


def device_of(x: Any) -> str:
    return next(iter(x.devices())).platform


def accelerator() -> str | None:
    """The accelerator that arrays land on, or None."""
    platform = jax.default_backend()
    return None if platform == "cpu" else platform


def split_cpu() -> None:
    """Two devices of one CPU; before anything is computed."""
    jax.config.update("jax_num_cpu_devices", 2)


def two_devices() -> contextlib.AbstractContextManager[Any]:
    """A scope in which a model is trained on both."""
    import keras

    return keras.distribution.DataParallel(devices=keras.distribution.list_devices()).scope()
