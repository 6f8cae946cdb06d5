"""Callbacks that look at the data of a training, and say in words what is wrong with them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from polyloss.core import declared
from polyloss.core.function import declaration
from polyloss.core.kinds.domains import LOGITS
from polyloss.core.loss import Loss
from polyloss.core.validate import as_array, first, validate, validate_targets

FEW = 8
"""Fewer predictions than these may all lie in [0, 1] by chance."""

Batch = tuple[Any, Any, Any]
"""Inputs, targets, weights."""


class _WithData(keras.callbacks.Callback):
    """A callback that is given the data of `fit`, which Keras does not show it."""

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int = 32) -> None:
        super().__init__()
        where = type(self).__name__
        if isinstance(x, Iterator):
            raise TypeError(
                f"{where}: x must be arrays or a dataset that can be read twice. Got x={type(x).__name__}, "
                "which would lose its first batch."
            )
        if y is None and (hasattr(x, "shape") or not isinstance(x, (keras.utils.PyDataset, Iterable))):
            raise TypeError(f"{where}: y must be given with arrays. Got x={type(x).__name__} and y=None.")
        self.data = (x, y, sample_weight)
        self.batch_size = batch_size

    def _batches(self) -> Iterator[Batch]:
        """All of the data: arrays as one batch, a dataset of known length to its end, of another its first batch."""
        x, y, weight = self.data
        if y is not None:
            yield x, y, weight
        elif isinstance(x, keras.utils.PyDataset):
            yield from (_unpacked(x[i]) for i in range(x.num_batches or 1))
        else:
            try:
                count = len(x)
            except TypeError:  # it has no length, or none that is known
                count = 1
            yield from (_unpacked(batch) for _, batch in zip(range(count), x, strict=False))

    def _predict(self, x: Any) -> Any:
        """Predictions as arrays, a few rows at a time."""
        return self.model.predict(x, batch_size=self.batch_size, verbose=0)

    def _outputs(self, predicted: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Every output that has a loss: its key (None for a single one), the loss, the prediction."""
        losses: Any = self.model.loss
        if losses is None:
            return
        if not isinstance(losses, (dict, list, tuple)):
            if isinstance(predicted, dict):
                losses = dict.fromkeys(predicted, losses)
            elif isinstance(predicted, (list, tuple)):
                losses = [losses] * len(predicted)
            else:
                yield None, _made(losses), predicted
                return
        if isinstance(losses, dict) and isinstance(predicted, (list, tuple)):
            predicted = dict(zip(self.model.output_names, predicted, strict=True))
        items: Any = losses.items() if isinstance(losses, dict) else enumerate(losses)
        for name, loss in items:
            if loss is not None:
                yield name, _made(loss), _of_output(predicted, name)


class Validate(_WithData):
    """Checks the data against the model and its losses before training starts: all of them.

    A callback never sees the batches of `fit`, so it is given the data too. Before the first step it

    - predicts the first batch and calls `polyloss.validate` for every output that is trained with a loss of polyloss;
    - looks through all targets and weights for what is outside the loss's domain (for any other loss: for what is not
      finite and makes a loss that is not), and through all inputs for what is not finite and makes predictions that are
      not (a model may know what to do with NaN, a weight of 0 shuts it out);
    - warns where every prediction lies in [0, 1] although the loss takes logits: the model then ends in a sigmoid or
      a softmax that the loss would apply once more.

    So labels out of range, gaps in a table and logits taken for probabilities stop with a sentence instead of training
    into NaN.

    Args:
        x: Inputs as for `fit`: arrays (also in a list or dict), or anything that yields batches
            ``(x, y)`` or ``(x, y, sample_weight)``: a `tf.data.Dataset`, a torch `DataLoader`, a
            `keras.utils.PyDataset`. A dataset is read once from beginning to end; of one whose length is not known, the
            first batch. A generator would lose that to the check and is refused.
        y: Targets, where `x` are arrays.
        sample_weight: Weights, where `x` are arrays.
        batch_size: How many rows of arrays to predict at a time.

    Raises:
        ValueError, TypeError: in `fit`, before the first step, naming the output and the first value at
            fault.

    >>> validate = polyloss.training.Validate([[0.0]], [[1.0]])  # model.fit(x, y, callbacks=[validate])
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Look through the data, batch by batch, output by output."""
        first_predicted: Any = None
        for x, y, weight in self._batches():
            if first_predicted is None:
                first_predicted = self._first(x, y, weight)
            for name, loss, prediction in self._outputs(first_predicted):
                target, w = _of_output(y, name), _of_output(weight, name)
                with _named(name):
                    (_targets if isinstance(loss, Loss) else _finite)(loss, target, prediction, w)
            self._inputs(x, weight)

    def _first(self, x: Any, y: Any, weight: Any) -> Any:
        """The predictions of the first rows, which agree with their targets."""
        head, y, weight = (_rows(part, slice(self.batch_size)) for part in (x, y, weight))
        predicted = self.model.predict_on_batch(head)
        for name, loss, prediction in self._outputs(predicted):
            if isinstance(loss, Loss):
                with _named(name):
                    validate(loss, _of_output(y, name), prediction, _of_output(weight, name))
            _warn_of_probabilities(loss, name, as_array(prediction))
        return predicted

    def _inputs(self, x: Any, weight: Any) -> None:
        """Inputs that are not finite, and predictions that are not because of it."""
        for where, fault, shown in _not_finite(x, weight):
            rows = np.flatnonzero(fault.reshape(len(fault), -1).any(axis=1))[: self.batch_size]
            predicted = tree.flatten(self.model.predict_on_batch(_rows(x, rows)))
            if not all(np.isfinite(as_array(p)).all() for p in predicted):
                raise ValueError(
                    f"Validate: x must be finite, or the model must make something of what is not. Got "
                    f"{first(where, fault, shown)}, and predictions that are not finite. Fill the gap "
                    "(np.nan_to_num, or the mean of the column), or leave the row out with sample_weight=0."
                )


