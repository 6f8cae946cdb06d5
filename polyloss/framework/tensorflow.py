"""TensorFlow."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from polyloss.framework.scope import Waiting

EXACT_LOG_SOFTMAX = False
clip = tf.clip_by_value
step = None
sigmoid = None


def fuses() -> bool:
    """Each op is a pass."""
    return False


def chooses_in_sums(rows: bool) -> bool:
    """A choice is a pass of its own."""
    return False


def sum_width(rows: int) -> int:
    """On a CPU."""
    return 256


def clip_through(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """The clip with the gradient of x, without a mask."""

    @tf.custom_gradient
    def clipped(x: tf.Tensor) -> Any:
        return tf.clip_by_value(x, low, high), lambda upstream: upstream

    return clipped(x)


def product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """``a * b``, 0 where a is 0, in one pass; a NaN is lost there."""
    return tf.math.multiply_no_nan(b, a)


def slope_once(x: Any) -> Any:
    """`x` as it is."""
    return x


def terms(x: Any) -> Any:
    """`x` as it is."""
    return x


def direct(slow: Callable[..., Any]) -> Callable[..., Any]:
    """An op of Keras, as it is."""
    return slow


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as it is: `tf.function` retraces for every new shape."""
    return function


GRAPHS = 256
"""How many graphs of calls are kept, those used last."""
SHAPES = 8
"""Graphs of a loss for different shapes: where they change with every batch, no more are traced."""


def one_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as one graph, where its tensors have values, from the second call with the same shapes on.

    The first call is as it is written: what is refused is refused there, and a shape that never comes back is not traced.
    """
    known: collections.OrderedDict[Any, Callable[..., Any] | None] = collections.OrderedDict()
    shapes: collections.Counter[Any] = collections.Counter()

    def call(owner: Any, state: tuple[Any, ...], *tensors: Any) -> Any:
        given = [tensor for tensor in tensors if tensor is not None]
        if not (tf.executing_eagerly() and all(map(_has_value, given))) or tf.distribute.has_strategy():
            return function(owner, *tensors)
        signature = state, *((t.dtype, *t.shape) if t is not None else None for t in tensors)
        try:
            graph = known.get(signature, function)
        except TypeError:  # a field that cannot be compared, such as a tensor
            return function(owner, *tensors)
        if graph is function:
            known[signature] = None
            shapes[state] += 1
            if len(known) > GRAPHS:
                (oldest, *_), _ = known.popitem(last=False)
                shapes.subtract([oldest])
                if not shapes[oldest]:
                    del shapes[oldest]
            return function(owner, *tensors)
        if graph is None:
            if shapes[state] > SHAPES:
                return function(owner, *tensors)
            known[signature] = graph = _traced(function, owner, tensors)
        known.move_to_end(signature)
        return graph(*given)

    return call


def _traced(function: Callable[..., Any], owner: Any, tensors: Sequence[Any]) -> Callable[..., Any]:
    """The graph of a call, a function of the tensors that are given."""

    def of_given(*given: Any) -> Any:
        rest = iter(given)
        return function(owner, *(None if tensor is None else next(rest) for tensor in tensors))

    specs = [tf.TensorSpec(t.shape, t.dtype) for t in tensors if t is not None]
    return tf.function(of_given, autograph=False).get_concrete_function(*specs)


def _has_value(x: Any) -> bool:
    return isinstance(x, tf.Tensor) and hasattr(x, "numpy")


def ranked(x: Any, rank: Callable[[], int]) -> Any:
    """`x`; with ``rank()`` axes where it was traced for several ranks, as `fit` does it (``reduce_retracing``)."""
    if x.shape.rank is not None:
        return x
    wanted = rank()
    sizes = tf.concat([tf.shape(x), tf.ones(wanted, "int32")], 0)[:wanted]
    return tf.ensure_shape(tf.reshape(x, sizes), [None] * wanted)


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, left alone by AutoGraph, which would mix up decorated functions of one source."""
    return tf.autograph.experimental.do_not_convert(function)


