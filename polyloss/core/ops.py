"""The ops that formulas are written with: those of `keras.ops` that keep float64 and agree on all backends.

What Keras does around an op, conversion and dtypes, costs eager PyTorch more than the op itself; there tensors of the
backend go to the framework's own (`polyloss.framework.direct`).
"""

from __future__ import annotations

from keras import ops

from polyloss.framework import direct

abs = direct(ops.abs)
amax = direct(ops.amax)
amin = direct(ops.amin)
any = direct(ops.any)
arange = direct(ops.arange)
broadcast_to = direct(ops.broadcast_to)
cast = direct(ops.cast)
concatenate = direct(ops.concatenate)
convert_to_numpy = direct(ops.convert_to_numpy)
convert_to_tensor = direct(ops.convert_to_tensor)
cumsum = direct(ops.cumsum)  # noqa: TID251
equal = direct(ops.equal)
exp = direct(ops.exp)
expand_dims = direct(ops.expand_dims)
expm1 = direct(ops.expm1)
full_like = direct(ops.full_like)
is_tensor = direct(ops.is_tensor)
isfinite = direct(ops.isfinite)
isinf = direct(ops.isinf)
isnan = direct(ops.isnan)
log = direct(ops.log)
log1p = direct(ops.log1p)
log_softmax = direct(ops.log_softmax)
logical_and = direct(ops.logical_and)
logical_not = direct(ops.logical_not)
logical_or = direct(ops.logical_or)
logsumexp = direct(ops.logsumexp)
map = direct(ops.map)
max = direct(ops.max)
minimum = direct(ops.minimum)  # noqa: TID251
moveaxis = direct(ops.moveaxis)
not_equal = direct(ops.not_equal)
one_hot = direct(ops.one_hot)
ones_like = direct(ops.ones_like)
reshape = direct(ops.reshape)
shape = direct(ops.shape)
sign = direct(ops.sign)
size = direct(ops.size)
slice = direct(ops.slice)
sqrt = direct(ops.sqrt)
square = direct(ops.square)
squeeze = direct(ops.squeeze)
stack = direct(ops.stack)
stop_gradient = direct(ops.stop_gradient)
sum = direct(ops.sum)
take = direct(ops.take)
take_along_axis = direct(ops.take_along_axis)
transpose = direct(ops.transpose)
where = direct(ops.where)
zeros = direct(ops.zeros)
zeros_like = direct(ops.zeros_like)
