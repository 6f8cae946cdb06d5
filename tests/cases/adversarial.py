"""Cases of `polyloss.adversarial`.

A sample of these cases is a whole batch of logits, ``[real, fake]``: the losses are scalars of a batch. The
checks that have to do with targets, weights and reductions do not apply, so these cases stand apart from
the others and `tests/checks/test_adversarial.py` runs what applies.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

import polyloss
from tests.case import Case, Corner, Parameters, Refusal, inf, nan
from tests.oracle import Dual, dual, log, sigmoid

Batch = Sequence[Sequence[Dual]]


def mean(terms: Sequence[Any]) -> Dual:
    return sum(map(dual, terms), Dual(0)) / len(terms)


def log_not(x: Any) -> Dual:
    """log(1 - sigmoid(x))."""
    return log(sigmoid(-dual(x)))


def positive(x: Any) -> Dual:
    x = dual(x)
    return x if x > 0 else Dual(0)


# -- the formulas of the papers -------------------------------------------------------------------


def cross_entropy(y: Any, p: Batch, label_smoothing: float = 0.0) -> list[Dual]:
    """-E log D(x) - E log(1 - D(G(z))), arXiv:1406.2661; one-sided smoothing, arXiv:1606.03498."""
    s = Dual(label_smoothing)
    on_real = mean([(1 - s) * log(sigmoid(r)) + s * log_not(r) for r in p[0]])
    return [-on_real - mean([log_not(f) for f in p[1]])]


def minimax_generator(y: Any, p: Batch) -> list[Dual]:
    """E log(1 - D(G(z))), arXiv:1406.2661."""
    return [mean([log_not(f) for f in p[1]])]


def non_saturating_generator(y: Any, p: Batch) -> list[Dual]:
    """-E log D(G(z)), arXiv:1406.2661, section 3."""
    return [-mean([log(sigmoid(f)) for f in p[1]])]


def least_squares(y: Any, p: Batch, real_target: float = 1.0, fake_target: float = 0.0) -> list[Dual]:
    """1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2, arXiv:1611.04076, equation 2."""
    b, a = Dual(real_target), Dual(fake_target)
    return [mean([(r - b) ** 2 for r in p[0]]) / 2 + mean([(f - a) ** 2 for f in p[1]]) / 2]


def least_squares_generator(y: Any, p: Batch, generator_target: float = 1.0) -> list[Dual]:
    """1/2 E (D(G(z)) - c)^2, arXiv:1611.04076, equation 2."""
    return [mean([(f - Dual(generator_target)) ** 2 for f in p[1]]) / 2]


def hinge(y: Any, p: Batch) -> list[Dual]:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), arXiv:1705.02894."""
    return [mean([positive(1 - r) for r in p[0]]) + mean([positive(1 + f) for f in p[1]])]


def minus_mean(y: Any, p: Batch) -> list[Dual]:
    """-E D(G(z)), arXiv:1701.07875 and arXiv:1705.02894."""
    return [-mean(p[1])]


def earth_mover(y: Any, p: Batch) -> list[Dual]:
    """E D(G(z)) - E D(x), arXiv:1701.07875."""
    return [mean(p[1]) - mean(p[0])]


def relativistic(y: Any, p: Batch, average: bool = True) -> list[Dual]:
    """-E log s(r - E f) - E log(1 - s(f - E r)); -E log s(r - f): arXiv:1807.00734, sections 4.1 and 4.2."""
    real, fake = p
    if not average:
        return [-mean([log(sigmoid(r - f)) for r, f in zip(real, fake, strict=True)])]
    r_mean, f_mean = mean(real), mean(fake)
    return [-mean([log(sigmoid(r - f_mean)) for r in real]) - mean([log_not(f - r_mean) for f in fake])]


def relativistic_generator(y: Any, p: Batch, average: bool = True) -> list[Dual]:
    """The same with real and generated exchanged."""
    return relativistic(y, [p[1], p[0]], average)


