"""Cases of `polyloss.losses.imbalance`."""

from __future__ import annotations

from typing import Any

import numpy as np

import polyloss
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
    range_refusals,
)
from tests.cases.classification import LOGITS, one_hot, smoothed
from tests.oracle import Dual, classes, log, yes


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


HALF = {**LOGITS, "gamma": 0.5}

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
            Corner(LOGITS, [1.0], [inf], [0.0], [0.0]),
            Corner(LOGITS, [0.0], [inf], [inf], [0.75]),
            Corner(LOGITS, [1.0], [-inf], [inf], [-0.25]),
            Corner(LOGITS, [0.0], [100.0], [75.0], [0.75]),
            Corner(LOGITS, [1.0], [-20.0], [5.0000000103057681], [-0.25000000463759568]),
            Corner({**LOGITS, "gamma": 0.0, "alpha": None}, [1.0], [inf], [0.0], [0.0]),
            Corner({**LOGITS, "gamma": 0.0, "alpha": None}, [0.0], [-inf], [0.0], [0.0]),
            Corner(HALF, [1.0], [200.0], [0.0], [0.0]),
            Corner(HALF, [1.0], [inf], [0.0], [0.0]),
            Corner({"gamma": 0.5, "alpha": None}, [1.0], [1.0], [3.1622777e-11], [-4.7434165e-4]),
            Corner({}, [0.0], [1.0], [12.088569321243886]),
            Corner({}, [1.0], [2.0], [nan]),
            Corner({}, [1.0], [-20.0], [nan]),
            Corner({}, [1.0], [nan], [nan]),
            Corner(LOGITS, [1.0], [nan], [nan], [nan]),
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
            ),
            Corner(LOGITS, 1, [100.0, 0.0, 0.0], [100.0], [1.0, -1.0, 0.0], labels="int32"),
            Corner({**LOGITS, "gamma": 0.5}, 0, [200.0, 0.0, 0.0], [0.0], [0.0, 0.0, 0.0], labels="int32"),
            Corner(LOGITS, 3, [1.0, 2.0, 3.0], [nan], labels="int32"),
            Corner(LOGITS, -1, [1.0, 2.0, 3.0], [nan], labels="int64"),
            Corner({**LOGITS, "ignore_class": -1}, -1, [nan, inf, 3.0], [0.0], [0.0, 0.0, 0.0], labels="int32"),
            Corner(LOGITS, 0, [nan, 0.0, 0.0], [nan], labels="int32"),
            Corner(LOGITS, 0, [inf, 0.0, 0.0], [nan], labels="int32"),
            Corner({}, 0, [3.0, -1.0, -1.0], [nan], labels="int32"),
            Corner({}, 0, [0.0, 0.5, 0.5], [16.11809565095832 * (1 - 1e-7) ** 2], labels="int32"),
        ],
        refused=[
            *flag_refusals("categorical_focal_loss"),
            *range_refusals("categorical_focal_loss", "gamma", "be at least 0", -1),
            *range_refusals("categorical_focal_loss", *SMOOTHING),
            Refusal("categorical_focal_loss: alpha must be at least 0. Got alpha=-1.0.", {"alpha": -1.0}),
            Refusal(
                "categorical_focal_loss: alpha must have 3 entries, one a class. Got alpha=(0.5, 0.1).",
                {"alpha": [0.5, 0.1]},
                np.zeros(4, "int32"),
                np.zeros((4, 3)),
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
]


def numpy(x: Any) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(x)
