"""PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch

from polyloss.framework.scope import Waiting

EXACT_LOG_SOFTMAX = False
EXACT_LABELS = False
clip = torch.clamp
sigmoid = torch.sigmoid


def step(x: torch.Tensor) -> torch.Tensor:
    """1 where x > 0, else 0: without a mask of booleans, which costs ten times an arithmetic pass on the CPU."""
    if torch.compiler.is_compiling():
        return (x > 0).to(x.dtype)
    return torch.sign(x.detach()).clamp(min=0)


at_label = None


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``a * b``, 0 where a is 0 and b infinite; a NaN is lost."""
    if torch.compiler.is_compiling():
        return a * torch.where((a == 0) & (b.abs() > 1e18), 0.0, b)
    return (a * b).nan_to_num(nan=0.0, posinf=float("inf"), neginf=-float("inf"))


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is: eager PyTorch is cheap to dispatch."""
    return function


def ranked(x: Any, rank: Callable[[], int]) -> Any:
    """`x` as it is: its rank is known."""
    return x


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def _gradients(total: torch.Tensor, by: Sequence[torch.Tensor], again: bool) -> list[torch.Tensor]:
    """Gradients by tensors, zeros where there is no path; the `.grad` of no parameter is touched."""
    if not total.requires_grad or not by:
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
        with Waiting() as scope:
            result = loss()
        value = result[0] if isinstance(result, tuple) else result
        gradients = _gradients(value, [v.value for v in variables], again=False)
    scope.settle()
    return keras.tree.map_structure(lambda x: x.detach() if isinstance(x, torch.Tensor) else x, result), gradients


def without_gradient(f: Callable[[], Any]) -> Any:
    """``f()`` as a constant."""
    with torch.no_grad():
        return f()


def apply_gradients(optimizer: Any, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> None:
    """One step of `optimizer`."""
    if not variables:
        return
    with torch.no_grad():
        optimizer.apply(list(gradients), list(variables))


def restoring(
    function: Callable[..., Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Callable[..., Any]:
    """`function` as it is: variables hold their own values."""
    return function


def fed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def as_step(
    run: Callable[[Any], Any], args: Sequence[Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Any:
    """``run(data)``: variables hold their own values."""
    return run(*args)


# -- closed forms -----------------------------------------------------------------------------------


def closed_form(body: Callable[..., Any]) -> Callable[..., Any]:
    """`body` with its own slope: computed with the value and kept, 4 bytes an element.

    Where another tensor than the first needs a gradient, the value is differentiated as it is written.
    """

    def call(x: torch.Tensor, *others: torch.Tensor, **parameters: Any) -> torch.Tensor:
        if not (torch.is_grad_enabled() and x.requires_grad) or any(t.requires_grad for t in others):
            return body(x, *others, **parameters)[0]
        if torch.compiler.is_compiling():
            return _Traced.apply(body, tuple(parameters.items()), x, *others)
        return _Closed.apply(body, parameters, x, *others)[0]

    return call


def _spread(slope: torch.Tensor, over: torch.Tensor) -> torch.Tensor:
    """A slope of the values, over the classes of a row where there is one value a row."""
    return slope if slope.dim() == over.dim() else slope.unsqueeze(-1)


class _Traced(torch.autograd.Function):
    """For torch.compile: what is kept between forward and backward is the compiler's choice."""

    generate_vmap_rule = True

    @staticmethod
    def forward(body: Any, parameters: Any, x: Any, *others: Any) -> Any:
        return body(x, *others, **dict(parameters))[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.body, ctx.parameters = inputs[:2]
        ctx.save_for_backward(*inputs[2:])

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        by_x = ctx.body(*ctx.saved_tensors, **dict(ctx.parameters))[1]()
        return None, None, _spread(slope, by_x) * by_x, *[None] * (len(ctx.saved_tensors) - 1)


class _Closed(torch.autograd.Function):
    """For eager PyTorch and torch.func: gives the value and the slope, which the backward pass only scales."""

    generate_vmap_rule = True

    @staticmethod
    def forward(body: Any, parameters: Any, x: Any, *others: Any) -> Any:
        value, slope = body(x, *others, **parameters)
        return value, slope()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.body, ctx.parameters = inputs[:2]
        ctx.others, ctx.rows = len(inputs) - 3, output[0].dim() < inputs[2].dim()
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs[2:], output[1])
        ctx.save_for_forward(*inputs[2:], output[1])

    @staticmethod
    def backward(ctx: Any, slope: Any, _: Any) -> Any:
        *inputs, by_x = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative may be asked for: the kept slope is a constant
            by_x = ctx.body(*inputs, **ctx.parameters)[1]()
        return None, None, _spread(slope, by_x) * by_x, *[None] * ctx.others

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x, *others, by_x), given = ctx.saved_tensors, tangents[2:]
        along = ctx.body(x, *others, **ctx.parameters)[1]() * given[0]
        along = along.sum(-1) if ctx.rows else along
        moved = [i for i, tangent in enumerate(given[1:]) if tangent is not None]
        if moved:

            def value(*chosen: torch.Tensor) -> torch.Tensor:
                rest = list(others)
                for i, other in zip(moved, chosen, strict=True):
                    rest[i] = other
                return ctx.body(x, *rest, **ctx.parameters)[0]

            at, by = tuple(others[i] for i in moved), tuple(given[1 + i] for i in moved)
            along = along + torch.func.jvp(value, at, by)[1]
        return along, torch.zeros_like(by_x)
