"""JAX."""

from __future__ import annotations

from typing import Any

import jax


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    jax.block_until_ready(values)


def device_name() -> str:
    """The device that computes, in words."""
    return str(jax.devices()[0].device_kind)


def device_memory() -> int | None:
    """The most bytes that were in use on the device so far; None where the device does not say."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def exact_products() -> None:
    """Products of float32 in float32: no TF32, no bfloat16 passes."""
    jax.config.update("jax_default_matmul_precision", "highest")


def double_precision() -> None:
    """Let float64 be float64."""
    jax.config.update("jax_enable_x64", True)
