"""What the tests need of NumPy: values only. The same names in every backend's harness."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

GRADIENTS = False
DTYPES = ("float32",)
"""Keras's NumPy backend turns float64 arrays into float32."""
COMPILED = ()
PLANTED = "kind"
REPLICAS = False
"""Whether one process can train on several devices: then `split_cpu` and `two_devices` are there."""


def tensor(array: np.ndarray) -> Any:
    return np.asarray(array)


def array(x: Any) -> np.ndarray:
    return np.asarray(x)


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    with np.errstate(all="ignore"):  # infinities and NaN are results here, as on the other backends
        yield


def value_and_grad(f: Callable[..., Any], x: Any, *others: Any) -> tuple[np.ndarray, None]:
    """f(x, *others); NumPy has no gradients."""
    return np.asarray(f(x, *others)), None


def as_used(f: Callable[..., Any]) -> Callable[..., tuple[np.ndarray, None]]:
    """The same as a program, where the framework is used so."""
    return functools.partial(value_and_grad, f)


def compiled(f: Callable[..., Any], mode: str) -> Callable[..., Any]:
    raise NotImplementedError("NumPy compiles nothing")


def device_of(x: Any) -> str:
    return "cpu"


def accelerator() -> str | None:
    return None
