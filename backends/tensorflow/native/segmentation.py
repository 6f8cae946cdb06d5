"""Baselines of `polyloss.losses.segmentation`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "Dice": "TensorFlow has no loss on the overlap of regions; users write it on sums of their own",
    "Tversky": "TensorFlow has no loss on the overlap of regions; users write it on sums of their own",
}
