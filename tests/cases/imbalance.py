"""Cases of `polyloss.losses.imbalance`."""

from __future__ import annotations

from typing import Any

import numpy as np

import polyloss
from polyloss.core.kinds import DISTRIBUTIONS, UNEQUAL_CLASSES
from tests import draws
from tests.case import (
    SMOOTHING,
    Arrays,
    Case,
    Corner,
    Law,
    Refusal,
    flag_refusals,
    inf,
    nan,
    of_classes,
    of_decisions,
    range_refusals,
)
from tests.cases.classification import LOGITS, one_hot, smoothed
from tests.oracle import Dual, classes, exp, log, softmax, yes


def focal(
    y: list[float],
    p: list[Dual],
    gamma: float = 2.0,
    alpha: Any = 0.25,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> list[Dual]:
    """-alpha_t (1 - p_t)^gamma log p_t (arXiv:1708.02002, equation 5), soft labels as in the docstring."""
    values = []
    for i, (target, prediction) in enumerate(zip(y, p, strict=True)):
        t = Dual(target) * (1 - Dual(label_smoothing)) + Dual(label_smoothing) / 2
        q = yes(prediction, from_logits)
        p_t = q * t + (1 - q) * (1 - t)
        loss = (1 - p_t) ** gamma * -(t * log(q) + (1 - t) * log(1 - q))
        if alpha is not None:
            a = Dual(alpha[i] if isinstance(alpha, tuple) else alpha)
            loss = (a * t + (1 - a) * (1 - t)) * loss
        values.append(loss)
    return values


def categorical_focal(
    y: Any,
    p: list[Dual],
    gamma: float = 2.0,
    alpha: Any = None,
    from_logits: bool = False,
    ignore_class: int | None = None,
    label_smoothing: float = 0.0,
) -> list[Dual]:
    """-sum_c alpha_c y_c (1 - p_c)^gamma log p_c."""
    if isinstance(y, int) and y == ignore_class:
        return [Dual(0)]
    targets = smoothed(one_hot(y, len(p)) if isinstance(y, int) else y, label_smoothing)
    weights = alpha if isinstance(alpha, tuple) else [1.0 if alpha is None else alpha] * len(p)
    terms = zip(weights, targets, classes(p, from_logits), strict=True)
    return [sum((-(Dual(w) * t * (1 - q) ** gamma * log(q)) for w, t, q in terms), Dual(0))]


def focal_halves(y: float, x: np.ndarray, from_logits: bool = True) -> Arrays:
    """gamma = 2, alpha = 1/4, hard labels: with z = x for y = 1 and -x for y = 0, s = softplus(-z),
    q = sigmoid(-z): a q^2 s and its derivative in z, -a q^2 (q + 2 (1 - q) s)."""
    sign, a = (1.0, 0.25) if y == 1 else (-1.0, 0.75)
    z = sign * x
    e = np.exp(-np.abs(z))
    s = np.maximum(-z, 0) + np.log1p(e)
    q, p = np.where(z > 0, e, 1) / (1 + e), np.where(z > 0, 1, e) / (1 + e)
    return a * q * q * s, -sign * a * q * q * (q + 2 * p * s)


def adjusted(y: Any, p: list[Dual], class_counts: Any, tau: float = 1.0) -> list[Dual]:
    """-sum_c y_c log(pi_c^tau e^{x_c} / sum_j pi_j^tau e^{x_j}) (arXiv:2007.07314, equation 10)."""
    prior = [Dual(n) / sum(class_counts) for n in class_counts]
    powers = [c**tau * exp(x) for c, x in zip(prior, p, strict=True)]
    total = sum(powers, Dual(0))
    targets = one_hot(y, len(p)) if isinstance(y, int) else y
    return [sum((-(Dual(t) * log(c / total)) for t, c in zip(targets, powers, strict=True) if t), Dual(0))]


def margins(y: Any, p: list[Dual], class_counts: Any, max_margin: float = 0.5, scale: float = 30.0) -> list[Dual]:
    """-sum_c y_c log softmax(s (x - y Delta))_c, Delta_j = C / n_j^(1/4) (arXiv:1906.07413, equations 12 and 13)."""
    targets = one_hot(y, len(p)) if isinstance(y, int) else y
    c = max_margin / max(Dual(n) ** -0.25 for n in class_counts)
    lowered = [x - t * c * Dual(n) ** -0.25 for x, t, n in zip(p, targets, class_counts, strict=True)]
    q = softmax([scale * x for x in lowered])
    return [sum((-(Dual(t) * log(a)) for t, a in zip(targets, q, strict=True) if t), Dual(0))]


def labels_or_rows(parameters: dict[str, Any], dtype: str) -> Arrays:
    """Integer labels where nothing but the counts is given, else one-hot and soft rows."""
    y, x = UNEQUAL_CLASSES.inputs(parameters, dtype)
    return (y, x) if parameters.keys() == {"class_counts"} else DISTRIBUTIONS.with_targets(parameters, x)


def count_refusals(function: str) -> list[Refusal]:
    """What is no count a class."""
    return [
        Refusal(
            f"{function}: class_counts must be greater than 0 (every entry). Got class_counts=(5, 0, 1).",
            {"class_counts": (5, 0, 1)},
        ),
        Refusal(
            f"{function}: class_counts must be a sequence of numbers. Got class_counts=5.",
            {"class_counts": 5},
            error=TypeError,
        ),
        Refusal(
            f"{function}: class_counts must have 3 entries, one a class. Got class_counts=(5, 1).",
            {"class_counts": (5, 1)},
            np.zeros(4, "int32"),
            np.zeros((4, 3)),
        ),
    ]


HALF = {**LOGITS, "gamma": 0.5}
COUNTS = {"class_counts": (900, 90, 10)}
FOURTHS = {"class_counts": (25600, 1600, 100)}
"""Margins of 1/8, 1/4 and 1/2."""

CASES = [
    Case(
        loss=polyloss.FocalLoss,
        reference=focal,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "gamma": 0.0, "alpha": None},
            {**LOGITS, "gamma": 0.5},
            {**LOGITS, "gamma": 1.5, "alpha": (0.1, 0.9)},
            {**LOGITS, "gamma": 5.0, "label_smoothing": 0.1},
            {"gamma": 0.5, "alpha": None},
        ],
        example=LOGITS,
        halves=focal_halves,
        corners=[
            Corner(LOGITS, [1.0], [0.0], [0.25 * 0.25 * 0.6931471805599453]),
            Corner(LOGITS, [0.0], [0.0], [0.75 * 0.25 * 0.6931471805599453]),
            Corner(LOGITS, [1.0], [inf], [0.0], [0.0], edge="logit +inf, y = 1"),
            Corner(LOGITS, [0.0], [inf], [inf], [0.75], edge="logit +inf, y = 0"),
            Corner({**LOGITS, "alpha": 0.1}, [0.0], [inf], [inf], [0.9], edge="logit +inf, y = 0"),
            Corner(LOGITS, [1.0], [-inf], [inf], [-0.25]),
            Corner(LOGITS, [0.0], [100.0], [75.0], [0.75]),
            Corner(LOGITS, [1.0], [-20.0], [5.0000000103057681], [-0.25000000463759568]),
            Corner({**LOGITS, "gamma": 0.0, "alpha": None}, [1.0], [inf], [0.0], [0.0]),
            Corner({**LOGITS, "gamma": 0.0, "alpha": None}, [0.0], [-inf], [0.0], [0.0]),
            Corner(HALF, [1.0], [200.0], [0.0], [0.0]),
            Corner(HALF, [1.0], [inf], [0.0], [0.0]),
            Corner(
                {"gamma": 0.5, "alpha": None},
                [1.0],
                [1.0],
                [3.1622777e-11],
                [-4.7434165e-4],
                edge="p = 1, y = 1, gamma = 0.5",
            ),
            Corner({}, [0.0], [1.0], [12.088569321243886]),
            Corner({}, [1.0], [2.0], [nan], edge="p outside [0, 1] by 1e-5"),
            Corner({}, [1.0], [-2e-5], [nan], edge="p outside [0, 1] by 1e-5"),
            Corner({}, [1.0], [nan], [nan], [nan], edge="NaN"),
            Corner(LOGITS, [1.0], [nan], [nan], [nan], edge="NaN"),
            Corner(LOGITS, [nan], [0.0], [nan]),
        ],
        refused=[
            *flag_refusals("focal_loss"),
            *range_refusals("focal_loss", "gamma", "be at least 0", -1),
            *range_refusals("focal_loss", *SMOOTHING),
            Refusal("focal_loss: alpha must be between 0 and 1. Got alpha=1.5.", {"alpha": 1.5}),
            Refusal("focal_loss: alpha must be between 0 and 1. Got alpha=(0.5, -0.1).", {"alpha": [0.5, -0.1]}),
            Refusal("focal_loss: alpha must be between 0 and 1. Got alpha=().", {"alpha": []}),
            Refusal(
                "focal_loss: alpha must be None or a number or a sequence of numbers. Got alpha='balanced'.",
                {"alpha": "balanced"},
                error=TypeError,
            ),
            Refusal(
                "focal_loss: alpha must have 3 entries, one a class. Got alpha=(0.5, 0.1).",
                {"alpha": [0.5, 0.1]},
                np.zeros((4, 3)),
                np.zeros((4, 3)),
            ),
        ],
        minimisers=[
            of_decisions("the share of yes, where it is the log loss", lambda share: share, gamma=0.0, alpha=None),
            of_decisions(
                "the log-odds, weighted by alpha",
                lambda share: np.log(0.25 * share / (0.75 * (1 - share))),
                gamma=0.0,
                from_logits=True,
            ),
            of_decisions(
                "even odds, where alpha makes up for the share", lambda share: 0.0, alpha=0.7, from_logits=True
            ),
        ],
        laws=[
            Law(
                "gamma = 0 without alpha is the log loss",
                draws.yes_no_logits,
                lambda y, x: (
                    polyloss.focal_loss(y, x, gamma=0.0, alpha=None, from_logits=True),
                    polyloss.binary_crossentropy(y[..., None], x[..., None], True),
                ),
            ),
            Law(
                "alpha weighs positives, 1 - alpha negatives",
                draws.yes_no_logits,
                lambda y, x: (
                    polyloss.focal_loss(y, x, alpha=0.1, from_logits=True),
                    np.where(y == 1, np.float32(0.1), np.float32(0.9))
                    * np.asarray(numpy(polyloss.focal_loss(y, x, alpha=None, from_logits=True))),
                ),
            ),
        ],
    ),
    Case(
        loss=polyloss.CategoricalFocalLoss,
        reference=categorical_focal,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "gamma": 0.5, "alpha": (0.2, 1.0, 3.0)},
            {**LOGITS, "gamma": 0.0},
            {**LOGITS, "label_smoothing": 0.1, "alpha": 0.25},
            {**LOGITS, "ignore_class": 1},
        ],
        example=LOGITS,
        floor=1.0,
        terms=3,
        corners=[
            Corner(LOGITS, 1, [1.0, 2.0, -inf], [0.3132616875182228 * 0.2689414213699951**2], labels="int32"),
            Corner(
                LOGITS,
                [0.0, 1.0, 0.0],
                [1.0, 2.0, -inf],
                [0.3132616875182228 * 0.2689414213699951**2],
                [None, None, 0.0],
                edge="logit -inf, its y = 0",
            ),
            Corner(LOGITS, 1, [100.0, 0.0, 0.0], [100.0], [1.0, -1.0, 0.0], labels="int32"),
            Corner(HALF, 0, [200.0, 0.0, 0.0], [0.0], [0.0] * 3, labels="int32", edge="p_y = 1, gamma = 0.5"),
            Corner(LOGITS, 3, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label out of range"),
            Corner(LOGITS, -1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int64", edge="label out of range"),
            Corner(
                {**LOGITS, "ignore_class": -1},
                -1,
                [nan, inf, 3.0],
                [0.0],
                [0.0] * 3,
                labels="int32",
                edge="label = ignore_class",
            ),
            Corner(LOGITS, 0, [nan, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner(LOGITS, 0, [inf, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner({}, 0, [3.0, -1.0, -1.0], [nan], labels="int32"),
            Corner({}, 0, [0.0, 0.5, 0.5], [16.11809565095832 * (1 - 1e-7) ** 2], labels="int32"),
        ],
        refused=[
            *flag_refusals("categorical_focal_loss"),
            *range_refusals("categorical_focal_loss", "gamma", "be at least 0", -1),
            *range_refusals("categorical_focal_loss", *SMOOTHING),
            Refusal("categorical_focal_loss: alpha must be at least 0. Got alpha=-1.0.", {"alpha": -1.0}),
            Refusal(
                "categorical_focal_loss: ignore_class must be None or an integer. Got ignore_class=True.",
                {"ignore_class": True},
                error=TypeError,
            ),
            Refusal(
                "categorical_focal_loss: alpha must have 3 entries, one a class. Got alpha=(0.5, 0.1).",
                {"alpha": [0.5, 0.1]},
                np.zeros(4, "int32"),
                np.zeros((4, 3)),
            ),
        ],
        minimisers=[
            of_classes("the shares, where it is cross-entropy", lambda shares: shares, gamma=0.0),
            of_classes(
                "equal odds, where alpha makes up for the shares",
                lambda shares: np.zeros(3),
                from_logits=True,
                alpha=(6.0, 10.0, 15.0),
            ),
        ],
        laws=[
            Law(
                "gamma = 0 is cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.categorical_focal_loss(y, x, gamma=0.0, from_logits=True),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "one-hot and integer labels agree",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.categorical_focal_loss(np.eye(3)[y], x, from_logits=True),
                    polyloss.categorical_focal_loss(y, x, from_logits=True),
                ),
            ),
        ],
    ),
    Case(
        loss=polyloss.LogitAdjustedLoss,
        reference=adjusted,
        variants=[COUNTS, {**COUNTS, "tau": 0.5}, {**COUNTS, "tau": 2.0}],
        example=COUNTS,
        own_inputs=labels_or_rows,
        floor=1.0,
        terms=3,
        corners=[
            Corner(COUNTS, 1, [0.0, 0.0, 0.0], [2.40794560865187], [0.9, -0.91, 0.01], "int32", "all logits equal"),
            Corner(COUNTS, 2, [100.0] * 3, [4.60517018598809], [0.9, 0.09, -0.99], "int32", "all logits equal"),
            Corner(COUNTS, [0.9, 0.09, 0.01], [5.0] * 3, [0.35759127073059306], [0.0] * 3, edge="all logits equal"),
            Corner(COUNTS, 3, [1.0, 2.0, 3.0], [nan], [0.0] * 3, "int32", "label out of range"),
            Corner(COUNTS, -1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, "int64", "label out of range"),
            Corner(
                COUNTS,
                1,
                [0.0, 0.0, -inf],
                [2.397895272798371],
                [10 / 11, -10 / 11, 0.0],
                "int32",
                "logit -inf, its y = 0",
            ),
            Corner(
                COUNTS,
                [0.0, 1.0, 0.0],
                [0.0, 0.0, -inf],
                [2.397895272798371],
                [10 / 11, -10 / 11, 0.0],
                edge="logit -inf, its y = 0",
            ),
            Corner(COUNTS, 1, [0.0, -inf, 0.0], [inf], [90 / 91, -1.0, 1 / 91], "int32", "logit -inf, its y = 1"),
            Corner(COUNTS, 1, [100.0, 0.0, 0.0], [102.30258509299405], [1.0, -1.0, 0.0], "int32"),
            Corner(COUNTS, 2, [0.0, 0.0, 100.0], [0.0], [0.0, 0.0, 0.0], "int32"),
            Corner(COUNTS, 0, [nan, 0.0, 0.0], [nan], None, "int32", "largest logit not finite"),
            Corner(COUNTS, 0, [inf, 0.0, 0.0], [nan], None, "int32", "largest logit not finite"),
            Corner(COUNTS, 0, [-inf, -inf, -inf], [nan], None, "int32", "largest logit not finite"),
            Corner(COUNTS, [nan, 0.0, 0.0], [0.0, 0.0, 0.0], [nan]),
        ],
        refused=[
            *range_refusals("logit_adjusted_loss", "tau", "be at least 0", -1),
            *count_refusals("logit_adjusted_loss"),
        ],
        minimisers=[
            of_classes("equal logits, where the shares are the frequencies", np.zeros_like, class_counts=(50, 30, 20)),
            of_classes(
                "the logarithms of the shares, less those of the frequencies",
                lambda shares: np.log(shares / [900, 90, 10]) / 2 + np.log(shares) / 2,
                tau=0.5,
                **COUNTS,
            ),
        ],
        laws=[
            Law(
                "tau = 0 is cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.logit_adjusted_loss(y, x, tau=0.0, **COUNTS),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "classes equal in number leave cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.logit_adjusted_loss(y, x, class_counts=(7, 7, 7)),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "one-hot and integer labels agree",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.logit_adjusted_loss(np.eye(3)[y], x, **COUNTS),
                    polyloss.logit_adjusted_loss(y, x, **COUNTS),
                ),
            ),
        ],
    ),
    Case(
        loss=polyloss.LDAMLoss,
        reference=margins,
        variants=[
            FOURTHS,
            {**FOURTHS, "max_margin": 0.0},
            {**FOURTHS, "scale": 1.0},
            {**FOURTHS, "max_margin": 2.0, "scale": 10.0},
        ],
        example=FOURTHS,
        own_inputs=labels_or_rows,
        floor=1.0,
        steepness=lambda options: options["scale"],
        terms=3,
        corners=[
            Corner(FOURTHS, 0, [0.125, 0.0, 0.0], [1.0986122886681098], [-20.0, 10.0, 10.0], "int32"),
            Corner(
                {**FOURTHS, "scale": 2.0}, 2, [1.0, 1.0, 1.5], [1.0986122886681098], [2 / 3, 2 / 3, -4 / 3], "int32"
            ),
            Corner({**FOURTHS, "scale": 2.0}, [0.5, 0.5, 0.0], [0.0625, 0.125, -inf], [0.6931471805599453], [0.0] * 3),
            Corner(FOURTHS, 3, [1.0, 2.0, 3.0], [nan], [0.0] * 3, "int32", "label out of range"),
            Corner(FOURTHS, -1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, "int64", "label out of range"),
            Corner(
                FOURTHS,
                1,
                [0.0, 0.25, -inf],
                [0.6931471805599453],
                [15.0, -15.0, 0.0],
                "int32",
                "logit -inf, its y = 0",
            ),
            Corner(
                FOURTHS,
                [0.0, 1.0, 0.0],
                [0.0, 0.25, -inf],
                [0.6931471805599453],
                [15.0, -15.0, 0.0],
                edge="logit -inf, its y = 0",
            ),
            Corner(FOURTHS, 1, [0.0, -inf, 0.0], [inf], [15.0, -30.0, 15.0], "int32", "logit -inf, its y = 1"),
            Corner(FOURTHS, 0, [0.0, 100.0, 0.0], [3003.75], [-30.0, 30.0, 0.0], "int32"),
            Corner(FOURTHS, 1, [-100.0, 100.0, -100.0], [0.0], [0.0, 0.0, 0.0], "int32"),
            Corner(FOURTHS, 0, [nan, 0.0, 0.0], [nan], None, "int32", "largest logit not finite"),
            Corner(FOURTHS, 0, [inf, 0.0, 0.0], [nan], None, "int32", "largest logit not finite"),
            Corner(FOURTHS, 0, [-inf, -inf, -inf], [nan], None, "int32", "largest logit not finite"),
            Corner(FOURTHS, [nan, 0.0, 0.0], [0.0, 0.0, 0.0], [nan]),
        ],
        refused=[
            *range_refusals("ldam_loss", "max_margin", "be at least 0", -1),
            *range_refusals("ldam_loss", "scale", "be greater than 0", 0),
            *count_refusals("ldam_loss"),
        ],
        minimisers=[
            of_classes(
                "the logarithms of the shares over the scale, without margins",
                lambda shares: np.log(shares) / 2,
                max_margin=0.0,
                scale=2.0,
                **FOURTHS,
            )
        ],
        laws=[
            Law(
                "without margin and scale it is cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.ldam_loss(y, x, max_margin=0.0, scale=1.0, **FOURTHS),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "one-hot and integer labels agree",
                draws.labels_and_logits,
                lambda y, x: (polyloss.ldam_loss(np.eye(3)[y], x, **FOURTHS), polyloss.ldam_loss(y, x, **FOURTHS)),
            ),
            Law(
                "it is cross-entropy where the right class's logit has been lowered by hand",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.ldam_loss(y, x, scale=1.0, **FOURTHS),
                    polyloss.sparse_categorical_crossentropy(
                        y, x - np.diag([0.125, 0.25, 0.5]).astype("float32")[y], True
                    ),
                ),
            ),
        ],
    ),
]


def numpy(x: Any) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(x)
