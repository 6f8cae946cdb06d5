"""Probabilistic regression: what is predicted is a distribution for each target, and its density is the judge."""

from __future__ import annotations

import math
from typing import ClassVar

from polyloss.core import ops
from polyloss.core.function import loss_function
from polyloss.core.kinds import GAUSSIANS
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor

__all__ = [
    "GaussianNLLLoss",
    "gaussian_nll_loss",
]


@loss_function(GAUSSIANS)
def gaussian_nll_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    r"""Negative log density of the target under a Gaussian whose mean and log variance are predicted.

    .. math:: \ell = \tfrac12 \big(\log 2\pi + s + (y - \mu)^2 e^{-s}\big), \qquad \sigma^2 = e^s

    When to choose it: errors are not equally large everywhere and the model shall say how sure it is. Its
    minimum is at the mean and the variance of the target, given the input. The model ends in a dense layer of
    2 units without activation: the log variance may be any number, so nothing is clipped. Where the error is
    large the mean learns slowly (its gradient is the error over the variance); if the fit stalls, train the
    mean by `mean_squared_error` first.

    Args:
        y_true: Targets, (...) or (..., 1), any real dtype.
        y_pred: (..., 2): mean and log variance along the last axis, float dtype (float64 stays, half precision
            is computed in float32).

    Returns:
        One value a target, the shape of `y_pred` without its last axis, in nats; no constant is dropped, so
        that it is below 0 where the density is above 1.

    Raises:
        ValueError: for shapes that do not fit.

    In float32, with a log variance of -142 or less, the value is inf and the gradient inf or NaN for every error other than
    0, however small it is; for an error of 1 the value is inf below a log variance of -89.4.

    Edge cases, with s the log variance and the gradient with respect to mean and log variance:

    ====================================  ==================  ==========================
    input                                 value               gradient
    ====================================  ==================  ==========================
    mean = target                         (log 2 pi + s) / 2  0 and 1/2
    s = 100                               50.918939           0 and 1/2, to float32
    s = -100, an error of 1, float32      inf                 +-inf and -inf
    s = -100, mean = target               -49.081061          0 and 1/2
    s = inf                               inf                 0 and 1/2
    s = -inf                              inf                 +-inf and -inf
    s = -inf, mean = target               -inf                0 and 1/2
    error +-inf                           inf                 +-inf and -inf
    NaN                                   NaN                 NaN
    ====================================  ==================  ==========================

    >>> loss = polyloss.gaussian_nll_loss([0.0, 3.0], [[0.0, 0.0], [1.0, 0.0]])
    >>> [round(float(v), 4) for v in loss]
    [0.9189, 2.9189]

    References: Nix and Weigend 1994, Estimating the mean and variance of the target probability distribution,
    doi:10.1109/ICNN.1994.374138.
    """
    mean, log_variance = y_pred[..., 0], y_pred[..., 1]
    error = y_true - mean
    certain = ops.logical_and(ops.equal(error, 0), log_variance < -80)  # 0 times an infinite precision is 0
    safe = ops.where(certain, 0.0, log_variance)
    # Two parts and not twice the half, whose slopes XLA would join: that by s would overflow before the value does.
    far = (error * ops.exp(-0.375 * safe)) * (0.5 * error * ops.exp(-0.625 * safe))
    return 0.5 * (math.log(2 * math.pi) + ops.where(ops.isinf(far), 0.0, log_variance)) + far


class GaussianNLLLoss(Loss, function=gaussian_nll_loss):
    """Class form of `gaussian_nll_loss`, for `model.compile(loss=...)`."""

    words: ClassVar[tuple[str, ...]] = ("NLL", "GaussianNLL", "heteroscedastic", "uncertainty")
    tasks: ClassVar[tuple[str, ...]] = ("regression", "forecasting", "uncertainty")
    elsewhere: ClassVar[dict[str, str]] = {"torch": "torch.nn.GaussianNLLLoss(full=True)"}
