"""Problem 2: a GAN that draws fashion items."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.study.workload import Workload

SIZE, LATENT = 8, 12


def data(rng: np.random.Generator) -> dict[str, Any]:
    """Silhouettes of trousers and T-shirts, 8 x 8; the latents come with them."""
    rows = 384
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1
    width = rng.uniform(0.3, 0.7, (rows, 1, 1))
    trousers = (abs(x) < width) & ((abs(x) > 0.15) | (y < -0.5))
    shirt = (abs(x) < width) | ((abs(x) < 0.95) & (y < -0.3))
    shade = rng.uniform(0.5, 1.0, (rows, 1, 1))
    pictures = np.where(rng.random((rows, 1, 1)) < 0.5, trousers, shirt) * shade * 2 - 1
    latent = rng.standard_normal((rows, 2, LATENT))  # one for the discriminator's step, one for the generator's
    return {"train": {"real": pictures[..., None].astype("float32"), "latent": latent.astype("float32")}}


def model() -> polyloss.training.AdversarialModel:
    """Two small convolutional networks."""
    generator = keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(4 * 4 * 8, name="generator_dense"),
            layers.LeakyReLU(0.2, name="generator_relu"),
            layers.Reshape((4, 4, 8), name="generator_reshape"),
            layers.UpSampling2D(name="generator_up"),
            layers.Conv2D(1, 3, padding="same", activation="tanh", name="generator_conv"),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Conv2D(8, 4, strides=2, padding="same", name="discriminator_conv"),
            layers.LeakyReLU(0.2, name="discriminator_relu"),
            layers.Flatten(name="discriminator_flatten"),
            layers.Dense(1, name="discriminator_dense"),
        ],
        name="discriminator",
    )
    return polyloss.training.AdversarialModel(generator, discriminator, seed=1)


def compiled(model: polyloss.training.AdversarialModel, **options: Any) -> None:
    """With the first GAN's loss, in its non-saturating form."""
    model.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        loss=polyloss.NonSaturatingLoss(),
        **options,
    )


def workload() -> Workload:
    """A generator and a discriminator, trained in turn."""
    return Workload(
        model=model,
        data=data,
        compile=compiled,
        batch_size=32,
        epochs=3,
        about="A GAN for fashion items: NonSaturatingLoss, the minimax game in the form that trains.",
    )
