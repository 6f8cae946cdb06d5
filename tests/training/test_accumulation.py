"""Gradients that an optimizer of Keras accumulates: what `docs/distributed.md` says of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import polyloss

pytestmark = pytest.mark.gradients
ROWS, TIMES = 8, 5
RNG = np.random.default_rng(0)
X, Y = (RNG.normal(size=(ROWS, TIMES, size)).astype("float32") for size in (3, 1))
TOKENS = (RNG.random((ROWS, TIMES)) < np.linspace(0.2, 1, ROWS)[:, None]).astype("float32")
TOKENS[:, 0] = 1


def kernel_after(steps: int | None, reduction: str, weight: np.ndarray) -> np.ndarray:
    """After one step on all rows, in as many batches."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((TIMES, 3)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps)
    model.compile(optimizer, loss=polyloss.MeanSquaredError(reduction=reduction))
    model.fit(X, Y, batch_size=ROWS // (steps or 1), sample_weight=weight, shuffle=False, verbose=0)
    return model.get_weights()[0]


def test_the_same_weight_for_every_token_is_one_large_batch() -> None:
    want = kernel_after(None, "mean_with_sample_weight", TOKENS)
    np.testing.assert_allclose(kernel_after(4, "sum", TOKENS / (TOKENS.sum() / 4)), want, rtol=1e-5)


def test_batches_divide_by_their_own_tokens() -> None:
    want = kernel_after(None, "mean_with_sample_weight", TOKENS)
    assert np.abs(kernel_after(4, "mean_with_sample_weight", TOKENS) / want - 1).max() > 0.01
