"""What the players of adversarial training look at: a critic's scores, and the norms of its gradient.

A sample of these kinds, where one is tried out, is a whole batch: [real, fake], three scores each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polyloss.core import ops
from polyloss.core.kinds.base import BROKEN, EDGES, Arrays, Kind, Options, View, rng, spread
from polyloss.core.numerics import Tensor


class Scores(Kind):
    """A critic's scores of real and of generated samples."""

    title = "a critic's scores of real and of generated samples"
    has_targets = False

    def special(self, options: Options) -> np.ndarray:
        chosen = [
            [[0, 0, 0], [0, 0, 0]],
            [[1, 1, -1], [-1, 1, -1]],
            [[20, 30, 40], [-20, -30, -40]],
            [[-20, -30, -40], [20, 30, 40]],
            [[100, -100, 0], [-100, 100, 0]],
            [[88, 89, 15.5], [16.7, -88, -89]],
            [[1e-30, -1e-12, 1e-7], [-1e-30, 1e-12, -1e-7]],
        ]
        return np.array(chosen, "float64")

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 1, (count, 2, 3)) * np.resize([0.5, 4.0, 30.0], count)[:, None, None]

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (2, 3))

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return np.zeros(len(x), "int32"), x

    def inputs(self, options: Options, dtype: str, count: int = 40) -> Arrays:
        return super().inputs(options, dtype, count)

    def batch(self, options: Options) -> Arrays:
        return np.zeros(6, "int32"), rng().normal(0, 1, (6, 2, 3)).astype("float32")

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        against = " minus that of the other" if losses[0].generator_sees_real else ""
        titles = {"real": "discriminator, real sample", "fake": "discriminator, generated sample"}
        return [
            View(title, f"critic's score{against}", (-4, 4), _player(side))
            for side, title in {**titles, "generator": "generator, generated sample"}.items()
        ]


class Norms(Kind):
    """The norm of a critic's gradient at each sample."""

    title = "the norm of a critic's gradient at each sample"
    has_targets = False

    def special(self, options: Options) -> np.ndarray:
        return spread([e for e in EDGES if e in (0.0, 1e-12, 1e-3, 1.0)] + [1e4], (3,))

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        return rng.normal(0, 1, (count, 3))

    def broken(self, options: Options) -> np.ndarray:
        return np.zeros((0, 3))

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return np.zeros(len(x), "int32"), x

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [View("each sample", "norm of the critic's gradient", (0, 3), lambda p, x: p.values(x))]


def _player(side: str) -> Callable[[Any, Tensor], Tensor]:
    """Every point the score of one sample; the other player's samples are none, or one of score 0 if compared."""

    def call(loss: Any, x: Tensor) -> Tensor:
        other = ops.zeros_like(x[:1]) if loss.generator_sees_real else x[:0]

        def one(score: Tensor) -> Tensor:
            score = ops.reshape(score, (1,))
            if side == "generator":
                return loss.call_generator(score, other)
            return loss.call_discriminator(*((score, other) if side == "real" else (other, score)))

        return ops.map(one, x)

    return call
