"""In a model: `fit` lowers the loss in every mode, weights and masks arrive, `Validate` stops wrong data."""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from tests.case import Case, supervised
from tests.cases import CASES

pytestmark = [pytest.mark.gradients, pytest.mark.cases(only=supervised)]


FIRST = {type(case.kind): case.name for case in reversed(CASES) if supervised(case)}
"""The first loss of each kind."""


def fitted(case: Case) -> bool:
    """Losses of one kind meet `fit` alike, so one of them is trained; POLYLOSS_FIT=all trains every one."""
    return os.environ.get("POLYLOSS_FIT") == "all" or FIRST.get(type(case.kind)) == case.name


def model_for(case: Case, **options: Any) -> keras.Model:
    """A linear model with NumPy weights and the output that the loss wants."""
    size = int(np.prod(case.output))
    layers = [keras.Input((4,)), keras.layers.Dense(size, **options)]
    if len(case.output) > 1:
        layers.append(keras.layers.Reshape(case.output))
    model = keras.Sequential(layers)
    weights = np.random.default_rng(0)
    model.set_weights([weights.normal(0, 0.3, w.shape).astype("float32") for w in model.get_weights()])
    return model


def data_for(case: Case, rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    y, _ = case.batch(case.example)
    x = np.random.default_rng(1).normal(0, 1, (rows, 4)).astype("float32")
    return x, np.resize(y, (rows, *y.shape[1:]))


@pytest.mark.cases(only=fitted)
def test_fit_lowers_the_loss(case: Case) -> None:
    """Default mode (compiled where the backend compiles), an uneven last batch, weights, then evaluate."""
    x, y = data_for(case)
    model = model_for(case)
    loss = case.loss(**case.example)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss)
    history = model.fit(x, y, batch_size=32, epochs=4, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]
    want = float(np.asarray(keras.ops.convert_to_numpy(loss(y, model.predict(x, verbose=0)))))
    got = model.evaluate(x, y, batch_size=60, verbose=0)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    model.fit(x, y, sample_weight=np.linspace(0, 1, 60), batch_size=60, verbose=0)


@pytest.mark.cases(only=fitted)
def test_fit_eagerly_in_mixed_precision(case: Case) -> None:
    """`run_eagerly` and bfloat16 outputs: the loss is computed in float32 and stays finite."""
    x, y = data_for(case, 32)
    model = model_for(case, dtype="mixed_bfloat16")
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=case.loss(**case.example), run_eagerly=True)
    history = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]


def test_mask_arrives() -> None:
    """A Masking layer's mask leaves the denominator; one source on all backends."""
    x = np.array([[[1.0], [2.0], [0.0]], [[3.0], [0.0], [0.0]]], "float32")
    model = keras.Sequential([keras.Input((3, 1)), keras.layers.Masking(), keras.layers.Dense(1)])
    model.set_weights([np.ones((1, 1), "float32"), np.zeros(1, "float32")])
    model.compile(loss=polyloss.MeanSquaredError())
    loss = model.evaluate(x, np.zeros((2, 3, 1), "float32"), verbose=0)
    np.testing.assert_allclose(loss, (1 + 4 + 9) / 3, rtol=1e-6)
    loss = model.evaluate(x, np.zeros((2, 3, 1), "float32"), sample_weight=np.array([1.0, 0.0]), verbose=0)
    np.testing.assert_allclose(loss, (1 + 4) / 3, rtol=1e-6)


def test_ignored_labels_leave_the_denominator() -> None:
    y = np.array([0, 1, 255, 255], "uint8")
    x = np.zeros((4, 3), "float32")
    loss = polyloss.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    np.testing.assert_allclose(float(keras.ops.convert_to_numpy(loss(y, x))), np.log(3), rtol=1e-6)
    assert float(keras.ops.convert_to_numpy(loss(y[2:], x[2:]))) == 0.0


