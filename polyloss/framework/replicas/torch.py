"""PyTorch: the processes of a group. Every operation here is differentiable twice, by what it is made of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch
import torch.distributed as dist

ADDS_UP = False
_all_gather: Any = getattr(dist, "all_gather_single", None) or getattr(dist, "all_gather_into_tensor", None)
_reduce_scatter: Any = getattr(dist, "reduce_scatter_single", None) or getattr(dist, "reduce_scatter_tensor", None)
"""By their names since PyTorch 2.13, which warns of the older ones; without either where PyTorch is built so."""


def engine(where: Any) -> Any:
    """The process group of the data; None where there is one process."""
    if where is None or not dist.is_available() or not dist.is_initialized():
        return None
    group = dist.group.WORLD if where == "auto" else where
    return None if dist.get_world_size(group) == 1 else group


def count(engine: Any) -> int:
    """How many processes there are."""
    return dist.get_world_size(engine)


def index(engine: Any) -> int:
    """Which one this is."""
    return dist.get_rank(engine)


def total(x: torch.Tensor, engine: Any) -> torch.Tensor:
    """The sum over processes; as it is where Keras only asks for shapes."""
    return x if x.device.type == "meta" else _Total.apply(x, engine)


def gathered(x: torch.Tensor, engine: Any, even: bool) -> tuple[torch.Tensor, int]:
    """All rows, and where those of this process begin; unequal numbers of rows are padded on the way."""
    if x.device.type == "meta":
        return x, 0
    if x.dtype is torch.bool:
        rows, first = gathered(x.to(torch.uint8), engine, even)
        return rows.to(torch.bool), first
    mine, rank = x.shape[0], dist.get_rank(engine)
    if even:
        return _Gathered.apply(x, engine), rank * mine
    each = _each(mine, engine, x.device)
    most = max(each)
    if min(each) == most:
        return _Gathered.apply(x, engine), rank * mine
    padded = _Gathered.apply(torch.cat([x, x.new_zeros((most - mine, *x.shape[1:]))]), engine)
    parts = [padded[i * most : i * most + n] for i, n in enumerate(each)]
    return torch.cat(parts), sum(each[:rank])


def shifted(x: torch.Tensor, engine: Any) -> torch.Tensor:
    """The value of the process before this one."""
    return x if x.device.type == "meta" else _Shifted.apply(x, engine, 1)


def rows(mine: int, engine: Any) -> tuple[int, int]:
    """The first row of this process, and how many there are."""
    each = _each(mine, engine, keras.ops.zeros(()).device)
    return sum(each[: dist.get_rank(engine)]), sum(each)


def own(x: torch.Tensor, first: int, mine: int) -> torch.Tensor:
    """The rows of this process among those of all."""
    return x[first : first + mine]


def averaged(tensors: Sequence[torch.Tensor], engine: Any) -> list[torch.Tensor]:
    """Their means over processes, one exchange for each dtype."""
    found = list(tensors)
    for places in _by_dtype(found):
        flat = torch.cat([found[i].detach().reshape(-1) for i in places])
        _together(dist.all_reduce, flat, group=engine)
        parts = torch.split(flat / dist.get_world_size(engine), [found[i].numel() for i in places])
        for i, part in zip(places, parts, strict=True):
            found[i] = part.reshape(found[i].shape)
    return found


def alike(variables: Sequence[keras.Variable], engine: Any) -> None:
    """Give variables the values of the first process, as DistributedDataParallel does at its start."""
    values = [v.value.detach() for v in variables]
    first = dist.get_global_rank(engine, 0)
    for places in _by_dtype(values):
        flat = torch.cat([values[i].reshape(-1) for i in places])
        _together(functools.partial(dist.broadcast, src=first), flat, group=engine)
        parts = torch.split(flat, [values[i].numel() for i in places])
        for i, part in zip(places, parts, strict=True):
            variables[i].assign(part.reshape(values[i].shape))


def _each(mine: int, engine: Any, device: Any) -> list[int]:
    """How many rows each process has."""
    found = torch.empty(dist.get_world_size(engine), dtype=torch.int64, device=device)
    _together(_all_gather, found, torch.tensor([mine], device=device), group=engine)
    return found.tolist()


def _by_dtype(tensors: Sequence[torch.Tensor]) -> list[list[int]]:
    """The positions of the tensors of each dtype, in an order that is the same everywhere."""
    dtypes = list(dict.fromkeys(t.dtype for t in tensors))
    return [[i for i, t in enumerate(tensors) if t.dtype is dtype] for dtype in dtypes]


def _together(operation: Callable[..., Any], *tensors: torch.Tensor, group: Any) -> None:
    """An operation of all processes, whose error says who waited for whom."""
    try:
        operation(*tensors, group=group)
    except RuntimeError as error:
        ranks, mine = dist.get_process_group_ranks(group), dist.get_rank()
        others = ", ".join(str(rank) for rank in ranks if rank != mine)
        raise RuntimeError(
            f"polyloss.replica: process {mine} waited for all of {len(ranks)} processes in a loss, and of {others} one "
            f"has ended, hangs or does not compute this loss: {error}"
        ) from error


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, engine: Any) -> torch.Tensor:
        ctx.engine = engine
        result = x.detach().clone(memory_format=torch.contiguous_format)
        _together(dist.all_reduce, result, group=engine)
        return result

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> Any:
        return _Total.apply(slope, ctx.engine), None


class _Gathered(torch.autograd.Function):
    """Equal numbers of rows."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, engine: Any) -> torch.Tensor:
        ctx.engine = engine
        x = x.detach().contiguous()
        rows = x.new_empty((dist.get_world_size(engine) * x.shape[0], *x.shape[1:]))
        _together(_all_gather, rows, x, group=engine)
        return rows

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> Any:
        return _Scattered.apply(slope, ctx.engine), None


class _Scattered(torch.autograd.Function):
    """The adjoint of `_Gathered`: the sum over processes, of which each keeps its rows."""

    @staticmethod
    def forward(ctx: Any, slope: torch.Tensor, engine: Any) -> torch.Tensor:
        ctx.engine = engine
        slope = slope.detach().contiguous()
        mine = slope.new_empty((slope.shape[0] // dist.get_world_size(engine), *slope.shape[1:]))
        _together(_reduce_scatter, mine, slope, group=engine)
        return mine

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> Any:
        return _Gathered.apply(slope, ctx.engine), None


class _Shifted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, engine: Any, by: int) -> torch.Tensor:
        ctx.engine, ctx.by = engine, by
        replicas, rank = dist.get_world_size(engine), dist.get_rank(engine)
        x = x.detach().contiguous()
        result = torch.empty_like(x)
        to, origin = (dist.get_global_rank(engine, (rank + step) % replicas) for step in (by, -by))
        sends = [dist.P2POp(dist.isend, x, to, engine), dist.P2POp(dist.irecv, result, origin, engine)]
        for work in dist.batch_isend_irecv(sends):
            work.wait()
        return result

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> Any:
        return _Shifted.apply(slope, ctx.engine, -ctx.by), None, None
