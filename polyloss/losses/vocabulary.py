"""Losses of a last layer with many classes, a vocabulary: of hidden states and a kernel, without their product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from keras import ops
from keras.src.backend.common.masking import get_keras_mask  # Keras has no public name for it

from polyloss.core import numerics, shapes
from polyloss.core.function import loss_function
from polyloss.core.kinds import HEADS
from polyloss.core.loss import Loss, is_nested
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Classes, Flag, Fraction, IgnoreClass, NonNegative, greater_than, optional
from polyloss.losses import _linear

__all__ = ["LinearCrossentropyLoss", "linear_crossentropy"]


@loss_function(HEADS)
def linear_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    kernel: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    transpose_kernel: Flag = False,
    ignore_class: IgnoreClass = None,
    classes: Classes = None,
    label_smoothing: Fraction = 0.0,
    z_loss: NonNegative = 0.0,
    soft_cap: Annotated[float | None, optional(greater_than(0))] = None,
) -> Tensor:
    r"""Softmax cross-entropy of a linear layer's outputs that never holds them.

    .. math:: \ell = -\log p_y + \lambda\,\Big(\log\sum_j e^{x_j}\Big)^2, \qquad
        p = \mathrm{softmax}(x), \quad x = h K + b
    """
    head = _linear.head(y_true, y_pred, kernel, bias, transpose_kernel, ignore_class, classes)
    above, own, rest, *total = head.others_and_own(soft_cap, total=label_smoothing > 0)
    loss = numerics.softplus(above)
    if label_smoothing:
        mean = total[0] / head.classes
        loss = (1 - label_smoothing) * loss + label_smoothing * (_linear.log_partition(above, own, rest) - mean)
    if z_loss:
        loss = loss + z_loss * ops.square(_linear.log_partition(above, own, rest))
    return head.marked(loss)


class LinearCrossentropyLoss(Loss, function=linear_crossentropy):
    """Class form of `linear_crossentropy`. Predictions are ``(hidden, kernel)`` or ``(hidden, kernel, bias)``."""

    transpose_kernel: bool = False
    ignore_class: int | None = None
    classes: Sequence[int] | None = None
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    soft_cap: float | None = None

    tasks: ClassVar[tuple[str, ...]] = ("language modelling", "multi-class classification")
    elsewhere: ClassVar[dict[str, str]] = {
        "torch": "torch.nn.functional.linear_cross_entropy",
        "Liger-Kernel": "liger_kernel.transformers.LigerFusedLinearCrossEntropyLoss",
        "cut-cross-entropy": "cut_cross_entropy.linear_cross_entropy",
    }

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        hidden, of_layer = _parts(y_pred)
        return self._formula(y_true, hidden, **of_layer, **self._options())

    def kept(self, y_true: Tensor, y_pred: Any) -> Tensor | None:
        if self.ignore_class is None:
            return None
        hidden, of_layer = _parts(y_pred)
        return self.inputs.kept(self._where(), y_true, hidden, {**self._options(), **of_layer})

    def _mask(self, y_pred: Any) -> Tensor | None:
        return get_keras_mask(_parts(y_pred)[0])

    def _prediction(self, y_pred: Any) -> Tensor:
        """Half precision as it is: the formula computes in float32, without a second kernel."""
        y_pred = shapes.tensor(self._where(), "y_pred", y_pred)
        return ops.cast(y_pred, "float64") if self._dtype == "float64" else y_pred

    def _without_absent(
        self, y_true: Tensor, y_pred: Any, weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Any]:
        hidden, of_layer = _parts(y_pred)
        y_true, hidden = super()._without_absent(y_true, hidden, weight, mask)
        return y_true, (hidden, *of_layer.values()) if of_layer else hidden


def _parts(y_pred: Any) -> tuple[Any, dict[str, Any]]:
    """The hidden states (or logits), and what there is of the layer."""
    if not is_nested(y_pred):
        return y_pred, {}
    hidden, *of_layer = y_pred
    return hidden, dict(zip(("kernel", "bias"), of_layer, strict=False))
