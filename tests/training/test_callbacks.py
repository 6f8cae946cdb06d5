"""`Validate` looks at all data before training; `Explain` says where a loss began that is not finite."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import polyloss
from polyloss.training import Explain, Validate

pytestmark = pytest.mark.gradients

LATE = 100
"""A row that no first batch holds."""


def compiled(loss: Any, *after: layers.Layer, units: int = 3, rate: float = 0.01) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(units, name="first"), *after])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss=loss)
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(LATE + 20, 4)).astype("float32")
    return x, np.arange(LATE + 20) % 3


# -- Validate -------------------------------------------------------------------------------------


def test_a_late_label_is_found() -> None:
    x, y = data()
    y[LATE] = 9
    model = compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=rf"^Validate: sparse_.* a label in \[0, 3\). Got y_true\[{LATE}\]=9\.$"):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)
    weight = (y != 9).astype("float32")
    model.fit(x, y, sample_weight=weight, callbacks=[Validate(x, y, weight)], verbose=0)


def test_a_late_gap_in_the_inputs_is_found() -> None:
    x, y = data()
    x[LATE, 2] = np.nan
    model = compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=rf"^Validate: x must be finite.* Got x\[{LATE}, 2\]=nan, and predictions"):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)
    weight = np.ones(len(x), "float32")
    weight[LATE] = 0
    model.fit(x, y, sample_weight=weight, callbacks=[Validate(x, y, weight)], verbose=0)


class Fill(layers.Layer):
    """A model that knows what to do with gaps."""

    def call(self, x: Any) -> Any:
        return keras.ops.where(keras.ops.isnan(x), 0.0, x)


def test_a_model_that_fills_gaps_may_have_them() -> None:
    x, y = data()
    x[LATE, 2] = np.nan
    model = keras.Sequential([keras.Input((4,)), Fill(), layers.Dense(3)])
    model.compile(loss=polyloss.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)


class Batches(keras.utils.PyDataset):
    """Three batches, a label of the last one wrong."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((4, 4), "float32"), np.array([0, 1, 2, 7 if index == 2 else 0])


@pytest.mark.parametrize("dataset", [Batches(), [Batches()[i] for i in range(3)]], ids=["PyDataset", "list"])
def test_a_dataset_is_read_to_its_end(dataset: Any) -> None:
    model = compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=r"Got y_true\[3\]=7"):
        model.fit(Batches(), callbacks=[Validate(dataset)], verbose=0)


@pytest.mark.parametrize("loss", [polyloss.BinaryCrossentropy(from_logits=True), polyloss.MeanSquaredError()], ids=str)
def test_a_sigmoid_before_a_loss_of_logits_is_told(loss: Any, recwarn: pytest.WarningsRecorder) -> None:
    x, y = data()
    y = (y[:, None] == [0, 1, 2]).astype("float32")
    model = compiled(loss, layers.Activation("sigmoid"))
    if isinstance(loss, polyloss.MeanSquaredError):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)
        return
    with pytest.warns(UserWarning, match=r"every prediction lies in \[0, 1\], but binary_crossentropy takes logits"):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)
    honest = compiled(loss)
    honest.fit(x, y, callbacks=[Validate(x, y)], verbose=0)


def test_a_sigmoid_before_a_loss_of_keras_is_told() -> None:
    x, y = data()
    y = (y[:, None] == [0, 1, 2]).astype("float32")
    model = compiled(
        keras.losses.BinaryCrossentropy(from_logits=True), layers.Activation("sigmoid"), layers.Rescaling(1.0)
    )
    with pytest.warns(UserWarning, match=r"every prediction lies in \[0, 1\], but BinaryCrossentropy takes logits"):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)


def filled(y_true: Any, y_pred: Any) -> Any:
    """A loss that knows what to do with a gap."""
    gap = ops.isnan(y_true)
    return ops.mean(ops.where(gap, 0.0, ops.square(ops.where(gap, 0.0, y_true) - y_pred)), axis=-1)


