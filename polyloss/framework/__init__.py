"""The only code of polyloss that touches a framework: what Keras 3 has no op for.

A backend is its files here and nothing elsewhere in polyloss: ``<backend>.toml``, what is known of it without
importing it (`announced`), ``<backend>.py``, and ``columns/<backend>.py``, ``process/<backend>.py`` and
``replicas/<backend>.py``. The same names in each module:

``EXACT_LOG_SOFTMAX``
    Whether `polyloss.core.numerics.log_softmax` spells the formula out. On JAX that costs nothing; the kernels
    of TensorFlow and PyTorch are 2 to 4 times faster than the spelled-out form and right to one ulp of
    1.0, so there speed decides.
``direct(op)``
    An op of `keras.ops`, or the framework's own in its place for tensors (PyTorch).
``fuses()``
    Whether ops on single elements are one pass over memory here, together with the sum that follows.
``chooses_in_sums(rows)``
    Whether a choice between what is summed costs less than a sum of its own; `rows`: along the last axis alone.
``sum_width(rows)``
    Across how many columns a sum of so many rows takes the least time: one across 4 may take three times that of one across 256.
``slope_once(x)``
    `x` itself, a sum of many: its slope is computed once, and not again for each element of it.
``terms(x)``
    `x` itself, where its sum is asked for next, so that its making and the sum cost least.
``fused(f)``
    Decorator of a primitive with tensors and a static `axis` or `epsilon`: one call of the framework where it would be
    many when run eagerly (JAX), else nothing.
``closed_form(body, mean, kernel)``
    What `polyloss.core.closed_form` is made of: ``body(x, *others, **parameters)`` gives value and slope; `mean` is the
    mean over the last axis, or None; `kernel` is a name in `polyloss.framework.kernels`, or None.
``closed_sums(body, kernel)``
    The same of sums that are linear in `x`: ``body(x, *others, **parameters)`` gives them and the function of their slopes.
``one_call(f)``
    ``f(owner, *tensors)`` as ``call(owner, state, *tensors)``: eagerly one call of the framework where it would be many.
    The result is that of any owner with this `state`; a tensor may be None.
``entry_point(f)``
    Decorator of what users call: keeps TensorFlow's AutoGraph from rewriting our source, and lets our constants pass
    JAX's guard of transfers.
``clip(x, low, high)``, ``clip_through(x, low, high)``, ``step(x)``, ``product(a, b)``, ``sigmoid(x)``, ``at_label(x, labels, axis)``
    The framework's own where it is faster than `keras.ops` and keeps gradient and float64; else None.
``ranked(x, rank)``
    `x` with ``rank()`` axes where its own number is known only when it runs (TensorFlow), lined up from the first.
``input_gradients(f, args, positions)``
    What `gradient` is made of.
``value_and_grad(loss, variables)``
    ``loss()``, a scalar or a scalar with anything else beside it, and its gradient by each variable: zeros
    where the loss does not depend on one. Variables that the loss assigns (the statistics of
    BatchNormalization, the state of a seed, the kernel under SpectralNormalization) are assigned once, after
    the gradient, which is by their values of before.
``without_gradient(f)``
    ``f()`` as a constant; on PyTorch without the memory that a gradient would need.
``apply_gradients(optimizer, gradients, variables)``
    One step of an optimizer that is built for exactly these variables; nothing where there are none.
``restoring(function, groups)``
    A function of Keras's trainer that gives variables their values back where it fails (JAX, see `as_step`).
``fed(function)``
    Keras's train function for one step a call, given its batch the way that costs least.
``as_step(run, args, groups)``
    ``run(data)`` as the step of a model, called by Keras's trainer with `args`: data, and on JAX before them the
    values of each of ``groups()``, lists of variables, which the step then gives back beside the result.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from polyloss.framework.announced import announced as announced
from polyloss.framework.announced import gradientless as gradientless
from polyloss.framework.announced import home as home
from polyloss.framework.announced import in_words as in_words
from polyloss.framework.announced import names
from polyloss.framework.announced import referees as referees
from polyloss.framework.selection import select_backend

select_backend()  # before Keras is imported, and makes its choice

import keras  # noqa: E402

HAS_GRADIENTS: bool = keras.backend.backend() in names()
"""Whether the backend can differentiate."""

_framework = importlib.import_module(
    f"polyloss.framework.{keras.backend.backend() if HAS_GRADIENTS else 'values_only'}"
)

EXACT_LOG_SOFTMAX: bool = _framework.EXACT_LOG_SOFTMAX
direct = _framework.direct
fuses = _framework.fuses
chooses_in_sums = _framework.chooses_in_sums
sum_width = _framework.sum_width
slope_once = _framework.slope_once
terms = _framework.terms
fused = _framework.fused
closed_form = _framework.closed_form
closed_sums = _framework.closed_sums
one_call = _framework.one_call
entry_point = _framework.entry_point
clip = _framework.clip
clip_through = _framework.clip_through
step = _framework.step
product = _framework.product
sigmoid = _framework.sigmoid
at_label = _framework.at_label
ranked = _framework.ranked
value_and_grad = _framework.value_and_grad
without_gradient = _framework.without_gradient
apply_gradients = _framework.apply_gradients
fed = _framework.fed
restoring = _framework.restoring
as_step = _framework.as_step


def gradient(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    r"""The function that gives :math:`\partial \sum f(x) / \partial x`, on every backend.

    The result is differentiable again, with respect to its arguments and to any variable that `f` reads,
    which is what a penalty on the gradient of a critic needs. With one row of `f`'s result per row of
    `x`, it holds the gradient of each row by its own input. It works eagerly and inside a compiled
    training step; variables that `f` assigns on the way (seeds of Dropout, statistics of
    BatchNormalization) are assigned as in a plain call.

    Args:
        f: A function of tensors that returns one float tensor of any shape.
        argnums: The position of the argument to differentiate by, or several positions.

    Returns:
        A function of the same arguments, giving a tensor with the shape and dtype of the argument at
        `argnums`, or a tuple of tensors for several positions. Where `f` does not depend on an argument:
        zeros. Keyword arguments are passed on and not differentiated by.

    Raises:
        TypeError: where `f` is not callable or `argnums` is not a position.
        ValueError: where there is no argument at a position.
        NotImplementedError: on a backend without gradients (NumPy, OpenVINO), when called.

    On JAX, `f` may only read variables the way Keras does inside a training step; in a plain script there
    is nothing to mind. On PyTorch under ``torch.compile``, the call runs uncompiled, since compiled code
    has no second derivative there.

    >>> slope = polyloss.gradient(lambda x: x * x * x)
    >>> keras.ops.convert_to_numpy(slope(keras.ops.convert_to_tensor([1.0, 2.0]))).tolist()
    [3.0, 12.0]
    """
    if not callable(f):
        raise TypeError(f"gradient: f must be a function. Got f={f!r}.")
    several = not isinstance(argnums, int)
    positions = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
    for position in positions:
        if not isinstance(position, int) or isinstance(position, bool):
            raise TypeError(f"gradient: argnums must be a position or several. Got argnums={argnums!r}.")

    def gradient_of_f(*args: Any, **kwargs: Any) -> Any:
        for position in positions:
            if not 0 <= position < len(args):
                raise ValueError(
                    f"gradient: argnums must be positions below {len(args)}, the number of positional "
                    f"arguments. Got argnums={argnums!r}."
                )
        call = (lambda *a: f(*a, **kwargs)) if kwargs else f
        # not by `keras.ops.grad` (3.16): no second derivative on PyTorch, no layers with state on JAX, and on TensorFlow
        # what f reads of an argument otherwise counts, too
        gradients = _framework.input_gradients(call, args, positions)
        return tuple(gradients) if several else gradients[0]

    return gradient_of_f
