"""PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch

from polyloss.framework.kernels.torch import IN_PLACE, NATIVE, SUMS
from polyloss.framework.scope import Waiting
from polyloss.framework.transforms.torch import beyond_gradients, transformed

EXACT_LOG_SOFTMAX = False
clip = torch.clamp
sigmoid = torch.sigmoid


# -- ops --------------------------------------------------------------------------------------------


def _sum(x: torch.Tensor, axis: Any = None, keepdims: bool = False) -> torch.Tensor:
    if not x.is_floating_point():
        return keras.ops.sum(x, axis, keepdims)
    return x.sum() if axis is None and not keepdims else x.sum(axis, keepdims)


def _expand_dims(x: torch.Tensor, axis: Any) -> torch.Tensor:
    return x.unsqueeze(axis) if isinstance(axis, int) else keras.ops.expand_dims(x, axis)


def _shape(x: torch.Tensor) -> tuple[int, ...]:
    return tuple(x.shape)


def _dtype(given: str | torch.dtype) -> torch.dtype:
    return getattr(torch, given) if isinstance(given, str) else given


def _like(made: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def call(x: torch.Tensor, dtype: str | None = None) -> torch.Tensor:
        return made(x, dtype=None if dtype is None else _dtype(dtype))

    return call


OPS: dict[str, Callable[..., Any]] = {
    "abs": torch.abs,
    "amax": lambda x, axis, keepdims=False: torch.amax(x, axis, keepdims),
    "amin": lambda x, axis, keepdims=False: torch.amin(x, axis, keepdims),
    "cast": lambda x, dtype: x.to(_dtype(dtype)),
    "equal": torch.eq,
    "exp": torch.exp,
    "expand_dims": _expand_dims,
    "expm1": torch.expm1,
    "isfinite": torch.isfinite,
    "isinf": torch.isinf,
    "isnan": torch.isnan,
    "log": torch.log,
    "log1p": torch.log1p,
    "log_softmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "logical_and": torch.logical_and,
    "logical_not": torch.logical_not,
    "logical_or": torch.logical_or,
    "logsumexp": lambda x, axis: torch.logsumexp(x, axis),
    "not_equal": torch.ne,
    "ones_like": _like(torch.ones_like),
    "reshape": torch.reshape,
    "shape": _shape,
    "sign": torch.sign,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "squeeze": lambda x, axis: x.squeeze(axis),
    "stop_gradient": torch.Tensor.detach,
    "sum": _sum,
    "where": torch.where,
    "zeros_like": _like(torch.zeros_like),
}
"""Instead of those of Keras, where the first argument is a tensor."""


def direct(slow: Callable[..., Any]) -> Callable[..., Any]:
    """An op of Keras, or PyTorch's own for a tensor."""
    own = OPS.get(slow.__name__)
    if own is None:
        return slow

    @functools.wraps(slow)
    def op(x: Any, *args: Any, **kwargs: Any) -> Any:
        return (own if isinstance(x, torch.Tensor) else slow)(x, *args, **kwargs)

    return op


def fuses() -> bool:
    """Where it compiles."""
    return torch.compiler.is_compiling()


def chooses_in_sums(rows: bool) -> bool:
    """In sums of rows where it compiles; across rows, with its gradient, it costs more than a sum of its own."""
    return rows and torch.compiler.is_compiling()


def sum_width(rows: int) -> int:
    """One vector of the CPU where it compiles, for it walks down all rows with one before the next; 1 where they have no number yet."""
    if torch.compiler.is_compiling():
        from torch.fx.experimental.symbolic_shapes import statically_known_true  # takes its time, and is there by now

        return 16 if statically_known_true(rows % 16 == 0) else 1
    return 256


