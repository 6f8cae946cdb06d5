"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "ContrastiveLoss": "keras.losses has no function for labelled pairs",
}
