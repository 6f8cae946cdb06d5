"""PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

EXACT_LOG_SOFTMAX = False
clip = torch.clamp
at_label = None


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is: eager PyTorch is cheap to dispatch."""
    return function


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def replica_count() -> int:
    """One: DistributedDataParallel averages gradients."""
    return 1
