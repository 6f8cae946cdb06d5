"""What the losses on a sigmoid share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from polyloss.core import numerics
from polyloss.core.closed_form import closed_form
from polyloss.core.numerics import Tensor


def yes_and_no(y_true: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """How much a target asks for yes and for no, drawn towards 1/2 (each on its own: 1 - yes loses digits)."""
    if not label_smoothing:
        return y_true, 1 - y_true
    kept, half = 1 - label_smoothing, 0.5 * label_smoothing
    return y_true * kept + half, (1 - y_true) * kept + half


def asked(y_true: Tensor, label_smoothing: float) -> tuple[Tensor, ...]:
    """What a closed form needs of the targets: they alone, or how much they ask for yes and for no."""
    return yes_and_no(y_true, label_smoothing) if label_smoothing else (y_true,)


class Sides(NamedTuple):
    """A logit seen from the side of 0 that it is on.

    Attributes:
        side: -1 where x > 0, else 1: the slope of `minus`.
        minus: -|x|.
        small: The probability of the less likely answer, sigmoid(-|x|).
        rest: log(1 + exp(-|x|)).
        wrong: How much the target asks for the less likely answer.
    """

    side: Tensor
    minus: Tensor
    small: Tensor
    rest: Tensor
    wrong: Tensor


def sides(x: Tensor, yes: Tensor, no: Tensor | None = None) -> Sides:
    """What every loss on a sigmoid is made of: no overflow, and nothing that cancels. Without `no`: yes + no = 1."""
    positive = numerics.step(x)
    side = 1 - 2 * positive
    minus = x * side
    wrong = positive + yes * side if no is None else (1 - positive) * yes + positive * no
    return Sides(side, minus, *numerics.logistic(minus), wrong)


@closed_form(mean=True, kernel="sigmoid crossentropy")
def mean_log_loss(x: Tensor, yes: Tensor, no: Tensor | None = None) -> tuple[Tensor, Callable[[], Tensor]]:
    r"""``-(yes log sigmoid(x) + no log(1 - sigmoid(x)))``, the mean over the last axis, for weights that are not negative.
    Without `no`: yes + no = 1.

    With :math:`-\log \sigma(x) = \max(-x, 0) + r` and :math:`-\log(1 - \sigma(x)) = \max(x, 0) + r`,
    :math:`r = \log(1 + e^{-|x|})`.
    """
    side, minus, small, rest, wrong = sides(x, yes, no)
    against = numerics.product(wrong, minus) + 0 * wrong  # NaN of a target
    if no is None:
        return numerics.terms(rest - against), lambda: side * (small - wrong)
    total = yes + no
    return numerics.terms(total * rest - against), lambda: side * (total * small - wrong)
