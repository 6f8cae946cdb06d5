"""JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from polyloss.framework.process import plain


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    jax.block_until_ready(values)


def device_name() -> str:
    """The device that computes, in words."""
    return str(jax.devices()[0].device_kind)


def device_memory() -> int | None:
    """The most bytes that were in use on the device so far; None where the device does not say."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def exact_products() -> None:
    """Products of float32 in float32: no TF32, no bfloat16 passes."""
    jax.config.update("jax_default_matmul_precision", "highest")


def double_precision() -> None:
    """Let float64 be float64."""
    jax.config.update("jax_enable_x64", True)


def graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`: `ops.map` is compiled by itself."""
    return function


def compiled_by(model: Any) -> str:
    """What compiles the train function of a compiled model, in words."""
    return "jax.jit" if model.jit_compile and not model.run_eagerly else "eager"


class TrainFunction(plain.TrainFunction):
    """Keras's train function; as in `fit`, the values stay outside of the variables until `settle`."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.values: tuple[Any, ...] | None = None
        model.reset_metrics()
        self.zero_metrics = [np.array(ops.convert_to_numpy(v)) for v in model.metrics_variables]

    def ready(self, data: Any) -> Callable[[], dict[str, Any]]:
        model = self.model
        if self.values is None:
            groups = [model.trainable_variables, model.non_trainable_variables, model.optimizer.variables]
            self.values = tuple([v.value for v in group] for group in groups)
        state = (*self.values[:3], [ops.convert_to_tensor(v) for v in self.zero_metrics])

        def step() -> dict[str, Any]:
            logs, self.values = model.train_function(state, iter([data]))
            return logs

        return step

    def state(self) -> Any:
        return super().state() if self.values is None else self.values

    def optimizer_values(self, variables: Sequence[keras.Variable]) -> list[Any]:
        if self.values is None:
            return super().optimizer_values(variables)
        wanted = {id(v) for v in variables}
        own = zip(self.model.optimizer.variables, self.values[2], strict=True)
        return [value for variable, value in own if id(variable) in wanted]

    def settle(self) -> None:
        if self.values is not None:
            model = self.model
            groups = [model.trainable_variables, model.non_trainable_variables, model.optimizer.variables]
            for group, values in zip([*groups, model.metrics_variables], self.values, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)
            self.values = None


class OwnLoop(TrainFunction):
    """The same model, loss and optimizer in a loop as one writes it for JAX: one jitted function of all values."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        if not hasattr(model, "own_step"):
            step = functools.partial(_own_step, model, self.groups)
            model.own_step = jax.jit(step) if model.jit_compile else step

    def ready(self, data: Any) -> Callable[[], dict[str, Any]]:
        if self.values is None:
            self.values = tuple([v.value for v in group] for group in self.groups)

        def step() -> dict[str, Any]:
            loss, self.values = self.model.own_step(self.values, *data)
            return {"loss": loss}

        return step

    def settle(self) -> None:
        if self.values is not None:  # what comes next, an evaluation say, may give these values away
            for group, values in zip(self.groups, self.values, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)
            self.values = None


def _own_step(model: Any, groups: Any, values: Any, x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
    trainable, rest, slots = values

    def loss(trainable: Any) -> tuple[Any, Any]:
        pairs = [pair for group, given in zip(groups, (trainable, rest, slots), strict=True)
                 for pair in zip(group, given, strict=True)]  # fmt: skip
        with keras.StatelessScope(state_mapping=pairs) as scope:
            predicted = model(x, training=True)
            total = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
            scaled = model.optimizer.scale_loss(total)
        return scaled, (total, [scope.get_current_value(v) for v in groups[1]])

    (_, (total, rest)), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
    trainable, slots = model.optimizer.stateless_apply(slots, gradients, trainable)
    return total, (trainable, rest, slots)
