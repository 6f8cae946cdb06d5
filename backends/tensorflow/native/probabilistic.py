"""Baselines of `polyloss.losses.probabilistic`."""

from __future__ import annotations

NONE: dict[str, str] = {
    "GaussianNLLLoss": "tf.nn has no normal density; tf.compat.v1.distributions has, deprecated since 2018"
}