@pytest.mark.parametrize("loss", ["mse", keras.losses.Huber(), filled], ids=["name", "class", "own"])
def test_a_late_gap_is_found_for_a_loss_of_keras(loss: Any) -> None:
    x, _ = data()
    y = x[:, :1].copy()
    y[LATE] = np.nan
    model = compiled(loss, units=1)
    if loss is filled:
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)
        return
    with pytest.raises(ValueError, match=rf"^Validate: y_true must be finite, or .* Got y_true\[{LATE}, 0\]=nan"):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)
    weight = np.full(len(x), np.inf, "float32")
    with pytest.raises(ValueError, match=r"^Validate: sample_weight must be finite\. Got sample_weight\[0\]=inf"):
        model.fit(x, x[:, :1], callbacks=[Validate(x, x[:, :1], weight)], verbose=0)


@pytest.mark.parametrize(
    "loss",
    [polyloss.SparseCategoricalCrossentropy, polyloss.sparse_categorical_crossentropy],
    ids=["class", "function"],
)
def test_classes_and_functions_are_checked_too(loss: Any) -> None:
    x, y = data()
    y[LATE] = 9
    model = compiled(loss, layers.Softmax())
    with pytest.raises(ValueError, match=rf"Got y_true\[{LATE}\]=9"):
        model.fit(x, y, callbacks=[Validate(x, y)], verbose=0)


@pytest.mark.parametrize("callback", [Validate, Explain])
def test_arrays_want_targets(callback: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{callback.__name__}: y must be given with arrays\. Got x=ndarray"):
        callback(np.zeros((3, 4)))
    with pytest.raises(TypeError, match=rf"^{callback.__name__}: x must be arrays or a dataset that can be read twice"):
        callback(iter([1]))


# -- Explain --------------------------------------------------------------------------------------


def explained(model: keras.Model, x: Any, y: Any, weight: Any = None, **options: Any) -> str:
    """What is said of a training that ends in NaN or infinity."""
    with pytest.raises(FloatingPointError) as caught:
        model.fit(
            x, y, sample_weight=weight, epochs=3, callbacks=[Explain(x, y, weight)], verbose=0, shuffle=False, **options
        )
    return str(caught.value)


def test_explain_an_input() -> None:
    x, y = data()
    x[LATE, 2] = np.inf
    said = explained(compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True)), x, y)
    assert said.startswith("Explain: the loss became ")
    assert f"at epoch=0, batch={LATE // 32}. It began with the input x[{LATE}, 2]=inf." in said


def test_explain_a_label() -> None:
    x, y = data()
    y[LATE] = 9
    said = explained(compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True)), x, y)
    assert said.endswith(f"It began with a label or its weight: sparse_categorical_crossentropy: y_true must be a label "
                         f"in [0, 3). Got y_true[{LATE}]=9.")  # fmt: skip
    said = explained(compiled("mse", units=1), x, np.where(y[:, None] == 9, np.nan, 1.0))
    assert said.endswith(f"It began with the label y[{LATE}, 0]=nan.")


class Root(keras.losses.Loss):
    """The square root of the error: finite, but its slope is not where the error is 0."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sqrt(keras.ops.abs(y_pred - keras.ops.cast(y_true, y_pred.dtype)))


def test_explain_a_weight() -> None:
    x, y = np.zeros((64, 4), "float32"), np.zeros((64, 1), "float32")
    model = compiled(Root(), units=1)
    said = explained(model, x, y)
    assert "batch=1. It began with the weight " in said
    assert "the update before this batch made it so" in said


def test_explain_a_prediction() -> None:
    x, y = data()
    model = compiled("mse", layers.Lambda(lambda z: keras.ops.log(z - 1000.0), name="log"), units=1)
    said = explained(model, x, y[:, None].astype("float32"))
    assert "batch=0. It began with the prediction y_pred[0, 0]=nan, first in the layer 'log'; inputs" in said
    model = compiled("mse", units=1, rate=1e12)
    said = explained(model, x, y[:, None].astype("float32"))
    assert "the training diverged before" in said
    assert all(np.isfinite(w).all() for w in model.get_weights())


class Log(keras.losses.Loss):
    """Log loss without a guard."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return -keras.ops.log(y_pred * 0 + keras.ops.cast(y_true, y_pred.dtype))


def test_explain_a_loss() -> None:
    x, _ = data()
    y = np.ones((len(x), 1), "float32")
    y[7] = 0
    said = explained(compiled(Log(), units=1), x, y)
    assert "It began in the loss, which is inf for row 7: y_true=[0.], y_pred=" in said


def test_explain_is_silent_where_all_is_well() -> None:
    x, y = data()
    model = compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, callbacks=[Explain(x, y)], verbose=0)
