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


def closed_form(mean: bool = False, kernel: str | None = None) -> Callable[[Body], Callable[..., Tensor]]:
    """Decorates a formula that gives its value and a function for its slope by its first tensor.

    ``body(x, *others, **parameters)`` returns the value, of the shape of `x` or (one value a row) without its last axis,
    and a function without arguments that gives the slope, of the shape of `x`. Other tensors, and `x` itself at a second
    derivative or in forward mode, are differentiated through what is written: both value and slope must be safe for
    autodiff. Parameters are Python values that can be hashed.

    Args:
        mean: Whether the decorated function gives the mean of the values over the last axis.
        kernel: The name of the formula in `polyloss.framework.kernels`, where a framework may have it again, faster.
    """

    def decorated(body: Body) -> Callable[..., Tensor]:
        compiled = framework.closed_form(body, numerics.mean if mean else None, kernel)

        @functools.wraps(body)
        def call(x: Tensor, *others: Tensor, **parameters: Any) -> Tensor:
            if isinstance(x, keras.KerasTensor) or any(isinstance(other, keras.KerasTensor) for other in others):
                values = body(x, *others, **parameters)[0]
                return numerics.mean(values) if mean else values
            return compiled(x, *others, **parameters)

        call.body = body  # type: ignore[attr-defined]
        return call

    return decorated
