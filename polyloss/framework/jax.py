"""JAX."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import keras
from jax.custom_derivatives import SymbolicZero
from keras import ops

from polyloss.framework.scope import Waiting

EXACT_LOG_SOFTMAX = True
clip = None
clip_through = None
step = None
product = None
sigmoid = None
at_label = None


def fuses() -> bool:
    """XLA makes one pass of them."""
    return True


def chooses_in_sums(rows: bool) -> bool:
    """A choice goes into the pass of the sum."""
    return True


def sum_width(rows: int) -> int:
    """On a CPU."""
    return 256


def direct(slow: Callable[..., Any]) -> Callable[..., Any]:
    """An op of Keras, as it is."""
    return slow


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` under `jax.jit`: eager JAX pays for every op that it dispatches."""
    static = [name for name in inspect.signature(function).parameters if name in ("axis", "epsilon")]
    compiled = jax.jit(function, static_argnames=static)

    @functools.wraps(function)
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        symbolic = isinstance(x, keras.KerasTensor)
        return function(x, *args, **kwargs) if symbolic else compiled(x, *args, **kwargs)

    return call


def closed_form(body: Callable[..., Any], mean: Callable[..., Any] | None, kernel: str | None) -> Callable[..., Any]:
    """`body` with its own slope: a jitted `custom_jvp`, which keeps forward mode and every order of derivative.

    The tangents of other tensors than the first are those of the value as it is written.
    """

    @functools.cache
    def made(parameters: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
        given = dict(parameters)
        function = jax.custom_jvp(lambda x, *others: body(x, *others, **given)[0])

        def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
            (x, *others), (by_x, *by_others) = primals, tangents
            value, slope = body(x, *others, **given)
            along = jax.numpy.zeros_like(value)
            if not isinstance(by_x, SymbolicZero):
                along = slope() * by_x
                along = along if along.ndim == value.ndim else along.sum(-1)
            moved = [
                i for i, t in enumerate(by_others) if not isinstance(t, SymbolicZero) and t.dtype != jax.dtypes.float0
            ]
            if moved:

                def of_moved(*chosen: Any) -> Any:
                    rest = list(others)
                    for i, other in zip(moved, chosen, strict=True):
                        rest[i] = other
                    return body(x, *rest, **given)[0]

                at, by = ([part[i] for i in moved] for part in (others, by_others))
                along = along + jax.jvp(of_moved, at, by)[1]
            return value, along

        function.defjvp(rule, symbolic_zeros=True)

        def reduced(x: Any, *others: Any) -> Any:
            values = function(x, *others)
            return values if mean is None else mean(values)

        return jax.jit(reduced)

    def call(x: Any, *others: Any, **parameters: Any) -> Any:
        return made(tuple(parameters.items()))(x, *others)

    return call


def slope_once(x: Any) -> Any:
    """`x` as it is."""
    return x


def terms(x: Any) -> Any:
    """`x`, made in one pass.

    XLA has a kernel of its own for sums on the CPU, which takes the last products and sums before it along, and what
    those are made of becomes tables in memory. It does not take a choice along; this one changes nothing.
    """
    return jax.numpy.where(jax.numpy.isnan(x), jax.numpy.nan, x)


def closed_sums(body: Callable[..., Any], kernel: str | None) -> Callable[..., Any]:
    """The sums as they are written: XLA makes one pass of their gradient."""

    def call(*given: Any, **parameters: Any) -> Any:
        return body(*given, **parameters)[0]

    return call


class _Owner:
    """What a compiled call belongs to: one program for all with the same state."""

    def __init__(self, owner: Any, state: tuple[Any, ...]) -> None:
        self.owner, self.state = owner, state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Owner) and self.state == other.state

    def __hash__(self) -> int:
        return hash(self.state)


