"""Loss functions written once against Keras 3, measured against exact results on JAX, TensorFlow and PyTorch.

>>> model.compile(optimizer="adam", loss=polyloss.FocalLoss(from_logits=True))  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any

from polyloss import framework, replica, training  # noqa: F401
from polyloss.adversarial import losses as _adversarial
from polyloss.adversarial import penalties as _penalties
from polyloss.adversarial.losses import *  # noqa: F403
from polyloss.adversarial.penalties import *  # noqa: F403
from polyloss.core.declared import catalogue, instead_of
from polyloss.core.loss import Loss, SetLoss
from polyloss.core.validate import validate
from polyloss.framework import gradient
from polyloss.losses import boxes as _boxes
from polyloss.losses import classification as _classification
from polyloss.losses import distillation as _distillation
from polyloss.losses import imbalance as _imbalance
from polyloss.losses import probabilistic as _probabilistic
from polyloss.losses import regression as _regression
from polyloss.losses import vocabulary as _vocabulary
from polyloss.losses.boxes import *  # noqa: F403
from polyloss.losses.classification import *  # noqa: F403
from polyloss.losses.distillation import *  # noqa: F403
from polyloss.losses.imbalance import *  # noqa: F403
from polyloss.losses.metric import pairs as _pairs
from polyloss.losses.metric import triplets as _triplets
from polyloss.losses.metric import views as _views
from polyloss.losses.metric.pairs import *  # noqa: F403
from polyloss.losses.metric.triplets import *  # noqa: F403
from polyloss.losses.metric.views import *  # noqa: F403
from polyloss.losses.probabilistic import *  # noqa: F403
from polyloss.losses.regression import *  # noqa: F403
from polyloss.losses.segmentation import overlap as _overlap
from polyloss.losses.segmentation.overlap import *  # noqa: F403
from polyloss.losses.vocabulary import *  # noqa: F403

__version__ = "0.1.0"

__all__ = ["Loss", "SetLoss", "__version__", "catalogue", "gradient", "replica", "training", "validate"]
__all__ += _adversarial.__all__
__all__ += _penalties.__all__
__all__ += _boxes.__all__
__all__ += _classification.__all__
__all__ += _distillation.__all__
__all__ += _imbalance.__all__
__all__ += _overlap.__all__
__all__ += _pairs.__all__
__all__ += _probabilistic.__all__
__all__ += _regression.__all__
__all__ += _triplets.__all__
__all__ += _views.__all__
__all__ += _vocabulary.__all__
__all__.sort()

_LAZY = ("plot", "study")
"""What most programs never need."""


if not TYPE_CHECKING:  # to a type checker every name would be there

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            return importlib.import_module(f"polyloss.{name}")
        advice = "" if name.startswith("_") else instead_of(name)
        lacking = f"module 'polyloss' has no attribute {name!r}"
        raise AttributeError(f"{lacking}. {advice}" if advice else lacking)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
