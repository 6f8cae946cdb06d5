"""Cases of `polyloss.losses.vocabulary`. Without a kernel its predictions are logits; with one: `tests/checks/test_linear.py`."""

from __future__ import annotations

import numpy as np

import polyloss
from tests import draws
from tests.case import SMOOTHING, Case, Corner, Law, Refusal, flag_refusals, inf, nan, of_classes, range_refusals
from tests.oracle import Dual, exp, log


def linear_loss(
    y: int,
    x: list[Dual],
    transpose_kernel: bool = False,
    ignore_class: int | None = None,
    classes: tuple[int, ...] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    soft_cap: float | None = None,
) -> list[Dual]:
    """-(1 - e) log p_y - e mean_c log p_c + z (log sum exp x)^2, over some classes, of c tanh(x / c); 0 if ignored."""
    if y == ignore_class:
        return [Dual(0)]
    if soft_cap is not None:
        grown = [exp(2 * v / Dual(soft_cap)) for v in x]
        x = [Dual(soft_cap) * (1 - 2 / (1 + g)) for g in grown]
    row = {c: x[c] for c in classes or range(len(x))}
    partition = log(sum((exp(v) for v in row.values()), Dual(0)))
    mean = sum(row.values(), Dual(0)) / len(row)
    smoothing = Dual(label_smoothing)
    return [partition - (1 - smoothing) * row[y] - smoothing * mean + Dual(z_loss) * partition * partition]


CASES = [
    Case(
        loss=polyloss.LinearCrossentropyLoss,
        reference=linear_loss,
        variants=[
            {},
            {"label_smoothing": 0.1},
            {"ignore_class": 1},
            {"z_loss": 1e-2},
            {"soft_cap": 30.0},
            {"classes": (2, 0, 1), "label_smoothing": 0.25, "z_loss": 1e-3, "soft_cap": 5.0},
        ],
        terms=3,
        corners=[
            Corner(
                {},
                1,
                [1.0, 2.0, -inf],
                [0.3132616875182228],
                [0.2689414213699951, -0.2689414213699951, 0.0],
                labels="int32",
                edge="logit -inf, another label",
            ),
            Corner({}, 0, [1.0, 1.0, 1.0], [1.0986122886681098], [-2 / 3, 1 / 3, 1 / 3], labels="int64"),
            Corner({}, 1, [1e4, 0.0, -1e4], [1e4], [1.0, -1.0, 0.0], labels="uint8"),
            Corner({}, 0, [-inf, 1.0, 1.0], [inf], [-1.0, 0.5, 0.5], labels="int32", edge="logit -inf, its label"),
            Corner({}, 0, [100.0, 0.0, -inf], [3.720075976020836e-44], labels="int32"),
            Corner({}, 3, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label out of range"),
            Corner({}, -1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int64", edge="label out of range"),
            Corner({}, 255, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="uint8", edge="label out of range"),
            Corner({}, 0.5, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="float32", edge="label out of range"),
            Corner(
                {"classes": (0, 2)}, 1, [1.0, 2.0, 3.0], [nan], [0.0] * 3, labels="int32", edge="label not in `classes`"
            ),
            Corner(
                {"classes": (0, 2)},
                2,
                [1.0, nan, 2.0],
                [0.3132616875182228],
                [0.2689414213699951, 0.0, -0.2689414213699951],
                labels="int32",
            ),
            Corner({"classes": (1,)}, 1, [1.0, 2.0, 3.0], [0.0], [0.0] * 3, labels="int32", edge="one class"),
            Corner(
                {"ignore_class": -1},
                -1,
                [nan, inf, 3.0],
                [0.0],
                [0.0] * 3,
                labels="int32",
                edge="label = ignore_class",
            ),
            Corner({}, 0, [-inf, -inf, -inf], [nan], labels="int32", edge="largest logit not finite"),
            Corner({}, 0, [inf, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner({}, 1, [inf, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
            Corner({}, 0, [nan, 0.0, 0.0], [nan], labels="int32", edge="largest logit not finite"),
        ],
        refused=[
            *flag_refusals("linear_crossentropy", "transpose_kernel"),
            *range_refusals("linear_crossentropy", *SMOOTHING),
            *range_refusals("linear_crossentropy", "z_loss", "be at least 0", -1e-4),
            Refusal(
                "linear_crossentropy: transpose_kernel must be False without a kernel. Got transpose_kernel=True.",
                {"transpose_kernel": True},
                np.zeros(4, "int32"),
                np.zeros((4, 3)),
            ),
            Refusal(
                "linear_crossentropy: ignore_class must be None or an integer. Got ignore_class=0.5.",
                {"ignore_class": 0.5},
                error=TypeError,
            ),
            Refusal(
                "linear_crossentropy: soft_cap must be greater than 0. Got soft_cap=0.0.",
                {"soft_cap": 0.0},
            ),
            Refusal(
                "linear_crossentropy: classes must be None or a sequence of integers. Got classes=(0.5, 1).",
                {"classes": (0.5, 1)},
                error=TypeError,
            ),
            Refusal(
                "linear_crossentropy: classes must hold at least one class, none below 0 and none twice. "
                "Got classes=(0, 0).",
                {"classes": (0, 0)},
            ),
            Refusal(
                "linear_crossentropy: classes must be below 3, the number of classes. Got classes=3.",
                {"classes": (0, 3)},
                np.zeros(4, "int32"),
                np.zeros((4, 3)),
            ),
        ],
        minimisers=[
            of_classes("the logarithms of the shares", np.log),
            of_classes(
                "the logarithms of the shares, drawn towards uniform as the labels are",
                lambda shares: np.log(0.9 * shares + 0.1 / 3),
                label_smoothing=0.1,
            ),
        ],
        laws=[
            Law(
                "logits that are multiplied out give the same",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.linear_crossentropy(y, x, np.eye(3, dtype="float32"), z_loss=0.1),
                    polyloss.linear_crossentropy(y, x, z_loss=0.1),
                ),
            ),
            Law(
                "it is sparse categorical cross-entropy",
                draws.labels_and_logits,
                lambda y, x: (
                    polyloss.linear_crossentropy(y, x, label_smoothing=0.1),
                    polyloss.sparse_categorical_crossentropy(y, x, True, label_smoothing=0.1),
                ),
            ),
        ],
    ),
]
