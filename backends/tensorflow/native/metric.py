"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "ContrastiveLoss": "TensorFlow has no function for labelled pairs outside TensorFlow Addons",
}
