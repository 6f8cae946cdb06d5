"""WGAN-GP by hand in TensorFlow: what backends/bench_adversarial.py sets `fit` beside. The same names in every backend's.

``by_hand(generator, critic, data)``
    A function that trains so many epochs.
``fed(data)``
    The arguments with which `fit` is given the data.
``keras_fit``
    Keras's own `fit` around the step of the loop by hand; None where nothing speaks for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from backends.wgan_gp import BATCH, CRITIC_STEPS, adam


def batches_of(data: np.ndarray, as_keras_wants: bool = False) -> Any:
    """The input pipeline of both sides on TensorFlow.

    Without autotuning: the end of an iterator waits for its thread, up to a second in every epoch of any `fit`.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    batches = tf.data.Dataset.from_tensor_slices((data,) if as_keras_wants else data).batch(BATCH).prefetch(2)
    return batches.with_options(options)


def by_hand(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """A tf.function with tapes, over a tf.data.Dataset."""
    import tensorflow as tf

    g_adam, c_adam = adam(), adam()
    g_adam.build(generator.trainable_variables)
    c_adam.build(critic.trainable_variables)
    latent = generator.input_shape[1]
    ones = [1] * (data.ndim - 1)

    zero = tf.UnconnectedGradients.ZERO

    @tf.function
    def step(real: Any) -> Any:
        rows = tf.shape(real)[0]
        for _ in range(CRITIC_STEPS):
            fake = generator(tf.random.normal((rows, latent)), training=True)
            share = tf.random.uniform((rows, *ones))
            with tf.GradientTape() as tape:
                between = share * real + (1 - share) * fake
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    judged = critic(between, training=True)
                slope = inner.gradient(judged, between)
                norm = tf.sqrt(tf.reduce_sum(slope**2, axis=list(range(1, data.ndim))))
                loss = tf.reduce_mean(critic(fake, training=True)) - tf.reduce_mean(critic(real, training=True))
                penalty = 10 * tf.reduce_mean((norm - 1) ** 2)
                total = loss + penalty
            c_adam.apply(tape.gradient(total, critic.trainable_weights, unconnected_gradients=zero))
        with tf.GradientTape() as tape:
            value = -tf.reduce_mean(critic(generator(tf.random.normal((rows, latent)), training=True), training=True))
        g_adam.apply(tape.gradient(value, generator.trainable_weights))
        return tf.stack([loss, penalty, tf.reduce_mean(norm), value])

    batches = batches_of(data)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            np.sum([step(real).numpy() for real in batches], axis=0)

    return train


def keras_fit(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """What a `fit` costs by itself: Keras's own around the step of the loop by hand, with a mean for each term."""

    step = inspect.getclosurevars(by_hand(generator, critic, data)).nonlocals["step"].python_function

    class Plain(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.networks = [generator, critic]
            self.means = [keras.metrics.Mean(name=name) for name in ("loss", "penalty", "norm", "value")]
            self.built = True

        @property
        def metrics(self) -> list[keras.metrics.Metric]:
            return self.means

        def train_step(self, batch: Any) -> dict[str, Any]:
            terms = step(batch[0])
            for i, mean in enumerate(self.means):
                mean.update_state(terms[i])
            return {mean.name: mean.result() for mean in self.means}

    plain = Plain()
    plain.compile()
    return lambda epochs: plain.fit(batches_of(data, True), epochs=epochs, verbose=0, shuffle=False) and None


def fed(data: np.ndarray) -> dict[str, Any]:
    return {"x": batches_of(data, True)}
