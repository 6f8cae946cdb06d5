"""The last layer of a model, before it is multiplied out: hidden states and a kernel, instead of logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from polyloss.core import numerics, ops, shapes
from polyloss.core.kinds.base import MOVE
from polyloss.core.kinds.domains import LOGITS
from polyloss.core.kinds.rows import Labels, Teachers
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import refuse

_LABELS = "the shape of y_pred without its last axis"


class Heads(Labels):
    """Integer labels against hidden states, with a kernel among the options; against logits where there is none."""

    title = "one class out of many, labels as integers, logits or what they are a product of"
    predictions = LOGITS
    misfits = (*Labels.misfits[:-1], replace(Labels.misfits[-1], instead=MOVE))

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        if options.get("kernel") is None:
            _no_layer(where, options)
            y_true, y_pred = super().arrange(where, y_true, y_pred, options)
            width = y_pred.shape[-1]
        else:
            y_pred, width = _layer(where, "y_pred", y_pred, options)
            y_true = shapes.labels_beside(where, y_true, y_pred, len(y_pred.shape) - 1, _LABELS, has_axis=False)
        _bias(where, options, width)
        self._known(where, options.get("classes"), width)
        return y_true, y_pred

    def _known(self, where: str, classes: tuple[int, ...] | None, width: int | None) -> None:
        if classes is not None and width is not None and max(classes) >= width:
            refuse(where, "classes", f"be below {width}, the number of classes", max(classes))


class TeacherHeads(Teachers):
    """Hidden states of a teacher and a student, with a kernel of each among the options; their logits where there is none."""

    title = "the logits of a teacher against those of a student, or what they are a product of"

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        if options.get("kernel") is None:
            if options.get("teacher_kernel") is not None:
                refuse(where, "kernel", "be given with teacher_kernel", None)
            _no_layer(where, options)
            _no_layer(where, options, "teacher_")
            y_true, y_pred = super().arrange(where, y_true, y_pred, options)
            for of in ("", "teacher_"):
                _bias(where, options, y_pred.shape[-1], of)
            return y_true, y_pred
        if options.get("teacher_kernel") is None:
            refuse(where, "teacher_kernel", "be given with kernel", None)
        y_pred, width = _layer(where, "y_pred", y_pred, options)
        y_true, of_teacher = _layer(where, "y_true", y_true, options, "teacher_")
        if not shapes.agree((width,), (of_teacher,)):
            raise ValueError(f"{where}: teacher_kernel must have {width} classes, as kernel has. Got {of_teacher}.")
        if not shapes.agree(y_true.shape[:-1], y_pred.shape[:-1]):
            shapes.refuse_shapes(where, "y_true must have the shape of y_pred before the last axis", y_true, y_pred)
        for of in ("", "teacher_"):
            _bias(where, options, width, of)
        return y_true, y_pred


def _no_layer(where: str, options: dict[str, Any], of: str = "") -> None:
    """Without a kernel nothing can be said of it."""
    if options.get(f"transpose_{of}kernel"):
        refuse(where, f"transpose_{of}kernel", f"be False without a {of}kernel", True)


def _layer(where: str, name: str, rows: Any, options: dict[str, Any], of: str = "") -> tuple[Tensor, int | None]:
    """Hidden states that fit the kernel among the options, and how many columns that has."""
    kernel, by_row = options[f"{of}kernel"], options.get(f"transpose_{of}kernel")
    rows, kernel = _of_one_dtype(_real(where, name, rows), _real(where, f"{of}kernel", kernel))
    shape = f"(classes, D) with transpose_{of}kernel=True" if by_row else "(D, classes)"
    if len(kernel.shape) != 2:
        refuse(where, f"{of}kernel.shape", f"be {shape}", tuple(kernel.shape))
    depth, width = kernel.shape[::-1] if by_row else kernel.shape
    if not len(rows.shape) or not shapes.agree(rows.shape[-1:], (depth,)):
        must = f"be (..., {depth}) for {of}kernel.shape={tuple(kernel.shape)}, which is {shape}"
        refuse(where, f"{name}.shape", must, tuple(rows.shape))
    options[f"{of}kernel"] = kernel
    return rows, width


def _bias(where: str, options: dict[str, Any], width: int | None, of: str = "") -> None:
    """One a class, if there is one."""
    if options.get(f"{of}bias") is None:
        return
    options[f"{of}bias"] = bias = _real(where, f"{of}bias", options[f"{of}bias"])
    if not shapes.agree(bias.shape, (width,)):
        refuse(where, f"{of}bias.shape", f"be ({width},), one a class", tuple(bias.shape))


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