def one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` under `jax.jit` where its tensors have values."""
    compiled = jax.jit(lambda held, *tensors: function(held.owner, *tensors), static_argnums=0)

    def call(owner: Any, state: tuple[Any, ...], *tensors: Any) -> Any:
        if all(tensor is None or _has_value(tensor) for tensor in tensors):
            try:
                return compiled(_Owner(owner, state), *tensors)
            except (ValueError, TypeError):
                pass  # what is refused is refused again below, without JAX's remarks on its frames
        return function(owner, *tensors)

    return call


def _has_value(x: Any) -> bool:
    return isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer)


def ranked(x: Any, rank: Callable[[], int]) -> Any:
    """`x` as it is: its rank is known."""
    return x


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose own constants pass under ``jax.transfer_guard("disallow")``, as those of jitted code do.

    The guard is there for the user's arrays. Of these nothing slips through: what is no JAX array is converted explicitly.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if jax.config.jax_transfer_guard_host_to_device != "disallow":
            return function(*args, **kwargs)
        with jax.transfer_guard_host_to_device("allow"):
            return function(*args, **kwargs)

    return call


def _differentiate(
    call: Callable[[Any], tuple[Any, Any]],
    at: Any,
    mapping: Callable[[Any], Iterable[tuple[keras.Variable, Any]]] = lambda at: (),
) -> tuple[Any, Any]:
    """The second result of `call` and the gradient of the first by `at`.

    Assignments leave the inner trace as auxiliary results and are made again outside of it.
    """
    assigned: list[keras.Variable] = []

    def pure(at: Any) -> tuple[Any, Any]:
        with Waiting(mapping(at)) as scope:
            value, beside = call(at)
        assigned[:] = scope.assigned.values()
        return value, (beside, scope.values())

    gradients, (beside, values) = jax.grad(pure, has_aux=True)(at)
    for variable, value in zip(assigned, values, strict=True):
        variable.assign(value)
    return beside, gradients


def input_gradients(f: Callable[..., Any], args: Sequence[Any], positions: Sequence[int]) -> list[Any]:
    """Gradients of ``sum(f(*args))`` by the arguments at `positions`."""

    def call(chosen: list[Any]) -> tuple[Any, None]:
        given = list(args)
        for position, x in zip(positions, chosen, strict=True):
            given[position] = x
        return ops.sum(f(*given)), None

    return _differentiate(call, [ops.convert_to_tensor(args[i]) for i in positions])[1]


def value_and_grad(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> tuple[Any, list[Any]]:
    """``loss()`` and the gradient of its (first) result by each variable."""

    def call(_: Any) -> tuple[Any, Any]:
        result = loss()
        return (result[0] if isinstance(result, tuple) else result), result

    return _differentiate(call, [v.value for v in variables], lambda values: zip(variables, values, strict=True))


def without_gradient(f: Callable[[], Any]) -> Any:
    """``f()`` as a constant."""
    return keras.ops.stop_gradient(f())


def apply_gradients(optimizer: Any, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> None:
    """One step of `optimizer`; without side effects inside, as `LossScaleOptimizer` needs it."""
    if not variables:
        return
    own = optimizer.variables
    updated, state = optimizer.stateless_apply([v.value for v in own], list(gradients), [v.value for v in variables])
    for variable, value in zip([*variables, *own], [*updated, *state], strict=True):
        variable.assign(value)


def restoring(
    function: Callable[..., Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Callable[..., Any]:
    """`function`; where it fails, the variables get their values back, of which Keras has emptied them."""

    def call(state: Sequence[Sequence[Any]], data: Any) -> Any:
        done = False
        try:
            result = function(state, data)
            done = True
        finally:
            if not done:
                for group, values in zip(groups(), state, strict=True):
                    for variable, value in zip(group, values, strict=True):
                        if not value.is_deleted():  # given away to a computation that began
                            variable.assign(value)
        return result

    return call


def fed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is."""
    return function


def as_step(
    run: Callable[[Any], Any], args: Sequence[Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Any:
    """``run(data)`` from the values of the groups of variables to the next, which stand beside its result."""
    state, data = args
    variables = groups()
    before = [pair for group, values in zip(variables, state, strict=True) for pair in zip(group, values, strict=True)]
    with keras.StatelessScope(before) as scope:
        result = run(data)
    return result, tuple([scope.get_current_value(v) for v in group] for group in variables)
