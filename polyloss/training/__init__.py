"""What needs more than a loss: adversarial training, callbacks."""

from polyloss.training.callbacks import Explain, Validate
from polyloss.training.data import ShuffledBatches
from polyloss.training.gan import AdversarialModel
from polyloss.training.optimizers import OptimizerGroup
from polyloss.training.step import StepModel, minimize

__all__ = ["AdversarialModel", "Explain", "OptimizerGroup", "ShuffledBatches", "StepModel", "Validate", "minimize"]
