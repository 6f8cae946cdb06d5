"""Cases of `polyloss.losses.distillation`."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

import polyloss
from tests import draws
from tests.case import Case, Corner, Law, Minimiser, flag_refusals, inf, nan, range_refusals, zero_for_truth
from tests.cases.classification import log_softmax64
from tests.oracle import Dual, log, softmax


def distillation(
    teacher: list[float], student: list[Dual], temperature: float = 2.0, beta: float = 0.0, **of_layers: bool
) -> list[Dual]:
    """T^2 KL(p || q) on softmax(. / T) (arXiv:1503.02531, section 2); with beta by its mixture (arXiv:2306.13649, eq. 1)."""
    p, q = softmax([Dual(t) / temperature for t in teacher]), softmax([x / temperature for x in student])

    def kl(of: list[Dual], other: list[Dual]) -> Dual:
        return sum((a * log(a / b) for a, b in zip(of, other, strict=True)), Dual(0))

    if beta in (0, 1):
        divergence = kl(q, p) if beta else kl(p, q)
    else:
        b = Dual(beta)
        m = [b * x + (1 - b) * y for x, y in zip(p, q, strict=True)]
        divergence = b * kl(p, m) + (1 - b) * kl(q, m)
    return [Dual(temperature) ** 2 * divergence]


def by_the_teacher(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
    """d KL / d log p_c = p_c (log(p_c / q_c) - KL), where there are gradients; T = 1."""
    if not polyloss.framework.HAS_GRADIENTS:
        return x, x
    y, x = y / np.float32(30), x / np.float32(30)
    slope = polyloss.gradient(lambda t: polyloss.distillation_loss(t, x, temperature=1.0))
    log_p = log_softmax64(y)
    p, lost = np.exp(log_p), log_p - log_softmax64(x)
    want = p * (lost - (p * lost).sum(-1, keepdims=True))
    return slope(ops.convert_to_tensor(y)), want.astype("float32")


CORNERS = [
    Corner({}, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0], [0.0, 0.0, 0.0], edge="the teacher's logits"),
    Corner({}, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0], [0.0, 0.0, 0.0], edge="the teacher's logits"),
    Corner({}, [100.0, -100.0, 0.5], [100.0, -100.0, 0.5], [0.0], [0.0] * 3, edge="the teacher's logits"),
    Corner({}, [0.0, 1.0, -inf], [0.0, 1.0, -inf], [0.0], [0.0, 0.0, 0.0], edge="-inf in both"),
    Corner(
        {},
        [2.0, 0.0, -inf],
        [0.0, 2.0, -inf],
        [1.8484686290400391],
        [-0.9242343145200195, 0.9242343145200195, 0.0],
        edge="-inf in both",
    ),
    Corner(
        {"temperature": 1.0},
        [0.0, 0.0, -inf],
        [0.0, 0.0, 0.0],
        [0.4054651081081644],
        [-1 / 6, -1 / 6, 1 / 3],
        edge="-inf in the teacher's",
    ),
    Corner(
        {"temperature": 1.0},
        [0.0, 0.0, 0.0],
        [0.0, 0.0, -inf],
        [inf],
        [1 / 6, 1 / 6, -1 / 3],
        edge="-inf in the student's",
    ),
    Corner(
        {"temperature": 1.0, "beta": 0.5},
        [0.0, 0.0, 0.0],
        [0.0, 0.0, -inf],
        [0.13230412471889835],
        [0.0, 0.0, 0.0],
        edge="the same, 0 < beta",
    ),
    Corner({"beta": 0.25}, [1.0, 2.0, -inf], [1.0, 2.0, -inf], [0.0], [0.0, 0.0, 0.0]),
    Corner({"beta": 1.0}, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0], [0.0, 0.0, 0.0]),
    Corner({}, [100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [200.0], [-2.0, 2.0, 0.0]),
    Corner({}, [1e4, 0.0, -1e4], [-1e4, 0.0, 1e4], [4e4], [-2.0, 0.0, 2.0]),
    Corner({}, [-inf, -inf, -inf], [0.0, 0.0, 0.0], [nan], edge="largest logit not finite"),
    Corner({}, [0.0, 0.0, 0.0], [-inf, -inf, -inf], [nan], edge="largest logit not finite"),
    Corner({}, [0.0, 0.0, 0.0], [inf, 0.0, 0.0], [nan], edge="largest logit not finite"),
    Corner({}, [inf, 0.0, 0.0], [0.0, 0.0, 0.0], [nan], edge="largest logit not finite"),
    Corner({}, [0.0, 0.0, 0.0], [nan, 0.0, 0.0], [nan]),
    Corner({}, [nan, 0.0, 0.0], [0.0, 0.0, 0.0], [nan]),
]

OF_TEACHERS = Minimiser(
    "the mean of the teachers' probabilities",
    lambda rng: rng.normal(0, 3, (50, 3)).astype("float32"),
    lambda y: 2 * np.log(np.exp(log_softmax64(y / 2)).mean(0)),
)


CASES = [
    Case(
        loss=polyloss.DistillationLoss,
        reference=distillation,
        variants=[
            {},
            {"temperature": 1.0},
            {"temperature": 0.5},
            {"temperature": 8.0},
            {"beta": 0.5},
            {"beta": 0.1, "temperature": 1.0},
            {"beta": 1.0},
        ],
        floor=1.0,
        steepness=lambda options: options["temperature"],
        terms=3,
        corners=CORNERS,
        refused=[
            *range_refusals("distillation_loss", "temperature", "be greater than 0", 0, -1.0),
            *range_refusals("distillation_loss", "beta", "be between 0 and 1", -0.1, 1.1),
        ],
        minimisers=[OF_TEACHERS],
        laws=[
            Law("zero where the student is the teacher", draws.two_rows, zero_for_truth(polyloss.distillation_loss)),
            Law(
                "constants added to the teacher's and the student's logits change nothing",
                draws.two_rows,
                lambda y, x: (
                    polyloss.distillation_loss(y, x),
                    polyloss.distillation_loss(y.astype("float64") + 8.0, x.astype("float64") - 8.0),
                ),
            ),
            Law(
                "the temperature scales the logits, its square the value",
                draws.two_rows,
                lambda y, x: (
                    polyloss.distillation_loss(y * 4, x * 4, temperature=4.0),
                    16 * np.asarray(ops.convert_to_numpy(polyloss.distillation_loss(y, x, temperature=1.0))),
                ),
            ),
            Law("the gradient by the teacher", draws.two_rows, by_the_teacher),
        ],
    ),
    Case(
        loss=polyloss.LinearDistillationLoss,
        reference=distillation,
        variants=[{}, {"temperature": 1.0}, {"beta": 0.5}, {"beta": 1.0, "temperature": 4.0}],
        floor=1.0,
        steepness=lambda options: options["temperature"],
        terms=3,
        corners=CORNERS,
        refused=[
            *flag_refusals("linear_distillation_loss", "transpose_kernel"),
            *flag_refusals("linear_distillation_loss", "transpose_teacher_kernel"),
            *range_refusals("linear_distillation_loss", "temperature", "be greater than 0", 0, -1.0),
            *range_refusals("linear_distillation_loss", "beta", "be between 0 and 1", -0.1, 1.1),
        ],
        minimisers=[OF_TEACHERS],
        laws=[
            Law(
                "logits that are multiplied out give the same",
                draws.two_rows,
                lambda y, x: (
                    polyloss.linear_distillation_loss(y, x, *[np.eye(3, dtype="float32")] * 2, beta=0.5),
                    polyloss.distillation_loss(y, x, beta=0.5),
                ),
            ),
        ],
    ),
]
