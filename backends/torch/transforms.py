"""What PyTorch makes of a function beside its gradient: ``TRANSFORMS`` by name, for tests/checks/test_transforms.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import func
from torch.utils.checkpoint import checkpoint

Scalar = Callable[[Any], Any]


def forward_mode(f: Scalar, x: Any, v: Any) -> Any:
    return func.jvp(f, (x,), (v,))[1]


def forward_over_reverse(f: Scalar, x: Any, v: Any) -> Any:
    return func.jvp(func.grad(f), (x,), (v,))[1]


def reverse_over_reverse(f: Scalar, x: Any, v: Any) -> Any:
    x = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
    along = (gradient * v).sum()
    if not along.requires_grad:  # the slope does not depend on x
        return torch.zeros_like(x)
    (curvature,) = torch.autograd.grad(along, x, allow_unused=True, materialize_grads=True)
    return curvature


def checkpointed(f: Scalar, x: Any, v: Any) -> Any:
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(checkpoint(f, x, use_reentrant=False), x)[0]


def compiled_for_any_size(f: Scalar, x: Any, v: Any) -> Any:
    torch.compiler.reset()
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(torch.compile(f, backend="aot_eager", fullgraph=True, dynamic=True)(x), x)[0]


class _Module(torch.nn.Module):
    def __init__(self, f: Scalar) -> None:
        super().__init__()
        self.f = f

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = self.f(x)
        return value


def exported(f: Scalar, x: Any, v: Any) -> Any:
    return torch.export.export(_Module(f), (x,)).module()(x)


TRANSFORMS: dict[str, tuple[str, Callable[[Scalar, Any, Any], Any]]] = {
    "func.jvp": ("along", forward_mode),
    "func.jvp of func.grad": ("curvature", forward_over_reverse),
    "autograd.grad twice": ("curvature", reverse_over_reverse),
    "checkpoint": ("gradient", checkpointed),
    "compile, dynamic": ("gradient", compiled_for_any_size),
    "export": ("value", exported),
}
"""What each gives, and how: the derivative along v, the second derivative along v, the gradient, or the value."""

NOT: dict[str, tuple[str, ...]] = {}
"""What a transform refuses, by loss."""


def each_sample(f: Callable[[Any, Any], Any], y: Any, x: Any) -> Any:
    """The gradient of each sample, by vmap."""
    return func.vmap(func.grad(f, 1))(y, x)
