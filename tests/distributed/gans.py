"""Adversarial training, and a step of one's own, that every engine is tried with: `problem` for models of two networks.

A case is trained on one device and on replicas; what is compared is all that was logged, and how far all weights went.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

import polyloss
from polyloss import replica
from polyloss.training import AdversarialModel, OptimizerGroup, StepModel, minimize
from tests.distributed import problem
from tests.training import small

BATCH = 16
ROWS = 2 * BATCH + 12  # the last batch is a smaller one
REAL = small.REAL[: ROWS + 1]


class Alone(AdversarialModel):
    """A common fault: every replica draws its noise for its own rows, from the one seed. It must be found out."""

    def _draw(self, what: str, shape: Any, seed: Any) -> Any:
        return self._drawn(what, shape, seed=seed)


class Twin(StepModel):
    """A step of a user's own: noise for the batch, a loss class and a function."""

    terms = ("near", "far")

    def __init__(self) -> None:
        super().__init__()
        self.network = small.network((2, 8, 2), 1)
        self.critic = small.network((2, 8, 1), 2)
        self.seed = keras.random.SeedGenerator(3)
        self.near = polyloss.Huber(0.5)
        self.built = True

    def step(self, data: Any) -> dict[str, Any]:
        noise = replica.replica_draw(lambda shape: keras.random.normal(shape, seed=self.seed), ops.shape(data))

        def near() -> Any:
            return self.near(data, self.network(data + 0.1 * noise))

        def far() -> Any:
            slope = polyloss.gradient(self.critic)(data + noise)
            return replica.for_engine(replica.replica_mean(ops.sum(slope * slope, axis=-1)))

        return {
            "near": minimize(near, self.network.trainable_variables, self.optimizer["a"]),
            "far": minimize(far, self.critic.trainable_variables, self.optimizer["b"]),
        }


def gan(loss: Any, penalty: Any, rate: float, cls: type[AdversarialModel] = AdversarialModel) -> AdversarialModel:
    made = cls(small.network((4, 16, 2), 1), small.network((2, 16, 16, 1), 2), seed=5, ema_decay=0.5)
    made.discriminator.layers[0].kernel.regularizer = keras.regularizers.L2(0.01)
    made.compile(
        generator_optimizer=keras.optimizers.SGD(rate),
        discriminator_optimizer=keras.optimizers.SGD(rate),
        loss=loss,
        penalty=penalty,
        discriminator_steps=2,
    )
    return made


def twin() -> StepModel:
    made = Twin()
    group = OptimizerGroup({"a": keras.optimizers.SGD(0.1), "b": keras.optimizers.SGD(0.1)})
    group.build({"a": made.network.trainable_variables, "b": made.critic.trainable_variables})
    made.compile(group)
    return made


@dataclass(frozen=True)
class Case:
    """A model, and its data: ``rows`` of them."""

    name: str
    make: Callable[[], Any]
    rows: int = ROWS
    equal: bool = True

    def trained(self, parts: list[int] | None = None, mine: int = 0) -> problem.Result:
        """An epoch of `fit`, by the replica `mine` of those that get these parts of each batch.

        A replica with parts has variables of its own, and all but the first begin elsewhere: `fit` must begin alike.
        """
        made = self.make()
        before = [np.array(ops.convert_to_numpy(v.value)) for v in made.weights]
        if parts is not None:
            for variable in made.trainable_variables:
                variable.assign(variable + 0.01 * mine)
        data, batch = REAL[: self.rows], BATCH
        if parts is not None:
            ends = np.cumsum([0, *parts]) / sum(parts)
            batches = [data[i : i + BATCH] for i in range(0, len(data), BATCH)]
            cuts = [[round(e * len(b)) for e in ends[mine : mine + 2]] for b in batches]
            data = np.concatenate([b[start:end] for b, (start, end) in zip(batches, cuts, strict=True)])
            batch = cuts[0][1] - cuts[0][0]
        logged = made.fit(data, batch_size=batch, epochs=1, shuffle=False, verbose=0).history
        after = [ops.convert_to_numpy(v.value) for v in made.weights]
        moved = problem.flat([b - a for b, a in zip(before, after, strict=True)])
        return problem.Result(np.array([logged[name][0] for name in sorted(logged)]), moved)


WGAN = polyloss.WassersteinLoss
CASES = [
    Case("WGAN-GP, a step", lambda: gan(WGAN(), polyloss.GradientPenalty(), 0.0625), BATCH),
    Case("WGAN-GP, an epoch", lambda: gan(WGAN(), polyloss.GradientPenalty(), 0.05)),
    Case("RaGAN with R1", lambda: gan(polyloss.RelativisticLoss(), polyloss.R1Penalty(1.0), 0.25)),
    # At 0.05 it is about to diverge: one ulp in the data moves the weights by 1e-5, one device alone.
    Case("DRAGAN", lambda: gan(polyloss.MinimaxLoss(), polyloss.GradientPenalty(at="perturbed"), 0.02)),
    Case("a step of one's own", twin),
]
CONTROL = Case(
    "control: noise of each replica", lambda: gan(WGAN(), polyloss.GradientPenalty(), 0.25, Alone), equal=False
)


def cases(controls: bool = True, more: int = 0) -> list[Case]:
    """Those to run, with so many rows more in the last batch; with ``--quick`` one of them and a control."""
    chosen = CASES[:1] if "--quick" in sys.argv else CASES
    chosen = [dataclasses.replace(case, rows=case.rows + more if case.rows > BATCH else BATCH) for case in chosen]
    return [*chosen, CONTROL] if controls else chosen


def report(engine: str, case: Case, got: problem.Result, one: problem.Result) -> None:
    """One line for a case, as `problem.report`; of the logged terms the worst counts."""
    value = float(np.max(np.abs(got.value - one.value) / np.abs(one.value)))
    gradient = float(np.abs(got.gradient - one.gradient).max() / np.abs(one.gradient).max())
    problem.line(engine, case, value, gradient)
