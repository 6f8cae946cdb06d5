"""A model trained step by step, as `fit` trains it, with what each step did."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import ml_dtypes  # of Keras's own requirements
import numpy as np
from keras import ops

from polyloss.framework import private, process
from polyloss.study import draws
from polyloss.study.configuration import layers_of
from polyloss.study.modes import MODES
from polyloss.study.workload import Arrays, Workload, WorkloadError
from polyloss.training import OptimizerGroup, StepModel


class Trained:
    """A compiled model that can be set back to given weights and trained again, compiled once.

    The step is Keras's own `train_function`, the inside of `fit`; where `fit` keeps the values outside of the
    variables (JAX), they stay there until `settle`.
    """

    def __init__(self, workload: Workload, train: Arrays, mode: str, first: Arrays) -> None:
        self.model = build(workload, train)
        workload.compiled(self.model, **MODES[mode])
        own = mode == "loop"
        self.ran = process.compiled_by(self.model) + (" in a loop of its own" if own else "")
        self.train_function = process.OwnLoop if own else process.TrainFunction
        self.first = first
        self.terms = list(self.model.terms) if isinstance(self.model, StepModel) else ["loss"]
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self.norms = watch_gradients(self.model.optimizer)
        self.fresh = [ops.convert_to_numpy(v) for v in self.model.optimizer.variables]

    def compile(self) -> None:
        """The very first step: tracing, compilation and all. What it makes of the weights is not used."""
        data = as_tensors(self.first)  # what `fit` gives too; torch.compile breaks its graph at NumPy arrays
        start = time.perf_counter()
        if self.train_function is process.TrainFunction:
            x, y, weight = data
            self.model.train_on_batch(*[part for part in (x, y, weight) if part is not None])
            process.wait([v.value for v in self.model.variables])
        else:
            train = self.train_function(self.model)
            train.ready(data)()
            process.wait(train.state())
        self.first_seconds = time.perf_counter() - start

    # -- state --------------------------------------------------------------------------------------

    def reset(self, weights: pathlib.Path, seed: int, moved: int) -> None:
        """Start again from the weights, each moved by one ULP where `moved` is not 0."""
        load_weights(self.model, weights)
        for variable, value in zip(self.model.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)
        if moved:
            move(self.model, self.model.trainable_variables, np.random.default_rng([moved, 1]))
        draws.restart(self.model, seed)
        self.train = self.train_function(self.model)

    def settle(self) -> None:
        """Bring the state back into the variables."""
        self.train.settle()

    # -- a step -------------------------------------------------------------------------------------

    def step(self, batch: Arrays) -> tuple[dict[str, float], float, float]:
        """Train on a batch: the terms of this batch, the norm of the gradient, the seconds until the device is done."""
        data = as_tensors(batch)
        process.wait(data)
        take = self.train.ready(data)
        start = time.perf_counter()
        logs = take()
        process.wait(self.train.state())
        seconds = time.perf_counter() - start
        norms = self.train.optimizer_values(self.norms)
        terms = {name: float(ops.convert_to_numpy(logs[name])) for name in self.terms}
        norm = float(np.sqrt(sum(float(ops.convert_to_numpy(n)) ** 2 for n in norms)))
        return terms, norm, seconds

    def evaluate(self, test: Arrays, batch_size: int) -> dict[str, float]:
        """The metrics on the test data."""
        self.settle()
        x, y, weight = test
        found = self.model.evaluate(
            *[part for part in (x, y) if part is not None],
            sample_weight=weight,
            batch_size=batch_size,
            return_dict=True,
            verbose=0,
        )
        return {name: float(value) for name, value in found.items()}


def as_tensors(arrays: Arrays) -> Arrays:
    """On the backend's device."""
    return keras.tree.map_structure(lambda a: None if a is None else ops.convert_to_tensor(a), arrays)


def forget() -> None:
    """Forget models and their names, and nothing that a workload's file has set: `clear_session` would drop that too."""
    policy, fast = keras.config.dtype_policy(), keras.config.is_flash_attention_enabled()
    distribution = keras.distribution.distribution()
    keras.backend.clear_session()
    keras.config.set_dtype_policy(policy)
    if fast is not None:
        (keras.config.enable_flash_attention if fast else keras.config.disable_flash_attention)()
    if distribution is not None:
        keras.distribution.set_distribution(distribution)


def build(workload: Workload, train: Arrays) -> Any:
    """The model, with variables."""
    model = workload.model()
    if not isinstance(model, keras.Model):
        raise WorkloadError(f"Workload: model() must return a keras.Model. Got {model!r}.")
    if not model.built or not all(layer.built for layer in private.flat_layers(model)):
        x = keras.tree.map_structure(lambda a: ops.convert_to_tensor(a[:2]), train[0])
        model(x)
    return model


