"""Replicas: what a loss over the global batch is written with, under every distributed engine.

A loss returns the **global** value, the same on every replica, and its gradient is that of one device: sums and gathers
over replicas have their true gradients, and engines then average gradients (DistributedDataParallel, `pmean`) or add
them up (`tf.distribute`), for which `for_engine` is the last step. A `polyloss.Loss` does all of this by itself; a
function of your own, given to `compile` or used in a loop, calls these.

On one device, and in JAX under ``jit`` with shardings (where every array is global), they do nothing.

References: the adjoint of a sum over replicas is a sum, that of a gather a reduce-scatter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from polyloss.core import numerics, ops
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import one_of
from polyloss.framework import replicas

__all__ = [
    "for_engine",
    "gather_replicas",
    "replica_context",
    "replica_count",
    "replica_draw",
    "replica_index",
    "replica_mean",
    "replica_shift",
    "replica_sum",
]

_where: Any = "auto"
"""A plain global: `MirroredStrategy` runs replicas in threads, where a ContextVar is lost, and Dynamo stops at one."""


@contextlib.contextmanager
def replica_context(where: Any = "auto") -> Iterator[None]:
    """Say which replicas a loss sees inside: it is needed where the engine cannot tell.

    Args:
        where: ``"auto"``: all of them. None: this replica alone (an evaluation on rank 0, which would wait for the
            others for ever). On JAX the name of the mapped axis of the data, or several; on PyTorch the process group of
            the data, where ranks also share a model.

    >>> with polyloss.replica.replica_context(None):
    ...     polyloss.replica.replica_count()
    1
    """
    global _where
    before, _where = _where, where
    try:
        yield
    finally:
        _where = before


def scope() -> Any:
    """What `replica_context` was told."""
    return _where


def engine() -> Any:
    """The engine that runs replicas here; None: there is one replica."""
    return replicas.engine(_where)


def replica_count() -> int:
    """How many replicas there are; 1 on one device.

    >>> polyloss.replica.replica_count()
    1
    """
    running = engine()
    return 1 if running is None else replicas.count(running)


def replica_index() -> int | Tensor:
    """Which replica this is, from 0.

    >>> polyloss.replica.replica_index()
    0
    """
    running = engine()
    return 0 if running is None else replicas.index(running)


def replica_sum(x: Tensor) -> Tensor:
    """The sum over all replicas, the same on each; its gradient is the sum of what the replicas ask for.

    Args:
        x: A float tensor of one shape on every replica.
    """
    running = engine()
    return x if running is None else replicas.total(numerics.tensor(x), running)


def gather_replicas(x: Tensor, even: bool = False) -> tuple[Tensor, int | Tensor]:
    """The rows of all replicas in their order, and the number of the first row of this one.

    Gradients flow back to the replica that a row came from.

    Args:
        x: A tensor whose first axis is the batch; on TensorFlow and PyTorch replicas may have different numbers of rows,
            none among them.
        even: Promises that they have equal numbers, which saves PyTorch an exchange of sizes.

    >>> rows, first = polyloss.replica.gather_replicas(np.zeros((4, 2)))
    >>> rows.shape, first
    ((4, 2), 0)
    """
    running = engine()
    return (x, 0) if running is None else replicas.gathered(numerics.tensor(x), running, even)


def replica_shift(x: Tensor) -> Tensor:
    """What the replica before this one holds: a step of a ring, in which no replica ever holds all rows.

    Raises:
        NotImplementedError: on TensorFlow, which has no operation between two replicas.
    """
    running = engine()
    return x if running is None else replicas.shifted(numerics.tensor(x), running)


def replica_rows(rows: int | Tensor) -> tuple[int | Tensor, int | Tensor]:
    """The number of the first row of this replica in the global batch, and how many rows that has."""
    running = engine()
    return (0, rows) if running is None else replicas.rows(rows, running)


def rows_for_engine(rows: int | Tensor) -> int | Tensor:
    """By how many rows a mean over batches counts a value of the global batch, where this replica has `rows`.

    `tf.distribute` adds the parts of a mean up over replicas; elsewhere each replica has the whole mean.
    """
    return rows if replicas.ADDS_UP else replica_rows(rows)[1]


def replica_draw(draw: Callable[[tuple[Any, ...]], Tensor], shape: Sequence[int | Tensor]) -> Tensor:
    """Random numbers for the rows of this replica: those that one device would draw for them.

    Each replica draws for the whole batch and keeps its own rows. Drawing only for its own, replicas with one seed
    (`tf.distribute`, processes started alike) would all draw the same, and a batch would hold a fraction of its noise.

    Args:
        draw: ``draw(shape)``, from a seed that is the same on every replica.
        shape: Of what this replica needs; the first axis is the batch.

    >>> noise = polyloss.replica.replica_draw(lambda shape: keras.random.normal(shape, seed=1), (4, 2))
    >>> tuple(noise.shape)
    (4, 2)
    """
    if engine() is None:
        return draw(tuple(shape))
    first, rows = replica_rows(shape[0])
    return replicas.own(draw((rows, *shape[1:])), first, shape[0])


def averaged(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of this replica to those of all, where the engine leaves that to the loop."""
    running = engine()
    return list(gradients) if running is None else replicas.averaged(gradients, running)


def alike(variables: Sequence[Any]) -> None:
    """Give the variables of every replica the values of the first one's."""
    running = engine()
    if running is not None and variables:
        replicas.alike(variables, running)


def replica_mean(values: Tensor, weights: Tensor | None = None, over: str = "weights") -> Tensor:
    """The weighted mean over the values of all replicas; 0 where nothing counts.

    Args:
        values: Values of this replica; their number may differ.
        weights: Weights, aligned from the first axis. What has weight 0 does not enter, even where it is NaN.
        over: What the sum is divided by: ``"weights"``, their sum, or ``"rows"``, the number of values.

    >>> float(polyloss.replica.replica_mean(np.array([1.0, 5.0]), np.array([3.0, 1.0])))
    2.0
    """
    one_of("weights", "rows")("replica_mean", "over", over)
    values = numerics.tensor(values)
    counted: Tensor = ops.cast(ops.size(values), numerics.dtype_of(values))
    if weights is not None:
        weights = ops.cast(numerics.tensor(weights), numerics.dtype_of(values))
        weights = ops.reshape(weights, (*ops.shape(weights), *[1] * (len(values.shape) - len(weights.shape))))
        weights = ops.broadcast_to(weights, ops.shape(values))
        values = ops.where(ops.equal(weights, 0), 0.0, values) * weights
        counted = ops.sum(weights) if over == "weights" else counted
    counted = replica_sum(ops.stop_gradient(counted))
    none = ops.equal(counted, 0)
    return ops.where(none, 0.0, replica_sum(ops.sum(values)) / ops.where(none, 1.0, counted))


def for_engine(loss: Tensor) -> Tensor:
    """A global value as the engine wants it: `tf.distribute` adds gradients up, so each replica gives its share."""
    if not replicas.ADDS_UP:
        return loss
    running = engine()
    return loss if running is None else loss / replicas.count(running)


def from_engine(loss: Tensor) -> Tensor:
    """The inverse of `for_engine`: the global value, for a log."""
    if not replicas.ADDS_UP:
        return loss
    running = engine()
    return loss if running is None else loss * replicas.count(running)