class Explain(_WithData):
    """Says at the first loss that is not finite where it began: with an input, a label, a weight or a prediction.

    ``model.fit(x, y, callbacks=[polyloss.training.Explain(x, y)])`` stops with a `FloatingPointError` in the batch in
    which the loss became NaN or infinite. In this order it names

    1. an input, a label or a sample weight that is not finite or not what the loss is for, with its index;
    2. a weight of the model that was no longer finite when the batch began: the update before it broke it;
    3. a prediction that is not finite although all of that is, and the first layer in which it is so;
    4. the value of the loss itself, with target and prediction.

    The model is left with the weights with which the batch began, to be looked at.

    It waits for every batch and copies all weights each time: for finding a fault, not for every training. `Validate`
    costs one look before the first step.

    Args:
        x: As for `Validate`.
        y: Targets, where `x` are arrays.
        sample_weight: Weights, where `x` are arrays.
        batch_size: How many rows of arrays to predict at a time.

    Raises:
        FloatingPointError: in `fit`, at the first loss that is not finite.

    >>> explain = polyloss.training.Explain([[0.0]], [[1.0]])  # model.fit(x, y, callbacks=[explain])
    """

    epoch = 0
    before: Sequence[np.ndarray] = ()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take the number of the epoch."""
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Copy the weights."""
        self.before = [np.array(w) for w in self.model.get_weights()]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop where the loss is not finite."""
        loss = float((logs or {}).get("loss", 0.0))
        if np.isfinite(loss):
            return
        self.model.set_weights(list(self.before))
        raise FloatingPointError(
            f"Explain: the loss became {loss} at epoch={self.epoch}, batch={batch}. {self._cause(batch)}"
        )

    def _cause(self, batch: int) -> str:
        """Where it began, in a sentence."""
        for x, y, weight in self._batches():
            for where, fault, shown in _not_finite(x, weight):
                return f"It began with the input {first(where, fault, shown)}."
            predicted = self.model.predict_on_batch(_rows(x, slice(self.batch_size)))
            for name, loss, prediction in self._outputs(predicted):
                target, w = _of_output(y, name), _of_output(weight, name)
                try:
                    if isinstance(loss, Loss):
                        _targets(loss, target, prediction, w)
                except ValueError as error:
                    return f"It began with a label or its weight: {error}"
                for where, fault, shown in _not_finite(target, w, "y"):
                    return f"It began with the label {first(where, fault, shown)}."
        for variable, value in zip(self.model.weights, self.before, strict=True):
            if not np.isfinite(value).all():
                found = first(variable.path, ~np.isfinite(value), value)
                return (
                    f"It began with the weight {found}: the update before this batch made it so, from a loss that was "
                    "still finite. A smaller learning rate or clipnorm=1.0 in the optimizer keeps updates in bounds."
                )
        for x, y, weight in self._batches():
            found = self._of_predictions(x, y, weight)
            if found:
                return found
        return (
            "Inputs, labels, weights and predictions are finite in inference: look at what works in training only, as "
            "Dropout, BatchNormalization, a regularizer or add_loss."
        )

    def _of_predictions(self, x: Any, y: Any, weight: Any) -> str:
        """What is wrong with the predictions of a batch, or with the loss of them."""
        predicted = self._predict(x)
        largest = max((float(np.abs(w).max()) for w in self.before if w.size), default=0.0)
        size = (
            f"The largest weight is {largest:.2g}: where that is large, the training diverged before, and a smaller "
            "learning rate helps."
        )
        for name, loss, prediction in self._outputs(predicted):
            shown = as_array(prediction)
            where = "y_pred" if name is None else f"y_pred[{name!r}]"
            fault = ~np.isfinite(shown)
            if not fault.any():
                target = _of_output(y, name)
                for row in range(len(shown)):
                    value = as_array(loss(_rows(target, slice(row, row + 1)), shown[row : row + 1]))
                    if not np.isfinite(value).all():
                        given = f"y_true={_rows(target, row)}, y_pred={shown[row]}"
                        return f"It began in the loss, which is {value.ravel()[0]} for row {row}: {given}. {size}"
                continue
            row = int(np.argwhere(fault)[0][0])
            layer = self._first_layer(_rows(x, slice(row, row + 1)))
            return f"It began with the prediction {first(where, fault, shown)}{layer}; inputs and weights were finite. {size}"
        return ""

    def _first_layer(self, x: Any) -> str:
        """The first layer whose output is not finite, where the model is made of layers that can be asked."""
        inputs = getattr(self.model, "inputs", None)
        if not inputs:
            return ""
        inputs = inputs[0] if len(inputs) == 1 else self.model.input
        for layer in self.model.layers:
            for made in tree.flatten(getattr(layer, "output", ())):
                shown = as_array(keras.Model(inputs, made).predict_on_batch(x))
                if not np.isfinite(shown).all():
                    return f", first in the layer {layer.name!r}"
        return ""


@contextlib.contextmanager
def _named(name: Any) -> Iterator[None]:
    """Names the callback and the output in what is refused inside."""
    try:
        yield
    except (ValueError, TypeError) as error:
        where = "" if name is None else f"output {name!r}: "
        raise type(error)(f"Validate: {where}{error}") from None


def _targets(loss: Loss, y: Any, prediction: Any, weight: Any) -> None:
    """All targets against the domain of a loss; the predictions give their shape."""
    target, row = as_array(y), as_array(prediction)[:1]
    like = np.broadcast_to(row, (len(target), *row.shape[1:]))
    validate_targets(loss, target, like, None if weight is None else as_array(weight))


def _finite(loss: Any, y: Any, prediction: Any, weight: Any) -> None:
    """Targets that are not finite and weights, for a loss that says nothing of its domain: Keras's own, or a function."""
    for where, fault, shown in _not_finite(y, None, "y_true"):
        row, of_any = int(np.argwhere(fault)[0][0]), ops.convert_to_tensor(as_array(prediction)[:1])
        target = ops.cast(shown[row : row + 1], of_any.dtype)
        if not np.isfinite(as_array(loss(target, of_any))).all():
            raise ValueError(
                f"y_true must be finite, or the loss must make something of what is not. Got {first(where, fault, shown)}, "
                "and a loss that is not finite. Fill the gap or leave the row out."
            )
    for where, fault, shown in _not_finite(weight, None, "sample_weight") if weight is not None else ():
        raise ValueError(f"sample_weight must be finite. Got {first(where, fault, shown)}.")


