"""WGAN-GP by hand in PyTorch: what backends/bench_adversarial.py sets `fit` beside. The same names in every backend's.

``by_hand(generator, critic, data)``
    A function that trains so many epochs.
``fed(data)``
    The arguments with which `fit` is given the data.
``keras_fit``
    Keras's own `fit` around the step of the loop by hand; None where nothing speaks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from backends.wgan_gp import BATCH, BETAS, CRITIC_STEPS, RATE


def by_hand(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """Eager code."""
    import torch

    parameters = [[v.value for v in n.trainable_variables] for n in (generator, critic)]
    g_adam, c_adam = (torch.optim.Adam(p, RATE, BETAS, eps=1e-7) for p in parameters)
    latent = generator.input_shape[1]
    ones = [1] * (data.ndim - 1)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            sums = np.zeros(4)
            for i in range(0, len(data), BATCH):
                real = torch.from_numpy(data[i : i + BATCH])
                for _ in range(CRITIC_STEPS):
                    with torch.no_grad():
                        fake = generator(torch.randn(len(real), latent), training=True)
                    share = torch.rand(len(real), *ones)
                    between = (share * real + (1 - share) * fake).requires_grad_(True)
                    (slope,) = torch.autograd.grad(critic(between, training=True).sum(), between, create_graph=True)
                    norm = slope.flatten(1).norm(dim=1)
                    loss = critic(fake, training=True).mean() - critic(real, training=True).mean()
                    penalty = 10 * ((norm - 1) ** 2).mean()
                    c_adam.zero_grad()
                    (loss + penalty).backward(inputs=parameters[1])
                    c_adam.step()
                value = -critic(generator(torch.randn(len(real), latent), training=True), training=True).mean()
                g_adam.zero_grad()
                value.backward(inputs=parameters[0])
                g_adam.step()
                sums += [x.item() for x in (loss, penalty, norm.mean(), value)]

    return train


def fed(data: np.ndarray) -> dict[str, Any]:
    return {"x": data, "batch_size": BATCH}


keras_fit = None
