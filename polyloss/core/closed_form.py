"""Closed forms: a formula that gives its value and, when a gradient is wanted, its slope.

Autodiff keeps what each step of a formula needs, and goes through each of them again. A formula that knows its own
slope keeps that alone, 4 bytes an element, and a backward pass only scales it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from polyloss import framework
from polyloss.core import numerics
from polyloss.core.numerics import Tensor

Body = Callable[..., tuple[Tensor, Callable[[], Tensor]]]
"""``body(x, *others, **parameters)``: the value, and a function that gives d value / d x."""


def _symbolic(*tensors: Tensor) -> bool:
    """Whether some have no values: a model is being built."""
    return any(isinstance(tensor, keras.KerasTensor) for tensor in tensors)


class ClosedForm:
    """A formula that runs with its own slope.

    Attributes:
        body: The formula as it is written.
        mean: Whether a call gives the mean of the values over the last axis.
    """

    def __init__(self, body: Body, mean: bool, kernel: str | None) -> None:
        functools.update_wrapper(self, body)
        self.body, self.mean = body, mean
        self._compiled = framework.closed_form(body, numerics.mean if mean else None, kernel)

    def __call__(self, x: Tensor, *others: Tensor, **parameters: Any) -> Tensor:
        """The values, with gradients by all tensors."""
        if _symbolic(x, *others):
            values = self.body(x, *others, **parameters)[0]
            return numerics.mean(values) if self.mean else values
        return self._compiled(x, *others, **parameters)


def closed_form(mean: bool = False, kernel: str | None = None) -> Callable[[Body], ClosedForm]:
    """Decorates a formula that gives its value and a function for its slope by its first tensor.

    ``body(x, *others, **parameters)`` returns the value, of the shape of `x` or (one value a row) without its last axis,
    and a function without arguments that gives the slope, of the shape of `x`. Other tensors, and `x` itself at a second
    derivative or in forward mode, are differentiated through what is written: both value and slope must be safe for
    autodiff. Parameters are Python values that can be hashed.

    Args:
        mean: Whether the decorated function gives the mean of the values over the last axis.
        kernel: The name of the formula in `polyloss.framework.kernels`, where a framework may have it again, faster.
    """
    return functools.partial(ClosedForm, mean=mean, kernel=kernel)


Sums = Callable[..., tuple[tuple[Tensor, ...], Callable[..., Tensor]]]
"""``sums(x, *others, **parameters)``: some sums, and a function that gives of their slopes that by x."""


class ClosedSums:
    """Sums over many elements that run with their own gradient.

    Attributes:
        body: The sums as they are written.
    """

    def __init__(self, body: Sums, kernel: str | None) -> None:
        functools.update_wrapper(self, body)
        self.body = body
        self._compiled = framework.closed_sums(body, kernel)

    def __call__(self, x: Tensor, *others: Tensor, **parameters: Any) -> tuple[Tensor, ...]:
        """The sums, with gradients by all tensors."""
        if _symbolic(x, *others):
            return self.body(x, *others, **parameters)[0]
        return self._compiled(x, *others, **parameters)


def closed_sums(kernel: str | None = None) -> Callable[[Sums], ClosedSums]:
    """Decorates sums over many elements, each linear in the first tensor: autodiff would go over them once a sum.

    ``sums(x, *others, **parameters)`` returns a tuple of sums, and a function that, given the slope of a loss by each of
    them, gives its slope by `x`, of the shape of `x`; it must be safe for autodiff.

    Args:
        kernel: The name of the sums in `polyloss.framework.kernels`, where a framework may have them again, faster.
    """
    return functools.partial(ClosedSums, kernel=kernel)
