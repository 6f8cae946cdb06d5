"""What TensorFlow makes of a function beside its gradient: ``TRANSFORMS`` by name, for tests/checks/test_transforms.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Scalar = Callable[[Any], Any]


def gradient(f: Scalar, x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = f(x)
    return tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def forward_mode(f: Scalar, x: Any, v: Any) -> Any:
    with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
        value = f(x)
    return accumulator.jvp(value, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def forward_over_reverse(f: Scalar, x: Any, v: Any) -> Any:
    with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
        slope = gradient(f, x)
    return accumulator.jvp(slope, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def reverse_over_reverse(f: Scalar, x: Any, v: Any) -> Any:
    return gradient(lambda x: tf.reduce_sum(gradient(f, x) * v), x)


def checkpointed(f: Scalar, x: Any, v: Any) -> Any:
    return gradient(tf.recompute_grad(f), x)


TRANSFORMS: dict[str, tuple[str, Callable[[Scalar, Any, Any], Any]]] = {
    "ForwardAccumulator": ("along", forward_mode),
    "ForwardAccumulator of GradientTape": ("curvature", forward_over_reverse),
    "GradientTape twice": ("curvature", reverse_over_reverse),
    "recompute_grad": ("gradient", checkpointed),
}
"""What each gives, and how: the derivative along v, the second derivative along v, the gradient, or the value."""

NOT: dict[str, tuple[str, ...]] = {}
"""What a transform refuses, by loss."""


def each_sample(f: Callable[[Any, Any], Any], y: Any, x: Any) -> Any:
    """The gradient of each sample, by vectorized_map."""
    return tf.vectorized_map(lambda row: gradient(lambda x: f(row[0], x), row[1]), (y, x))