def test_large_labels_stay_integers() -> None:
    """Keras casts labels to the loss's dtype: 257 became 256 in bfloat16."""
    x = np.zeros((1, 1000), "float32")
    x[0, 257] = 20.0
    loss = polyloss.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    assert float(keras.ops.convert_to_numpy(loss(np.array([257]), x))) < 1e-4

    class Identities(polyloss.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            same = keras.ops.equal(keras.ops.expand_dims(y_true, 1), keras.ops.expand_dims(y_true, 0))
            return keras.ops.sum(keras.ops.cast(same, "float32"), -1)

    ids = np.array([2**24, 2**24 + 1, 5, 6])
    assert float(keras.ops.convert_to_numpy(Identities()(ids, x))) == 1.0


def test_class_axis() -> None:
    """Channels first: value, weights and masks find the class axis."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(2, 3, 4, 4)).astype("float32"), rng.integers(0, 3, (2, 4, 4))
    last = np.moveaxis(logits, 1, -1)
    first_loss = polyloss.SparseCategoricalCrossentropy(from_logits=True, axis=1)
    last_loss = polyloss.SparseCategoricalCrossentropy(from_logits=True)
    for weight in (None, np.array([0.0, 1.0]), rng.uniform(size=(2, 4, 4)).round().astype("float32")):
        poisoned, poisoned_last = logits.copy(), last.copy()
        if weight is not None:
            out = np.broadcast_to(weight.reshape(weight.shape + (1,) * (3 - weight.ndim)), (2, 4, 4)) == 0
            poisoned_last[out] = np.nan
            poisoned = np.moveaxis(poisoned_last, -1, 1).copy()
        got, want = first_loss(labels, poisoned, weight), last_loss(labels, poisoned_last, weight)
        assert np.isfinite(float(keras.ops.convert_to_numpy(got)))
        np.testing.assert_allclose(keras.ops.convert_to_numpy(got), keras.ops.convert_to_numpy(want), rtol=1e-6)


def test_symbolic(case: Case) -> None:
    """Functions accept Keras's symbolic tensors."""
    y, p = case.batch(case.example)
    symbolic = case.function(
        keras.KerasTensor((None, *y.shape[1:]), str(y.dtype)), keras.KerasTensor((None, *p.shape[1:])), **case.example
    )
    assert isinstance(symbolic, keras.KerasTensor)


# -- Validate -------------------------------------------------------------------------------------


def compiled(loss: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(loss=loss)
    return model


def test_validate_stops_before_training() -> None:
    x = np.zeros((40, 4), "float32")
    y = np.resize([0, 1, 7], 40)
    check = polyloss.training.Validate(x, y)
    model = compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(
        ValueError,
        match=r"^Validate: sparse_categorical_crossentropy: y_true must be a label in \[0, 3\). Got y_true\[2\]=7",
    ):
        model.fit(x, y, callbacks=[check], verbose=0)
    model.fit(x, y % 3, callbacks=[polyloss.training.Validate(x, y % 3)], verbose=0)
    model.fit(x, y % 3, callbacks=[polyloss.training.Validate(x, y)][:0], verbose=0)


def test_validate_finds_logits_taken_for_probabilities() -> None:
    x, y = np.full((8, 4), 5.0, "float32"), np.eye(3)[np.resize([0, 1, 2], 8)]
    with pytest.raises(ValueError, match="say from_logits=True"):
        compiled(polyloss.FocalLoss()).fit(x, y, callbacks=[polyloss.training.Validate(x, y)], verbose=0)


class Batches(keras.utils.PyDataset):
    """Four rows a batch, labels wrong."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((4, 4), "float32"), np.full(4, -3)


def test_validate_takes_datasets_and_names_the_output() -> None:
    model = compiled(polyloss.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=r"y_true\[0\]=-3"):
        model.fit(Batches(), callbacks=[polyloss.training.Validate(Batches())], verbose=0)
    with pytest.raises(TypeError, match=r"^Validate: x must be arrays or a dataset that can be read twice"):
        polyloss.training.Validate(iter([1]))
    inputs = keras.Input((4,))
    two = keras.Model(
        inputs, {"a": keras.layers.Dense(1, name="a")(inputs), "b": keras.layers.Dense(3, name="b")(inputs)}
    )
    two.compile(loss={"a": polyloss.MeanSquaredError(), "b": polyloss.SparseCategoricalCrossentropy(from_logits=True)})
    x, y = np.zeros((4, 4), "float32"), {"a": np.zeros((4, 1), "float32"), "b": np.array([0, 1, 2, 9])}
    with pytest.raises(ValueError, match=r"^Validate: output 'b': .* Got y_true\[3\]=9"):
        two.fit(x, y, callbacks=[polyloss.training.Validate(x, y)], verbose=0)
    y["b"] = np.array([0, 1, 2, 0])
    y["a"] = np.array([[0.0], [np.inf], [0.0], [0.0]])
    with pytest.raises(ValueError, match=r"^Validate: output 'a': .* Got y_true\[1, 0\]=inf"):
        two.fit(x, y, callbacks=[polyloss.training.Validate(x, y)], verbose=0)