def watch_gradients(optimizer: Any) -> list[Any]:
    """Let an optimizer (each member of a group) keep the norm of the gradient it is given, in a variable of its own."""
    members: Sequence[Any] = list(optimizer.members.values()) if isinstance(optimizer, OptimizerGroup) else [optimizer]
    norms = []
    for member in members:
        norm = member.add_variable(shape=(), initializer="zeros", dtype="float32", name="gradient_norm")
        member.apply = _watched(member, member.apply, norm)
        norms.append(norm)
    return norms


def _watched(optimizer: Any, apply: Callable[..., Any], norm: Any) -> Callable[..., Any]:
    def watched(grads: Any, trainable_variables: Any = None) -> Any:
        squares = [ops.sum(ops.square(ops.cast(dense(g), "float32"))) for g in grads if g is not None]
        scale = getattr(optimizer, "dynamic_scale", 1.0)  # of a LossScaleOptimizer
        norm.assign(ops.sqrt(sum(squares)) / scale)
        return apply(grads, trainable_variables)

    return watched


def dense(gradient: Any) -> Any:
    """TensorFlow gives the gradient of an embedding as slices: a row for each time that one was looked up."""
    return ops.convert_to_tensor(gradient, sparse=False)


# -- weights handed over ---------------------------------------------------------------------------


def save_weights(model: Any, path: pathlib.Path) -> None:
    """Every weight with its path, in order."""
    values = [ops.convert_to_numpy(ops.cast(v.value, "float32") if _is_half(v) else v.value) for v in model.weights]
    with path.open("wb") as file:
        np.savez(file, *values, paths=np.array([v.path for v in model.weights]), allow_pickle=False)


def load_weights(model: Any, path: pathlib.Path) -> None:
    """What `save_weights` has written: by path where the paths are there, else in order.

    Keras's own file goes by the names of classes, and one may have another name on one backend.

    Raises:
        ValueError: where the model has other weights.
    """
    with np.load(path) as stored:
        paths = [str(p) for p in stored["paths"]]
        values = [stored[f"arr_{i}"] for i in range(len(paths))]
    own = {v.path: v for v in model.weights}
    by_path = len(own) == len(model.weights) and set(paths) <= set(own)
    variables = [own[p] for p in paths] if by_path else list(model.weights)
    shapes, found = [v.shape for v in values], [tuple(v.shape) for v in variables]
    if shapes != found:
        raise ValueError(
            f"study: the model must have the same weights on every backend. Got the shapes {found}, and on the first "
            f"backend {shapes}."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(ops.convert_to_tensor(value, dtype=variable.dtype))


# -- precision --------------------------------------------------------------------------------------

HALF = ("float16", "bfloat16")
"""Where Keras keeps weights in float32 and rounds them for each use."""


def policies(model: Any) -> dict[str, int]:
    """How many layers have which dtype policy, as they were built."""
    found: dict[str, int] = {}
    for layer in layers_of(model):
        name = layer.dtype_policy.name
        found[name] = found.get(name, 0) + 1
    return found


def precision(model: Any) -> str:
    """The coarsest dtype in which a layer computes."""
    dtypes = {layer.compute_dtype for layer in layers_of(model)}
    return next((dtype for dtype in ("bfloat16", "float16", "float32") if dtype in dtypes), "float32")


def move(model: Any, variables: Sequence[Any], rng: np.random.Generator) -> None:
    """Each number of the variables moved to a neighbour, in the dtype in which its layer computes."""
    computed = {id(v): layer.compute_dtype for layer in private.flat_layers(model) for v in layer.trainable_variables}
    for variable in variables:
        value = ops.convert_to_numpy(ops.cast(variable.value, "float32") if _is_half(variable) else variable.value)
        moved = one_ulp_off(value, rng, computed.get(id(variable), variable.dtype))
        variable.assign(ops.convert_to_tensor(moved, dtype=variable.dtype))


def _is_half(x: Any) -> bool:
    return keras.backend.standardize_dtype(x.dtype) in HALF


def one_ulp_off(x: np.ndarray, rng: np.random.Generator, dtype: str = "") -> np.ndarray:
    """Each number moved to the next one above or below; integers and 0 stay.

    Args:
        x: The numbers.
        rng: Chooses between above and below.
        dtype: Whose next number; float16 and bfloat16 move a number of float32 that is rounded to them when used.
    """
    if not np.issubdtype(x.dtype, np.floating):
        return x
    up = rng.integers(2, size=x.shape) == 0
    if dtype in HALF:
        rounded = x.astype(_NUMPY[dtype])
        step = np.nextafter(rounded, np.where(up, -np.inf, np.inf).astype(rounded.dtype)).astype(x.dtype)
        moved = x + (step - rounded.astype(x.dtype))
    else:
        moved = np.nextafter(x, np.where(up, -np.inf, np.inf).astype(x.dtype))
    return np.where((x == 0) | ~np.isfinite(moved), x, moved)


_NUMPY = {"float16": np.dtype("float16"), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
