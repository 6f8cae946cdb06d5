"""PyTorch: a Python loop, in place where nothing has to be kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch

from polyloss.framework.transforms.torch import beyond_gradients


def over(step: Callable[..., Any], carry: Any, total: int, block: int | None, rows: bool = False) -> Any:
    """One block after the other."""
    block = block or max(total, 1)
    for first in range(0, total, block):
        carry = step(carry, first, min(block, total - first))
    return carry


def recomputed(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` with its own gradient; under vmap and in forward mode with that of the whole table."""

    def call(plan: Any, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not (torch.is_grad_enabled() and any(x.requires_grad for x in tensors)):
            return forward(plan, *tensors)[0]
        if beyond_gradients():
            return forward(dataclasses.replace(plan, block=None), *tensors)[0]
        return tuple(_Recomputed.apply(forward, backward, plan, *tensors)[: plan.results])

    return call


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(forward: Any, backward: Any, plan: Any, *tensors: torch.Tensor) -> Any:
        results, kept = forward(plan, *tensors)
        return (*results, *kept)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.forward_of, ctx.backward_of, ctx.plan = inputs[:3]
        kept = output[ctx.plan.results :]
        ctx.mark_non_differentiable(*kept)
        ctx.save_for_backward(*inputs[3:], *kept)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> Any:
        wanted, upstream = ctx.needs_input_grad[3:], upstream[: ctx.plan.results]
        saved = ctx.saved_tensors
        tensors, kept = saved[: len(wanted)], saved[len(wanted) :]
        if torch.is_grad_enabled():  # a second derivative may be asked for: of the whole table, which autograd keeps
            tensors = [x.view_as(x) for x in tensors]  # new ones: of two that hang together each has its own part
            results = ctx.forward_of(dataclasses.replace(ctx.plan, block=None), *tensors)[0]
            by = [x for x, w in zip(tensors, wanted, strict=True) if w]
            found = iter(torch.autograd.grad(results, by, upstream, create_graph=True, allow_unused=True))
            return None, None, None, *(next(found) if w else None for w in wanted)
        return None, None, None, *ctx.backward_of(ctx.plan, tensors, kept, upstream, wanted)


def cut(x: torch.Tensor, first: int, count: int, axis: int) -> torch.Tensor:
    """A view of some columns."""
    return x.narrow(axis, first, count)


def written(x: torch.Tensor, part: torch.Tensor, first: int, axis: int) -> torch.Tensor:
    """`x`, some columns replaced."""
    if x.shape == part.shape:  # all of them: no writing in what vmap does not know
        return part.to(x.dtype)
    x.narrow(axis, first, part.shape[axis]).copy_(part)
    return x


def _half(x: torch.Tensor) -> bool:
    return x.dtype in (torch.float16, torch.bfloat16)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``a @ b``, in float32 at least; on CUDA by its units for bfloat16, which add up in float32."""
    if a.is_cuda and torch.bfloat16 in (a.dtype, b.dtype) and torch.float64 not in (a.dtype, b.dtype):
        return torch.mm(a.to(torch.bfloat16), b.to(torch.bfloat16), out_dtype=torch.float32)
    return torch.mm(a.float() if _half(a) else a, b.float() if _half(b) else b)


def added(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`x`, with the product added."""
    return x.addmm_(a, b) if x.dtype == a.dtype == b.dtype else x.add_(product(a, b))


def turned(x: torch.Tensor) -> torch.Tensor:
    """A view with the axes changed."""
    return x.t()


def own_copy(x: torch.Tensor) -> torch.Tensor:
    """A copy, to be written in."""
    return x.clone(memory_format=torch.contiguous_format)


def place(index: torch.Tensor, first: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An index into the block that is always one, and whether it is meant."""
    at = (index - first).long().unsqueeze(-1)
    return at.clamp(0, count - 1), (at >= 0) & (at < count)


def picked(z: torch.Tensor, place: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """By index: a mask over the block would cost more than its product."""
    at, there = place
    return torch.where(there, z.gather(1, at), 0.0).squeeze(-1)


def filled(z: torch.Tensor, place: tuple[torch.Tensor, torch.Tensor], value: Any) -> torch.Tensor:
    """In place, unless autograd looks on."""
    at, there = place
    value = value.unsqueeze(-1) if isinstance(value, torch.Tensor) else value
    now = torch.where(there, value, z.gather(1, at))
    return z.scatter(1, at, now) if z.requires_grad else z.scatter_(1, at, now)


def exp_above(z: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """In place, unless autograd looks on."""
    base = base.unsqueeze(-1)
    return (z - base).exp() if z.requires_grad else z.sub_(base).exp_()


def scaled(z: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """In place."""
    return z.mul_(by.unsqueeze(-1))


def zeros(shape: Sequence[int], dtype: str, like: torch.Tensor) -> torch.Tensor:
    """On the device of `like`."""
    return torch.zeros(tuple(shape), dtype=getattr(torch, dtype), device=like.device)
