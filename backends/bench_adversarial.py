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
import importlib
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
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402

import polyloss  # noqa: E402
from backends.wgan_gp import BATCH, CRITIC_STEPS, adam, pictures, small  # noqa: E402
from polyloss.training import AdversarialModel  # noqa: E402


def ours(its: Any, generator: keras.Model, critic: keras.Model, data: np.ndarray) -> Callable[[int], None]:
    """Epochs of `fit`."""
    gan = AdversarialModel(generator, critic, seed=0)
    gan.compile(
        generator_optimizer=adam(),
        discriminator_optimizer=adam(),
        loss=polyloss.WassersteinLoss(),
        penalty=polyloss.GradientPenalty(),
    )
    given = its.fed(data)
    return lambda epochs: gan.fit(**given, epochs=epochs, verbose=0, shuffle=False) and None


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each side in each round, about")
    options = parser.parse_args()
    backend = keras.backend.backend()
    its = importlib.import_module(f"backends.{backend}.by_hand")
    table = Table(title=f"WGAN-GP, {backend}: milliseconds a step (1 step = {CRITIC_STEPS} critic + 1 generator)")
    for column in ("networks", "", "fit", "by hand", "fit / by hand", "Keras's fit / by hand"):
        table.add_column(column)
    console = Console()
    try:
        with Progress(console=console, transient=True) as progress:
            for networks in (small, pictures):
                sides = {"fit": ours(its, *networks()), "hand": its.by_hand(*networks())}
                if its.keras_fit is not None:
                    sides["plain"] = its.keras_fit(*networks())
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
