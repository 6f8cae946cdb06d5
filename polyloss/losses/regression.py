"""Regression: how far a prediction is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar

import keras

from polyloss.core import numerics, ops
from polyloss.core.closed_form import closed_form
from polyloss.core.function import loss_function
from polyloss.core.kinds import AMOUNTS, ELEMENTS, QUANTILES
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Positive, between, one_or_several

__all__ = [
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "QuantileLoss",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "quantile_loss",
]


@loss_function(ELEMENTS)
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    r"""Squared error, averaged over the last axis.

    .. math:: \ell = \frac{1}{n} \sum_i (\hat{y}_i - y_i)^2

    When to choose it: the mean of the target is wanted and errors are about Gaussian. One outlier of
    error e weighs e^2; with outliers `huber` or `mean_absolute_error`.

    Args:
        y_true: Targets, (..., n), any real dtype.
        y_pred: Predictions, shape of `y_true`, float dtype (float64 stays, half precision is computed in
            float32). (N,) against (N, 1) is lined up as in Keras.

    Returns:
        One value a sample, the shape of `y_pred` without its last axis, in squared units of the target.

    Raises:
        ValueError: for shapes that differ.

    ===================  =====  ================
    input                value  gradient
    ===================  =====  ================
    prediction = target  0      0
    error +-inf          inf    +-inf
    error 1e20, float32  inf    finite: 2e20 / n
    NaN                  NaN    NaN
    ===================  =====  ================

    >>> float(polyloss.mean_squared_error([[1.0, 2.0]], [[2.0, 4.0]])[0])
    2.5

    References: Gauss (1809), Theoria motus, on least squares.
    """
    return _squared(y_pred, y_true)


@closed_form(mean=True, kernel="squared error")
def _squared(x: Tensor, y: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    error = x - y
    return error * error, lambda: 2 * error


class MeanSquaredError(Loss, function=mean_squared_error, kw_only=False):
    """Class form of `mean_squared_error`; a drop-in for `keras.losses.MeanSquaredError`."""

    words: ClassVar[tuple[str, ...]] = ("MSE", "MSELoss", "L2", "L2Loss", "least squares", "RMSE")
    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.MeanSquaredError",
        "torch": "torch.nn.MSELoss",
        "optax": "optax.losses.squared_error",
    }


@loss_function(ELEMENTS)
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    r"""Absolute error, averaged over the last axis.

    .. math:: \ell = \frac{1}{n} \sum_i |\hat{y}_i - y_i|

    When to choose it: the median of the target is wanted, or outliers must not count for more than their
    size. Its gradient does not fade near the target; `huber` does.

    Args:
        y_true: Targets, (..., n), any real dtype.
        y_pred: Predictions, shape of `y_true`, float dtype (float64 stays, half precision is computed in
            float32). (N,) against (N, 1) is lined up as in Keras.

    Returns:
        One value a sample, the shape of `y_pred` without its last axis, in units of the target. The
        gradient where prediction and target meet is 0, on every backend.

    Raises:
        ValueError: for shapes that differ.

    ===================  =====  ===================
    input                value  gradient
    ===================  =====  ===================
    prediction = target  0      0, on every backend
    error +-inf          inf    +-1/n
    NaN                  NaN    not promised
    ===================  =====  ===================

    >>> float(polyloss.mean_absolute_error([[1.0, 2.0]], [[2.0, 4.0]])[0])
    1.5

    References: Laplace (1774), Mémoire sur la probabilité des causes, on least absolute deviations.
    """
    return _absolute(y_pred, y_true)


@closed_form(mean=True, kernel="absolute error")
def _absolute(x: Tensor, y: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    error = x - y
    return ops.abs(error), lambda: ops.sign(error)


class MeanAbsoluteError(Loss, function=mean_absolute_error, kw_only=False):
    """Class form of `mean_absolute_error`; a drop-in for `keras.losses.MeanAbsoluteError`."""

    words: ClassVar[tuple[str, ...]] = ("MAE", "L1", "L1Loss", "median")
    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.MeanAbsoluteError",
        "torch": "torch.nn.L1Loss",
    }


@loss_function(ELEMENTS)
def huber(y_true: Tensor, y_pred: Tensor, delta: Positive = 1.0) -> Tensor:
    r"""Squared error up to delta, absolute error beyond, averaged over the last axis.

    .. math:: \ell = \frac{1}{n} \sum_i \begin{cases} \tfrac12 e_i^2 & |e_i| \le \delta \\
        \delta\,|e_i| - \tfrac12 \delta^2 & |e_i| > \delta \end{cases}, \qquad e = \hat{y} - y

    When to choose it: regression on data with outliers (a stuck sensor, an accident on the road): they
    pull with force delta, however far off they are, while ordinary errors are fitted as by least squares.
    Choose `delta` about where ordinary errors end; small delta is delta times the absolute error, large
    delta half the squared error.

    Args:
        y_true: Targets, (..., n), any real dtype.
        y_pred: Predictions, shape of `y_true`, float dtype (float64 stays, half precision is computed in
            float32). (N,) against (N, 1) is lined up as in Keras.
        delta: Greater than 0, in units of the target.

    Returns:
        One value a sample, the shape of `y_pred` without its last axis, in squared units of the target.

    Raises:
        ValueError: for shapes that differ, and parameters out of range.
        TypeError: for parameters of the wrong type.

    =============  =======  ==================
    input          value    gradient
    =============  =======  ==================
    error +-inf    inf      +-delta, not NaN
    NaN            NaN      NaN
    =============  =======  ==================

    >>> float(polyloss.huber([[0.0, 0.0]], [[1.0, 3.0]])[0])
    1.5

    References: Huber 1964, Robust Estimation of a Location Parameter, doi:10.1214/aoms/1177703732.
    """
    return _huber(y_pred, y_true, delta=delta)


@closed_form(mean=True, kernel="huber")
def _huber(x: Tensor, y: Tensor, *, delta: float) -> tuple[Tensor, Callable[[], Tensor]]:
    error = x - y
    clipped = numerics.clip(error, -delta, delta)
    return numerics.terms(clipped * (error - 0.5 * clipped)), lambda: clipped


class Huber(Loss, function=huber, kw_only=False):
    """Class form of `huber`; a drop-in for `keras.losses.Huber`.

    >>> polyloss.Huber(2.0)
    Huber(delta=2.0)
    """

    delta: float = 1.0
    name = "huber_loss"

    words: ClassVar[tuple[str, ...]] = ("SmoothL1", "SmoothL1Loss", "robust", "outliers")
    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    elsewhere: ClassVar[dict[str, str]] = {
        "keras": "keras.losses.Huber",
        "torch": "torch.nn.HuberLoss",
        "optax": "optax.losses.huber_loss",
    }


@loss_function(ELEMENTS)
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    r"""Logarithm of the hyperbolic cosine of the error, averaged over the last axis.

    .. math:: \ell = \frac{1}{n} \sum_i \log \cosh(\hat{y}_i - y_i)

    When to choose it: regression with some outliers, where `huber` would do but the curve should have no
    kink in its slope (second-order optimizers). It is half the squared error near the target and
    the absolute error less log 2 far off; the pull on an error e is tanh e. The change comes at an error of
    about 1: scale targets so that ordinary errors are below it, or take `huber` and choose.

    Keeps its digits near 0, where the form :math:`e + \log(1 + e^{-2e}) - \log 2` of other libraries loses
    them: 5 to 7 % off at an error of 0.001 in float32.

    Args:
        y_true: Targets, (..., n), any real dtype.
        y_pred: Predictions, shape of `y_true`, float dtype (float64 stays, half precision is computed in
            float32). (N,) against (N, 1) is lined up as in Keras.

    Returns:
        One value a sample, the shape of `y_pred` without its last axis. The unit of the target is taken
        to be 1.

    Raises:
        ValueError: for shapes that differ.

    ===================  =====================  ===================
    input                value                  gradient
    ===================  =====================  ===================
    prediction = target  0                      0
    error 1e-3           4.9999992e-07          1e-3/n, nearly
    error 1e30           1e30                   1/n
    error +-inf          inf                    +-1/n
    NaN                  NaN                    NaN
    ===================  =====================  ===================

    >>> loss = polyloss.log_cosh([[0.0, 0.0]], [[1.0, -3.0]])
    >>> round(float(loss[0]), 4)
    1.3716

    References: Green 1990, Bayesian reconstructions from emission tomography data using a modified EM
    algorithm, doi:10.1109/42.52985.
    """
    return _log_cosh(y_pred, y_true)


@closed_form(mean=True)
def _log_cosh(x: Tensor, y: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    r"""To the last digits, from 1e-20 to infinity.

    With :math:`p = e^{|x|} - 1`, :math:`\cosh x = 1 + p^2 / (2 + 2 p)`: nothing cancels near 0. From 20 on it grows as
    :math:`|x|`, to the last digit of float64, so that no exponential overflows.
    """
    error = x - y
    side = 1 - 2 * numerics.step(-error)
    size = error * side
    near = numerics.at_most(size, 20.0)
    p = ops.expm1(near)
    twice = p * (p + 2)  # e^(2 |x|) - 1
    value = ops.log1p(p * p / (2 + 2 * p)) + (size - near)
    return numerics.terms(value), lambda: side * twice / (twice + 2)


class LogCosh(Loss, function=log_cosh, kw_only=False):
    """Class form of `log_cosh`; a drop-in for `keras.losses.LogCosh`."""

    words: ClassVar[tuple[str, ...]] = ("robust", "outliers")
    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    elsewhere: ClassVar[dict[str, str]] = {"keras": "keras.losses.LogCosh", "optax": "optax.losses.log_cosh"}


@loss_function(AMOUNTS)
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    r"""Squared difference of logarithms, averaged over the last axis.

    .. math:: \ell = \frac{1}{n} \sum_i \big(\log(1 + \hat{y}_i) - \log(1 + y_i)\big)^2

    When to choose it: targets that are not negative and range over orders of magnitude (from watts to
    kilowatts), where being off by a tenth should cost the same everywhere. Falling short costs more than
    overshooting by as much. Well below 1 it is the squared error: choose the unit so that the smallest
    target that matters is well above 1.

    Computed as :math:`\log^2\!\big(1 + |\hat{y} - y| / (1 + \min(\hat{y}, y))\big)`, which keeps its digits
    where prediction and target are close.

    Args:
        y_true: Targets, (..., n), at least 0, any real dtype. As in Keras, what is below epsilon
            (1e-7) counts as epsilon.
        y_pred: Predictions, shape of `y_true`, float dtype (float64 stays, half precision is computed in
            float32). Likewise clipped, but the clip passes the gradient on, so a model that starts below
            0 can learn its way up (in Keras it cannot). A softplus output keeps predictions positive.

    Returns:
        One value a sample, the shape of `y_pred` without its last axis, without unit.

    Raises:
        ValueError: for shapes that differ.

    ==================  =========================  ================================================
    input               value                      gradient
    ==================  =========================  ================================================
    prediction below 0  as for a prediction of 0   as at epsilon: towards the target
    prediction +inf     inf                        not promised
    NaN                 NaN                        NaN
    ==================  =========================  ================================================

    >>> loss = polyloss.mean_squared_logarithmic_error([[9.0]], [[99.0]])
    >>> round(float(loss[0]), 4)
    5.3019

    References: the measure of forecasting contests; Keras's `MeanSquaredLogarithmicError`.
    """
    return _squared_log_ratio(y_pred, y_true, epsilon=keras.config.epsilon())


@closed_form(mean=True, kernel="squared log ratio")
def _squared_log_ratio(x: Tensor, y: Tensor, *, epsilon: float) -> tuple[Tensor, Callable[[], Tensor]]:
    p, y = numerics.clip_through(x, epsilon), numerics.clip(y, epsilon, float("inf"))
    ratio = numerics.log_ratio(y, p)
    return ratio * ratio, lambda: 2 * ratio * ops.sign(p - y) / (1 + p)


class MeanSquaredLogarithmicError(Loss, function=mean_squared_logarithmic_error, kw_only=False):
    """Class form of `mean_squared_logarithmic_error`; a drop-in for `keras.losses.MeanSquaredLogarithmicError`."""

    words: ClassVar[tuple[str, ...]] = ("MSLE", "RMSLE", "relative error", "orders of magnitude")
    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    elsewhere: ClassVar[dict[str, str]] = {"keras": "keras.losses.MeanSquaredLogarithmicError"}


@loss_function(QUANTILES)
def quantile_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    quantiles: Annotated[float | Sequence[float], one_or_several(between(0, 1, below_high=True, above_low=True))] = 0.5,
) -> Tensor:
    r"""Pinball loss of a quantile tau: the absolute error, times tau if the prediction is too low, else 1 - tau.

    .. math:: \ell = \frac{1}{n} \sum_i \rho_\tau(y_i - \hat{y}_i), \qquad
        \rho_\tau(u) = \max(\tau u,\, (\tau - 1)\, u)

    When to choose it: the mean is not enough, a bound or an interval is wanted: what will not be exceeded on
    nine days of ten (0.9), the band that holds eight of ten (0.1 and 0.9). The prediction that minimises it
    is the tau-quantile of the target. Too low costs tau a unit, too high 1 - tau: with a shortage nine times
    as dear as a surplus, 0.9 is also the stock to hold. Several quantiles at once share a model's layers;
    nothing keeps them in order, so sort the predictions if they cross.

    Args:
        y_true: Targets, any real dtype: (..., n) with one quantile; with several (...) or (..., 1).
        y_pred: Predictions, float dtype (float64 stays, half precision is computed in float32): the shape of
            `y_true` with one quantile, (N,) against (N, 1) lined up as in Keras; with several (..., Q), one
            on the last axis for each quantile.
        quantiles: tau, greater than 0 and less than 1; or a sequence of them.

    Returns:
        One value a sample, the shape of `y_pred` without its last axis, in units of the target: the mean over
        that axis, over the quantiles where there are several. At 0.5 it is half the absolute error. The
        gradient where prediction and target meet is 0, on every backend.

    Raises:
        ValueError: for shapes that do not fit (to the quantiles, where there are several), and parameters out
            of range.
        TypeError: for parameters of the wrong type.

    ===================  =====  ===================
    input                value  gradient
    ===================  =====  ===================
    prediction = target  0      0, on every backend
    prediction -inf      inf    -quantiles/n
    prediction +inf      inf    (1 - quantiles)/n
    NaN                  NaN    NaN
    ===================  =====  ===================

    >>> [round(float(v), 2) for v in polyloss.quantile_loss([[3.0], [3.0]], [[1.0], [5.0]], quantiles=0.9)]
    [1.8, 0.2]
    >>> loss = polyloss.quantile_loss([3.0], [[1.0, 3.0, 5.0]], quantiles=[0.1, 0.5, 0.9])
    >>> round(float(loss[0]), 4)
    0.1333

    References: Koenker and Bassett 1978, Regression Quantiles, doi:10.2307/1913643.
    """
    levels = quantiles if isinstance(quantiles, tuple) else (quantiles,)
    below, above = numerics.constant(levels, y_pred), numerics.constant(tuple(q - 1 for q in levels), y_pred)
    error = y_true - y_pred
    price = ops.where(error > 0, below, ops.where(error < 0, above, error))  # at a tie 0, of NaN NaN
    return numerics.mean(error * ops.stop_gradient(price))


class QuantileLoss(Loss, function=quantile_loss):
    """Class form of `quantile_loss`, for `model.compile(loss=...)`.

    >>> polyloss.QuantileLoss(quantiles=[0.1, 0.5, 0.9])
    QuantileLoss(quantiles=(0.1, 0.5, 0.9))
    """

    quantiles: float | Sequence[float] = 0.5

    words: ClassVar[tuple[str, ...]] = (
        "pinball",
        "PinballLoss",
        "quantile regression",
        "prediction interval",
        "newsvendor",
    )
    tasks: ClassVar[tuple[str, ...]] = ("regression", "forecasting")
    elsewhere: ClassVar[dict[str, str]] = {"scikit-learn": "sklearn.metrics.mean_pinball_loss"}
