"""Loss functions written once against Keras 3, proven equal on JAX, TensorFlow and PyTorch.

>>> model.compile(optimizer="adam", loss=polyloss.FocalLoss(from_logits=True))  # doctest: +SKIP
"""

from polyloss import training
from polyloss.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    PolyLoss,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    poly_loss,
    sparse_categorical_crossentropy,
)
from polyloss.declared import catalogue
from polyloss.domains import validate
from polyloss.imbalance import CategoricalFocalLoss, FocalLoss, categorical_focal_loss, focal_loss
from polyloss.loss import Loss
from polyloss.metric_learning import ContrastiveLoss, contrastive_loss
from polyloss.regression import (
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    huber,
    mean_absolute_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)

__version__ = "0.1.0"

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalLoss",
    "ContrastiveLoss",
    "FocalLoss",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "PolyLoss",
    "SparseCategoricalCrossentropy",
    "__version__",
    "binary_crossentropy",
    "catalogue",
    "categorical_crossentropy",
    "categorical_focal_loss",
    "contrastive_loss",
    "focal_loss",
    "huber",
    "mean_absolute_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poly_loss",
    "sparse_categorical_crossentropy",
    "training",
    "validate",
]
