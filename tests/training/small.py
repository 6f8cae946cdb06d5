"""The small problem that the tests of adversarial training share: 256 points of a Gaussian, tiny networks."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
from keras import layers

import polyloss
from polyloss.training import AdversarialModel

ROWS, BATCH = 256, 64
_draws = np.random.RandomState(0)
REAL = (_draws.randn(ROWS, 2) * 0.3 + [2.0, -1.0]).astype("float32")
LATENT = _draws.randn(ROWS, 4).astype("float32")
SHARE = _draws.rand(ROWS, 1).astype("float32")
BATCHES = {"real": REAL, "latent": LATENT[:, None], "penalty": SHARE}

# What a loop written by hand in float64 (tests/training/by_hand.py) logs on it: WGAN-GP, two steps of the
# critic for one of the generator, Adam(1e-2, beta_1=0.5), mean over the batches of each of three epochs.
BY_HAND = {
    "discriminator_loss": [0.6041459, -0.8942378, -1.5352713],
    "penalty": [1.3696191, 0.320996, 0.2538444],
    "gradient_norm": [0.7992911, 0.9960861, 1.0129598],
    "generator_loss": [-0.2218509, -0.2827484, -0.1806831],
}
BY_HAND_SPECTRAL = {  # the same with a critic whose kernels have the largest singular value 1
    "discriminator_loss": [0.4857462, 0.0171387, -0.8239656],
    "penalty": [2.8905605, 0.1778476, 0.178904],
    "gradient_norm": [0.5302373, 0.8778653, 0.8836476],
    "generator_loss": [-0.240711, -0.2790915, 0.153344],
}


def weights(sizes: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Kernels and biases of a chain of Dense layers."""
    draws = np.random.RandomState(seed)
    return [
        w
        for m, n in itertools.pairwise(sizes)
        for w in (draws.randn(m, n).astype("float32") * 0.4, np.zeros(n, "float32"))
    ]


def network(sizes: tuple[int, ...], seed: int, between: Any = ()) -> keras.Model:
    """Dense layers with tanh, and with the layers that `between` makes before each tanh."""
    model = keras.Sequential([keras.Input(sizes[:1])])
    for units in sizes[1:-1]:
        model.add(layers.Dense(units))
        for make in between:
            model.add(make())
        model.add(layers.Activation("tanh"))
    model.add(layers.Dense(sizes[-1]))
    given = iter(weights(sizes, seed))
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            layer.set_weights([next(given), next(given)])
    return model


def model(between: Any = (), **options: Any) -> AdversarialModel:
    """The model, not compiled."""
    return AdversarialModel(network((4, 16, 2), 1), network((2, 16, 16, 1), 2, between), **options)


TWICE = {"discriminator_steps": 2}
"""As the loop written by hand has it."""


def compiled(gan: AdversarialModel, **options: Any) -> AdversarialModel:
    """WGAN-GP, one step of the critic for one of the generator: each more is traced and compiled as well."""
    settings: dict[str, Any] = {
        "generator_optimizer": keras.optimizers.Adam(1e-2, beta_1=0.5),
        "discriminator_optimizer": keras.optimizers.Adam(1e-2, beta_1=0.5),
        "loss": polyloss.WassersteinLoss(),
        "penalty": polyloss.GradientPenalty(),
        "discriminator_steps": 1,
    }
    gan.compile(**{**settings, **options})
    return gan


def fit(gan: AdversarialModel, epochs: int = 3, data: Any = None, **options: Any) -> dict[str, list[float]]:
    """Train, in order; what was logged."""
    data = BATCHES if data is None else data
    return gan.fit(data, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, **options).history
