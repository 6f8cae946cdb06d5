"""An adversarial training loop in plain TensorFlow."""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf


def layers(*sizes):
    """Weights and biases of dense layers."""
    return [
        tf.Variable(v)
        for n, m in pairwise(sizes)
        for v in (tf.random.normal((n, m), 0, (2 / n) ** 0.5), tf.zeros(m))
    ]


def network(variables, x):
    """Dense layers; the last one is linear."""
    *hidden, w, b = variables
    for i in range(0, len(hidden), 2):
        x = tf.nn.leaky_relu(x @ hidden[i] + hidden[i + 1], 0.2)
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
    tf.random.set_seed(seed)
    generator = layers(latent, units, units, real.shape[1])
    discriminator = layers(real.shape[1], units, units, 1)
    for_generator = keras.optimizers.Adam(rate, beta_1=0.5)
    for_discriminator = keras.optimizers.Adam(rate, beta_1=0.5)
    for_generator.build(generator)
    for_discriminator.build(discriminator)

    def critic(samples):
        return network(discriminator, samples)

    @tf.function
    def step(x):
        for _ in range(steps):
            fake = network(generator, tf.random.normal((batch, latent)))
            with tf.GradientTape() as tape:
                value = total = loss.discriminator(critic(x), critic(fake))
                if penalty is not None:
                    total = value + penalty(
                        critic, x, fake, tf.random.uniform((batch,))
                    )
            for_discriminator.apply(tape.gradient(total, discriminator), discriminator)
        with tf.GradientTape() as tape:
            total = loss.generator(
                critic(network(generator, tf.random.normal((batch, latent))))
            )
        for_generator.apply(tape.gradient(total, generator), generator)
        return value

    batches = (
        tf.data.Dataset.from_tensor_slices(real)
        .shuffle(len(real), seed=seed)
        .batch(batch, drop_remainder=True)
    )
    history = [float(np.mean([step(x) for x in batches])) for _ in range(epochs)]

    def sample(rows):
        return network(generator, tf.random.normal((rows, latent))).numpy()

    return sample, history
