"""What TensorFlow offers for each loss without Keras (tf.nn, tf.compat.v1.losses): the baselines on TensorFlow.

`BASELINES` maps a polyloss class to a function with the signature of the polyloss function, `NONE` to the
reason why there is no such function. What TensorFlow does not ship in one piece rests on a loss that it ships.

One module a family; a new one is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

LIBRARY = "tf.nn"

BASELINES: dict[str, Callable[..., Any]] = {}
NONE: dict[str, str] = {}

for _, _name, _ in pkgutil.iter_modules(__path__):
    _family = importlib.import_module(f"{__name__}.{_name}")
    BASELINES.update(getattr(_family, "BASELINES", {}))
    NONE.update(getattr(_family, "NONE", {}))
