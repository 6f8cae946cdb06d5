"""Baselines of `polyloss.losses.metric`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "ContrastiveLoss": "optax has no function for labelled pairs (its ntxent and triplet losses are others)",
}
