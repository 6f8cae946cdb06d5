"""Cases of `polyloss.losses.boxes`."""

from __future__ import annotations

from typing import Any

import numpy as np

import polyloss
from tests import draws
from tests.case import Case, Corner, Law, Refusal, inf, nan, zero_for_truth
from tests.oracle import Dual

XYWH, CXCYWH, YXYX = ({"box_format": f} for f in ("xywh", "cxcywh", "yxyx"))


def edges(box: Any, box_format: str) -> list[tuple[Dual, Dual]]:
    """Where a box begins and ends along x and along y, in order (arXiv:1902.09630, algorithm 2, step 1)."""
    a, b, c, d = box
    if box_format == "xyxy":
        along = [(a, c), (b, d)]
    elif box_format == "yxyx":
        along = [(b, d), (a, c)]
    elif box_format == "xywh":
        along = [(a, a + c), (b, b + d)]
    else:
        along = [(a - c / 2, a + c / 2), (b - d / 2, b + d / 2)]
    return [(high, low) if low > high else (low, high) for low, high in along]


def giou(y: list[float], p: list[Dual], box_format: str = "xyxy") -> list[Dual]:
    """Algorithm 2 of the paper, steps 2 to 10; an axis along which both boxes are one point is left out."""
    true, predicted = edges([Dual(v) for v in y], box_format), edges(p, box_format)
    areas = [Dual(1)] * 4
    for (low, high), (low_p, high_p) in zip(true, predicted, strict=True):
        if low_p.value == low.value:
            low_p = low  # where two edges are one, the predicted one has no slope
        if high_p.value == high.value:
            high_p = high
        first, last = low_p if low_p < low else low, high_p if high_p > high else high
        begin, end = low_p if low_p > low else low, high_p if high_p < high else high
        hull = last - first
        if hull.value == 0:
            continue
        shared = end - begin if end > begin or (end - begin).value == 0 else Dual(0)
        areas = [area * side for area, side in zip(areas, (high - low, high_p - low_p, shared, hull), strict=True)]
    a, a_p, shared, hull = areas
    union = a + a_p - shared
    overlap = Dual(0) if union.value == 0 else shared / union
    return [1 - (overlap - (hull - union) / hull)]


def within_two(y: np.ndarray, p: np.ndarray) -> tuple[Any, Any]:
    """Values, and the same where they are in [0, 2]."""
    values = numpy(polyloss.giou_loss(y, p))
    return values, np.clip(values, 0, 2)


def written(boxes: np.ndarray, box_format: str) -> np.ndarray:
    """Corners in another format; exact for the whole numbers of `draws.boxes`."""
    low, high = boxes[:, :2], boxes[:, 2:]
    low, high = np.minimum(low, high), np.maximum(low, high)
    if box_format == "yxyx":
        return np.concatenate([low[:, ::-1], high[:, ::-1]], 1)
    return np.concatenate([low if box_format == "xywh" else (low + high) / 2, high - low], 1)


def in_format(box_format: str) -> Law:
    return Law(
        f"{box_format} says the same",
        draws.boxes,
        lambda y, p: (
            polyloss.giou_loss(written(y, box_format), written(p, box_format), box_format=box_format),
            polyloss.giou_loss(y, p),
        ),
    )


