"""Distillation: a student learns from a teacher's outputs."""

from __future__ import annotations

from typing import ClassVar

from polyloss.core import numerics, ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import TEACHERS
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Axis, Positive
from polyloss.losses._softmax import divergences

__all__ = ["DistillationLoss", "distillation_loss"]


@loss_function(TEACHERS)
def distillation_loss(y_true: Tensor, y_pred: Tensor, *, temperature: Positive = 2.0, axis: Axis = -1) -> Tensor:
    r"""Divergence of a student's softened probabilities from its teacher's, from the logits of both.

    .. math:: \ell = T^2 \sum_c p_c \log \frac{p_c}{q_c}, \qquad
        p = \mathrm{softmax}(t / T),\quad q = \mathrm{softmax}(x / T)

    with the teacher's logits t as targets. The factor :math:`T^2` keeps the size of the gradient when the
    temperature changes.

    When to choose it: a small model is to imitate a large one, whose logits say more than a label (which
    wrong classes are nearly right). `temperature` is how much of that is heard: 1 is the teacher's
    probabilities, more flattens them. Usually added to a loss of the true labels. Where the teacher gives
    probabilities and not logits, `kl_divergence`.

    Args:
        y_true: The teacher's logits, (..., classes); any real dtype. A logit of -inf rules its class out.
            Its gradient exists: stop it, as a frozen teacher does, or train the teacher too.
        y_pred: The student's logits; shape of `y_true`, float dtype (float64 stays, half precision is
            computed in float32).
        temperature: Greater than 0.
        axis: The class axis.

    Returns:
        One value a sample, the shape of `y_pred` without `axis`, in nats times the temperature squared.

    Raises:
        ValueError: for shapes that differ, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    the teacher's logits           0, exactly                         0, exactly
    -inf in both                   as if the class were not there     0 for that logit
    -inf in the teacher's          as if its p were 0                 T q_c for that logit
    -inf in the student's          inf                                -T p_c for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.distillation_loss([[2.0, 0.0]], [[0.0, 2.0]])
    >>> round(float(loss[0]), 5)
    1.84847

    References: Hinton et al. 2015, Distilling the Knowledge in a Neural Network, arXiv:1503.02531.
    """
    log_p = numerics.log_softmax(y_true / temperature, axis)
    log_q = numerics.log_softmax(y_pred / temperature, axis)
    return temperature**2 * ops.sum(divergences(log_p, log_q), axis=axis)


class DistillationLoss(Loss, function=distillation_loss):
    """Class form of `distillation_loss`, for `model.compile(loss=...)`: the targets of `fit` are the teacher's logits.

    >>> polyloss.DistillationLoss(temperature=4.0)
    DistillationLoss(temperature=4.0, axis=-1)
    """

    temperature: float = 2.0
    axis: int = -1

    words: ClassVar[tuple[str, ...]] = ("teacher", "student", "knowledge distillation", "compression")
    tasks: ClassVar[tuple[str, ...]] = ("distillation",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.distillation.LogitsDistillation(loss=keras.losses.KLDivergence())",
        "torch": "torch.nn.KLDivLoss(log_target=True)",
        "optax": "optax.losses.kl_divergence_with_log_targets",
    }
