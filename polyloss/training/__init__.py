"""What needs more than a loss: adversarial training, a last layer without its outputs, callbacks."""

from polyloss.training.callbacks import Explain, Validate
from polyloss.training.data import ShuffledBatches
from polyloss.training.gan import AdversarialModel
from polyloss.training.head import LinearHead, LinearHeadModel
from polyloss.training.optimizers import OptimizerGroup
from polyloss.training.step import StepModel, minimize

__all__ = [
    "AdversarialModel",
    "Explain",
    "LinearHead",
    "LinearHeadModel",
    "OptimizerGroup",
    "ShuffledBatches",
    "StepModel",
    "Validate",
    "minimize",
]
