"""Cases of `polyloss.losses.classification`."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mpf

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
    of_classes,
    of_decisions,
    range_refusals,
)
from tests.oracle import EPSILON, Dual, classes, clip, exp, log, softmax, yes

LOGITS = {"from_logits": True}


# -- references, from the definitions -------------------------------------------------------------


def smoothed(y: list[float], label_smoothing: float) -> list[Dual]:
    """Targets drawn towards uniform."""
    return [Dual(t) * (1 - Dual(label_smoothing)) + Dual(label_smoothing) / len(y) for t in y]


def one_hot(label: int, count: int) -> list[float]:
    return [float(i == label) for i in range(count)]


def log_loss(
    y: list[float],
    p: list[Dual],
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    pos_weight: Any = None,
) -> list[Dual]:
    """Mean over the elements of -(w y log p + (1 - y) log(1 - p))."""
    weights = pos_weight if isinstance(pos_weight, list | tuple) else [pos_weight or 1.0] * len(p)
    total = Dual(0)
    for target, prediction, weight in zip(y, p, weights, strict=True):
        t = Dual(target) * (1 - Dual(label_smoothing)) + Dual(label_smoothing) / 2
        q = yes(prediction, from_logits)
        total = total - (Dual(weight) * t * log(q) + (1 - t) * log(1 - q))
    return [total / len(p)]


def softmax_loss(
    y: list[float],
    p: list[Dual],
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    class_weights: Any = None,
) -> list[Dual]:
    """-sum_c w_c y_c log p_c."""
    weights = class_weights or [1.0] * len(p)
    terms = zip(weights, smoothed(y, label_smoothing), classes(p, from_logits), strict=True)
    return [sum((-(Dual(w) * t * log(q)) for w, t, q in terms), Dual(0))]


def label_loss(
    y: int,
    p: list[Dual],
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    class_weights: Any = None,
    ignore_class: int | None = None,
    z_loss: float = 0.0,
) -> list[Dual]:
    """-w_y log p_y + z (log sum exp x)^2, 0 for the ignored label."""
    if y == ignore_class:
        return [Dual(0)]
    (loss,) = softmax_loss(one_hot(y, len(p)), p, from_logits, label_smoothing, class_weights)
    if z_loss:
        partition = log(sum((exp(x) for x in p), Dual(0)))
        loss = loss + Dual(z_loss) * partition * partition
    return [loss]


def poly(
    y: Any, p: list[Dual], epsilon: float = 1.0, label_smoothing: float = 0.0, from_logits: bool = False
) -> list[Dual]:
    """-sum y log p + epsilon (1 - sum y p), arXiv:2204.12511, equation 6."""
    targets = smoothed(one_hot(y, len(p)) if isinstance(y, int) else y, label_smoothing)
    q = classes(p, from_logits)
    ce = sum((-(t * log(c)) for t, c in zip(targets, q, strict=True)), Dual(0))
    miss = sum((t * (1 - c) for t, c in zip(targets, q, strict=True)), Dual(0))
    return [ce + Dual(epsilon) * miss]


def divergence(y: list[float], p: list[Dual], from_logits: bool = False) -> list[Dual]:
    """sum_c y_c log(y_c / p_c), 0 log 0 = 0; probabilities clipped from below, as in Keras."""
    q = softmax(p) if from_logits else [clip(x, EPSILON, mpf(1)) for x in p]
    return [sum((Dual(t) * log(Dual(t) / c) for t, c in zip(y, q, strict=True) if t), Dual(0))]


# -- half precision ------------------------------------------------------------------------------


def log_loss_halves(y: float, x: np.ndarray, from_logits: bool = True) -> Arrays:
    """y softplus(-x) + (1 - y) softplus(x) and sigmoid(x) - y, each side from the small exponential."""
    tail = np.log1p(np.exp(-np.abs(x)))
    value = y * (np.maximum(-x, 0) + tail) + (1 - y) * (np.maximum(x, 0) + tail)
    e = np.exp(-np.abs(x))
    p, q = np.where(x > 0, 1, e) / (1 + e), np.where(x > 0, e, 1) / (1 + e)
    return value, (1 - y) * p - y * q


# -- laws ----------------------------------------------------------------------------------------


def log_softmax64(x: np.ndarray) -> np.ndarray:
    """In float64."""
    x = x.astype("float64") - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def two_classes(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
    """A sigmoid is a softmax over (0, x)."""
    rows = np.stack([np.zeros_like(x), x], -1)
    binary = polyloss.binary_crossentropy(y[..., None], x[..., None], from_logits=True)
    return binary, polyloss.sparse_categorical_crossentropy(y.astype("int32"), rows, from_logits=True)


# -- the cases ------------------------------------------------------------------------------------

CASES = [
    Case(
        loss=polyloss.BinaryCrossentropy,
        reference=log_loss,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "label_smoothing": 0.1},
            {"label_smoothing": 0.1},
            {**LOGITS, "pos_weight": 3.0},
            {**LOGITS, "pos_weight": (0.5, 4.0)},
        ],
        example=LOGITS,
        terms=2,
        halves=log_loss_halves,
        corners=[
            Corner(LOGITS, [1.0], [inf], [0.0], [0.0], edge="logit +inf, y = 1"),
            Corner(LOGITS, [0.0], [-inf], [0.0], [0.0]),
            Corner(LOGITS, [0.0], [inf], [inf], [1.0], edge="logit +inf, y = 0"),
            Corner(LOGITS, [1.0], [-inf], [inf], [-1.0]),
            Corner(LOGITS, [1.0], [0.0], [0.6931471805599453], [-0.5]),
            Corner(LOGITS, [1.0], [-1e4], [1e4], [-1.0]),
            Corner(LOGITS, [1.0], [3e38], [0.0], [0.0]),
            Corner(LOGITS, [0.0], [nan], [nan], [nan], edge="NaN"),
            Corner(LOGITS, [nan], [0.0], [nan]),
            Corner({}, [1.0], [0.0], [16.11809565095832], [-1e7], edge="p = 0, y = 1"),
            Corner({}, [0.0], [1.0], [16.11809565095832], [1e7]),
            Corner({}, [1.0], [1.0], [1.0000000500000034e-07], [-1.0000001000000100]),
            Corner({}, [1.0], [2.0], [nan], edge="p outside [0, 1] by 1e-5"),
            Corner({}, [1.0], [-2e-5], [nan], edge="p outside [0, 1] by 1e-5"),
            Corner({}, [0.0], [-5e-6], [1.0000000500000034e-07], [1.0000001000000100]),
            Corner({}, [1.0], [nan], [nan], [nan], edge="NaN"),
        ],
        refused=[
            *flag_refusals("binary_crossentropy"),
            *range_refusals("binary_crossentropy", *SMOOTHING),
            Refusal("binary_crossentropy: pos_weight must be at least 0. Got pos_weight=-2.", {"pos_weight": -2}),
            Refusal(
                "binary_crossentropy: pos_weight must have 3 entries, one a class. Got pos_weight=(1.0, 2.0).",
                {"pos_weight": [1.0, 2.0]},
                np.zeros((4, 3)),
                np.zeros((4, 3)),
            ),
            Refusal(
                "binary_crossentropy: axis must be between -2 and 1 for y_pred.shape=(4, 3). Got axis=2.",
                {"axis": 2},
                np.zeros((4, 3)),
                np.zeros((4, 3)),
            ),
        ],
        minimisers=[
            of_decisions("the share of yes", lambda share: share),
            of_decisions("its log-odds", lambda share: np.log(share / (1 - share)), from_logits=True),
            of_decisions(
                "the log-odds, weighted",
                lambda share: np.log(3 * share / (1 - share)),
                from_logits=True,
                pos_weight=3.0,
            ),
            of_decisions("the share, drawn towards 1/2", lambda share: 0.9 * share + 0.05, label_smoothing=0.1),
        ],
        laws=[
            Law("two-class softmax", draws.yes_no_logits, two_classes),
            Law(
                "yes and no are mirror images",
                draws.yes_no_logits,
                lambda y, x: (
                    polyloss.binary_crossentropy(y, x, True),
                    polyloss.binary_crossentropy(1 - y, -x, True),
                ),
            ),
        ],
    ),
    Case(
        loss=polyloss.CategoricalCrossentropy,
        reference=softmax_loss,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "label_smoothing": 0.1},
            {**LOGITS, "class_weights": (1.0, 0.25, 3.0)},
        ],
        example=LOGITS,
        floor=1.0,
        terms=3,
        corners=[
            Corner(
                LOGITS,
                [0.0, 1.0, 0.0],
                [1.0, 2.0, -inf],
                [0.3132616875182228],
                [0.2689414213699951, -0.2689414213699951, 0.0],
                edge="logit -inf, its y = 0",
            ),
            Corner(LOGITS, [1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0986122886681098], [-2 / 3, 1 / 3, 1 / 3]),
            Corner(LOGITS, [0.0, 1.0, 0.0], [1e4, 0.0, -1e4], [1e4], [1.0, -1.0, 0.0]),
            Corner(LOGITS, [1.0, 0.0, 0.0], [-inf, -inf, -inf], [nan], edge="largest logit not finite"),
            Corner(LOGITS, [1.0, 0.0, 0.0], [inf, 0.0, 0.0], [nan], edge="largest logit not finite"),
            Corner(LOGITS, [1.0, 0.0, 0.0], [nan, 0.0, 0.0], [nan], edge="largest logit not finite"),
            Corner(
                {}, [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [16.11809565095832], [-1e7, 0.0, 0.0], edge="p = 0, its y = 1"
            ),
            Corner({}, [1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [16.11809565095832]),
            Corner({}, [0.0, 1.0, 0.0], [0.2, 0.2, 0.4], [1.3862943611198906]),
            Corner({}, [1.0, 0.0, 0.0], [3.0, -1.0, -1.0], [nan], edge="p outside [0, 1] by 1e-5"),
            Corner({}, [1.0, 0.0, 0.0], [nan, 0.5, 0.5], [nan]),
        ],
        refused=[
            *flag_refusals("categorical_crossentropy"),
            *range_refusals("categorical_crossentropy", *SMOOTHING),
            Refusal(
                "categorical_crossentropy: class_weights must have 3 entries, one a class. Got class_weights=(1.0, 2.0).",
                {"class_weights": [1.0, 2.0]},
                np.zeros((4, 3)),
                np.zeros((4, 3)),
            ),
            Refusal(
                "categorical_crossentropy: class_weights must be None or a sequence of numbers. Got class_weights=2.0.",
                {"class_weights": 2.0},
                error=TypeError,
            ),
        ],
        minimisers=[
            of_classes("the logarithms of the shares", np.log, one_hot=True, from_logits=True),
            of_classes("the shares", lambda shares: shares, one_hot=True),
            of_classes(
                "the shares, drawn towards uniform as the labels are",
                lambda shares: 0.9 * shares + 0.1 / 3,
                one_hot=True,
                label_smoothing=0.1,
            ),
            of_classes(
                "the shares, each times its weight",
                lambda shares: np.log(shares * [1.0, 0.25, 3.0]),
                one_hot=True,
                from_logits=True,
                class_weights=(1.0, 0.25, 3.0),
            ),
        ],
        laws=[
            Law(
                "one-hot and integer labels agree",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.categorical_crossentropy(np.eye(3)[y], x, True),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "a constant added to all logits changes nothing",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.categorical_crossentropy(np.eye(3)[y], x, True),
                    polyloss.categorical_crossentropy(np.eye(3)[y], x.astype("float64") + 8.0, True),
                ),
            ),
        ],
    ),
    Case(
        loss=polyloss.SparseCategoricalCrossentropy,
        reference=label_loss,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "label_smoothing": 0.1},
            {**LOGITS, "class_weights": (1.0, 0.25, 3.0)},
            {**LOGITS, "ignore_class": 1},
            {**LOGITS, "z_loss": 1e-2},
        ],
        example=LOGITS,
        floor=1.0,
        terms=3,
        corners=[
            Corner(
                LOGITS,
                1,
                [1.0, 2.0, -inf],
                [0.3132616875182228],
                [0.2689414213699951, -0.2689414213699951, 0.0],
                labels="int32",
                edge="logit -inf, another label",
            ),
            Corner(LOGITS, 0, [1.0, 1.0, 1.0], [1.0986122886681098], [-2 / 3, 1 / 3, 1 / 3], labels="int64"),
            Corner(LOGITS, 1, [1e4, 0.0, -1e4], [1e4], [1.0, -1.0, 0.0], labels="uint8"),
            Corner(LOGITS, 3, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label out of range"),
            Corner(LOGITS, -1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label out of range"),
            Corner(LOGITS, -100, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int64", edge="label out of range"),
            Corner(LOGITS, 255, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="uint8", edge="label out of range"),
            Corner(LOGITS, 1.0, [1.0, 1.0, 1.0], [1.0986122886681098], labels="float32"),
            Corner(LOGITS, 0.5, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="float32", edge="label out of range"),
            Corner(LOGITS, nan, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="float32", edge="label out of range"),
            Corner(
                {**LOGITS, "ignore_class": -1},
                -1,
                [nan, inf, 3.0],
                [0.0],
                [0.0] * 3,
                labels="int32",
                edge="label = ignore_class",
            ),
            Corner(
                {**LOGITS, "ignore_class": 255},
                255,
                [1.0, 2.0, 3.0],
                [0.0],
                [0.0] * 3,
                labels="uint8",
                edge="label = ignore_class",
            ),
            Corner(LOGITS, 0, [-inf, -inf, -inf], [nan], labels="int32", edge="largest logit not finite"),
            Corner(LOGITS, 0, [inf, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner(LOGITS, 0, [nan, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner({}, 0, [0.0, 0.5, 0.5], [16.11809565095832], labels="int32"),
            Corner({}, 1, [0.2, 0.2, 0.4], [1.3862943611198906], labels="int32"),
            Corner({}, 0, [3.0, -1.0, -1.0], [nan], labels="int32"),
        ],
        refused=[
            *flag_refusals("sparse_categorical_crossentropy"),
            *range_refusals("sparse_categorical_crossentropy", *SMOOTHING),
            *range_refusals("sparse_categorical_crossentropy", "z_loss", "be at least 0", -1e-4),
            Refusal(
                "sparse_categorical_crossentropy: z_loss must be 0 without from_logits=True. Got z_loss=0.1.",
                {"z_loss": 0.1},
                np.zeros(4, "int32"),
                np.zeros((4, 3)),
            ),
            Refusal(
                "sparse_categorical_crossentropy: class_weights must be at least 0 (every entry). "
                "Got class_weights=(1.0, -1.0, 1.0).",
                {"class_weights": [1.0, -1.0, 1.0]},
            ),
            Refusal(
                "sparse_categorical_crossentropy: ignore_class must be None or an integer. Got ignore_class=0.5.",
                {"ignore_class": 0.5},
                error=TypeError,
            ),
        ],
        minimisers=[
            of_classes("the logarithms of the shares", np.log, from_logits=True),
            of_classes("the shares", lambda shares: shares),
            of_classes(
                "the shares, drawn towards uniform as the labels are",
                lambda shares: 0.9 * shares + 0.1 / 3,
                label_smoothing=0.1,
            ),
            of_classes(
                "the shares, each times its weight",
                lambda shares: np.log(shares * [1.0, 0.25, 3.0]),
                from_logits=True,
                class_weights=(1.0, 0.25, 3.0),
            ),
        ],
        laws=[
            Law(
                "the order of the classes does not matter",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                    polyloss.sparse_categorical_crossentropy(2 - y, x[:, ::-1].copy(), True),
                ),
            )
        ],
    ),
    Case(
        loss=polyloss.KLDivergence,
        reference=divergence,
        variants=[LOGITS, {}],
        example=LOGITS,
        floor=1.0,
        terms=3,
        corners=[
            Corner(LOGITS, [0.5, 0.5, 0.0], [3.0, 3.0, -inf], [0.0], [0.0, 0.0, 0.0]),
            Corner({}, [0.2, 0.3, 0.5], [0.2, 0.3, 0.5], [0.0], [-1.0, -1.0, -1.0], edge="y = p"),
            Corner({}, [0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0], [-1.0, -1.0, 0.0], edge="y = 0"),
            Corner({}, [0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [0.6931471805599453], [-2.0, -2.0, 0.0], edge="y = 0"),
            Corner({}, [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0], [-1.0, 0.0, 0.0], edge="y = 0"),
            Corner(
                {}, [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [16.11809565095832], [-1e7, 0.0, 0.0], edge="p = 0, its y = 1"
            ),
            Corner(
                LOGITS,
                [0.0, 1.0, 0.0],
                [1.0, 2.0, -inf],
                [0.3132616875182228],
                [0.2689414213699951, -0.2689414213699951, 0.0],
                edge="logit -inf, its y = 0",
            ),
            Corner(
                LOGITS,
                [0.5, 0.5, 0.0],
                [0.0, -inf, 0.0],
                [inf],
                [0.0, -0.5, 0.5],
                edge="logit -inf, its y > 0",
            ),
            Corner(LOGITS, [0.0, 1.0, 0.0], [1e4, 0.0, -1e4], [1e4], [1.0, -1.0, 0.0]),
            Corner(LOGITS, [0.0, 0.0, 1.0], [0.0, 0.0, 100.0], [0.0], [0.0, 0.0, 0.0]),
            Corner(LOGITS, [1.0, 0.0, 0.0], [-inf, -inf, -inf], [nan], edge="largest logit not finite"),
            Corner(LOGITS, [1.0, 0.0, 0.0], [inf, 0.0, 0.0], [nan], edge="largest logit not finite"),
            Corner(LOGITS, [1.0, 0.0, 0.0], [nan, 0.0, 0.0], [nan], edge="largest logit not finite"),
            Corner(LOGITS, [nan, 0.0, 0.0], [0.0, 0.0, 0.0], [nan]),
            Corner({}, [1.0, 0.0, 0.0], [3.0, -1.0, -1.0], [nan], edge="y or p outside [0, 1]"),
            Corner({}, [2.0, -1.0, 0.0], [0.5, 0.25, 0.25], [nan], edge="y or p outside [0, 1]"),
            Corner({}, [1.0, 0.0, 0.0], [nan, 0.5, 0.5], [nan]),
        ],
        refused=[
            *flag_refusals("kl_divergence"),
        ],
        minimisers=[of_classes("the logarithms of the shares", np.log, one_hot=True, from_logits=True)],
        laws=[
            Law(
                "with one-hot labels it is cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.kl_divergence(np.eye(3)[y], x, from_logits=True),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "zero where the targets are the probabilities of the logits",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.kl_divergence(np.exp(log_softmax64(x)), x, from_logits=True),
                    np.zeros(len(y), "float32"),
                ),
            ),
        ],
    ),
    Case(
        loss=polyloss.PolyLoss,
        reference=poly,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "epsilon": 2.0, "label_smoothing": 0.1},
            {**LOGITS, "epsilon": -1.0},
        ],
        example=LOGITS,
        floor=2.0,  # two terms, each with the floor of log p
        terms=3,
        corners=[
            Corner(LOGITS, 0, [1.0, 1.0, 1.0], [1.0986122886681098 + 2 / 3], labels="int32"),
            Corner(
                LOGITS,
                [0.0, 1.0, 0.0],
                [1.0, 2.0, -inf],
                [0.3132616875182228 + 0.2689414213699951],
                [None, None, 0.0],
                edge="logit -inf, its y = 0",
            ),
            Corner(LOGITS, 3, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label out of range"),
            Corner(LOGITS, -1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label out of range"),
            Corner(LOGITS, 0, [nan, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner(LOGITS, 0, [inf, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner({}, 0, [3.0, -1.0, -1.0], [nan], labels="int32"),
        ],
        refused=[
            *flag_refusals("poly_loss"),
            *range_refusals("poly_loss", *SMOOTHING),
            *range_refusals("poly_loss", "epsilon", "be at least -1", -1.5),
        ],
        minimisers=[
            of_classes("the shares, where it is cross-entropy", lambda shares: shares, epsilon=0.0),
            of_classes("their logarithms", np.log, epsilon=0.0, from_logits=True),
        ],
        laws=[
            Law(
                "epsilon = 0 is cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.poly_loss(y, x, epsilon=0.0, from_logits=True),
                    polyloss.sparse_categorical_crossentropy(y, x, True),
                ),
            ),
            Law(
                "one-hot and integer labels agree",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.poly_loss(np.eye(3)[y], x, from_logits=True),
                    polyloss.poly_loss(y, x, from_logits=True),
                ),
            ),
        ],
    ),
]
