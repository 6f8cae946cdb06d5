"""What the losses on a sigmoid share."""

from __future__ import annotations

from polyloss.core.numerics import Tensor


def yes_and_no(y_true: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """How much a target asks for yes and for no, drawn towards 1/2 (each on its own: 1 - yes loses digits)."""
    if not label_smoothing:
        return y_true, 1 - y_true
    kept, half = 1 - label_smoothing, 0.5 * label_smoothing
    return y_true * kept + half, (1 - y_true) * kept + half
