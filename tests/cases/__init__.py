"""The cases of all families."""

from tests.cases import classification, imbalance, metric_learning, regression

CASES = [
    *classification.CASES,
    *imbalance.CASES,
    *regression.CASES,
    *metric_learning.CASES,
]
