"""What the tests need of PyTorch: the same names in every backend's harness."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from backends.torch import transforms as transforms
from polyloss.framework import torch as own

own.BLOCK = 1 << 9  # so that the checks of accuracy, with some thousand inputs, see how blocks are put together

GRADIENTS = True
DTYPES = ("float32", "float64")
COMPILED = ("aot_eager",)
PLANTED = "loss"
REPLICAS = False
"""Whether one process can train on several devices: then `split_cpu` and `two_devices` are there."""


def tensor(array: np.ndarray) -> Any:
    """On the accelerator where there is one, as Keras does it."""
    device = accelerator() or "cpu"
    if array.dtype.name == "bfloat16":
        return torch.as_tensor(array.astype("float32"), device=device).to(torch.bfloat16)
    return torch.as_tensor(np.array(array), device=device)


def array(x: Any) -> np.ndarray:
    x = x.detach().cpu()
    return (x.float() if x.dtype is torch.bfloat16 else x).numpy()


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    yield


def value_and_grad(f: Callable[..., Any], x: Any, *others: Any) -> tuple[np.ndarray, np.ndarray]:
    """f(x, *others), and the gradient of its sum by x."""
    x = x.detach().clone().requires_grad_(True)
    values = f(x, *others)
    if not values.requires_grad:
        return array(values), np.zeros(tuple(x.shape), array(x).dtype)
    (gradient,) = torch.autograd.grad(values.sum(), x)
    return array(values), array(gradient)


def as_used(f: Callable[..., Any]) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The same as a program, where the framework is used so."""
    return functools.partial(value_and_grad, f)


def compiled(f: Callable[..., Any], mode: str) -> Callable[..., Any]:
    torch.compiler.reset()  # or the eighth function of one source falls back to eager
    return torch.compile(f, backend=mode, fullgraph=True)


def device_of(x: Any) -> str:
    return x.device.type


def accelerator() -> str | None:
    """The accelerator that tensors land on, or None."""
    return "cuda" if torch.cuda.is_available() else None
