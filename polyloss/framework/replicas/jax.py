"""JAX: the mapped axes of `shard_map` and `pmap`. Under `jit` with shardings a batch is the global batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

ADDS_UP = False


def engine(where: Any) -> Any:
    """The axis (or axes) that replicas are mapped over."""
    axes = jax.sharding.get_abstract_mesh().manual_axes if where == "auto" else where
    axes = (axes,) if isinstance(axes, str) else tuple(axes or ())
    if where == "auto" and len(axes) > 1:
        raise ValueError(
            f"replica_context: several axes are mapped, {', '.join(axes)}; name those of the data: "
            'with polyloss.replica.replica_context("data"): ...'
        )
    if not axes:
        return None
    return axes[0] if len(axes) == 1 else axes


def count(engine: Any) -> int:
    """How many replicas there are."""
    return int(jax.lax.axis_size(engine))


def index(engine: Any) -> Any:
    """Which one this is."""
    return jax.lax.axis_index(engine)


def total(x: Any, engine: Any) -> Any:
    """The sum over replicas."""
    return jax.lax.psum(x, engine)


def gathered(x: Any, engine: Any, even: bool) -> tuple[Any, Any]:
    """All rows, and where those of this replica begin; replicas have equal numbers of rows by construction."""
    return jax.lax.all_gather(x, engine, tiled=True), jax.lax.axis_index(engine) * x.shape[0]


def shifted(x: Any, engine: Any) -> Any:
    """The value of the replica before this one."""
    replicas = count(engine)
    return jax.lax.ppermute(x, engine, [(i, (i + 1) % replicas) for i in range(replicas)])


def rows(mine: int, engine: Any) -> tuple[Any, int]:
    """The first row of this replica, and how many there are; every replica has as many."""
    return index(engine) * mine, count(engine) * mine


def own(x: Any, first: Any, mine: int) -> Any:
    """The rows of this replica among those of all."""
    return jax.lax.dynamic_slice_in_dim(x, first, mine)


def averaged(tensors: Sequence[Any], engine: Any) -> list[Any]:
    """Their means over replicas."""
    return list(jax.lax.pmean(list(tensors), engine))


def alike(variables: Sequence[Any], engine: Any) -> None:
    """They are: replicas share the variables of one process."""
