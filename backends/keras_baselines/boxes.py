"""Baselines of `polyloss.losses.boxes`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "GIoULoss": "keras.losses has no loss of boxes (keras.utils.bounding_boxes computes IoU and CIoU)",
}
