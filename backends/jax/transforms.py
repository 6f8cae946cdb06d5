"""What JAX makes of a function beside its gradient: ``TRANSFORMS`` by name, for tests/checks/test_transforms.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

Scalar = Callable[[Any], Any]


def forward_mode(f: Scalar, x: Any, v: Any) -> Any:
    return jax.jit(lambda x, v: jax.jvp(f, (x,), (v,))[1])(x, v)


def forward_over_reverse(f: Scalar, x: Any, v: Any) -> Any:
    return jax.jit(lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1])(x, v)


def reverse_over_reverse(f: Scalar, x: Any, v: Any) -> Any:
    return jax.jit(jax.grad(lambda x, v: jnp.vdot(jax.grad(f)(x), v)))(x, v)


def checkpointed(f: Scalar, x: Any, v: Any) -> Any:
    return jax.jit(jax.grad(jax.checkpoint(f)))(x)


def exported(f: Scalar, x: Any, v: Any) -> Any:
    return export.export(jax.jit(f))(x).call(x)


TRANSFORMS: dict[str, tuple[str, Callable[[Scalar, Any, Any], Any]]] = {
    "jvp": ("along", forward_mode),
    "jvp of grad": ("curvature", forward_over_reverse),
    "grad of grad": ("curvature", reverse_over_reverse),
    "checkpoint": ("gradient", checkpointed),
    "export": ("value", exported),
}
"""What each gives, and how: the derivative along v, the second derivative along v, the gradient, or the value."""

NOT: dict[str, tuple[str, ...]] = {"jvp": ("LinearCrossentropyLoss", "NTXentLoss")}
"""What a transform refuses, by loss: those keep no table of logits, and JAX has no forward mode of a function with its own
backward pass."""


def each_sample(f: Callable[[Any, Any], Any], y: Any, x: Any) -> Any:
    """The gradient of each sample, by vmap."""
    return jax.jit(jax.vmap(jax.grad(f, 1)))(y, x)
