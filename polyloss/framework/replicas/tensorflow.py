"""TensorFlow: the replicas of a `tf.distribute` strategy, inside `strategy.run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import tensorflow as tf

ADDS_UP = True


def engine(where: Any) -> Any:
    """The replica context; None outside of a replica (where Keras builds a model) and with one replica."""
    if where is None:
        return None
    context = tf.distribute.get_replica_context()
    return None if context is None or context.num_replicas_in_sync == 1 else context


def count(engine: Any) -> int:
    """How many replicas there are."""
    return int(engine.num_replicas_in_sync)


def index(engine: Any) -> Any:
    """Which one this is."""
    return engine.replica_id_in_sync_group


def total(x: Any, engine: Any) -> Any:
    """The sum over replicas."""
    return engine.all_reduce("SUM", tf.identity(x))


def gathered(x: Any, engine: Any, even: bool) -> tuple[Any, Any]:
    """All rows, and where those of this replica begin."""
    x = tf.identity(x)  # an argument of a function has no device, and gathering one raises
    if x.dtype == tf.bool:
        rows, first = gathered(tf.cast(x, "int32"), engine, even)
        return tf.cast(rows, "bool"), first
    rows = engine.all_gather(tf.shape(x)[:1], 0)
    everywhere = tf.ensure_shape(engine.all_gather(x, 0), [None, *x.shape[1:]])  # which gathering forgets
    return everywhere, tf.cumsum(rows, exclusive=True)[engine.replica_id_in_sync_group]


def shifted(x: Any, engine: Any) -> NoReturn:
    """Not to be had."""
    raise NotImplementedError("replica_shift: tf.distribute has no operation between two replicas; use gather_replicas")


def rows(mine: Any, engine: Any) -> tuple[Any, Any]:
    """The first row of this replica, and how many there are."""
    each = engine.all_gather(tf.reshape(tf.identity(mine), [1]), 0)
    return tf.cumsum(each, exclusive=True)[engine.replica_id_in_sync_group], tf.reduce_sum(each)


def own(x: Any, first: Any, mine: Any) -> Any:
    """The rows of this replica among those of all."""
    return x[first : first + mine]


def averaged(tensors: Sequence[Any], engine: Any) -> list[Any]:
    """As they are: the optimizer adds the gradients of replicas up, each of which is of a share of the loss."""
    return list(tensors)


def alike(variables: Sequence[Any], engine: Any) -> None:
    """The strategy keeps them so."""
