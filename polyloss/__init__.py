"""Loss functions written once against Keras 3, proven equal on JAX, TensorFlow and PyTorch.

>>> model.compile(optimizer="adam", loss=polyloss.FocalLoss(from_logits=True))  # doctest: +SKIP
"""

import importlib
from typing import Any

from polyloss import backend, training  # noqa: F401  (backend first: it says which framework Keras takes)
from polyloss.adversarial import (
    AdversarialLoss,
    HingeGANLoss,
    LeastSquaresLoss,
    MinimaxLoss,
    NonSaturatingLoss,
    RelativisticLoss,
    WassersteinLoss,
    hinge_gan_discriminator_loss,
    hinge_gan_generator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_discriminator_loss,
    non_saturating_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)
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
from polyloss.framework import gradient
from polyloss.imbalance import CategoricalFocalLoss, FocalLoss, categorical_focal_loss, focal_loss
from polyloss.loss import Loss
from polyloss.metric_learning import ContrastiveLoss, contrastive_loss
from polyloss.penalties import (
    GradientPenalty,
    Penalty,
    R1Penalty,
    R2Penalty,
    gradient_norms,
    gradient_penalty,
    r1_penalty,
    r2_penalty,
)
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
    "AdversarialLoss",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalLoss",
    "ContrastiveLoss",
    "FocalLoss",
    "GradientPenalty",
    "HingeGANLoss",
    "Huber",
    "LeastSquaresLoss",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "MinimaxLoss",
    "NonSaturatingLoss",
    "Penalty",
    "PolyLoss",
    "R1Penalty",
    "R2Penalty",
    "RelativisticLoss",
    "SparseCategoricalCrossentropy",
    "WassersteinLoss",
    "__version__",
    "binary_crossentropy",
    "catalogue",
    "categorical_crossentropy",
    "categorical_focal_loss",
    "contrastive_loss",
    "focal_loss",
    "gradient",
    "gradient_norms",
    "gradient_penalty",
    "hinge_gan_discriminator_loss",
    "hinge_gan_generator_loss",
    "huber",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_discriminator_loss",
    "non_saturating_generator_loss",
    "poly_loss",
    "r1_penalty",
    "r2_penalty",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "sparse_categorical_crossentropy",
    "training",
    "validate",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
]


def __getattr__(name: str) -> Any:
    if name in ("plot",):  # what most programs never need
        return importlib.import_module(f"polyloss.{name}")
    raise AttributeError(f"module 'polyloss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "plot"})
