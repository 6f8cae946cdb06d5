"""The last layer of a model, before it is multiplied out: hidden states and a kernel, instead of logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import MOVE
from polyloss.core.kinds.domains import LOGITS
from polyloss.core.kinds.rows import Labels
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse

_LABELS = "the shape of y_pred without its last axis"


class Heads(Labels):
    """Integer labels against hidden states, with a kernel among the options; against logits where there is none."""

    title = "one class out of many, labels as integers, logits or what they are a product of"
    predictions = LOGITS
    misfits = (*Labels.misfits[:-1], replace(Labels.misfits[-1], instead=MOVE))

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        kernel, bias, by_row = (options.get(name) for name in ("kernel", "bias", "transpose_kernel"))
        if kernel is None:
            if by_row:
                refuse(where, "transpose_kernel", "be False without a kernel", by_row)
            y_true, y_pred = super().arrange(where, y_true, y_pred, options)
            width = y_pred.shape[-1]
        else:
            y_pred, kernel = _of_one_dtype(_real(where, "y_pred", y_pred), _real(where, "kernel", kernel))
            if len(kernel.shape) != 2:
                refuse(where, "kernel.shape", f"be {_shape(by_row)}", tuple(kernel.shape))
            depth, width = kernel.shape[::-1] if by_row else kernel.shape
            if not len(y_pred.shape) or not shapes.agree(y_pred.shape[-1:], (depth,)):
                must = f"be (..., {depth}) for kernel.shape={tuple(kernel.shape)}, which is {_shape(by_row)}"
                refuse(where, "y_pred.shape", must, tuple(y_pred.shape))
            y_true = shapes.labels_beside(where, y_true, y_pred, len(y_pred.shape) - 1, _LABELS, has_axis=False)
            options["kernel"] = kernel
        if bias is not None:
            options["bias"] = bias = _real(where, "bias", bias)
            if not shapes.agree(bias.shape, (width,)):
                refuse(where, "bias.shape", f"be ({width},), one a class", tuple(bias.shape))
        self._known(where, options.get("classes"), width)
        return y_true, y_pred

    def _known(self, where: str, classes: tuple[int, ...] | None, width: int | None) -> None:
        if classes is not None and width is not None and max(classes) >= width:
            refuse(where, "classes", f"be below {width}, the number of classes", max(classes))


def _shape(by_row: bool | None) -> str:
    return "(classes, D) with transpose_kernel=True" if by_row else "(D, classes)"


def _real(where: str, name: str, x: Any) -> Tensor:
    """`x` in its own dtype where that is a float, half precision too: a kernel is too large to be there twice."""
    x = ops.convert_to_tensor(x) if isinstance(x, keras.Variable) else shapes.tensor(where, name, x)
    return x if numerics.dtype_of(x) in ("float16", "bfloat16") else shapes.real(where, name, x)


def _of_one_dtype(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """In the wider of the two; float16 and bfloat16 meet in float32."""
    found = {numerics.dtype_of(a), numerics.dtype_of(b)}
    if len(found) == 1:
        return a, b
    wide = "float64" if "float64" in found else "float32"
    return ops.cast(a, wide), ops.cast(b, wide)
