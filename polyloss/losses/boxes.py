"""Boxes: how well a predicted box covers the true one."""

from __future__ import annotations

from typing import ClassVar

from polyloss.core import numerics
from polyloss.core.function import loss_function
from polyloss.core.kinds import BOXES
from polyloss.core.loss import Loss
from polyloss.core.numerics import Tensor
from polyloss.losses._boxes import BoxFormat, overlap

__all__ = [
    "GIoULoss",
    "giou_loss",
]


@loss_function(BOXES)
def giou_loss(y_true: Tensor, y_pred: Tensor, *, box_format: BoxFormat = "xyxy") -> Tensor:
    r"""One minus the generalised intersection over union of two boxes.

    .. math:: \ell = 1 - \frac{|A \cap B|}{|A \cup B|} + \frac{|H| - |A \cup B|}{|H|}

    with H the smallest box around A and B. The first part is one minus the IoU. The second is what of H neither box
    covers: it has a gradient where the boxes do not overlap, and the IoU has none.

    When to choose it: boxes that are judged by their IoU, small and large alike: it does not change with the scale,
    where a loss of the coordinates favours large boxes. Boxes that lie far apart come together slowly, first by growing;
    add a loss on the coordinates (`huber`) for them.

    Args:
        y_true: Boxes, (..., 4); any real or integer dtype.
        y_pred: Boxes, one for each of `y_true`; float dtype (float64 stays, half precision is computed in float32).
        box_format: ``"xyxy"`` (two opposite corners), ``"xywh"`` (the corner with the smallest coordinates, width,
            height), ``"cxcywh"`` (the centre, width, height) or ``"yxyx"``. Any unit of length, the same for both.

    Returns:
        One value a box, (...), in [0, 2]: 0 for equal boxes, 1 for boxes that just touch along a whole side, towards 2
        with the distance.

    Raises:
        ValueError: for shapes that differ or do not end in 4, and another format.

    Corners in the wrong order are put in order, a negative width or height counts by its size. An axis along which both
    boxes lie in one point says nothing: two segments on a line are judged by their lengths, two equal points are equal
    boxes. A predicted edge that lies on the true one has slope 0.

    In float32 the gradient is accurate to 1e-6 of its largest component up to side ratios of 1:100, and to 1e-5 up to
    1:10,000; a component near 0, where terms cancel, has a larger error relative to its own size.

    ==========================================  =====  ====================================================
    input                                       value  gradient
    ==========================================  =====  ====================================================
    equal boxes                                 0      0
    both boxes the same point                   0      0
    two points on a horizontal line             2      finite
    two points, not on such a line              2      0
    predicted a point, inside                   1      0
    predicted without width, inside             1      finite
    corners in the wrong order                  0      0
    sides of 2e19, equal                        0      0
    infinite                                    NaN    not promised
    NaN                                         NaN    not promised
    ==========================================  =====  ====================================================

    >>> loss = polyloss.giou_loss([[0, 0, 2, 2], [0, 0, 1, 1]], [[1.0, 0.0, 3.0, 2.0], [3.0, 0.0, 4.0, 1.0]])
    >>> [round(float(v), 4) for v in loss]
    [0.6667, 1.5]

    References: Rezatofighi et al. 2019, Generalized Intersection over Union: A Metric and A Loss for Bounding Box
    Regression, arXiv:1902.09630.
    """
    o = overlap(y_true, y_pred, box_format)
    return numerics.share(o.difference, o.intersection, nothing=1.0) + numerics.share(o.uncovered, o.union)


class GIoULoss(Loss, function=giou_loss):
    """Class form of `giou_loss`, for `model.compile(loss=...)`. Boxes that stand for none get a weight of 0.

    >>> polyloss.GIoULoss(box_format="cxcywh")
    GIoULoss(box_format='cxcywh')
    """

    box_format: str = "xyxy"

    words: ClassVar[tuple[str, ...]] = ("IoU", "IoULoss", "GeneralizedIoU", "bounding box", "box regression")
    tasks: ClassVar[tuple[str, ...]] = ("object detection",)
    elsewhere: ClassVar[dict[str, str]] = {
        "torchvision": "torchvision.ops.generalized_box_iou_loss",
        "tensorflow-addons": "tfa.losses.GIoULoss (corners as y, x)",
    }
