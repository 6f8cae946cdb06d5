"""A loop over blocks of a table that is never there whole: `polyloss.core.columns`, `polyloss.core.rows`.

``over(step, carry, total, block, rows=False)``
    ``carry = step(carry, first, count)`` for each block of columns (or `rows`) up to `total`; None: in one block. A
    carry is a tuple or a dict of tensors.
``recomputed(forward, backward)``
    A function of tensors with its own gradient: ``forward(plan, *tensors)`` gives ``plan.results`` results and what is
    kept, ``backward(plan, tensors, kept, upstream, wanted)`` a gradient (or None) for each tensor.
``cut(x, first, count, axis)``, ``own_copy(x)``, ``written(x, part, first, axis)``
    Some columns (or rows); what may be written in; and `x` with some columns replaced, which may be `x` itself.
``product(a, b)``, ``added(x, a, b)``, ``turned(x)``
    ``a @ b`` added up in float32 at least, ``x + a @ b`` (which may be `x` itself), and `x` transposed.
``place(index, first, count)``, ``picked(z, place)``, ``filled(z, place, value)``
    Where in a block the column is that each row names, if it is there; the number at that place, else 0; the block with
    another number at that place.
``exp_above(z, base)``, ``scaled(z, by)``
    ``exp(z - base)`` and ``z * by``, one number a row in the second; `z` may be gone afterwards.
``zeros(shape, dtype, like)``
    Where `like` is. A dimension that is known at run time only is that of `like`.
"""

import importlib

import keras

from polyloss.framework import HAS_GRADIENTS

_columns = importlib.import_module(
    f"polyloss.framework.columns.{keras.backend.backend() if HAS_GRADIENTS else 'values_only'}"
)

over = _columns.over
recomputed = _columns.recomputed
cut = _columns.cut
written = _columns.written
product = _columns.product
added = _columns.added
turned = _columns.turned
own_copy = _columns.own_copy
place = _columns.place
picked = _columns.picked
filled = _columns.filled
exp_above = _columns.exp_above
scaled = _columns.scaled
zeros = _columns.zeros
