"""What Keras itself offers for each loss, on whichever backend it runs.

`BASELINES` maps a polyloss class to a function with the signature of the polyloss function, `CLASSES` to
the Keras class, `NONE` to the reason why there is neither.

One module a family; a new one is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

LIBRARY = "keras"

BASELINES: dict[str, Callable[..., Any]] = {}
NONE: dict[str, str] = {}
AVERAGED: dict[str, Callable[..., Any]] = {}
"""Where a baseline has to work for the shape of polyloss's values: the bare function, for a mean over all."""
CLASSES: dict[str, Callable[..., Any]] = {}

for _, _name, _ in pkgutil.iter_modules(__path__):
    _family = importlib.import_module(f"{__name__}.{_name}")
    BASELINES.update(getattr(_family, "BASELINES", {}))
    NONE.update(getattr(_family, "NONE", {}))
    AVERAGED.update(getattr(_family, "AVERAGED", {}))
    CLASSES.update(getattr(_family, "CLASSES", {}))
