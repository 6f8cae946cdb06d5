"""Backends without gradients (NumPy)."""

EXACT_LOG_SOFTMAX = True


def replica_count() -> int:
    """One process, one batch."""
    return 1
