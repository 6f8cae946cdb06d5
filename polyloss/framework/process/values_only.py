"""Backends without a device of their own (NumPy)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polyloss.framework.process.plain import TrainFunction as TrainFunction


def wait(values: Any) -> None:
    """NumPy computes at once."""


def device_name() -> str:
    """The device that computes, in words."""
    return "cpu"


def device_memory() -> int | None:
    """There is no other memory than the host's."""
    return None


def exact_products() -> None:
    """Float32 is float32."""


def double_precision() -> None:
    """Float64 is float64."""


def graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def compiled_by(model: Any) -> str:
    """Nothing compiles here."""
    return "eager"


OwnLoop = TrainFunction
"""Nothing is trained here."""
