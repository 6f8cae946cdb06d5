"""Baselines of `polyloss.losses.probabilistic`."""

from __future__ import annotations

NONE: dict[str, str] = {"GaussianNLLLoss": "keras.losses has no density but Poisson's, without its constant"}
