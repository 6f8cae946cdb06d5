"""Baselines of `polyloss.losses.boxes`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "GIoULoss": "torch.nn.functional has no loss of boxes; torchvision's is held to ours by the migration table",
}
