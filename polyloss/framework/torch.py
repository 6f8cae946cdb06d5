"""PyTorch."""

EXACT_LOG_SOFTMAX = False


def replica_count() -> int:
    """One: DistributedDataParallel averages gradients."""
    return 1
