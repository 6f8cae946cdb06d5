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


def sides(x: Tensor, yes: Tensor, no: Tensor) -> Sides:
    """What every loss on a sigmoid is made of: no overflow, and nothing that cancels."""
    positive = numerics.step(x)
    side = 1 - 2 * positive
    minus = x * side
    return Sides(side, minus, *numerics.logistic(minus), yes + positive * (no - yes))


@closed_form
def log_loss(x: Tensor, yes: Tensor, no: Tensor, *, sum_to_one: bool = True) -> tuple[Tensor, Callable[[], Tensor]]:
    r"""``-(yes log sigmoid(x) + no log(1 - sigmoid(x)))`` for weights that are not negative.

    With :math:`-\log \sigma(x) = \max(-x, 0) + r` and :math:`-\log(1 - \sigma(x)) = \max(x, 0) + r`,
    :math:`r = \log(1 + e^{-|x|})`.
    """
    side, minus, small, rest, wrong = sides(x, yes, no)
    if sum_to_one:
        return rest - numerics.product(wrong, minus), lambda: side * (small - wrong)
    total = yes + no
    return total * rest - numerics.product(wrong, minus), lambda: side * (total * small - wrong)
