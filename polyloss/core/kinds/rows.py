"""One of many: a row of classes a sample, along a class axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from polyloss.core import ops, shapes
from polyloss.core.kinds.base import BROKEN, Arrays, Kind, Misfit, Options, View, rng, spread
from polyloss.core.kinds.domains import DISTRIBUTION, LABELS, LABELS_OR_DISTRIBUTION, LOGITS, Domain
from polyloss.core.numerics import Tensor


class Rows(Kind):
    """Rows of logits or probabilities against rows of something."""

    predictions: Domain = DISTRIBUTION
    what = "one-hot or soft labels"
    """What the targets are called in a refusal."""
    for_labels = ""
    """What a refusal advises those who give integer labels."""

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        axis = options.get("axis", -1)
        y_true, y_pred, axis = shapes.rows_of_one_shape(where, y_true, y_pred, axis, self.what, self.for_labels)
        if "axis" in options:
            options["axis"] = axis
        return y_true, y_pred

    def special(self, options: Options) -> np.ndarray:
        if not self._logits(options):
            return np.array(
                [[1, 0, 0], [0.5, 0.5, 0], [1e-8, 1 - 1e-8, 0], [0.2, 0.3, 0.5], [0.2, 0.2, 0.2], [1e-3, 0.5, 0.499]]
            )
        return np.array(
            [
                [0, 0, 0],
                [1, 1, 0],
                [2, 5, 5],
                [20, 0, 0],
                [0, 20, -20],
                [100, -100, 0],
                [-100, 100, 100],
                [50, 49, 48],
                [1e-4, 0, -1e-4],
                [88, -88, 0],
                [-40, -41, -100],
            ],
            "float64",
        )

    def draw(self, options: Options, rng: np.random.Generator, count: int) -> np.ndarray:
        if not self._logits(options):
            return rng.dirichlet([0.5, 0.5, 0.5], count)
        return rng.normal(0, 1, (count, 3)) * np.resize([0.5, 3.0, 20.0], count)[:, None]

    def broken(self, options: Options) -> np.ndarray:
        return spread(BROKEN, (3,))

    def batch(self, options: Options) -> Arrays:
        x = rng().normal(0, 2, (6, 3)).astype("float32")
        p = x if self._logits(options) else np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        return np.eye(3, dtype="float32")[SIX_LABELS], p

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """One-hot and, every third, soft."""
        hot = np.eye(3)[np.arange(len(x)) % 3]
        soft = np.array([0.125, 0.5, 0.375])
        return np.where((np.arange(len(x)) % 3 == 2)[:, None], soft, hot).astype(x.dtype), x

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        from_logits = self._logits(losses[0]._options())
        above = f"logit of the right class above those of the {classes - 1} others"
        label, span = (above, (-6.0, 10.0)) if from_logits else ("probability of the right class", (0.01, 0.99))
        shown = self.shown_classes(classes)
        titles = [""]
        if len(shown) > 1:
            titles, label = [f"right class: {right}" for right in shown], "its logit above the others'"
        return [
            View(title, label, span, self._right_class(right, classes, from_logits))
            for title, right in zip(titles, shown, strict=True)
        ]

    def shown_classes(self, classes: int) -> tuple[int, ...]:
        """Which classes a curve is drawn for: where all are alike, one."""
        return (0,)

    def _logits(self, options: Options) -> bool:
        return bool(options.get("from_logits", self.predictions is LOGITS))

    def _right_class(self, right: int, classes: int, from_logits: bool) -> Callable[[Any, Tensor], Tensor]:
        """Every point the margin (or probability) of the right class; the others are equal."""

        def call(loss: Any, x: Tensor) -> Tensor:
            x = ops.expand_dims(x, -1)
            hot = ops.convert_to_tensor(np.eye(classes, dtype="float32")[None, right])
            other = 0.0 if from_logits else (1 - x) / (classes - 1)
            return loss.call(self._target(right, x, hot), x * hot + other * (1 - hot))

        return call

    def _target(self, right: int, x: Tensor, hot: Tensor) -> Tensor:
        """Targets that say the right class."""
        return ops.ones_like(x) * hot


def _rows_that_differ(what: str, for_labels: str = "") -> tuple[Misfit, ...]:
    must = f"y_true must be {what} with the shape of y_pred"
    labels, others = [(4,), (4, 1)], [(4, 2), (5, 3), (1, 3)]
    return (
        *(Misfit(must, y, (4, 3), instead=for_labels) for y in labels),
        *(Misfit(must, y, (4, 3)) for y in others),
    )


class Distributions(Rows):
    """One-hot or soft labels."""

    title = "one class out of many, labels one-hot or soft"
    targets = DISTRIBUTION
    for_labels = "For integer labels use SparseCategoricalCrossentropy, or keras.ops.one_hot(y_true, classes)."
    misfits = _rows_that_differ("one-hot or soft labels", for_labels)


class SoftLabels(Distributions):
    """One-hot or soft labels, and soft ones as a rule."""

    title = "probabilities of classes as targets"

    def batch(self, options: Options) -> Arrays:
        hot, p = super().batch(options)
        return SURE * hot + (1 - SURE) / (hot.shape[1] - 1) * (1 - hot), p

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        return [replace(view, title=f"target of the right class: {SURE}") for view in super().views(losses, classes)]

    def _target(self, right: int, x: Tensor, hot: Tensor) -> Tensor:
        return ops.ones_like(x) * (SURE * hot + (1 - SURE) / (hot.shape[1] - 1) * (1 - hot))


class Labels(Rows):
    """Integer labels."""

    title = "one class out of many, labels as integers"
    targets: Domain = LABELS
    misfits = tuple(
        Misfit("y_true must be integer labels, the shape of y_pred without the class axis", y, p, "int32", instead)
        for y, p, instead in (
            ((4, 3), (4, 3), shapes.ONE_HOT),
            ((5,), (4, 3), ""),
            ((1,), (4, 3), ""),
            ((4, 2), (4, 3), ""),
            ((4, 1, 1), (4, 3), ""),
            ((4, 5, 6), (4, 3, 5, 6), "Are the classes on axis 1? Then say axis=1."),
        )
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        y_true, y_pred, axis = shapes.integer_labels(
            where, y_true, y_pred, options.get("axis", -1), has_axis="axis" in options
        )
        if "axis" in options:
            options["axis"] = axis
        return y_true, y_pred

    def kept(self, where: str, y_true: Any, y_pred: Any, options: Options) -> Tensor | None:
        """The samples that `ignore_class` keeps."""
        labels, y_pred = self.arrange(where, y_true, y_pred, dict(options))
        if not shapes.is_labels(labels, y_pred):
            return None
        return ops.logical_not(shapes.is_class(labels, options["ignore_class"]))

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        return (np.arange(len(x)) % x.shape[1]).astype("int32"), x

    def batch(self, options: Options) -> Arrays:
        return SIX_LABELS, super().batch(options)[1]

    def _target(self, right: int, x: Tensor, hot: Tensor) -> Tensor:
        return ops.cast(right * ops.ones_like(x[:, 0]), "int32")


class OneOfMany(Labels):
    """Integer labels, or one-hot and soft ones, told apart by shape and dtype."""

    title = "one class out of many, labels as integers, one-hot or soft"
    targets = LABELS_OR_DISTRIBUTION
    misfits = tuple(
        Misfit(
            "y_true must be integer labels (the shape of y_pred without the class axis) or have the shape of y_pred",
            y,
            p,
            "int32",
        )
        for y, p in (((5,), (4, 3)), ((1, 3), (4, 3)), ((4, 2), (4, 3)), ((4, 1, 1), (4, 3)))
    )

    def arrange(self, where: str, y_true: Any, y_pred: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        y_true, y_pred, axis = shapes.labels_or_rows(where, y_true, y_pred, options.get("axis", -1))
        if "axis" in options:
            options["axis"] = axis
        return y_true, y_pred

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """Labels with logits, one-hot and soft rows with probabilities: both forms are tried."""
        return super().with_targets(options, x) if self._logits(options) else Rows.with_targets(self, options, x)


class UnequalClasses(OneOfMany):
    """One of many from logits, with a prior: the classes are not alike."""

    title = "one class out of many from logits, classes unequal in number, labels as integers, one-hot or soft"
    predictions = LOGITS

    def shown_classes(self, classes: int) -> tuple[int, ...]:
        """The first and the last."""
        return 0, classes - 1


class Teachers(Rows):
    """The logits of a teacher, and those of a student."""

    title = "the logits of a teacher against those of a student"
    what = "the teacher's logits,"
    misfits = _rows_that_differ("the teacher's logits,")
    targets = LOGITS
    predictions = LOGITS

    def with_targets(self, options: Options, x: np.ndarray) -> Arrays:
        """A teacher who says the same of other classes, one who is less sure, one who is close, and the student itself."""
        teacher = np.roll(x, 1, axis=1)
        teacher[1::3] = x[1::3, ::-1] / 4
        teacher[2::3] = x[2::3] + np.array([0.01, 0, -0.01], x.dtype)
        teacher[2::7] = x[2::7]
        return teacher, x

    def batch(self, options: Options) -> Arrays:
        x = super().batch(options)[1]
        return np.ascontiguousarray(x[::-1, ::-1]), x

    def views(self, losses: Sequence[Any], classes: int) -> list[View]:
        label = "student's, class 0 above others"

        def call(margin: float) -> Callable[[Any, Tensor], Tensor]:
            def of_loss(loss: Any, x: Tensor) -> Tensor:
                x = ops.expand_dims(x, -1)
                first = ops.convert_to_tensor(np.eye(1, classes, dtype="float32"))
                return loss.call(margin * ops.ones_like(x) * first, x * first)

            return of_loss

        return [View(f"teacher's: {margin} above", label, (-6.0, 10.0), call(margin)) for margin in (4, 1)]


SURE = 0.75
"""The probability of the right class, where a soft label is shown."""
SIX_LABELS = np.array([0, 1, 2, 2, 1, 0], "int32")