# -- the two players -------------------------------------------------------------------------------


def each(function: Callable[..., Any], sides: str) -> Callable[..., Any]:
    """The function of one batch as one of many, given as [real, fake]; `sides` says what it takes."""

    def of_batches(y: Any, x: Any, **parameters: Any) -> Any:
        def one(i: int) -> Any:
            given = {"r": x[i, 0], "f": x[i, 1]}
            return function(*(given[side] for side in sides), **parameters)

        return ops.stack([one(i) for i in range(x.shape[0])])

    of_batches.__name__ = function.__name__
    return of_batches


class Pairwise(Case):
    """A `Case` whose function is not that of the class alone."""

    def __init__(self, call: Callable[..., Any], sides: str, **fields: Any) -> None:
        super().__init__(**fields)
        object.__setattr__(self, "call", each(call, sides))
        object.__setattr__(self, "plain", call)
        object.__setattr__(self, "sides", sides)

    @property
    def function(self) -> Callable[..., Any]:
        return self.call

    @property
    def name(self) -> str:
        return self.plain.__name__


def case(
    loss: Any,
    function: Callable[..., Any],
    sides: str,
    reference: Any,
    corners: Sequence[Corner],
    variants: Sequence[Parameters] = ({},),
    refusals: Sequence[Refusal] = (),
) -> Pairwise:
    return Pairwise(
        function,
        sides,
        loss=loss,
        reference=reference,
        variants=variants,
        corners=[*corners, corner([0.0, 0.0], [nan, 0.0], nan)],
        refused=refusals,
        terms=6,
    )


def first(pair: Pairwise, n: int) -> Pairwise:
    """The case with its first batches alone: the special ones."""
    few = copy.copy(pair)
    object.__setattr__(few, "inputs", lambda given, dtype: tuple(a[:n] for a in pair.inputs(given, dtype)))
    return few


def corner(real: Any, fake: Any, value: float, gradient: Any = None, **parameters: Any) -> Corner:
    return Corner(parameters, 0, [real, fake], [value], gradient, labels="int32")


SURE = [[inf, inf], [-inf, -inf]]
RIGHT = corner(*SURE, 0.0, [0.0, 0.0, 0.0, 0.0])
WRONG = corner([-inf, 0.0], [0.0, 0.0], inf)
BROKEN = corner([nan, 0.0], [0.0, 0.0], nan)


def smoothing(name: str) -> list[Refusal]:
    """What is no label smoothing."""
    cases = [(-0.1, "between 0 and 1", ValueError), (2, "between 0 and 1", ValueError), (True, "a number", TypeError)]
    return [
        Refusal(
            f"{name}: label_smoothing must be {must}. Got label_smoothing={got!r}.",
            {"label_smoothing": got},
            error=error,
        )
        for got, must, error in cases
    ]


