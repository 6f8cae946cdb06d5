"""Losses over the global batch of many devices, under their public name: see `polyloss.core.replica`."""

from polyloss.core.replica import (
    for_engine,
    gather_replicas,
    replica_context,
    replica_count,
    replica_draw,
    replica_index,
    replica_mean,
    replica_shift,
    replica_sum,
)

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
