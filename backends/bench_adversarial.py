"""Steps per second of `AdversarialModel.fit` beside a loop written by hand in the framework itself.

    KERAS_BACKEND=jax python backends/bench_adversarial.py

The same Keras networks, the same WGAN-GP (five steps of the critic for one of the generator, batch 64), noise
drawn within the step on both sides, both by their best of several interleaved rounds in one process. The loop by
hand is what one would write without polyloss: on JAX a jitted function with the state passed along, on TensorFlow
a `tf.function` with tapes, on PyTorch eager code with `torch.optim.Adam`. Beside the clock stands the CPU time: where
other programs share the cores, the clock measures them too. On TensorFlow a third side is Keras's own `fit` around
the step of the loop by hand: what no `fit` avoids.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# In place of this folder, whose subfolders are named like the frameworks.
sys.path[0] = str(Path(__file__).resolve().parents[1])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402

import polyloss  # noqa: E402
from polyloss.training import AdversarialModel  # noqa: E402

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


def ours(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """Epochs of `fit`."""
    gan = AdversarialModel(generator, critic, seed=0)
    gan.compile(
        generator_optimizer=adam(),
        discriminator_optimizer=adam(),
        loss=polyloss.WassersteinLoss(),
        penalty=polyloss.GradientPenalty(),
    )
    if keras.backend.backend() == "tensorflow":
        return lambda epochs: gan.fit(tensorflow_batches(data, True), epochs=epochs, verbose=0, shuffle=False) and None
    return lambda epochs: gan.fit(data, batch_size=BATCH, epochs=epochs, verbose=0, shuffle=False) and None


def tensorflow_batches(data: np.ndarray, as_keras_wants: bool = False) -> Any:
    """The input pipeline of both sides on TensorFlow.

    Without autotuning: the end of an iterator waits for its thread, up to a second in every epoch of any `fit`.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    batches = tf.data.Dataset.from_tensor_slices((data,) if as_keras_wants else data).batch(BATCH).prefetch(2)
    return batches.with_options(options)


def jax_by_hand(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
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


def tensorflow_by_hand(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
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

    batches = tensorflow_batches(data)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            np.sum([step(real).numpy() for real in batches], axis=0)

    return train


def tensorflow_keras_fit(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """What a `fit` costs by itself: Keras's own around the step of the loop by hand, with a mean for each term."""
    import inspect

    step = inspect.getclosurevars(tensorflow_by_hand(generator, critic, data)).nonlocals["step"].python_function

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
    return lambda epochs: plain.fit(tensorflow_batches(data, True), epochs=epochs, verbose=0, shuffle=False) and None


def torch_by_hand(generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
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


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each side in each round, about")
    options = parser.parse_args()
    backend = keras.backend.backend()
    by_hand = {"jax": jax_by_hand, "tensorflow": tensorflow_by_hand, "torch": torch_by_hand}[backend]
    table = Table(title=f"WGAN-GP, {backend}: milliseconds a step (1 step = {CRITIC_STEPS} critic + 1 generator)")
    for column in ("networks", "", "fit", "by hand", "fit / by hand", "Keras's fit / by hand"):
        table.add_column(column)
    console = Console()
    try:
        with Progress(console=console, transient=True) as progress:
            for networks in (small, pictures):
                sides = {"fit": ours(*networks()), "hand": by_hand(*networks())}
                if backend == "tensorflow":
                    sides["plain"] = tensorflow_keras_fit(*networks())
                task = progress.add_task(str(networks.__doc__), total=len(sides) * (1 + options.rounds))
                advance = functools.partial(progress.advance, task)
                steps = len(networks()[2]) // BATCH
                for clock, took in measure(sides, steps, options.rounds, options.seconds, advance).items():
                    ratio = f"{took['fit'] / took['hand']:.2f}"
                    control = f"{took['plain'] / took['hand']:.2f}" if "plain" in took else "-"
                    table.add_row(networks.__doc__, clock, f"{took['fit']:.2f}", f"{took['hand']:.2f}", ratio, control)
    finally:  # what was measured before Ctrl-C, too
        console.print(table)


def measure(
    sides: dict[str, Callable[[int], None]], steps: int, rounds: int, seconds: float, advance: Callable[[], None]
) -> dict[str, dict[str, float]]:
    """Each side's best milliseconds a step, by the clock and in CPU time; the sides take turns."""
    clocks = {"clock": time.perf_counter, "CPU": time.process_time}
    best = {clock: dict.fromkeys(sides, float("inf")) for clock in clocks}
    epochs = {}
    for name, train in sides.items():
        train(2)  # compiles, warms up
        start = time.perf_counter()
        train(1)
        epochs[name] = max(1, round(seconds / (time.perf_counter() - start)))
        advance()
    for _ in range(rounds):
        for name, train in sides.items():
            start = {clock: now() for clock, now in clocks.items()}
            train(epochs[name])
            for clock, now in clocks.items():
                took = 1000 * (now() - start[clock]) / (epochs[name] * steps)
                best[clock][name] = min(best[clock][name], took)
            advance()
    return best


if __name__ == "__main__":
    main()
