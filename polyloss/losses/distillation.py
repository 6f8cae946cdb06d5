"""Distillation: a student learns from a teacher's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from polyloss.core import numerics, ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import TEACHER_HEADS, TEACHERS
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Axis, Flag, Fraction, Positive
from polyloss.core.rows import Side, compared
from polyloss.losses._linear import LinearLoss, flat, known, parts
from polyloss.losses._softmax import distillation_of_rows, divergence, divergence_slope

__all__ = ["DistillationLoss", "LinearDistillationLoss", "distillation_loss", "linear_distillation_loss"]


@loss_function(TEACHERS)
def distillation_loss(
    y_true: Tensor, y_pred: Tensor, *, temperature: Positive = 2.0, beta: Fraction = 0.0, axis: Axis = -1
) -> Tensor:
    r"""Divergence of a student's softened probabilities from its teacher's, from the logits of both.

    .. math:: \ell = T^2 \sum_c p_c \log \frac{p_c}{q_c}, \qquad
        p = \mathrm{softmax}(t / T),\quad q = \mathrm{softmax}(x / T)

    with the teacher's logits t as targets. The factor :math:`T^2` keeps the size of the gradient when the
    temperature changes. With `beta` greater than 0 the divergence is the generalised one of Jensen and Shannon

    .. math:: \beta \sum_c p_c \log \frac{p_c}{m_c} + (1 - \beta) \sum_c q_c \log \frac{q_c}{m_c}, \qquad
        m = \beta p + (1 - \beta) q

    and with `beta` 1 the reverse one, :math:`\sum_c q_c \log (q_c / p_c)`.

    When to choose it: a small model is to imitate a large one, whose logits say more than a label (which
    wrong classes are nearly right). `temperature` is how much of that is heard: 1 is the teacher's
    probabilities, more flattens them. Usually added to a loss of the true labels. With `beta` 0 the student must
    cover all that the teacher finds likely; the more of it, the more the student may keep to a part of that, as small
    models of language do better. Where the teacher gives probabilities and not logits, `kl_divergence`; where the
    logits are too large to be there, `linear_distillation_loss`.

    Args:
        y_true: The teacher's logits, (..., classes); any real dtype. A logit of -inf rules its class out.
            Its gradient exists: stop it, as a frozen teacher does, or train the teacher too.
        y_pred: The student's logits; shape of `y_true`, float dtype (float64 stays, half precision is
            computed in float32).
        temperature: Greater than 0.
        beta: In [0, 1]; 0 is the divergence of the student from the teacher, 1 that of the teacher from the student.
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
    the same, 0 < beta             finite                             0 for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> loss = polyloss.distillation_loss([[2.0, 0.0]], [[0.0, 2.0]])
    >>> round(float(loss[0]), 5)
    1.84847

    References: Hinton et al. 2015, Distilling the Knowledge in a Neural Network, arXiv:1503.02531. `beta`: Agarwal et
    al. 2024, On-Policy Distillation of Language Models, arXiv:2306.13649.
    """
    return temperature**2 * distillation_of_rows(y_true / temperature, y_pred / temperature, beta, axis)


class DistillationLoss(Loss, function=distillation_loss):
    """Class form of `distillation_loss`, for `model.compile(loss=...)`: the targets of `fit` are the teacher's logits.

    >>> polyloss.DistillationLoss(temperature=4.0)
    DistillationLoss(temperature=4.0, beta=0.0, axis=-1)
    """

    temperature: float = 2.0
    beta: float = 0.0
    axis: int = -1

    words: ClassVar[tuple[str, ...]] = ("teacher", "student", "knowledge distillation", "compression")
    tasks: ClassVar[tuple[str, ...]] = ("distillation",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.distillation.LogitsDistillation(loss=keras.losses.KLDivergence())",
        "torch": "torch.nn.KLDivLoss(log_target=True)",
        "optax": "optax.losses.kl_divergence_with_log_targets",
    }


@loss_function(TEACHER_HEADS)
def linear_distillation_loss(
    y_true: Tensor,
    y_pred: Tensor,
    teacher_kernel: Tensor | None = None,
    kernel: Tensor | None = None,
    *,
    teacher_bias: Tensor | None = None,
    bias: Tensor | None = None,
    transpose_teacher_kernel: Flag = False,
    transpose_kernel: Flag = False,
    temperature: Positive = 2.0,
    beta: Fraction = 0.0,
) -> Tensor:
    r"""Divergence of a student from its teacher, of two linear layers' outputs that are never held.

    .. math:: \ell = T^2 \sum_c p_c \log \frac{p_c}{q_c}, \qquad
        p = \mathrm{softmax}\Big(\frac{g L + a}{T}\Big),\quad q = \mathrm{softmax}\Big(\frac{h K + b}{T}\Big)

    with the hidden states g of the teacher and h of the student, which need not be of one width, and the kernels L and K
    of their last layers. It is `distillation_loss` of the products, `beta` included. Logits are computed for a block of
    tokens at a time, forward and again backward; no table of tokens by classes is ever there.

    When to choose it: a small language model is to imitate a large one, and the logits of both over a vocabulary do not
    fit into memory. Below some thousand classes `distillation_loss` is as good.

    Args:
        y_true: The teacher's hidden states (..., E) where there are kernels, else its logits; float dtype.
        y_pred: The student's hidden states (..., D), or its logits. float64 stays; half precision is multiplied as it is
            and added up in float32.
        teacher_kernel: (E, classes), or (classes, E) with ``transpose_teacher_kernel=True``.
        kernel: (D, classes), or (classes, D) with ``transpose_kernel=True``. All tensors are differentiable: stop the
            gradient of a teacher that is frozen.
        teacher_bias: (classes,), added to the teacher's logits; -inf rules a class out.
        bias: (classes,), added to the student's.
        transpose_teacher_kernel: Whether that kernel has a row a class.
        transpose_kernel: Whether the kernel has a row a class: the table of an Embedding that is used again, or the
            weight of a `torch.nn.Linear`.
        temperature: Greater than 0.
        beta: In [0, 1]; 0 is the divergence of the student from the teacher, 1 that of the teacher from the student.

    Returns:
        One value a token, in nats times the temperature squared; float32, or float64 where an input is. Differentiable
        as `linear_crossentropy` is.

    Raises:
        ValueError: for shapes that do not fit, one kernel without the other, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============================  =================================  ================================
    input                          value                              gradient
    =============================  =================================  ================================
    the teacher's logits           0, exactly                         0, exactly
    -inf in both                   as if the class were not there     0 for that logit
    -inf in the teacher's          as if its p were 0                 T q_c for that logit
    -inf in the student's          inf                                -T p_c for that logit
    the same, 0 < beta             finite                             0 for that logit
    largest logit not finite       NaN                                none
    =============================  =================================  ================================

    >>> teacher_kernel, kernel = [[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]
    >>> loss = polyloss.linear_distillation_loss([[2.0]], [[0.0, 2.0]], teacher_kernel, kernel)
    >>> round(float(loss[0]), 5)
    1.84847

    References: Hinton et al. 2015, Distilling the Knowledge in a Neural Network, arXiv:1503.02531. `beta`: Agarwal et
    al. 2024, On-Policy Distillation of Language Models, arXiv:2306.13649.
    """
    if kernel is None:
        t = y_true if teacher_bias is None else y_true + teacher_bias
        x = y_pred if bias is None else y_pred + bias
        return temperature**2 * distillation_of_rows(t / temperature, x / temperature, beta, -1)
    values = compared(
        _Softened(temperature, beta),
        Side(flat(y_true), teacher_kernel, teacher_bias, transpose_teacher_kernel),
        Side(flat(y_pred), kernel, bias, transpose_kernel),
    )
    return ops.reshape(values, known(y_pred, y_pred.shape[:-1]))


@dataclass(frozen=True)
class _Softened:
    """`distillation_loss` of a block of rows."""

    temperature: float
    beta: float

    def values(self, t: Tensor, x: Tensor) -> Tensor:
        """One a row."""
        return self.temperature**2 * divergence(*self._log_probabilities(t, x), self.beta)

    def slopes(self, wanted: Sequence[bool], t: Tensor, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """By the teacher's logits, for whom the roles are exchanged, and by the student's."""
        log_p, log_q = self._log_probabilities(t, x)
        return (
            self.temperature * divergence_slope(log_q, log_p, 1 - self.beta) if wanted[0] else None,
            self.temperature * divergence_slope(log_p, log_q, self.beta) if wanted[1] else None,
        )

    def _log_probabilities(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return numerics.log_softmax(t / self.temperature), numerics.log_softmax(x / self.temperature)


class LinearDistillationLoss(LinearLoss, function=linear_distillation_loss):
    """Class form of `linear_distillation_loss`.

    Targets and predictions are ``(hidden, kernel)`` or ``(hidden, kernel, bias)`` each, the teacher's and the student's.
    """

    transpose_teacher_kernel: bool = False
    transpose_kernel: bool = False
    temperature: float = 2.0
    beta: float = 0.0

    words: ClassVar[tuple[str, ...]] = ("teacher", "student", "knowledge distillation", "vocabulary")
    tasks: ClassVar[tuple[str, ...]] = ("distillation", "language modelling")

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        (teacher, of_teacher), (student, of_student) = parts(y_true, "teacher_"), parts(y_pred)
        return self._formula(teacher, student, **of_teacher, **of_student, **self._options())

    def _without_absent(self, y_true: Any, y_pred: Any, weight: Tensor | None, mask: Tensor | None) -> tuple[Any, Any]:
        (teacher, of_teacher), (student, of_student) = parts(y_true, "teacher_"), parts(y_pred)
        teacher, student = super()._without_absent(teacher, student, weight, mask)
        if not of_student:
            return teacher, student
        return (teacher, *of_teacher.values()), (student, *of_student.values())