UNIT = [0.0, 0.0, 1.0, 1.0]
CASES = [
    Case(
        loss=polyloss.GIoULoss,
        reference=giou,
        variants=[{}, XYWH, CXCYWH, YXYX],
        terms=4,
        corners=[
            Corner({}, UNIT, UNIT, [0.0], [0.0] * 4, edge="equal boxes"),
            Corner(CXCYWH, [3.0, 4.0, 1.0, 2.0], [3.0, 4.0, 1.0, 2.0], [0.0], [0.0] * 4, edge="equal boxes"),
            Corner({}, [3.0] * 4, [3.0] * 4, [0.0], [0.0] * 4, edge="both boxes the same point"),
            Corner(
                XYWH, [3.0, 3.0, 0.0, 0.0], [3.0, 3.0, 0.0, 0.0], [0.0], [0.0] * 4, edge="both boxes the same point"
            ),
            Corner(
                {},
                [0.0] * 4,
                [4.0, 0.0, 4.0, 0.0],
                [2.0],
                [0.25, 0.0, -0.25, 0.0],
                edge="two points on a horizontal line",
            ),
            Corner({}, [0.0] * 4, [4.0, 2.0, 4.0, 2.0], [2.0], [0.0] * 4, edge="two points, not on such a line"),
            Corner({}, [0.5] * 4, UNIT, [1.0], [0.0] * 4),
            Corner({}, [3.0, 0.0, 3.0, 0.0], UNIT, [5 / 3]),
            Corner({}, UNIT, [0.5] * 4, [1.0], [0.0] * 4, edge="predicted a point, inside"),
            Corner(
                {}, UNIT, [0.5, 0.0, 0.5, 1.0], [1.0], [1.0, 0.0, -1.0, 0.0], edge="predicted without width, inside"
            ),
            Corner(
                CXCYWH,
                [0.5, 0.5, 1.0, 1.0],
                [0.5, 0.5, 0.0, 1.0],
                [1.0],
                [0.0, 0.0, -1.0, 0.0],
                edge="predicted without width, inside",
            ),
            Corner({}, UNIT, [1.0, 1.0, 0.0, 0.0], [0.0], [0.0] * 4, edge="corners in the wrong order"),
            Corner(XYWH, UNIT, [1.0, 1.0, -1.0, -1.0], [0.0], [0.0] * 4, edge="corners in the wrong order"),
            Corner(
                {},
                [-1e19, -1e19, 1e19, 1e19],
                [-1e19, -1e19, 1e19, 1e19],
                [0.0],
                [0.0] * 4,
                edge="sides of 2e19, equal",
            ),
            Corner({}, [-3e38, 0.0, 3e38, 1.0], [-3e38, 0.0, 3e38, 0.5], [0.5]),
            Corner(CXCYWH, [3e38, 0.0, 3e38, 1.0], [3e38, 0.0, 3e38, 0.5], [0.5]),
            Corner({}, UNIT, [1.0, 0.0, 2.0, 1.0], [1.0]),
            Corner({}, UNIT, [0.5, 0.0, 1.5, 1.0], [2 / 3]),
            Corner(XYWH, [1e6, 1e6, 0.125, 0.125], [1e6, 1e6, 0.25, 0.125], [0.5]),
            Corner({}, UNIT, [0.0, 0.0, inf, 1.0], [nan], edge="infinite"),
            Corner({}, UNIT, [-inf, 0.0, inf, 1.0], [nan], edge="infinite"),
            Corner(CXCYWH, UNIT, [inf, 0.0, 1.0, 1.0], [nan], edge="infinite"),
            Corner({}, [0.0, 0.0, inf, 1.0], UNIT, [nan], edge="infinite"),
            *(
                Corner(parameters, UNIT, [nan if i == j else v for j, v in enumerate(UNIT)], [nan], edge="NaN")
                for parameters in ({}, XYWH, CXCYWH)
                for i in range(4)
            ),
            Corner({}, [0.0, nan, 1.0, 1.0], UNIT, [nan], edge="NaN"),
        ],
        refused=[
            Refusal(
                "giou_loss: box_format must be one of 'xyxy', 'xywh', 'cxcywh', 'yxyx'. Got box_format='xyhw'.",
                {"box_format": "xyhw"},
            ),
        ],
        laws=[
            Law("0 for the truth", draws.boxes, zero_for_truth(polyloss.giou_loss)),
            Law("between 0 and 2", draws.boxes, within_two),
            Law(
                "the boxes may change places",
                draws.boxes,
                lambda y, p: (polyloss.giou_loss(y, p), polyloss.giou_loss(p, y)),
            ),
            Law(
                "the unit and the origin do not matter",
                draws.boxes,
                lambda y, p: (polyloss.giou_loss(y, p), polyloss.giou_loss(4 * y + 32, 4 * p + 32)),
            ),
            *(in_format(box_format) for box_format in ("xywh", "cxcywh", "yxyx")),
        ],
    ),
]


def numpy(x: Any) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(x)