class _SlopeOnce(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        slope = slope.contiguous()
        return slope.as_strided(slope.size(), slope.stride())  # what has strides has a place in memory


def slope_once(x: torch.Tensor) -> torch.Tensor:
    """`x`, a sum of many: the compiler would compute its slope for each of them again."""
    return _SlopeOnce.apply(x) if torch.compiler.is_compiling() else x


def terms(x: Any) -> Any:
    """`x` as it is."""
    return x


class _ClipThrough(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
        return x.clamp(low, high)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        return slope, None, None

    @staticmethod
    def jvp(ctx: Any, along: Any, *_: Any) -> Any:
        return along.view_as(along)


def clip_through(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """The clip with the gradient of x, without a mask."""
    return _ClipThrough.apply(x, low, high)


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


def one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""

    def call(owner: Any, state: Any, *tensors: Any) -> Any:
        return function(owner, *tensors)

    return call


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

BLOCK = 1 << 17
"""Elements that a thread takes at once: value, slope and what lies between stay in its cache, and no memory is asked of
the system anew for each step of a formula."""


def closed_form(body: Callable[..., Any], mean: Callable[..., Any] | None, kernel: str | None) -> Callable[..., Any]:
    """`body` with its own slope: computed with the value and kept, 4 bytes an element."""
    averaged = mean is not None  # by a sum that the blocks of `_Form` share
    native, form = NATIVE.get(kernel or ""), _Form(body, averaged, IN_PLACE.get(kernel or ""))

    def call(x: torch.Tensor, *others: torch.Tensor, **parameters: Any) -> torch.Tensor:
        if native is not None and not beyond_gradients():  # not every kernel has a second derivative in forward mode
            return form.reduced(native(x, *others, **parameters), x)
        compiling, by_others = torch.compiler.is_compiling(), any(t.requires_grad for t in others)
        if not torch.is_grad_enabled() or not (x.requires_grad or by_others):
            plain = compiling or transformed(x, *others)
            return form.value(x, others, parameters) if plain else form.run(x, others, parameters, False)[0]
        if compiling or transformed(x, *others):
            if by_others or not x.requires_grad:
                return form.value(x, others, parameters)
            if compiling:
                return _Traced.apply(body, averaged, tuple(parameters.items()), x, *others)
            return _Transformed.apply(form, parameters, x, *others)[0]
        return _Eager.apply(form, parameters, x, *others)

    return call


def _spread(slope: torch.Tensor, over: torch.Tensor) -> torch.Tensor:
    """A slope of the values, over the classes of a row where there is one value a row."""
    return slope if slope.dim() == over.dim() else slope.unsqueeze(-1)


class _Form:
    """A closed form and the ways to run it."""

    def __init__(self, body: Callable[..., Any], mean: bool, kernel: Callable[..., None] | None) -> None:
        self.body, self.mean, self.kernel = body, mean, kernel

    def reduced(self, values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The mean over the last axis, where that is what is asked for."""
        return values.sum(-1) / x.shape[-1] if self.mean and x.dim() else values

    def value(self, x: torch.Tensor, others: Sequence[torch.Tensor], parameters: dict[str, Any]) -> torch.Tensor:
        """The value as it is written."""
        return self.reduced(self.body(x, *others, **parameters)[0], x)

    def slope(self, x: torch.Tensor, others: Sequence[torch.Tensor], parameters: dict[str, Any]) -> torch.Tensor:
        """The slope as it is written."""
        slope = self.body(x, *others, **parameters)[1]()
        return slope / x.shape[-1] if self.mean and x.dim() else slope

    def run(
        self, x: torch.Tensor, others: Sequence[torch.Tensor], parameters: dict[str, Any], wanted: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Value and (if `wanted`) slope of plain tensors, without their graph; in blocks and in place where that is faster."""
        n = x.shape[-1] if x.dim() else 1
        by_rows = x.device.type == "cpu" and x.numel() and x.dim() and _line_up(x, others)
        large = x.numel() > 2 * BLOCK
        if not by_rows or not (large or self.kernel):
            value, slope = self.body(x, *others, **parameters)
            return self.reduced(value, x), slope() if wanted else None
        slopes = torch.empty_like(x, memory_format=torch.contiguous_format) if wanted else None
        if self.kernel and not large:
            values = x.new_empty(x.shape[:-1])
            self.kernel(x, *others, value=values, slope=slopes, **parameters)
        else:
            values = self._in_blocks(x, others, parameters, slopes)
        return values.div_(n) if self.mean else values, slopes

    def _in_blocks(
        self, x: torch.Tensor, others: Sequence[torch.Tensor], parameters: dict[str, Any], slopes: torch.Tensor | None
    ) -> torch.Tensor:
        """The values (or the sum of each row, where it is their mean that is asked for); `slopes` are filled."""
        n = x.shape[-1]
        whole, *sides = (t.reshape(-1, n) if t.dim() == x.dim() else t.reshape(-1) for t in (x, *others))
        rows = len(whole)
        filled = None if slopes is None else slopes.view(-1, n)
        values = x.new_empty(rows) if self.kernel or self.mean else None
        size = max(1, BLOCK * torch.get_num_threads() // n)
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            at, beside = whole[start:stop], [side[start:stop] for side in sides]
            here = None if filled is None else filled[start:stop]
            if self.kernel:
                assert values is not None
                self.kernel(at, *beside, value=values[start:stop], slope=here, **parameters)
                continue
            value, slope = self.body(at, *beside, **parameters)
            value = value.sum(-1) if self.mean else value
            if values is None:
                values = value.new_empty((rows, *value.shape[1:]))
            values[start:stop] = value
            if here is not None:
                here.copy_(slope())
        assert values is not None
        return values.view(x.shape if values.dim() == 2 else x.shape[:-1])


def _line_up(x: torch.Tensor, others: Sequence[torch.Tensor]) -> bool:
    """Whether all others can be cut where `x` is cut, before its last axis."""
    return all(other.shape == x.shape or other.shape == x.shape[:-1] for other in others)


class _Traced(torch.autograd.Function):
    """For torch.compile: what is kept between forward and backward is the compiler's choice."""

    generate_vmap_rule = True

    @staticmethod
    def forward(body: Any, mean: Any, parameters: Any, x: Any, *others: Any) -> Any:
        return _Form(body, mean, None).value(x, others, dict(parameters))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.body, ctx.mean, ctx.parameters = inputs[:3]
        ctx.save_for_backward(*inputs[3:])

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        x, *others = ctx.saved_tensors
        by_x = _Form(ctx.body, ctx.mean, None).slope(x, others, dict(ctx.parameters))
        return None, None, None, _spread(slope, by_x) * by_x, *[None] * len(others)


class _Eager(torch.autograd.Function):
    """For eager PyTorch: the slope by x is made with the value, kept, and scaled in place by the first backward pass,
    which gives it away. A second pass makes it again, differentiable where that is asked for. Slopes by other tensors
    come from the value as it is written.
    """

    @staticmethod
    def forward(ctx: Any, form: _Form, parameters: Any, x: Any, *others: Any) -> Any:
        ctx.form, ctx.parameters = form, parameters
        ctx.save_for_backward(x, *others)
        value, ctx.by_x = form.run(x, others, parameters, ctx.needs_input_grad[2])
        return value

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        x, *others = ctx.saved_tensors
        form, again = ctx.form, torch.is_grad_enabled()
        by_x, ctx.by_x = ctx.by_x, None
        found = None
        if ctx.needs_input_grad[2] and again:
            by_x = form.slope(x, others, ctx.parameters)
            found = _spread(slope, by_x) * by_x
        elif ctx.needs_input_grad[2]:
            if by_x is None:
                by_x = form.run(x, others, ctx.parameters, True)[1]
            found = by_x.mul_(_spread(slope / x.shape[-1] if form.mean and x.dim() else slope, by_x))
        values = lambda x, *o: (form.value(x, o, ctx.parameters),)  # noqa: E731
        return None, None, found, *_by_others(values, x, others, ctx.needs_input_grad[3:], (slope,), again)


def _by_others(
    values: Callable[..., Any],
    x: torch.Tensor,
    others: Sequence[torch.Tensor],
    needed: Sequence[bool],
    slopes: Sequence[torch.Tensor],
    again: bool,
) -> list[Any]:
    """Gradients of ``values(x, *others)`` by the others that need one, differentiable where that is asked for."""
    by_others: list[Any] = [None] * len(others)
    moved = [i for i, wanted in enumerate(needed) if wanted]
    if moved:
        with torch.enable_grad():
            given = list(others) if again else [other.detach() for other in others]
            chosen = [given[i] if again else given[i].requires_grad_(True) for i in moved]
            made = values(x if again else x.detach(), *given)
            for i, by in zip(moved, torch.autograd.grad(made, chosen, slopes, create_graph=again), strict=True):
                by_others[i] = by
    return by_others


class _Transformed(torch.autograd.Function):
    """For torch.func and forward mode."""

    generate_vmap_rule = True

    @staticmethod
    def forward(form: Any, parameters: Any, x: Any, *others: Any) -> Any:
        return form.value(x, others, parameters), form.slope(x, others, parameters)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.form, ctx.parameters = inputs[:2]
        ctx.others, ctx.rows = len(inputs) - 3, output[0].dim() < inputs[2].dim()
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs[2:], output[1])
        ctx.save_for_forward(*inputs[2:], output[1])

    @staticmethod
    def backward(ctx: Any, slope: Any, _: Any) -> Any:
        x, *others, by_x = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative may be asked for: the kept slope is a constant
            by_x = ctx.form.slope(x, others, ctx.parameters)
        return None, None, _spread(slope, by_x) * by_x, *[None] * ctx.others

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x, *others), given = ctx.saved_tensors[:-1], tangents[2:]
        along = ctx.form.slope(x, others, ctx.parameters) * given[0]
        along = along.sum(-1) if ctx.rows else along
        moved = [i for i, tangent in enumerate(given[1:]) if tangent is not None]
        if moved:

            def value(*chosen: torch.Tensor) -> torch.Tensor:
                rest = list(others)
                for i, other in zip(moved, chosen, strict=True):
                    rest[i] = other
                return ctx.form.value(x, rest, ctx.parameters)

            at, by = tuple(others[i] for i in moved), tuple(given[1 + i] for i in moved)
            along = along + torch.func.jvp(value, at, by)[1]
        return along, None


def closed_sums(body: Callable[..., Any], kernel: str | None) -> Callable[..., Any]:
    """`body` with its own gradient, in blocks where that is faster; as it is written for the compiler and torch.func."""
    blocks = SUMS.get(kernel or "")

    def call(x: torch.Tensor, *others: torch.Tensor, **parameters: Any) -> Any:
        if torch.compiler.is_compiling() or transformed(x, *others):
            return body(x, *others, **parameters)[0]
        return _Sums.apply(body, blocks, parameters, x, *others)

    return call


class _Sums(torch.autograd.Function):
    """For eager PyTorch: nothing is kept but what was given."""

    @staticmethod
    def forward(ctx: Any, body: Any, blocks: Any, parameters: Any, x: Any, *others: Any) -> Any:
        ctx.body, ctx.parameters = body, parameters
        ctx.blocks = blocks if blocks is not None and blocks.fit(x, *others, **parameters) else None
        ctx.save_for_backward(x, *others)
        if ctx.blocks is not None:
            return ctx.blocks.sums(x, *others, size=BLOCK, **parameters)
        return body(x, *others, **parameters)[0]

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        x, *others = ctx.saved_tensors
        again, found = torch.is_grad_enabled(), None
        if ctx.needs_input_grad[3]:
            if ctx.blocks is not None and not again:
                found = ctx.blocks.slope(x, *others, slopes=slopes, size=BLOCK, **ctx.parameters)
            else:
                found = ctx.body(x, *others, **ctx.parameters)[1](*slopes)
        values = lambda x, *o: ctx.body(x, *o, **ctx.parameters)[0]  # noqa: E731
        return None, None, None, found, *_by_others(values, x, others, ctx.needs_input_grad[4:], slopes, again)
