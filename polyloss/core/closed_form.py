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
from polyloss.core.numerics import Tensor

Body = Callable[..., tuple[Tensor, Callable[[], Tensor]]]
"""``body(x, *others, **parameters)``: the value, and a function that gives d value / d x."""


def closed_form(body: Body) -> Callable[..., Tensor]:
    """Decorates a formula that gives its value and a function for its slope by its first tensor.

    ``body(x, *others, **parameters)`` returns the value, of the shape of `x` or (one value a row) without its last axis,
    and a function without arguments that gives the slope, of the shape of `x`. Other tensors, and `x` itself at a second
    derivative or in forward mode, are differentiated through what is written: both value and slope must be safe for
    autodiff. Parameters are Python values that can be hashed.
    """
    compiled = framework.closed_form(body)

    @functools.wraps(body)
    def call(x: Tensor, *others: Tensor, **parameters: Any) -> Tensor:
        if isinstance(x, keras.KerasTensor) or any(isinstance(other, keras.KerasTensor) for other in others):
            return body(x, *others, **parameters)[0]
        return compiled(x, *others, **parameters)

    call.body = body  # type: ignore[attr-defined]
    return call
