"""PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from polyloss.framework.process import plain


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def device_name() -> str:
    """The device that computes, in words."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def device_memory() -> int | None:
    """The most bytes that were in use on the device so far; None where the device does not say."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def exact_products() -> None:
    """Products of float32 in float32: no TF32."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def double_precision() -> None:
    """Float64 is float64."""


def graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def compiled_by(model: Any) -> str:
    """What compiles the train function of a compiled model, in words."""
    return "torch.compile" if model.jit_compile and not model.run_eagerly else "eager"


class TrainFunction(plain.TrainFunction):
    """Keras's train function, which takes the batch itself."""

    def fed(self, data: Any) -> Any:
        return [data]


class OwnLoop(plain.TrainFunction):
    """The same model, loss and optimizer in a loop as one writes it for PyTorch: forward, backward, step."""

    def ready(self, data: Any) -> Callable[[], dict[str, Any]]:
        model, (x, y, weight) = self.model, data
        variables = model.trainable_weights

        def step() -> dict[str, Any]:
            model.zero_grad()
            predicted = model(x, training=True)
            total = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
            model.optimizer.scale_loss(total).backward()
            with torch.no_grad():
                model.optimizer.apply([v.value.grad for v in variables], variables)
            return {"loss": total.detach()}

        return step
