"""Cases of the losses over a batch: `polyloss.losses.metric.triplets` and `polyloss.losses.metric.views`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

import polyloss
from polyloss.core.kinds import SETS, VIEWS
from tests import draws
from tests.case import Arrays, Case, Corner, Law, Refusal, nan, range_refusals
from tests.oracle import Dual, dual, exp, log, sqrt

Row = Sequence[Dual]


def mean(terms: Sequence[Dual]) -> Dual:
    return sum(terms, Dual(0)) / len(terms)


def dot(a: Row, b: Row) -> Dual:
    return sum((x * y for x, y in zip(a, b, strict=True)), Dual(0))


def cosine(a: Row, b: Row) -> Dual:
    """0 where one of them has no direction."""
    lengths = sqrt(dot(a, a)) * sqrt(dot(b, b))
    return dot(a, b) / lengths if lengths > 0 else Dual(0)


# -- triplets --------------------------------------------------------------------------------------


def distance_of(a: Row, b: Row, distance: str) -> Dual:
    if distance == "cosine":
        return 1 - cosine(a, b)
    apart = [x - y for x, y in zip(a, b, strict=True)]
    return dot(apart, apart) if distance == "squared-l2" else sqrt(dot(apart, apart))


def extreme(distances: Sequence[Dual], choose: Callable[..., Any]) -> Dual:
    """The largest or smallest; of those that tie the mean, so that none is preferred."""
    best = choose(d.value for d in distances)
    return mean([d for d in distances if d.value == best])


def semi_hard(to_positive: Dual, negatives: Sequence[Dual]) -> Dual:
    """The nearest negative beyond the positive, or the farthest: arXiv:1503.03832, section 3.2."""
    beyond = [d for d in negatives if d > to_positive]
    return extreme(beyond, min) if beyond else extreme(negatives, max)


def triplet(
    y: Sequence[int], p: Sequence[Row], margin: float | None = 0.2, mining: str = "semi-hard", distance: str = "l2"
) -> list[Dual]:
    """[d(a, p) - d(a, n) + m]_+ or its softplus, of the triplets of arXiv:1703.07737, equations 5 (hard) and 6 (all)."""
    rows = range(len(y))
    d = {(i, j): distance_of(p[i], p[j], distance) for i in rows for j in rows}

    def of(pairs: Sequence[tuple[Dual, Dual]]) -> list[Dual]:
        short = [near - far + (0 if margin is None else margin) for near, far in pairs]
        return [log(1 + exp(s)) if margin is None else s if s > 0 else Dual(0) for s in short]

    anchors: dict[int, list[Dual]] = {}
    for a in rows:
        positives = [d[a, i] for i in rows if y[i] == y[a] and i != a]
        negatives = [d[a, i] for i in rows if y[i] != y[a]]
        if positives and negatives:
            pairs = {
                "all": lambda near=positives, far=negatives: list(product(near, far)),
                "hard": lambda near=positives, far=negatives: [(extreme(near, max), extreme(far, min))],
                "semi-hard": lambda near=positives, far=negatives: [(x, semi_hard(x, far)) for x in near],
            }
            anchors[a] = of(pairs[mining]())
    if mining == "all":
        counted = sum(len([t for t in terms if t > 0]) for terms in anchors.values())
        sums = {a: sum(terms, Dual(0)) for a, terms in anchors.items()}
    else:
        counted = len(anchors)
        sums = {a: mean(terms) for a, terms in anchors.items()}
    return [sums[a] * len(y) / counted if a in sums and counted else Dual(0) for a in rows]


# -- two views -------------------------------------------------------------------------------------


def ntxent(y: Any, p: Sequence[Sequence[Row]], temperature: float = 0.1) -> list[Dual]:
    """-log(exp(s_ij / t) / sum over k != i of exp(s_ik / t)) for each view i and its other view j; arXiv:2002.05709."""
    views = [(i, v) for i in range(len(p)) for v in (0, 1)]

    def weight(a: tuple[int, int], b: tuple[int, int]) -> Dual:
        return exp(cosine(p[a[0]][a[1]], p[b[0]][b[1]]) / dual(temperature))

    def one(i: int, v: int) -> Dual:
        own, others = weight((i, v), (i, 1 - v)), [weight((i, v), k) for k in views if k[0] != i]
        return log(1 + sum(others, Dual(0)) / own)

    return [(one(i, 0) + one(i, 1)) / 2 for i in range(len(p))]


# -- the cases -------------------------------------------------------------------------------------


def corner(y: Any, p: Any, value: Any, gradient: Any = None, edge: str | None = None, **given: Any) -> Corner:
    return Corner(given, y, p, value, gradient, labels="int32", edge=edge)


def with_directions(y: np.ndarray, p: np.ndarray) -> Arrays:
    """Sets with a row of zeros moved by 1: zeros jump to a direction when an input moves by one ulp. They are corners."""
    zeros = ~(p != 0).any(-1).reshape(len(p), -1).all(1)
    return y, (p + zeros.reshape(-1, *[1] * (p.ndim - 1))).astype(p.dtype)


MINING = ("semi-hard", "hard", "all")
LINE = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]


def triplet_corners() -> list[Corner]:
    found = []
    for mining in MINING:
        found += [
            corner([3, 3, 3], LINE, [0.0] * 3, [0.0] * 6, "one id, or no two alike", mining=mining),
            corner([1, 2, 3], LINE, [0.0] * 3, [0.0] * 6, "one id, or no two alike", mining=mining, margin=None),
            corner([5], [[1.0, 2.0]], [0.0], [0.0] * 2, "one sample", mining=mining),
            corner([4, 4, 9, 9], [[1.0, 2.0]] * 4, [0.2] * 4, [0.0] * 8, "all embeddings equal", mining=mining),
            corner([4, 4, 9, 9], [[0.0, 0.0]] * 4, [0.6931471805599453] * 4, [0.0] * 8, mining=mining, margin=None),
            corner(
                [0, 0, 1], [[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [0.0] * 3, [0.0] * 6, "d_ap + margin = d_an",
                mining=mining, margin=1.0, distance="squared-l2",
            ),
            corner([0, 0, 1, 1], [[nan, 0.0], [0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [nan] * 4, None, "NaN", mining=mining),
        ]  # fmt: skip
    return [
        *found,
        corner([0, 0, 1], [[0.0], [1e-25], [3e-25]], [0.3, 0.3, 0.0], [-1.5, 4.5, -3.0], mining="hard"),
        corner(
            [0, 0, 1, 2], [[0.0, 0.0], [0.0, 0.0], [0.5, 0.0], [-0.5, 0.0]], [1.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 2.0, 0.0], "negatives that tie", mining="hard", margin=1.0,
        ),
        corner(
            [0, 0, 1], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.3, 0.3, 0.0],
            [0.0, 0.0, 0.0, 1.5, 1.5, 0.0], 'zeros, "cosine"', mining="hard", distance="cosine",
        ),
        corner([7, 7, 1], [[0.0], [3.0], [5.0]], [0.0, 3.0, 0.0], [-1.5, 3.0, -1.5], mining="hard", margin=1.0),
        corner([7, 7, 1], [[0.0], [1e25], [3e25]], [0.0] * 3, [0.0] * 3, mining="hard"),
    ]  # fmt: skip


CASES = [
    Case(
        loss=polyloss.TripletLoss,
        reference=triplet,
        variants=[
            {},
            {"mining": "hard"},
            {"mining": "all"},
            {"margin": None, "mining": "all", "distance": "cosine"},
            {"margin": None, "distance": "squared-l2"},
            {"margin": 1.0, "mining": "hard", "distance": "cosine"},
        ],
        own_inputs=lambda parameters, dtype: (
            with_directions(*SETS.inputs(parameters, dtype))
            if parameters.get("distance") == "cosine"
            else SETS.inputs(parameters, dtype)
        ),
        terms=60,
        corners=triplet_corners(),
        refused=[
            Refusal("triplet_loss: margin must be greater than 0. Got margin=0.", {"margin": 0}),
            Refusal("triplet_loss: margin must be greater than 0. Got margin=nan.", {"margin": nan}),
            Refusal(
                "triplet_loss: margin must be None or a number. Got margin='soft'.", {"margin": "soft"}, error=TypeError
            ),
            Refusal(
                "triplet_loss: mining must be one of 'semi-hard', 'hard', 'all'. Got mining='easy'.", {"mining": "easy"}
            ),
            Refusal(
                "triplet_loss: distance must be one of 'l2', 'squared-l2', 'cosine'. Got distance='L2'.",
                {"distance": "L2"},
            ),
        ],
        laws=[
            Law(
                f"ids may be renamed and all axes turned round, {mining}",
                draws.embeddings,
                lambda y, p, mining=mining: (
                    polyloss.triplet_loss(y, p, mining=mining),
                    polyloss.triplet_loss(7 - 3 * y, -p[:, ::-1].copy(), mining=mining),
                ),
            )
            for mining in MINING
        ],
    ),
    Case(
        loss=polyloss.NTXentLoss,
        reference=ntxent,
        variants=[{}, {"temperature": 0.5}, {"temperature": 5.0}],
        terms=12,
        floor=1,
        steepness=lambda options: 4 / options["temperature"],  # a view is anchor, partner, and candidate of all others
        own_inputs=lambda parameters, dtype: with_directions(*VIEWS.inputs(parameters, dtype)),
        corners=[
            corner([0], [[[1.0, 0.0], [0.0, 1.0]]], [0.0], [0.0] * 4, "one sample"),
            corner([0, 0], np.ones((2, 2, 2)).tolist(), [1.0986122886681098] * 2, [0.0] * 8, "all views equal"),
            corner(
                [1, 2],
                [[[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]],
                [1.0986122886681098, 0.5514447139320511],
                [0.0] * 8,
                "zeros",
                temperature=1.0,
            ),
            corner([1, 2], [[[nan, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]], [nan] * 2, None, "NaN"),
            corner(
                [0, 1], [[[1.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]], [0.2395447662218848] * 2, temperature=0.5
            ),
        ],
        refused=range_refusals("ntxent_loss", "temperature", "be greater than 0", 0, -0.1),
        laws=[
            Law(
                "the two views may change places",
                draws.pairs,
                lambda y, p: (polyloss.ntxent_loss(y, p), polyloss.ntxent_loss(1 - y, p[:, ::-1].copy())),
            ),
            Law(
                "lengths do not count",
                draws.pairs,
                lambda y, p: (polyloss.ntxent_loss(y, p), polyloss.ntxent_loss(y, p * np.float32(8))),
            ),
        ],
    ),
]
