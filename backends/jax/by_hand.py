"""WGAN-GP by hand in JAX: what backends/bench_adversarial.py sets `fit` beside. The same names in every backend's.

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

from backends.wgan_gp import BATCH, CRITIC_STEPS, adam


def by_hand(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """A jitted step, state in and state out."""
    import jax
    import jax.numpy as jnp

    g_adam, c_adam = adam(), adam()
    g_adam.build(generator.trainable_variables)
    c_adam.build(critic.trainable_variables)
    latent = generator.input_shape[1]
    ones = [1] * (data.ndim - 1)

    def apply(network: keras.Model, weights: Any, x: Any) -> Any:
        return network.stateless_call(weights, [], x, training=True)[0]

    def critic_loss(weights: Any, real: Any, fake: Any, share: Any) -> tuple[Any, Any]:
        between = share * real + (1 - share) * fake
        slope = jax.grad(lambda x: apply(critic, weights, x).sum())(between)
        norm = jnp.sqrt((slope**2).sum(tuple(range(1, data.ndim))))
        loss = apply(critic, weights, fake).mean() - apply(critic, weights, real).mean()
        penalty = 10 * ((norm - 1) ** 2).mean()
        return loss + penalty, (loss, penalty, norm.mean())

    def generator_loss(weights: Any, critic_weights: Any, z: Any) -> Any:
        return -apply(critic, critic_weights, apply(generator, weights, z)).mean()

    def step(state: Any, real: Any) -> tuple[Any, Any]:
        g, c, g_slots, c_slots, key = state
        for _ in range(CRITIC_STEPS):
            key, k1, k2 = jax.random.split(key, 3)
            fake = apply(generator, g, jax.random.normal(k1, (len(real), latent)))
            share = jax.random.uniform(k2, (len(real), *ones))
            gradients, terms = jax.grad(critic_loss, has_aux=True)(c, real, fake, share)
            c, c_slots = c_adam.stateless_apply(c_slots, gradients, c)
        key, k1 = jax.random.split(key)
        value, gradients = jax.value_and_grad(generator_loss)(g, c, jax.random.normal(k1, (len(real), latent)))
        g, g_slots = g_adam.stateless_apply(g_slots, gradients, g)
        return (g, c, g_slots, c_slots, key), (*terms, value)

    step = jax.jit(step, donate_argnums=0)
    held = {
        "state": (
            *([v.value + 0 for v in n.trainable_variables] for n in (generator, critic)),
            *([v.value + 0 for v in o.variables] for o in (g_adam, c_adam)),
            jax.random.key(0),
        )
    }

    def train(epochs: int) -> None:
        for _ in range(epochs):
            sums = np.zeros(4)
            logged = []
            for i in range(0, len(data), BATCH):
                held["state"], terms = step(held["state"], data[i : i + BATCH])
                logged.append(terms)
            sums += np.array(jax.device_get(logged)).sum(0)

    return train


def fed(data: np.ndarray) -> dict[str, Any]:
    return {"x": data, "batch_size": BATCH}


keras_fit = None
