"""What every engine is tried with: a small model, a batch whose parts are as unequal as can be, losses, and a judge.

Imported by the scripts beside it, after they have set up their devices. A script runs each case on one device first,
then on its replicas, and prints a line of JSON for each case (`report`); the tests read them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

import polyloss
from polyloss import replica

ROWS, STEPS, FEATURES, CLASSES = 16, 3, 6, 4
_rng = np.random.default_rng(0)
WEIGHTS = [
    (scale * _rng.normal(size=shape)).astype("float32")
    for scale, shape in [(0.5, (FEATURES, 8)), (0.1, (8,)), (0.5, (8, CLASSES)), (0.1, (CLASSES,))]
]
X = _rng.normal(size=(ROWS, STEPS, FEATURES)).astype("float32")
REAL = _rng.normal(size=(ROWS, STEPS, CLASSES)).astype("float32")
TOKENS = _rng.integers(0, CLASSES, (ROWS, STEPS)).astype("int32")
TOKENS[8:13] = 0  # of class 0, the ignored one, nearly all are on one replica of four
IDS = np.repeat(np.arange(6), 3)[_rng.permutation(18)[:ROWS]].astype("int32")
MASKS = (_rng.random((ROWS, STEPS, CLASSES)) < np.linspace(0.9, 0.02, ROWS)[:, None, None]).astype("float32")
LENGTHS = np.array([3, 3, 3, 3, 3, 3, 2, 3, 1, 0, 0, 1, 0, 1, 0, 0])  # valid steps of four replicas: 12, 11, 2, 1
PADDED = np.where(np.arange(STEPS)[None, :, None] < LENGTHS[:, None, None], X, 0.0).astype("float32")
ROW_WEIGHT = np.array([1, 2, 3, 4, 0.5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0], "float32")  # one replica of four has none
STEP_WEIGHT = ROW_WEIGHT[:, None] * np.array([1.0, 0.5, 2.0], "float32")
HALF_GONE = (np.arange(ROWS) % 5 != 1).astype("float32")
BY_WEIGHT = "mean_with_sample_weight"


def model(example: np.ndarray, masking: bool = False) -> keras.Model:
    """Two layers on the last axis, from `WEIGHTS`."""
    inputs = keras.Input(example.shape[1:])
    x = keras.layers.Masking()(inputs) if masking else inputs
    outputs = keras.layers.Dense(CLASSES)(keras.layers.Dense(8, activation="tanh")(x))
    made = keras.Model(inputs, outputs)
    made.set_weights(WEIGHTS)
    return made


# -- losses ----------------------------------------------------------------------------------------


class FocalByPositives(polyloss.Loss):
    """A loss of a user's own, divided by the number of positives of the global batch, as RetinaNet has it."""

    def call(self, y_true, y_pred):
        cost = ops.sum(polyloss.focal_loss(y_true, y_pred, from_logits=True))
        return replica.replica_sum(cost) / replica.replica_sum(ops.sum(y_true))