def _not_finite(parts: Any, weight: Any, name: str = "x") -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Where arrays are not finite, apart from rows of weight 0: what each is called, the places, and the array."""
    shuts = None if weight is None or isinstance(weight, (dict, list)) else as_array(weight) == 0
    for path, part in tree.flatten_with_path(parts):
        shown = as_array(part)
        if shown.dtype.kind == "f":
            fault = ~np.isfinite(shown)
            if shuts is not None and shuts.shape[:1] == fault.shape[:1]:
                out = shuts.reshape(len(shuts), -1).all(axis=1)
                fault = fault & ~out.reshape(-1, *[1] * (fault.ndim - 1))
            if fault.any():
                yield name + "".join(f"[{key!r}]" for key in path), fault, shown


def _warn_of_probabilities(loss: Any, name: Any, prediction: np.ndarray) -> None:
    if isinstance(loss, Loss):
        called, takes_logits = loss._where(), loss.inputs.prediction_domain(loss._options(), prediction) is LOGITS
    else:  # Keras says it so
        called, takes_logits = type(loss).__name__, bool(getattr(loss, "from_logits", False))
    within = ((prediction >= 0) & (prediction <= 1)).all() and (prediction > 0).any()  # all 0: a start from zeros
    if takes_logits and prediction.size >= FEW and within:
        where = "" if name is None else f"output {name!r}: "
        warnings.warn(
            f"Validate: {where}every prediction lies in [0, 1], but {called} takes logits here. Does the model "
            "end in a sigmoid or a softmax? Take it off, or say from_logits=False where the loss has it.",
            stacklevel=2,
        )


def _made(loss: Any) -> Any:
    """The loss that Keras makes of what `compile` was given: a class, a function of ours, a name."""
    known = declaration(loss)
    if known is not None and known.kind is not None:
        return declared.find(known.name)()
    return loss() if isinstance(loss, type) else keras.losses.get(loss)


def _rows(part: Any, rows: Any) -> Any:
    """Some rows of arrays, None of None."""
    return None if part is None else tree.map_structure(lambda a: a[rows], part)


def _unpacked(batch: Any) -> Batch:
    return keras.utils.unpack_x_y_sample_weight(tuple(batch))


def _of_output(values: Any, name: Any) -> Any:
    if name is None or not isinstance(values, (dict, list, tuple)):
        return values
    return values[name] if isinstance(values, dict) or isinstance(name, int) else values
