"""TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

EXACT_LOG_SOFTMAX = False
clip = tf.clip_by_value


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is: `tf.function` retraces for every new shape."""
    return function


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, left alone by AutoGraph, which would mix up decorated functions of one source."""
    return tf.autograph.experimental.do_not_convert(function)


def at_label(x: Any, labels: Any, axis: int) -> Any:
    """The entry of `x` at each label, as one gather."""
    last = len(x.shape) - 1
    if axis % (last + 1) != last:
        order = [i for i in range(last + 1) if i != axis % (last + 1)]
        x = tf.transpose(x, [*order, axis % (last + 1)])
    return tf.gather(x, labels, axis=last, batch_dims=last)


def replica_count() -> int:
    """The replicas of the current `tf.distribute` strategy, whose gradients are added up."""
    return tf.distribute.get_strategy().num_replicas_in_sync
