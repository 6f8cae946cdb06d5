"""Baselines of `polyloss.losses.boxes`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "GIoULoss": "TensorFlow has no loss of boxes outside TensorFlow Addons",
}
