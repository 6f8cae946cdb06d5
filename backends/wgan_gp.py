"""What both sides of the benchmark of adversarial training (backends/bench_adversarial.py) train, and how."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

BATCH, CRITIC_STEPS, RATE, BETAS = 64, 5, 1e-4, (0.5, 0.9)


def small(width: int = 128) -> tuple[keras.Model, keras.Model, np.ndarray]:
    """Dense networks on points."""

    def dense(inputs: int, outputs: int) -> keras.Model:
        hidden = [layers.Dense(width, "tanh") for _ in range(3)]
        return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(outputs)])

    return dense(8, 2), dense(2, 1), np.random.default_rng(0).normal(size=(512 * BATCH, 2)).astype("float32")


def pictures(width: int = 16) -> tuple[keras.Model, keras.Model, np.ndarray]:
    """Convolutions on 16 x 16 pictures."""
    generator = keras.Sequential(
        [
            keras.Input((32,)),
            layers.Dense(4 * 4 * 2 * width, "relu"),
            layers.Reshape((4, 4, 2 * width)),
            layers.UpSampling2D(),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.UpSampling2D(),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ]
    )
    critic = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(width, 5, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(2 * width, 5, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, critic, np.random.default_rng(0).uniform(-1, 1, (16 * BATCH, 16, 16, 1)).astype("float32")


def adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(RATE, beta_1=BETAS[0], beta_2=BETAS[1])
