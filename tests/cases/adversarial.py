"""Cases of `polyloss.adversarial`, one for each of the two players.

A sample of these cases is a whole batch of scores, ``[real, fake]``: the losses are scalars of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import polyloss
from tests import draws
from tests.case import Case, Corner, Law, Minimiser, Parameters, Refusal, inf, nan, range_refusals
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


# -- the cases -------------------------------------------------------------------------------------


def corner(real: Any, fake: Any, value: float, gradient: Any = None, edge: str | None = None, **given: Any) -> Corner:
    return Corner(given, 0, [real, fake], [value], gradient, labels="int32", edge=edge)


def of_player(
    loss: Any,
    player: str,
    reference: Any,
    corners: Sequence[Corner],
    laws: Sequence[Law],
    variants: Sequence[Parameters] = ({},),
    refused: Sequence[Refusal] = (),
    minimisers: Sequence[Minimiser] = (),
) -> Case:
    return Case(
        loss=loss,
        player=player,
        reference=reference,
        variants=variants,
        corners=corners,
        refused=refused,
        laws=laws,
        minimisers=minimisers,
        terms=6,
    )


def law(name: str, statement: Any) -> Law:
    """Of real and generated scores, (4, 2) each."""
    return Law(name, draws.scores, statement)


def constant(name: str, value: float, **parameters: Any) -> Minimiser:
    """What a critic says that cannot tell real from generated: the same of every sample."""
    return Minimiser(name, lambda rng: np.zeros(8, "int32"), lambda y: value, parameters, row=(2, 3))


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


NONE = [0.0] * 4
"""No gradient, for two scores a side."""
SURE = [[inf, inf], [-inf, -inf]]
SURE_OF_ALL = corner(*SURE, 0.0, NONE, "r = inf, f = -inf")
NO_REAL_LOGIT = corner([-inf, 0.0], [0.0, 0.0], inf, [-0.5, -0.25, 0.25, 0.25], "r = -inf")
NO_FAKE_LOGIT = corner([0.0, 0.0], [inf, 0.0], inf, [-0.25, -0.25, 0.5, 0.25], "f = inf")
LOG_2 = 0.6931471805599453


def cross_entropy_corners() -> list[Corner]:
    return [
        SURE_OF_ALL,
        NO_REAL_LOGIT,
        NO_FAKE_LOGIT,
        corner([], [0.0, 0.0], LOG_2, [0.25, 0.25], "no sample on a side"),
        corner([0.0, 0.0], [], LOG_2, [-0.25, -0.25], "no sample on a side"),
        corner([nan, 0.0], [0.0, 0.0], nan, [nan, -0.25, 0.25, 0.25], "NaN"),
        corner([0.0, 0.0], [nan, 0.0], nan, [-0.25, -0.25, nan, 0.25], "NaN"),
        corner([-1e4, 1e4], [-1e4, 1e4], 1e4, [-0.5, 0.0, 0.0, 0.5]),
        corner([inf, inf], [-inf, -inf], inf, label_smoothing=0.1),
    ]


CASES = [
    of_player(
        polyloss.MinimaxLoss,
        "discriminator",
        cross_entropy,
        cross_entropy_corners(),
        [
            law(
                "real and generated are mirror images",
                lambda r, f: (
                    polyloss.minimax_discriminator_loss(r, f),
                    polyloss.minimax_discriminator_loss(-f, -r),
                ),
            ),
        ],
        [{}, {"label_smoothing": 0.1}, {"label_smoothing": 1.0}],
        range_refusals("minimax_discriminator_loss", "label_smoothing", "be between 0 and 1", -0.1, 2),
        [constant("even odds", 0.0), constant("the log-odds", log_odds(0.4), label_smoothing=0.2)],
    ),
    of_player(
        polyloss.MinimaxLoss,
        "generator",
        minimax_generator,
        [
            corner(*SURE, 0.0, NONE, "f = -inf"),
            corner([0.0, 0.0], [inf, 0.0], -inf, [0.0, 0.0, -0.5, -0.25], "f = inf"),
            corner([0.0, 0.0], [1e4, 0.0], -5000.34657359, [0.0, 0.0, -0.5, -0.25]),
            corner([0.0, 0.0], [nan, 0.0], nan, [0.0, 0.0, nan, -0.25], "NaN"),
        ],
        [
            law(
                "what one wins on generated samples the other loses",
                lambda r, f: (
                    polyloss.minimax_discriminator_loss(r, f) + polyloss.minimax_generator_loss(f),
                    polyloss.non_saturating_generator_loss(r),
                ),
            ),
        ],
    ),
    of_player(
        polyloss.NonSaturatingLoss,
        "discriminator",
        cross_entropy,
        cross_entropy_corners(),
        [
            law(
                "it is that of the minimax game",
                lambda r, f: (
                    polyloss.non_saturating_discriminator_loss(r, f),
                    polyloss.minimax_discriminator_loss(r, f),
                ),
            ),
        ],
        [{}, {"label_smoothing": 0.1}],
        range_refusals("non_saturating_discriminator_loss", "label_smoothing", "be between 0 and 1", -0.1, 2),
        [constant("even odds", 0.0), constant("the log-odds", log_odds(0.4), label_smoothing=0.2)],
    ),
    of_player(
        polyloss.NonSaturatingLoss,
        "generator",
        non_saturating_generator,
        [
            corner([0.0, 0.0], [inf, inf], 0.0, NONE, "f = inf"),
            corner([0.0, 0.0], [-inf, 0.0], inf, [0.0, 0.0, -0.5, -0.25], "f = -inf"),
            corner([0.0, 0.0], [-1e4, 1e4], 5000.0, [0.0, 0.0, -0.5, 0.0]),
            corner([0.0, 0.0], [nan, 0.0], nan, [0.0, 0.0, nan, -0.25], "NaN"),
        ],
        [
            law(
                "it is the saturating one turned round",
                lambda r, f: (polyloss.non_saturating_generator_loss(f), -polyloss.minimax_generator_loss(-f)),
            ),
        ],
    ),
    of_player(
        polyloss.LeastSquaresLoss,
        "discriminator",
        least_squares,
        [
            corner([1.0, 1.0], [0.0, 0.0], 0.0, NONE, "r = b, f = a"),
            corner([0.9, 0.9], [-1.0, -1.0], 0.0, NONE, "r = b, f = a", real_target=0.9, fake_target=-1.0),
            corner([-inf, 0.0], [0.0, 0.0], inf, [-inf, -0.5, 0.0, 0.0], "r = -inf"),
            corner([], [2.0, 0.0], 1.0, [1.0, 0.0], "no sample on a side"),
            corner([0.0], [], 0.5, [-1.0], "no sample on a side"),
            corner([nan, 0.0], [0.0, 0.0], nan, [nan, -0.5, 0.0, 0.0], "NaN"),
        ],
        [
            law(
                "each side is a generator's loss",
                lambda r, f: (
                    polyloss.least_squares_discriminator_loss(r, f),
                    polyloss.least_squares_generator_loss(r)
                    + polyloss.least_squares_generator_loss(f, generator_target=0.0),
                ),
            ),
        ],
        [{}, {"real_target": 0.9, "fake_target": -1.0}],
        [
            *range_refusals("least_squares_discriminator_loss", "real_target", "be finite"),
            *range_refusals("least_squares_discriminator_loss", "fake_target", "be finite"),
        ],
        [
            constant("half way between the targets", 0.5),
            constant("half way between the targets", -0.05, real_target=0.9, fake_target=-1.0),
        ],
    ),
    of_player(
        polyloss.LeastSquaresLoss,
        "generator",
        least_squares_generator,
        [
            corner([0.0, 0.0], [1.0, 1.0], 0.0, NONE, "f = c"),
            corner([0.0, 0.0], [0.0, 0.0], 0.0, NONE, "f = c", generator_target=0.0),
            corner([0.0, 0.0], [-inf, 0.0], inf, [0.0, 0.0, -inf, -0.5], "f = -inf"),
            corner([0.0, 0.0], [inf, 0.0], inf, [0.0, 0.0, inf, -0.5]),
            corner([0.0, 0.0], [nan, 0.0], nan, [0.0, 0.0, nan, -0.5], "NaN"),
        ],
        [
            law(
                "half the squared error",
                lambda r, f: (
                    polyloss.least_squares_generator_loss(f),
                    0.5 * polyloss.mean_squared_error(np.ones((1, f.size), "float32"), f.reshape(1, -1))[0],
                ),
            ),
        ],
        [{}, {"generator_target": 0.0}],
        range_refusals("least_squares_generator_loss", "generator_target", "be finite"),
        [constant("the target", 1.0), constant("the target", 0.3, generator_target=0.3)],
    ),
    of_player(
        polyloss.HingeGANLoss,
        "discriminator",
        hinge,
        [
            corner([1.0, 1.0], [-1.0, -1.0], 0.0, NONE, "r = 1, f = -1"),
            corner([0.0, 2.0], [0.0, -2.0], 1.0, [-0.5, 0.0, 0.5, 0.0]),
            corner([inf, inf], [-inf, -inf], 0.0, NONE, "r = inf, f = -inf"),
            corner([-inf, 2.0], [-2.0, -2.0], inf, [-0.5, 0.0, 0.0, 0.0], "r = -inf"),
            corner([], [0.0, 2.0], 2.0, [0.5, 0.5], "no sample on a side"),
            corner([0.0, 2.0], [], 0.5, [-0.5, 0.0], "no sample on a side"),
            corner([nan, 0.0], [0.0, 0.0], nan, edge="NaN"),
            corner([0.0, 0.0], [nan, 0.0], nan, edge="NaN"),
        ],
        [
            law(
                "real and generated are mirror images",
                lambda r, f: (
                    polyloss.hinge_gan_discriminator_loss(r, f),
                    polyloss.hinge_gan_discriminator_loss(-f, -r),
                ),
            ),
        ],
        minimisers=[constant("anything inside the margin", 0.3), constant("just inside it", -0.97)],
    ),
    of_player(
        polyloss.HingeGANLoss,
        "generator",
        minus_mean,
        [
            corner([0.0, 0.0], [2.0, 4.0], -3.0, [0.0, 0.0, -0.5, -0.5]),
            corner([0.0, 0.0], [-inf, 4.0], inf, [0.0, 0.0, -0.5, -0.5], "f = -inf"),
            corner([0.0, 0.0], [nan, 4.0], nan, [0.0, 0.0, -0.5, -0.5], "NaN"),
        ],
        [
            law(
                "it is that of the Wasserstein game",
                lambda r, f: (polyloss.hinge_gan_generator_loss(f), polyloss.wasserstein_generator_loss(f)),
            ),
        ],
    ),
    of_player(
        polyloss.WassersteinLoss,
        "discriminator",
        earth_mover,
        [
            corner([1.0, 2.0], [2.0, 4.0], 1.5, [-0.5, -0.5, 0.5, 0.5]),
            corner([inf, 2.0], [2.0, 4.0], -inf, [-0.5, -0.5, 0.5, 0.5], "r = inf"),
            corner([inf, inf], [inf, inf], nan, [-0.5, -0.5, 0.5, 0.5], "r = f = inf"),
            corner([], [2.0, 4.0], 3.0, [0.5, 0.5], "no sample on a side"),
            corner([2.0, 4.0], [], -3.0, [-0.5, -0.5], "no sample on a side"),
            corner([nan, 0.0], [0.0, 0.0], nan, [-0.5, -0.5, 0.5, 0.5], "NaN"),
        ],
        [
            law(
                "exchanging the sides turns the sign",
                lambda r, f: (
                    polyloss.wasserstein_discriminator_loss(r, f),
                    -polyloss.wasserstein_discriminator_loss(f, r),
                ),
            ),
        ],
    ),
    of_player(
        polyloss.WassersteinLoss,
        "generator",
        minus_mean,
        [
            corner([0.0, 0.0], [2.0, 4.0], -3.0, [0.0, 0.0, -0.5, -0.5]),
            corner([0.0, 0.0], [-inf, 4.0], inf, [0.0, 0.0, -0.5, -0.5], "f = -inf"),
            corner([0.0, 0.0], [nan, 4.0], nan, [0.0, 0.0, -0.5, -0.5], "NaN"),
        ],
        [
            law(
                "with the critic's real scores it is the critic's loss turned round",
                lambda r, f: (
                    polyloss.wasserstein_generator_loss(f) - polyloss.wasserstein_generator_loss(r),
                    -polyloss.wasserstein_discriminator_loss(r, f),
                ),
            ),
        ],
    ),
    of_player(
        polyloss.RelativisticLoss,
        "discriminator",
        relativistic,
        [
            corner([1e4, 1e4], [-1e4, -1e4], 0.0, NONE),
            corner([inf, inf], [-inf, -inf], 0.0, NONE, "r = inf, f = -inf", average=False),
            corner([-inf, 0.0], [0.0, 0.0], inf, [-0.5, -0.25, 0.5, 0.25], "r = -inf, f finite", average=False),
            corner([-1e4, -1e4], [1e4, 1e4], 2e4, [-0.5, -0.5, 0.5, 0.5], average=False),
            corner([inf, 0.0], [inf, 0.0], nan, [nan, -0.25, nan, 0.25], "r = f = inf", average=False),
            corner([nan, 0.0], [0.0, 0.0], nan, [nan, -0.25, nan, 0.25], "NaN", average=False),
            corner([nan, 0.0], [0.0, 0.0], nan, [nan] * 4, "NaN"),
        ],
        [
            law(
                "the generator plays the same game with the sides exchanged",
                lambda r, f: (
                    polyloss.relativistic_discriminator_loss(r, f),
                    polyloss.relativistic_generator_loss(r, f),
                ),
            ),
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
    of_player(
        polyloss.RelativisticLoss,
        "generator",
        relativistic_generator,
        [
            corner([-1e4, -1e4], [1e4, 1e4], 0.0, NONE, average=False),
            corner([0.0, 0.0], [inf, inf], 0.0, NONE, "f = inf, r finite", average=False),
            corner([0.0, 0.0], [-inf, 0.0], inf, [0.5, 0.25, -0.5, -0.25], "f = -inf, r finite", average=False),
            corner([inf, 0.0], [inf, 0.0], nan, [nan, 0.25, nan, -0.25], "r = f = inf", average=False),
            corner([0.0, 0.0], [nan, 0.0], nan, [nan, 0.25, nan, -0.25], "NaN", average=False),
        ],
        [
            law(
                "pairs of equal scores are even odds",
                lambda r, f: (
                    polyloss.relativistic_generator_loss(r, r, average=False),
                    np.float32(LOG_2),
                ),
            ),
        ],
        [{}, {"average": False}],
        [
            Refusal(
                "relativistic_generator_loss: average must be True or False. Got average='yes'.",
                {"average": "yes"},
                error=TypeError,
            ),
        ],
    ),
]
