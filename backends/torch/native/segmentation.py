"""Baselines of `polyloss.losses.segmentation`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "Dice": "torch.nn.functional has no loss on the overlap of regions; users write it on sums of their own",
    "Tversky": "torch.nn.functional has no loss on the overlap of regions; users write it on sums of their own",
}
