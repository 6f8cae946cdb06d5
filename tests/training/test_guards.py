"""Warnings of what goes wrong in most first GANs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import polyloss
from polyloss.training import AdversarialModel, guards

pytestmark = pytest.mark.gradients


def gan(critic: Any = None, ends: str | None = "tanh", **options: Any) -> AdversarialModel:
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(4, ends), layers.Reshape((2, 2))])
    discriminator = keras.Sequential([keras.Input((2, 2)), layers.Flatten(), critic or layers.Dense(1)])
    model = AdversarialModel(generator, discriminator, seed=0)
    model.compile(
        generator_optimizer=keras.optimizers.SGD(0.01), discriminator_optimizer=keras.optimizers.SGD(0.01),
        **{"loss": polyloss.NonSaturatingLoss(), **options},
    )  # fmt: skip
    return model


def test_probabilities_are_told() -> None:
    with pytest.warns(UserWarning, match=r"^AdversarialModel: discriminator must give logits, and ends in a sigmoid"):
        gan(layers.Dense(1, "sigmoid"))


@pytest.mark.parametrize(
    ("penalty", "critic"),
    [
        (polyloss.GradientPenalty(), layers.Dense(1)),
        (None, layers.Dense(1, kernel_constraint="unit_norm")),
        (None, layers.SpectralNormalization(layers.Dense(1))),
    ],
    ids=["penalty", "constraint", "spectral"],
)
def test_a_critic_must_be_bounded(penalty: Any, critic: layers.Layer) -> None:
    with pytest.warns(UserWarning, match=r"^AdversarialModel: WassersteinLoss without a penalty"):
        gan(loss=polyloss.WassersteinLoss())
    gan(critic, loss=polyloss.WassersteinLoss(), penalty=penalty)  # a warning would be an error


def test_whole_numbers_beside_tanh_are_told() -> None:
    real = np.random.default_rng(0).integers(0, 256, (8, 2, 2)).astype("uint8")
    with pytest.warns(UserWarning, match=r"real samples are uint8, 0 to 255, and the generator ends in tanh.*127\.5"):
        gan().fit(real, batch_size=8, verbose=0)
    gan().fit(real / 127.5 - 1, batch_size=8, verbose=0)
    gan(ends=None).fit(real, batch_size=8, verbose=0)


@pytest.mark.parametrize(
    ("after", "ends"),
    [
        ([layers.Dense(1, "tanh")], "tanh"),
        ([layers.Dense(1), layers.Activation("sigmoid"), layers.Flatten()], "sigmoid"),
        ([layers.Dense(2), layers.Softmax()], "softmax"),
        ([layers.Dense(2)], "linear"),
        ([keras.Sequential([layers.Dense(1, "sigmoid")])], "sigmoid"),
        ([layers.Dropout(0.1)], ""),
    ],
)
def test_last_activation(after: list[layers.Layer], ends: str) -> None:
    assert guards.last_activation(keras.Sequential([keras.Input((3,)), *after])) == ends