def by_hand(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """A function of a user's own, from the public functions."""
    return replica.for_engine(replica.replica_mean(ops.sum(ops.abs(y_true - y_pred), axis=-1), sample_weight))


class AroundARing(polyloss.Loss):
    """Errors weighted by the number of their row, which come by from replica to replica."""

    def call(self, y_true, y_pred):
        passed, total = ops.sum(ops.square(y_true - y_pred), axis=(1, 2)), 0.0
        rows, replicas = passed.shape[0], replica.replica_count()
        for step in range(replicas):
            first = (replica.replica_index() - step) % replicas * rows
            total = total + ops.sum(passed * ops.cast(first + ops.arange(rows), "float32"))
            passed = replica.replica_shift(passed)
        return total


class OwnRowsOnly(polyloss.NTXentLoss):
    """A common fault: the rows of other replicas carry no gradient. It must be found out."""

    def _of_all(self, y_true, y_pred, present):
        first, rows = replica.gather_replicas(y_pred)[1], ops.shape(y_pred)[0]

        class Faulty(polyloss.NTXentLoss):
            def call(self, y_true, y_pred, present=None):
                index = ops.cumsum(ops.ones_like(y_pred[:, :1, :1], dtype="int32"), axis=0) - 1
                mine = ops.logical_and(index >= first, index < first + rows)
                return super().call(y_true, ops.where(mine, y_pred, ops.stop_gradient(y_pred)), present)

        return Faulty()._of_all(y_true, y_pred, present)


class ThroughKernel(polyloss.LinearCrossentropyLoss):
    """What the model gives are hidden states, and the kernel is the same everywhere."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        kernel = ops.convert_to_tensor(np.eye(CLASSES, dtype="float32")[::-1] + 0.5)
        return super().__call__(y_true, (y_pred, kernel), sample_weight)


class FromTeacher(polyloss.LinearDistillationLoss):
    """The same of a teacher's hidden states and kernel, and a student's."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        teacher, student = (ops.convert_to_tensor(np.eye(CLASSES, dtype="float32")[::d] + 0.5) for d in (1, -1))
        return super().__call__((y_true, teacher), (y_pred, student), sample_weight)


class LocalNegatives(polyloss.NTXentLoss):
    """A common fault: each replica alone. It must be found out."""

    def _of_all(self, y_true, y_pred, present):
        return self.call(y_true, y_pred, present)


@dataclass(frozen=True)
class Case:
    """A loss and its batch. `equal`: it must equal one device; else it is a control, which must not."""

    name: str
    loss: Callable[[], Any]
    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    masking: bool = False
    equal: bool = True

    def model(self) -> keras.Model:
        return model(self.x, self.masking)

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        return self.x[start:stop], self.y[start:stop], None if self.weight is None else self.weight[start:stop]


FLAT, PAIRS = X[:, 0], X[:, :2]
SPARSE = polyloss.SparseCategoricalCrossentropy
DICE = dict(from_logits=True, per="batch", smooth=1.0)
CASES = [
    Case("MeanSquaredError", polyloss.MeanSquaredError, X, REAL),
    Case("MeanSquaredError, weights", polyloss.MeanSquaredError, X, REAL, STEP_WEIGHT),
    Case("MeanSquaredError, by weight", lambda: polyloss.MeanSquaredError(reduction=BY_WEIGHT), X, REAL, STEP_WEIGHT),
    Case("MeanSquaredError, sum", lambda: polyloss.MeanSquaredError(reduction="sum"), X, REAL, ROW_WEIGHT),
    Case("Huber, mask and by weight", lambda: polyloss.Huber(reduction=BY_WEIGHT), PADDED, REAL, ROW_WEIGHT, True),
    Case("sparse CE of tokens, mask", lambda: SPARSE(from_logits=True), PADDED, TOKENS, None, True),
    Case("sparse CE, ignore_class", lambda: SPARSE(from_logits=True, ignore_class=0), X, TOKENS),
    Case("linear CE, by weight", lambda: ThroughKernel(reduction=BY_WEIGHT), X, TOKENS, STEP_WEIGHT),
    Case("linear distillation, by weight", lambda: FromTeacher(reduction=BY_WEIGHT, beta=0.5), X, REAL, STEP_WEIGHT),
    Case("CategoricalFocalLoss, labels", lambda: polyloss.CategoricalFocalLoss(from_logits=True), X, TOKENS),
    Case("PolyLoss, labels", lambda: polyloss.PolyLoss(from_logits=True), X, TOKENS, ROW_WEIGHT),
    Case("focal by positives", FocalByPositives, X, MASKS),
    Case("a function by hand", lambda: by_hand, X, REAL),
    Case("Dice, batch", lambda: polyloss.Dice(**DICE), X, MASKS),
    Case("Dice, batch, weights", lambda: polyloss.Dice(**DICE), X, MASKS, STEP_WEIGHT),
    Case("Dice, batch, sum", lambda: polyloss.Dice(**DICE, reduction="sum"), X, MASKS),
    Case("Tversky, sample", lambda: polyloss.Tversky(from_logits=True, smooth=1.0), X, MASKS, ROW_WEIGHT),
    Case("TripletLoss", polyloss.TripletLoss, FLAT, IDS),
    Case("TripletLoss, hard, weights", lambda: polyloss.TripletLoss(mining="hard"), FLAT, IDS, ROW_WEIGHT),
    Case("TripletLoss, all, absent", lambda: polyloss.TripletLoss(mining="all"), FLAT, IDS, HALF_GONE),
    Case("NTXentLoss", polyloss.NTXentLoss, PAIRS, IDS),
    Case("NTXentLoss, by weight", lambda: polyloss.NTXentLoss(reduction=BY_WEIGHT), PAIRS, IDS, ROW_WEIGHT),
]
CONTROLS = [
    Case("control: gather without gradient", OwnRowsOnly, PAIRS, IDS, equal=False),
    Case("control: each replica alone", LocalNegatives, PAIRS, IDS, equal=False),
    Case("control: masked mean of Keras", keras.losses.MeanSquaredError, PADDED, REAL, None, True, equal=False),
]
RING = Case("around a ring", AroundARing, X, REAL)  # where replicas have equal numbers of rows
QUICK = ["MeanSquaredError, by weight", "sparse CE, ignore_class", "Dice, batch", "NTXentLoss"]


def cases(controls: bool = True, ring: bool = False) -> list[Case]:
    """Those to run; with ``--quick`` four and a control."""
    quick = "--quick" in sys.argv
    chosen = [case for case in CASES if case.name in QUICK] if quick else CASES + [RING] * ring
    return chosen + CONTROLS[: 1 if quick else None] if controls else chosen


# -- results ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """A value and its gradient by all weights."""

    value: Any
    gradient: np.ndarray


def flat(gradients: Any) -> np.ndarray:
    return np.concatenate([np.asarray(ops.convert_to_numpy(g), "float64").ravel() for g in gradients])


def fit(case: Case, made: keras.Model, batch_size: int = ROWS, data: Any = None, rate: float = 16.0) -> Result:
    """An epoch of `fit`: what was logged, and how far the weights went, which in one step is the gradient.

    A high rate, a power of two, keeps the digits of the gradient in the difference.
    """
    made.compile(keras.optimizers.SGD(rate), loss=case.loss())
    x, y, weight = case.rows(0, ROWS) if data is None else data
    logged = made.fit(x, y, sample_weight=weight, batch_size=batch_size, epochs=1, shuffle=False, verbose=0)
    moved = [before - after for before, after in zip(WEIGHTS, made.get_weights(), strict=True)]
    return Result(float(logged.history["loss"][0]), flat(moved) / rate)


def report(engine: str, case: Case, got: Result, one: Result) -> None:
    """One line: relative errors, the gradient's by its largest entry."""
    value = abs(got.value - one.value) / abs(one.value)
    gradient = float(np.abs(got.gradient - one.gradient).max() / np.abs(one.gradient).max())
    line(engine, case, value, gradient)


def line(engine: str, case: Any, value: float, gradient: float) -> None:
    """A line of JSON that the tests read."""
    found = {"engine": engine, "case": case.name, "equal": case.equal, "value": value, "gradient": gradient}
    print(json.dumps(found), flush=True)


def port() -> int:
    """What the test gave to all processes of a run."""
    return int(os.environ["POLYLOSS_PORT"])


def without_the_last(
    how: str, rank: int, world: int, seconds: float, first: float, call: Callable[[], Any], kind: type[Exception]
) -> None:
    """The last process dies, or hangs, before ``call()``; the others print the error of that kind, and end."""
    if rank == world - 1:
        if how == "dies":
            os._exit(7)
        time.sleep(2 * seconds)
        os._exit(0)
    start = time.monotonic()
    try:
        call()
    except kind as error:
        took = time.monotonic() - start
        report = {"value": first, "kind": type(error).__name__, "error": str(error), "seconds": took}
        print(json.dumps(report), flush=True)
        os._exit(3)
