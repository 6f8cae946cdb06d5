"""What every kind of input answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyloss.core.kinds.domains import LOGITS, REAL, Domain
from polyloss.core.numerics import Tensor

Options = Mapping[str, Any]
"""The parameters of a loss."""
Arrays = tuple[np.ndarray, np.ndarray]
"""Targets and predictions, a row a sample."""


@dataclass(frozen=True)
class View:
    """How a curve of a loss is drawn: `call` gives one value for each point of the abscissa.

    Attributes:
        title: ``"y = 1"``, say; empty where there is one view alone.
        abscissa: What the points are.
        span: From where to where.
        call: (loss, points) to values.
        scale: ``"linear"`` or ``"log"``.
    """

    title: str
    abscissa: str
    span: tuple[float, float]
    call: Callable[[Any, Tensor], Tensor]
    scale: str = "linear"


@dataclass(frozen=True)
class Misfit:
    """Shapes or dtypes that a kind refuses: what it says (after the function's name), two arrays, and its advice."""

    must: str
    y_true: tuple[int, ...]
    y_pred: tuple[int, ...]
    labels: str = "float64"
    instead: str = ""


class Kind:
    """What a loss looks at: one object that everything which meets the inputs reads.

    The functions refuse by it, `validate` and the weights of 0 know its values, tests, `agree` and the curves draw
    from it, the pages describe it.

    Attributes:
        title: What it is, in words.
        targets: What `y_true` may hold.
        predictions: What `y_pred` may hold when it is not logits.
        has_targets: Whether there are any.
        whole_batch: Whether a sample, where one is tried out, is a whole batch: its rows depend on each other.
        output: The shape of one sample's prediction, in a model that is tried out.
        misfits: Shapes that are refused.
    """

    title: str
    targets: Domain = REAL
    predictions: Domain = REAL
    has_targets: bool = True
    whole_batch: bool = False
    output: tuple[int, ...] = (3,)
    misfits: Sequence[Misfit] = ()

    # -- what goes in -------------------------------------------------------------------------------

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Targets and predictions as tensors that fit together, or one sentence why they do not.

        `options` are the function's; a class axis in them is counted from the front afterwards.
        """
        raise NotImplementedError

    def prediction_domain(self, options: Options, y_pred: Any) -> Domain:
        """What `y_pred` may hold."""
        return LOGITS if options.get("from_logits", False) else self.predictions

    def classes(self, y_pred: Tensor, options: Options) -> int | None:
        """How many classes there are, where the shape says so: the length of a parameter with one entry a class."""
        axis = options.get("axis", -1)
        return y_pred.shape[axis] if len(y_pred.shape) else None

    def kept(self, where: str, y_true: Any, y_pred: Any, options: Options) -> Tensor | None:
        """Which values count at all, where labels say it; None: all of them."""
        return None

    # -- samples of itself --------------------------------------------------------------------------

    def special(self, options: Options) -> np.ndarray:
        """Finite predictions at which formulas break: ties, zeros, saturation, the ends."""
        raise NotImplementedError

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        """Random predictions at every scale."""
        raise NotImplementedError

    def broken(self, options: Options) -> np.ndarray:
        """Predictions with infinities and NaN."""
        raise NotImplementedError

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """Predictions with targets for them; there may be several for each."""
        raise NotImplementedError

    def inputs(self, options: Options, dtype: str, count: int = 60) -> Arrays:
        """What values and gradients are checked on; the same numbers each time."""
        drawn = self.draw(options, np.random.default_rng(SEED), count)
        x = np.concatenate([self.special(options), drawn]).astype(dtype)
        return self.with_targets(options, x)

    def batch(self, options: Options) -> Arrays:
        """Six ordinary samples in float32; labels in their own dtype."""
        raise NotImplementedError

    # -- pictures -----------------------------------------------------------------------------------

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        """How a curve of these losses (one class, several parameters) is drawn; none: it has no curve."""
        return []


SEED = 20170807
EDGES = (0.0, 1e-30, 1e-12, 1e-7, 1e-3, 0.1, 0.5, 1.0, 15.5, 16.7, 20.0, 37.0, 40.0, 87.0, 88.7, 100.0)
"""Zero, tiny numbers, and where exponentials saturate."""
MOVE = "Are the classes on axis 1? Then move them last with keras.ops.moveaxis(y_pred, 1, -1)."
"""What to do where a loss has no parameter `axis`."""
BROKEN = (np.inf, -np.inf, np.nan)


def rng() -> np.random.Generator:
    """The same numbers on every backend and every day."""
    return np.random.default_rng(SEED)


def against(targets: Sequence[float], x: np.ndarray) -> Arrays:
    """Every target with every prediction, one element a sample."""
    y = np.repeat(np.array(targets, x.dtype), len(x))
    return y[:, None], np.tile(x, len(targets))[:, None]


def spread(values: Sequence[float], shape: tuple[int, ...], rest: float = 0.0) -> np.ndarray:
    """Rows of a shape: each value at the first place alone, and everywhere."""
    once = np.full((len(values), *shape), rest)
    once.reshape(len(values), -1)[:, 0] = values
    everywhere = np.zeros((len(values), *shape)) + np.asarray(values).reshape(-1, *[1] * len(shape))
    return np.concatenate([once, everywhere])


class Anything(Kind):
    """What a user's own loss looks at: not arranged, and any finite number is fine."""

    title = "anything"
