"""Cases of `polyloss.losses.segmentation`."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

import polyloss
from polyloss.core.kinds import MASKS
from tests import draws
from tests.case import Arrays, Case, Corner, Law, Parameters, Refusal, flag_refusals, inf, nan, range_refusals
from tests.cases.classification import LOGITS
from tests.oracle import Dual, sigmoid, softmax

BINARY = {"smooth": 0.0}
SOFTENED = {**LOGITS, "smooth": 1.0}


def regions(y: Any, p: Any, from_logits: bool, average: str) -> list[tuple[list[Any], list[Dual]]]:
    """Targets and probabilities of all pixels: a pair of lists for each class, or one for all of them."""
    count = len(p[0])
    if from_logits:
        p = [[sigmoid(row[0])] if count == 1 else softmax(row) for row in p]
    if isinstance(y[0], int):
        y = [[float(label == c) for c in range(count)] for label in y]
    by_class = [([row[c] for row in y], [row[c] for row in p]) for c in range(count)]
    if average == "macro":
        return by_class
    return [([v for target, _ in by_class for v in target], [v for _, prediction in by_class for v in prediction])]


def total(numbers: Any) -> Dual:
    return sum(numbers, Dual(0))


def dice(
    y: Any, p: Any, from_logits: bool = False, average: str = "macro", smooth: float = 1e-6, per: str = "sample"
) -> list[Dual]:
    """1 - (2 sum(y p) + s) / (sum(y) + sum(p) + s) (arXiv:1606.04797, equation 2, without squares), mean over classes."""
    losses = []
    for target, prediction in regions(y, p, from_logits, average):
        both = total(t * q for t, q in zip(target, prediction, strict=True))
        size = total(target) + total(prediction) + Dual(smooth)
        losses.append(Dual(0) if size.value == 0 else 1 - (2 * both + Dual(smooth)) / size)
    return [total(losses) / len(losses)]


def tversky(
    y: Any,
    p: Any,
    alpha: float = 0.5,
    beta: float = 0.5,
    from_logits: bool = False,
    average: str = "macro",
    smooth: float = 1e-6,
    per: str = "sample",
) -> list[Dual]:
    """1 - (sum(p y) + s) / (sum(p y) + a sum(p (1 - y)) + b sum((1 - p) y) + s) (arXiv:1706.05721, equation 3, whose
    alpha goes with what is predicted and not there), mean over classes."""
    losses = []
    for target, prediction in regions(y, p, from_logits, average):
        pixels = list(zip(target, prediction, strict=True))
        hit = total(q * t for t, q in pixels) + Dual(smooth)
        size = (
            hit
            + Dual(alpha) * total(q * (1 - t) for t, q in pixels)
            + Dual(beta) * total((1 - q) * t for t, q in pixels)
        )
        losses.append(Dual(0) if size.value == 0 else 1 - hit / size)
    return [total(losses) / len(losses)]


def region_inputs(parameters: Parameters, dtype: str) -> Arrays:
    """Three classes; one where `smooth` is tried."""
    if "smooth" not in parameters:
        return MASKS.inputs(parameters, dtype)
    x = np.concatenate([MASKS.special(parameters), MASKS.draw(parameters, np.random.default_rng(5), 24)])
    return MASKS.with_targets(parameters, x[..., :1].astype(dtype))


CORNERS = [
    Corner({}, [[0.0], [0.0]], [[0.0], [0.0]], [0.0], [1e6, 1e6], edge="nothing there, nothing predicted"),
    Corner({"smooth": 0.0}, [[0.0], [0.0]], [[0.0], [0.0]], [0.0], [0.0, 0.0], edge="the same with smooth = 0"),
    Corner({"smooth": 0.0}, [[1.0], [1.0]], [[1.0], [1.0]], [0.0]),
    Corner({"smooth": 0.0}, [[1.0], [0.0]], [[0.0], [1.0]], [1.0]),
    Corner(
        LOGITS,
        [0, 1],
        [[100.0, -100.0], [-100.0, 100.0]],
        [0.0],
        [0.0] * 4,
        "int32",
        "logits 100 for the right class",
    ),
    Corner(
        {**LOGITS, "smooth": 0.0},
        [0, 0],
        [[-100.0, 100.0], [-100.0, 100.0]],
        [1.0],
        [0.0] * 4,
        "int32",
        "logits 100, wrong class, smooth = 0",
    ),
    Corner(LOGITS, [[1.0], [0.0]], [[inf], [-inf]], [0.0], [0.0, 0.0]),
    Corner({**LOGITS, "smooth": 0.0}, [[0.0], [1.0]], [[inf], [-inf]], [1.0], [0.0, 0.0]),
    Corner({**LOGITS, "smooth": 0.0}, [0, 1], [[0.0, 0.0, -inf], [0.0, 0.0, -inf]], [1 / 3], labels="int32"),
    Corner(LOGITS, [3, 0], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [nan], labels="int32", edge="label out of range"),
    Corner(LOGITS, [-1, 0], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [nan], labels="int64", edge="label out of range"),
    Corner(LOGITS, [0.5, 0.0], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [nan], edge="label out of range"),
    Corner({}, [[1.0], [0.0]], [[1.5], [0.0]], [nan], edge="mask or p outside [0, 1] by 1e-5"),
    Corner({}, [[255.0], [0.0]], [[0.5], [0.0]], [nan], edge="mask or p outside [0, 1] by 1e-5"),
    Corner({}, [[1.0], [0.0]], [[nan], [0.0]], [nan], edge="NaN"),
    Corner({}, [[nan], [0.0]], [[0.5], [0.0]], [nan], edge="NaN"),
    Corner(LOGITS, [[1.0], [0.0]], [[nan], [0.0]], [nan], edge="NaN"),
    Corner(LOGITS, [0, 1], [[nan, 0.0, 0.0], [0.0, 0.0, 0.0]], [nan], labels="int32", edge="NaN"),
]


def refused(function: str) -> list[Refusal]:
    return [
        *flag_refusals(function),
        *range_refusals(function, "smooth", "be at least 0", -1),
        Refusal(f"{function}: per must be one of 'sample', 'batch'. Got per='image'.", {"per": "image"}),
        Refusal(f"{function}: average must be one of 'macro', 'micro'. Got average=None.", {"average": None}),
        Refusal(
            f"{function}: weight must line up with the pixels from the batch axis and be no finer. "
            "Got weight.shape=(4, 3), pixels.shape=(4, 5).",
            {"weight": np.ones((4, 3))},
            np.zeros((4, 5), "int32"),
            np.zeros((4, 5, 3)),
        ),
    ]


def laws(function: Any) -> list[Law]:
    def as_masks(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        """Of labels, and of one mask a class."""
        masks = np.eye(3, dtype="float32")[y]
        return function(y, x, from_logits=True), function(masks, x, from_logits=True)

    def as_one_sample(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        """Of a batch, and of one sample with all of its pixels."""
        pooled = function(y.reshape(1, -1), x.reshape(1, -1, 3), from_logits=True)
        return function(y, x, from_logits=True, per="batch"), pooled[0]

    def without_pixels(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        """Of samples whose last pixel has weight 0, and of those without it."""
        weight = np.ones(y.shape, "float32")
        weight[:, -1] = 0
        return function(y, x, from_logits=True, weight=weight), function(y[:, :-1], x[:, :-1], from_logits=True)

    def two_classes(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
        """Of the mask of a class, and of the first of two masks: the other is empty and nothing is predicted."""
        p = 1 / (1 + np.exp(-x[..., :1]))
        mask = (y == 0).astype("float32")[..., None]
        empty = np.zeros_like(mask)
        two = function(np.concatenate([mask, empty], -1), np.concatenate([p, empty], -1))
        return function(mask, p), 2 * two

    return [
        Law("labels are one mask a class", draws.maps, as_masks),
        Law("a batch is one large sample", draws.maps, as_one_sample),
        Law("pixels of weight 0 are not there", draws.maps, without_pixels),
        Law("a class that is neither there nor predicted costs 0", draws.maps, two_classes),
    ]


def f1(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
    """Hard masks: 1 - F1, by counting."""
    found = np.argmax(x, -1) == 0
    there = y == 0
    score = 2 * (found & there).sum(1) / np.maximum(found.sum(1) + there.sum(1), 1e-9)
    score[~(found | there).any(1)] = 1
    hard = found.astype("float32")[..., None]
    return polyloss.dice(there, hard, smooth=0.0), (1 - score).astype("float32")


def jaccard(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
    """Hard masks, alpha = beta = 1: 1 - |both| / |either|, by counting."""
    found = np.argmax(x, -1) == 0
    there = y == 0
    either = (found | there).sum(1)
    score = np.where(either == 0, 1, (found & there).sum(1) / np.maximum(either, 1))
    hard = found.astype("float32")[..., None]
    return polyloss.tversky(there, hard, alpha=1.0, beta=1.0, smooth=0.0), (1 - score).astype("float32")


def misses(y: np.ndarray, x: np.ndarray) -> tuple[Any, Any]:
    """alpha = 0, beta = 1: 1 - recall, whatever else is found."""
    p = (1 / (1 + np.exp(-x[..., :1]))).astype("float32")
    there = (y == 0).astype("float32")[..., None]
    recall = (p * there).sum((1, 2), dtype="float64") + 1e-6
    recall /= there.sum((1, 2)) + 1e-6
    return polyloss.tversky(there, p, alpha=0.0, beta=1.0), (1 - recall).astype("float32")


CASES = [
    Case(
        loss=polyloss.Dice,
        reference=dice,
        variants=[LOGITS, {}, {**LOGITS, "average": "micro"}, SOFTENED, BINARY],
        example=LOGITS,
        own_inputs=region_inputs,
        without=("axis",),
        floor=1.0,
        terms=12,
        corners=CORNERS,
        refused=refused("dice"),
        laws=[*laws(polyloss.dice), Law("of hard masks it is 1 - F1", draws.maps, f1)],
    ),
    Case(
        loss=polyloss.Tversky,
        reference=tversky,
        variants=[
            LOGITS,
            {},
            {**LOGITS, "average": "micro", "alpha": 0.3, "beta": 0.7},
            {**SOFTENED, "alpha": 0.9, "beta": 0.1},
            {**BINARY, "alpha": 2.0, "beta": 0.25},
        ],
        example=LOGITS,
        own_inputs=region_inputs,
        without=("axis",),
        floor=1.0,
        terms=12,
        corners=[
            *(corner for corner in CORNERS if corner.edge != "nothing there, nothing predicted"),
            Corner({}, [[0.0], [0.0]], [[0.0], [0.0]], [0.0], [5e5, 5e5], edge="nothing there, nothing predicted"),
            Corner(
                {"alpha": 0.0, "beta": 0.0},
                [[1.0], [0.0]],
                [[0.5], [0.5]],
                [0.0],
                [0.0, 0.0],
                edge="alpha = 0, beta = 0",
            ),
        ],
        refused=[
            *refused("tversky"),
            *range_refusals("tversky", "alpha", "be at least 0", -1),
            *range_refusals("tversky", "beta", "be at least 0", -1),
        ],
        laws=[
            *laws(polyloss.tversky),
            Law(
                "alpha = beta = 1/2 is Dice with twice the smoothing",
                draws.maps,
                lambda y, x: (
                    polyloss.tversky(y, x, from_logits=True, smooth=0.5),
                    polyloss.dice(y, x, from_logits=True, smooth=1.0),
                ),
            ),
            Law("alpha = beta = 1 is 1 - IoU of hard masks", draws.maps, jaccard),
            Law("alpha = 0, beta = 1 is 1 - recall", draws.maps, misses),
            Law(
                "alpha and beta change places with targets and predictions",
                draws.maps,
                lambda y, x: (
                    polyloss.tversky(np.eye(3)[y], hard(x), alpha=0.2, beta=0.7),
                    polyloss.tversky(hard(x), np.eye(3)[y], alpha=0.7, beta=0.2),
                ),
            ),
        ],
    ),
]


def hard(x: np.ndarray) -> Any:
    """The class with the largest logit, as masks."""
    return ops.convert_to_tensor(np.eye(x.shape[-1], dtype="float32")[np.argmax(x, -1)])
