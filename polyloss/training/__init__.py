"""What needs more than a loss: callbacks."""

from polyloss.training.callbacks import Validate

__all__ = ["Validate"]
