"""JAX."""

EXACT_LOG_SOFTMAX = True


def replica_count() -> int:
    """One: under `jit` with shardings a batch is the global batch."""
    return 1
