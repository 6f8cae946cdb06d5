"""Problem 3: terrain from a Wasserstein GAN."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload

SIZE, LATENT, STEPS = 8, 8, 2


def data(rng: np.random.Generator) -> dict[str, Any]:
    """Smooth random heights, 8 x 8; latents and the penalty's points between real and made come with them."""
    rows = 256
    waves = np.cos(np.outer(np.arange(3), np.linspace(0, np.pi, SIZE)))
    heights = np.einsum("rij,ia,jb->rab", rng.normal(0, 0.4, (rows, 3, 3)), waves, waves)
    batch = {
        "real": np.tanh(heights)[..., None],
        "latent": rng.standard_normal((rows, STEPS + 1, LATENT)),
        "penalty": rng.random((rows, STEPS)),
    }
    return {"train": {name: array.astype("float32") for name, array in batch.items()}}


def model() -> polyloss.training.AdversarialModel:
    """A dense generator, a convolutional critic."""
    generator = keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(32, activation="relu", name="generator_hidden"),
            layers.Dense(SIZE * SIZE, activation="tanh", name="generator_heights"),
            layers.Reshape((SIZE, SIZE, 1), name="generator_reshape"),
        ],
        name="generator",
    )
    critic = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Conv2D(8, 3, strides=2, padding="same", name="critic_conv"),
            layers.LeakyReLU(0.2, name="critic_relu"),
            layers.Flatten(name="critic_flatten"),
            layers.Dense(1, name="critic_dense"),
        ],
        name="critic",
    )
    return polyloss.training.AdversarialModel(generator, critic, seed=1)


def compiled(model: polyloss.training.AdversarialModel, **options: Any) -> None:
    """As in the WGAN-GP paper, with fewer steps of the critic."""
    model.compile(
        generator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5, beta_2=0.9),
        discriminator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5, beta_2=0.9),
        loss=polyloss.WassersteinLoss(),
        penalty=polyloss.GradientPenalty(),
        discriminator_steps=STEPS,
        **options,
    )


def workload() -> Workload:
    """A gradient of a gradient in every step."""
    return Workload(
        model=model,
        data=data,
        compile=compiled,
        batch_size=32,
        epochs=3,
        about="A Wasserstein GAN for terrain: WassersteinLoss and GradientPenalty.",
    )
