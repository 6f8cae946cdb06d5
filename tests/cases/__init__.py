"""The cases of all families."""

from tests.cases import (
    adversarial,
    boxes,
    classification,
    distillation,
    imbalance,
    metric_learning,
    probabilistic,
    regression,
    segmentation,
    sets,
    vocabulary,
)

CASES = [
    *classification.CASES,
    *vocabulary.CASES,
    *distillation.CASES,
    *imbalance.CASES,
    *probabilistic.CASES,
    *regression.CASES,
    *metric_learning.CASES,
    *sets.CASES,
    *segmentation.CASES,
    *boxes.CASES,
    *adversarial.CASES,
]
