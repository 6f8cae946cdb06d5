"""What a type checker makes of the classes: mypy reads this file; where it must object, it is told to expect that."""

from __future__ import annotations

import polyloss

polyloss.FocalLoss(gamma=1.0, alpha=[0.1, 0.2], reduction="sum", name="x", dtype="float32")
polyloss.Huber(2.0)
polyloss.SparseCategoricalCrossentropy(True, 255, axis=1, label_smoothing=0.1)
polyloss.focal_loss([1.0], [0.5], gamma=2.0)

polyloss.FocalLoss(gama=1.0)  # type: ignore[call-arg]
polyloss.FocalLoss(gamma="a")  # type: ignore[arg-type]
polyloss.FocalLoss(1.0)  # type: ignore[call-arg, arg-type]
polyloss.focal_loss([1.0], [0.5], gama=2.0)  # type: ignore[call-arg]


class Mine(polyloss.Loss):
    """A user's loss with a required field."""

    factor: float
    offset: float = 0.0


Mine(factor=1.0)
Mine()  # type: ignore[call-arg]
