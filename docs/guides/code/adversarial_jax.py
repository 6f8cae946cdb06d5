"""An adversarial training loop in plain JAX."""

from itertools import pairwise

import jax
import numpy as np
import optax
from jax import numpy as jnp


def layers(draws, *sizes):
    """Weights and biases of dense layers."""
    return [
        (
            draws.normal(0, (2 / n) ** 0.5, (n, m)).astype("float32"),
            np.zeros(m, "float32"),
        )
        for n, m in pairwise(sizes)
    ]


def network(parameters, x):
    """Dense layers; the last one is linear."""
    for w, b in parameters[:-1]:
        x = jax.nn.leaky_relu(x @ w + b, 0.2)
    w, b = parameters[-1]
    return x @ w + b


def train(
    loss,
    real,
    *,
    penalty=None,
    steps=1,
    units=64,
    latent=8,
    epochs=20,
    batch=64,
    rate=5e-4,
    seed=0,
):
    """`steps` updates of the discriminator for each of the generator, in turn."""
    draws, key = np.random.default_rng(seed), jax.random.key(seed)
    generator = layers(draws, latent, units, units, real.shape[1])
    discriminator = layers(draws, real.shape[1], units, units, 1)
    optimizer = optax.adam(rate, b1=0.5)
    states = optimizer.init(generator), optimizer.init(discriminator)

    def discriminator_loss(d, g, x, key):
        def critic(samples):
            return network(d, samples)

        for_latents, for_penalty = jax.random.split(key)
        fake = network(g, jax.random.normal(for_latents, (len(x), latent)))
        total = loss.discriminator(critic(x), critic(fake))
        if penalty is None:
            return total, total
        share = jax.random.uniform(for_penalty, (len(x),))
        return total + penalty(critic, x, fake, share), total

    def generator_loss(g, d, key):
        return loss.generator(
            network(d, network(g, jax.random.normal(key, (batch, latent))))
        )

    @jax.jit
    def step(g, d, states, x, key):
        g_state, d_state = states
        *keys, last = jax.random.split(key, steps + 1)
        for key in keys:
            slopes, value = jax.grad(discriminator_loss, has_aux=True)(d, g, x, key)
            updates, d_state = optimizer.update(slopes, d_state)
            d = optax.apply_updates(d, updates)
        updates, g_state = optimizer.update(
            jax.grad(generator_loss)(g, d, last), g_state
        )
        return optax.apply_updates(g, updates), d, (g_state, d_state), value

    history = []
    for _ in range(epochs):
        values = []
        for rows in draws.permutation(len(real))[: len(real) // batch * batch].reshape(
            -1, batch
        ):
            key, now = jax.random.split(key)
            generator, discriminator, states, value = step(
                generator, discriminator, states, real[rows], now
            )
            values.append(value)
        history.append(float(jnp.mean(jnp.stack(values))))

    def sample(rows):
        return np.asarray(
            network(generator, draws.normal(size=(rows, latent)).astype("float32"))
        )

    return sample, history
