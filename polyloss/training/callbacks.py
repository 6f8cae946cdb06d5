"""Callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras
from keras import tree

from polyloss.core.loss import Loss
from polyloss.core.validate import validate


class Validate(keras.callbacks.Callback):
    """Checks the first batch against the model's losses before training starts.

    A callback never sees the batches of `fit`, so it is given the data too. It predicts the first batch
    and calls `polyloss.validate` for every output that is trained with a `polyloss.Loss`, so labels out
    of range or logits taken for probabilities stop with a sentence instead of training into NaN.

    Args:
        x: Inputs as for `fit`: arrays (also in a list or dict), or anything that yields batches
            ``(x, y)`` or ``(x, y, sample_weight)``: a `tf.data.Dataset`, a torch `DataLoader`, a
            `keras.utils.PyDataset`. A generator would lose its first batch to the check and is refused.
        y: Targets, where `x` are arrays.
        sample_weight: Weights, where `x` are arrays.
        batch_size: How many rows of arrays to look at.

    Raises:
        ValueError, TypeError: in `fit`, before the first step, naming the output and the first value at
            fault.

    >>> validate = polyloss.training.Validate([[0.0]], [[1.0]])  # model.fit(x, y, callbacks=[validate])
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int = 32) -> None:
        super().__init__()
        if isinstance(x, Iterator):
            raise TypeError(
                f"Validate: x must be arrays or a dataset that can be read twice. Got x={type(x).__name__}, "
                "which would lose its first batch."
            )
        self.data = (x, y, sample_weight)
        self.batch_size = batch_size

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Predict the first batch and validate it, output by output."""
        x, y, weight = self._first_batch()
        predicted = self.model.predict_on_batch(x)
        for name, loss, prediction in self._outputs(predicted):
            target, w = _of_output(y, name), _of_output(weight, name)
            try:
                validate(loss, target, prediction, w)
            except (ValueError, TypeError) as error:
                where = "" if name is None else f"output {name!r}: "
                raise type(error)(f"Validate: {where}{error}") from None

    def _first_batch(self) -> tuple[Any, Any, Any]:
        x, y, weight = self.data
        if y is not None:
            return self._head(x), self._head(y), self._head(weight)
        if isinstance(x, keras.utils.PyDataset):
            batch = x[0]
        elif isinstance(x, Iterable):
            batch = next(iter(x))
        else:
            raise TypeError(f"Validate: y must be given with arrays. Got x={type(x).__name__} and y=None.")
        return keras.utils.unpack_x_y_sample_weight(tuple(batch))

    def _head(self, part: Any) -> Any:
        """The first rows of arrays, None of None."""
        return None if part is None else tree.map_structure(lambda a: a[: self.batch_size], part)

    def _outputs(self, predicted: Any) -> Iterator[tuple[Any, Loss, Any]]:
        """Every output that has a loss of ours: its key (None for a single one), the loss, the prediction."""
        losses: Any = self.model.loss
        if isinstance(losses, Loss):
            if isinstance(predicted, dict):
                losses = dict.fromkeys(predicted, losses)
            elif isinstance(predicted, (list, tuple)):
                losses = [losses] * len(predicted)
        if isinstance(losses, Loss):
            yield None, losses, predicted
            return
        if isinstance(losses, dict) and isinstance(predicted, (list, tuple)):
            predicted = dict(zip(self.model.output_names, predicted, strict=True))
        items: Any = losses.items() if isinstance(losses, dict) else enumerate(losses or ())
        for name, loss in items:
            if isinstance(loss, Loss):
                yield name, loss, _of_output(predicted, name)


def _of_output(values: Any, name: Any) -> Any:
    if name is None or not isinstance(values, (dict, list, tuple)):
        return values
    return values[name] if isinstance(values, dict) or isinstance(name, int) else values
