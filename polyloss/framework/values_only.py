"""Backends without gradients (NumPy)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import keras

from polyloss.framework.announced import names

EXACT_LOG_SOFTMAX = True
clip = None
clip_through = None
step = None
product = None
sigmoid = None
at_label = None


def fuses() -> bool:
    """Each op is a pass."""
    return False


def chooses_in_sums(rows: bool) -> bool:
    """A choice is a pass of its own."""
    return False


def slope_once(x: Any) -> Any:
    """`x` as it is."""
    return x


def terms(x: Any) -> Any:
    """`x` as it is."""
    return x


def direct(slow: Callable[..., Any]) -> Callable[..., Any]:
    """An op of Keras, as it is."""
    return slow


def sum_width(rows: int) -> int:
    """As NumPy does."""
    return 256


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def closed_form(body: Callable[..., Any], mean: Callable[..., Any] | None, kernel: str | None) -> Callable[..., Any]:
    """The value of `body`."""

    def call(*given: Any, **parameters: Any) -> Any:
        values = body(*given, **parameters)[0]
        return values if mean is None else mean(values)

    return call


def closed_sums(body: Callable[..., Any], kernel: str | None) -> Callable[..., Any]:
    """The sums."""

    def call(*given: Any, **parameters: Any) -> Any:
        return body(*given, **parameters)[0]

    return call


def one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""

    def call(owner: Any, state: Any, *tensors: Any) -> Any:
        return function(owner, *tensors)

    return call


def ranked(x: Any, rank: Callable[[], int]) -> Any:
    """`x` as it is: its rank is known."""
    return x


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def _refuse(what: str) -> NoReturn:
    raise NotImplementedError(
        f"{what}: KERAS_BACKEND must be one of {', '.join(names())}. Got {keras.backend.backend()!r}, which has no gradients."
    )


def input_gradients(f: Callable[..., Any], args: Sequence[Any], positions: Sequence[int]) -> list[Any]:
    """Not to be had."""
    _refuse("gradient")


def value_and_grad(loss: Callable[[], Any], variables: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Not to be had."""
    _refuse("value_and_grad")


def without_gradient(f: Callable[[], Any]) -> Any:
    """``f()`` as a constant."""
    return f()


def apply_gradients(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    """Not to be had."""
    _refuse("apply_gradients")


def restoring(
    function: Callable[..., Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Callable[..., Any]:
    """`function` as it is: variables hold their own values."""
    return function


def fed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def as_step(
    run: Callable[[Any], Any], args: Sequence[Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Any:
    """``run(data)``: variables hold their own values."""
    return run(*args)
