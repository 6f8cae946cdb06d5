"""Losses of a last layer with many classes, a vocabulary: of hidden states and a kernel, without their product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from polyloss.core import numerics, ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import HEADS
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Classes, Flag, Fraction, IgnoreClass, NonNegative, greater_than, optional
from polyloss.losses import _linear
from polyloss.losses._linear import LinearLoss, parts

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

    with hidden states h and the kernel K of a layer with a column a class. Logits are computed a block of classes at a
    time, forward and again backward; what is kept between the two is a few numbers a token, and no table of tokens by
    classes is ever there. With `label_smoothing` the first term is that of `categorical_crossentropy` on the smoothed
    one-hot label.

    When to choose it: a last layer with many classes, as language models have: at 4096 tokens and 65,536 classes the
    logits alone are 1 GiB, and the plain loss holds three of them. Below some thousand classes
    `sparse_categorical_crossentropy` is as good. In a model: `training.LinearHeadModel`. Its negative is the log
    probability of a given token, which losses of preferences are made of.

    Args:
        y_true: Integer labels, (...) or (..., 1). They never pass through a float.
        y_pred: Hidden states (..., D) where there is a kernel, else logits (..., classes); float dtype. float64 stays;
            half precision is multiplied as it is and added up in float32.
        kernel: (D, classes), or (classes, D) with ``transpose_kernel=True``; dtype of the hidden states, or both are
            brought to the wider one. Differentiable, as `bias` is.
        bias: (classes,), added to the logits; -inf rules a class out.
        transpose_kernel: Whether the kernel has a row a class: the table of an Embedding that is used again, or the
            weight of a `torch.nn.Linear`.
        ignore_class: A label (it need not be in range) whose tokens count for nothing: value and gradient 0, and the
            class form leaves them out of the mean.
        classes: The classes that count, each once; the rest are as if they were not there. Labels keep their numbers.
            Their part of the kernel is copied. None: all.
        label_smoothing: In [0, 1]; draws targets towards 1/C (arXiv:1512.00567).
        z_loss: Weight of the squared log-partition, which keeps logits from drifting (arXiv:2204.02311).
        soft_cap: Greater than 0: logits x become ``soft_cap * tanh(x / soft_cap)`` (arXiv:2408.00118), a bias of -inf
            among them. None: they stay.

    Returns:
        One value a token, the shape of the labels, in nats; float32, or float64 where the hidden states are.
        Differentiable once on every backend, with any weight a token. A second derivative holds the whole table on
        PyTorch and all blocks on JAX, and so do forward mode and ``torch.func.vmap`` on PyTorch; JAX has no forward mode here.

    Raises:
        ValueError: for shapes that do not fit (one-hot labels among them), and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    label out of range             NaN, on every backend              0
    label not in `classes`         NaN                                0
    label = ignore_class           0                                  0
    one class                      0                                  0
    logit -inf, another label      as if the class were not there     0 for that logit
    logit -inf, its label          inf                                -1 for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> hidden, kernel = [[1.0, 2.0]], [[1.0, 0.0, -1.0], [0.0, 1.0, 0.5]]
    >>> round(float(polyloss.linear_crossentropy([1], hidden, kernel)[0]), 5)
    0.40761

    References: Wijmans et al. 2024, Cut Your Losses in Large-Vocabulary Language Models, arXiv:2411.09009.
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


class LinearCrossentropyLoss(LinearLoss, function=linear_crossentropy):
    """Class form of `linear_crossentropy`. Predictions are ``(hidden, kernel)`` or ``(hidden, kernel, bias)``."""

    transpose_kernel: bool = False
    ignore_class: int | None = None
    classes: Sequence[int] | None = None
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    soft_cap: float | None = None

    name = "linear_crossentropy"
    tasks: ClassVar[tuple[str, ...]] = ("language modelling", "multi-class classification")
    elsewhere: ClassVar[dict[str, str]] = {
        "torch": "torch.nn.functional.linear_cross_entropy",
        "Liger-Kernel": "liger_kernel.transformers.LigerFusedLinearCrossEntropyLoss",
        "cut-cross-entropy": "cut_cross_entropy.linear_cross_entropy",
    }

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        hidden, of_layer = parts(y_pred)
        return self._formula(y_true, hidden, **of_layer, **self._options())

    def kept(self, y_true: Tensor, y_pred: Any) -> Tensor | None:
        if self.ignore_class is None:
            return None
        hidden, of_layer = parts(y_pred)
        return self.inputs.kept(self._where(), y_true, hidden, {**self._options(), **of_layer})

    def _without_absent(
        self, y_true: Tensor, y_pred: Any, weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Any]:
        hidden, of_layer = parts(y_pred)
        y_true, hidden = super()._without_absent(y_true, hidden, weight, mask)
        return y_true, (hidden, *of_layer.values()) if of_layer else hidden
