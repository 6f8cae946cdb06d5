"""Random numbers of integer arithmetic: the same as in NumPy, so the same everywhere."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from polyloss.study import draws

to_numpy = keras.ops.convert_to_numpy


def test_the_words_are_those_of_numpy() -> None:
    seed = keras.random.SeedGenerator(2**31 - 2)
    for count in range(3):
        np.testing.assert_array_equal(
            to_numpy(draws.words((3, 5), seed)), draws.words_in_numpy((3, 5), 2**31 - 2, count)
        )


def test_dropout_of_keras_has_the_mask_of_numpy() -> None:
    with draws.same_everywhere():
        layer = keras.layers.Dropout(0.3, seed=11)
        made = to_numpy(layer(np.ones((64, 9), "float32"), training=True))
    unit = (draws.words_in_numpy((64, 9), 11, 0).view("uint32") >> 8) * 2.0**-24
    np.testing.assert_allclose(made, np.where(unit >= 0.3, 1 / 0.7, 0), rtol=1e-6)


@pytest.mark.parametrize(
    ("draw", "mean", "deviation"),
    [
        (keras.random.uniform, 0.5, 12**-0.5),
        (keras.random.normal, 0.0, 1.0),
        (keras.random.truncated_normal, 0.0, 0.8796),
        (lambda shape, seed: keras.random.randint(shape, 2, 5, seed=seed), 3.0, (2 / 3) ** 0.5),
        (lambda shape, seed: keras.random.categorical(np.log([[0.25, 0.75]]).astype("float32"), *shape, seed=seed), 0.75, 0.433),
    ],
)  # fmt: skip
def test_distributions(draw: object, mean: float, deviation: float) -> None:
    with draws.same_everywhere():
        x = to_numpy(draw((20_000,), seed=keras.random.SeedGenerator(3))).astype("float64")  # type: ignore[operator]
    assert x.mean() == pytest.approx(mean, abs=4 * deviation / 20_000**0.5)
    assert x.std() == pytest.approx(deviation, rel=0.03)


def test_a_shuffle_keeps_all() -> None:
    with draws.same_everywhere():
        x = to_numpy(keras.random.shuffle(keras.ops.arange(50), seed=keras.random.SeedGenerator(1)))
    assert sorted(x) == list(range(50))
    assert list(x) != list(range(50))


def test_afterwards_keras_draws_its_own() -> None:
    before = to_numpy(keras.random.uniform((4,), seed=5))
    with draws.same_everywhere():
        within = to_numpy(keras.random.uniform((4,), seed=5))
    np.testing.assert_array_equal(to_numpy(keras.random.uniform((4,), seed=5)), before)
    assert (within != before).any()