CASES = [
    case(
        polyloss.MinimaxLoss,
        polyloss.minimax_discriminator_loss,
        "rf",
        cross_entropy,
        [
            RIGHT,
            WRONG,
            BROKEN,
            corner([-1e4, 1e4], [-1e4, 1e4], 1e4, [-0.5, 0.0, 0.0, 0.5]),
            corner([inf, inf], [-inf, -inf], inf, label_smoothing=0.1),
        ],
        [{}, {"label_smoothing": 0.1}, {"label_smoothing": 1.0}],
        smoothing("minimax_discriminator_loss"),
    ),
    case(
        polyloss.MinimaxLoss,
        polyloss.minimax_generator_loss,
        "f",
        minimax_generator,
        [corner(*SURE, 0.0, [0.0] * 4), corner([0.0, 0.0], [1e4, 0.0], -5000.34657359, [0.0, 0.0, -0.5, -0.25])],
    ),
    case(
        polyloss.NonSaturatingLoss,
        polyloss.non_saturating_discriminator_loss,
        "rf",
        cross_entropy,
        [RIGHT, WRONG, BROKEN],
        [{}, {"label_smoothing": 0.1}],
        smoothing("non_saturating_discriminator_loss"),
    ),
    case(
        polyloss.NonSaturatingLoss,
        polyloss.non_saturating_generator_loss,
        "f",
        non_saturating_generator,
        [
            corner([0.0, 0.0], [inf, inf], 0.0, [0.0] * 4),
            corner([0.0, 0.0], [-1e4, 1e4], 5000.0, [0.0, 0.0, -0.5, 0.0]),
        ],
    ),
    case(
        polyloss.LeastSquaresLoss,
        polyloss.least_squares_discriminator_loss,
        "rf",
        least_squares,
        [corner([1.0, 1.0], [0.0, 0.0], 0.0, [0.0] * 4), BROKEN],
        [{}, {"real_target": 0.9, "fake_target": -1.0}],
        [
            Refusal(
                "least_squares_discriminator_loss: real_target must be finite. Got real_target=inf.",
                {"real_target": inf},
            ),
            Refusal(
                "least_squares_discriminator_loss: generator_target must be finite. Got generator_target=nan.",
                {"generator_target": nan},
            ),
        ],
    ),
    case(
        polyloss.LeastSquaresLoss,
        polyloss.least_squares_generator_loss,
        "f",
        least_squares_generator,
        [corner([0.0, 0.0], [1.0, 1.0], 0.0, [0.0] * 4), corner([0.0, 0.0], [inf, 0.0], inf)],
        [{}, {"generator_target": 0.0}],
    ),
    case(
        polyloss.HingeGANLoss,
        polyloss.hinge_gan_discriminator_loss,
        "rf",
        hinge,
        [
            corner([1.0, 1.0], [-1.0, -1.0], 0.0, [0.0] * 4),
            corner([0.0, 2.0], [0.0, -2.0], 1.0, [-0.5, 0.0, 0.5, 0.0]),
            corner([inf, inf], [-inf, -inf], 0.0, [0.0] * 4),
            BROKEN,
        ],
    ),
    case(
        polyloss.HingeGANLoss,
        polyloss.hinge_gan_generator_loss,
        "f",
        minus_mean,
        [corner([0.0, 0.0], [2.0, 4.0], -3.0, [0.0, 0.0, -0.5, -0.5])],
    ),
    case(
        polyloss.WassersteinLoss,
        polyloss.wasserstein_discriminator_loss,
        "rf",
        earth_mover,
        [corner([1.0, 2.0], [2.0, 4.0], 1.5, [-0.5, -0.5, 0.5, 0.5]), corner([inf, inf], [inf, inf], nan)],
    ),
    case(
        polyloss.WassersteinLoss,
        polyloss.wasserstein_generator_loss,
        "f",
        minus_mean,
        [corner([0.0, 0.0], [2.0, 4.0], -3.0, [0.0, 0.0, -0.5, -0.5])],
    ),
    case(
        polyloss.RelativisticLoss,
        polyloss.relativistic_discriminator_loss,
        "rf",
        relativistic,
        [
            corner([1e4, 1e4], [-1e4, -1e4], 0.0, [0.0] * 4),
            corner([-1e4, -1e4], [1e4, 1e4], 2e4, [-0.5, -0.5, 0.5, 0.5], average=False),
            BROKEN,
        ],
        [{}, {"average": False}],
        [
            Refusal(
                "relativistic_discriminator_loss: average must be True or False. Got average=1.",
                {"average": 1},
                error=TypeError,
            ),
        ],
    ),
    case(
        polyloss.RelativisticLoss,
        polyloss.relativistic_generator_loss,
        "fr",
        relativistic_generator,
        [corner([-1e4, -1e4], [1e4, 1e4], 0.0, [0.0] * 4, average=False)],
        [{}, {"average": False}],
    ),
]
