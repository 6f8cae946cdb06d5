"""PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch

EXACT_LOG_SOFTMAX = False
clip = torch.clamp
at_label = None


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is: eager PyTorch is cheap to dispatch."""
    return function


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def replica_count() -> int:
    """One: DistributedDataParallel averages gradients."""
    return 1


def _gradients(total: torch.Tensor, by: Sequence[torch.Tensor], again: bool) -> list[torch.Tensor]:
    """Gradients by tensors, zeros where there is no path; the `.grad` of no parameter is touched."""
    if not total.requires_grad:
        return [torch.zeros_like(x) for x in by]
    found = torch.autograd.grad(total, by, create_graph=again, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, by, strict=True)]


@torch.compiler.disable  # compiled code (AOTAutograd) has no second derivative
def input_gradients(f: Callable[..., Any], args: Sequence[Any], positions: Sequence[int]) -> list[torch.Tensor]:
    """Gradients of ``sum(f(*args))`` by the arguments at `positions`; constants under `torch.no_grad`."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        given = list(args)
        for position in positions:  # a new tensor: what f reads of the same argument otherwise is a constant
            x = keras.ops.convert_to_tensor(args[position])
            given[position] = x.view_as(x) if x.requires_grad else x.detach().requires_grad_(True)
        return _gradients(f(*given).sum(), [given[i] for i in positions], again=again)


def value_and_grad(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> tuple[Any, list[torch.Tensor]]:
    """``loss()`` and the gradient of its (first) result by each variable."""
    with torch.enable_grad():
        result = loss()
        value = result[0] if isinstance(result, tuple) else result
        gradients = _gradients(value, [v.value for v in variables], again=False)
    return keras.tree.map_structure(lambda x: x.detach() if isinstance(x, torch.Tensor) else x, result), gradients


def without_gradient(f: Callable[[], Any]) -> Any:
    """``f()`` as a constant."""
    with torch.no_grad():
        return f()


def apply_gradients(optimizer: Any, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> None:
    """One step of `optimizer`."""
    with torch.no_grad():
        optimizer.apply(list(gradients), list(variables))


def fed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def as_step(
    run: Callable[[Any], Any], args: Sequence[Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Any:
    """``run(data)``: variables hold their own values."""
    return run(*args)