def closed_form(body: Callable[..., Any], mean: Callable[..., Any] | None, kernel: str | None) -> Callable[..., Any]:
    """`body` with its own slope, by `tf.custom_gradient`; other tensors than the first take the gradient of the value."""

    def call(x: Any, *others: Any, **parameters: Any) -> Any:
        @tf.custom_gradient
        def function(x: Any, *others: Any) -> Any:
            value, slope = body(x, *others, **parameters)

            def backward(upstream: Any) -> list[Any]:
                by_x = slope()
                spread = upstream if len(upstream.shape) == len(by_x.shape) else upstream[..., None]
                return [spread * by_x, *_by_others(lambda *o: body(x, *o, **parameters)[0], others, upstream)]

            return value, backward

        values = function(x, *others)
        return values if mean is None else mean(values)

    return call


def closed_sums(body: Callable[..., Any], kernel: str | None) -> Callable[..., Any]:
    """`body` with its own gradient; other tensors than the first take that of the sums."""

    def call(x: Any, *others: Any, **parameters: Any) -> Any:
        @tf.custom_gradient
        def function(x: Any, *others: Any) -> Any:
            sums, slope = body(x, *others, **parameters)

            def backward(*upstream: Any) -> list[Any]:
                again = lambda *o: body(x, *o, **parameters)[0]  # noqa: E731
                return [slope(*upstream), *_by_others(again, others, upstream)]

            return sums, backward

        return function(x, *others)

    return call


def _by_others(again: Callable[..., Any], others: Sequence[Any], upstream: Any) -> list[Any]:
    """Gradients of ``again(*others)``; None for those that have none."""
    floats = [other for other in others if other.dtype.is_floating]
    found: list[Any] = []
    if floats:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(floats)
            values = again(*others)
        found = tape.gradient(values, floats, output_gradients=upstream)
    each = iter(found)
    return [next(each) if other.dtype.is_floating else None for other in others]


def at_label(x: Any, labels: Any, axis: int) -> Any:
    """The entry of `x` at each label, as one gather."""
    last = len(x.shape) - 1
    if axis % (last + 1) != last:
        order = [i for i in range(last + 1) if i != axis % (last + 1)]
        x = tf.transpose(x, [*order, axis % (last + 1)])
    return tf.gather(x, labels, axis=last, batch_dims=last)


def input_gradients(f: Callable[..., Any], args: Sequence[Any], positions: Sequence[int]) -> list[Any]:
    """Gradients of ``sum(f(*args))`` by the arguments at `positions`."""
    given = list(args)
    for position in positions:  # a new tensor: what f reads of the same argument otherwise is a constant
        given[position] = tf.identity(keras.ops.convert_to_tensor(args[position]))
    chosen = [given[i] for i in positions]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(chosen)
        total = f(*given)
    return tape.gradient(total, chosen, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def value_and_grad(loss: Callable[[], Any], variables: Sequence[keras.Variable]) -> tuple[Any, list[Any]]:
    """``loss()`` and the gradient of its (first) result by each variable."""
    with tf.GradientTape() as tape, Waiting() as scope:
        result = loss()
        value = result[0] if isinstance(result, tuple) else result
    values = [v.value for v in variables]
    gradients = tape.gradient(value, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    scope.settle()
    return result, gradients


def without_gradient(f: Callable[[], Any]) -> Any:
    """``f()`` as a constant."""
    return keras.ops.stop_gradient(f())


def apply_gradients(optimizer: Any, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> None:
    """One step of `optimizer`."""
    if not variables:
        return
    optimizer.apply(list(gradients), list(variables))


def restoring(
    function: Callable[..., Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Callable[..., Any]:
    """`function` as it is: variables hold their own values."""
    return function


def fed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with the batch taken before the graph runs: an iterator inside it costs 0.4 ms a step (CPU)."""

    def with_batch(iterator: Any) -> Any:
        return function([next(iterator)] if isinstance(iterator, tf.data.Iterator) else iterator)

    return with_batch


def as_step(
    run: Callable[[Any], Any], args: Sequence[Any], groups: Callable[[], Sequence[Sequence[keras.Variable]]]
) -> Any:
    """``run(data)``: variables hold their own values."""
    return run(*args)
