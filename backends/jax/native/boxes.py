"""Baselines of `polyloss.losses.boxes`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "GIoULoss": "optax has no loss of boxes",
}
