"""`LinearHeadModel` trains as a plain model does, without logits, and predicts them."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from polyloss.training import LinearHead, LinearHeadModel

pytestmark = pytest.mark.gradients
CLASSES, DEPTH, STEPS, ROWS = 40, 8, 6, 20
TOKENS = np.random.default_rng(0).integers(1, CLASSES, (ROWS, STEPS)).astype("int32")
TOKENS[:, -2:] = 0
NEXT = ((3 * TOKENS + 1) % CLASSES).astype("int32")
WEIGHT = np.linspace(0, 2, ROWS).astype("float32")


def made(cls: Any, loss: Any, *, tied: bool = True, masked: bool = False, dtype: Any = None, **options: Any) -> Any:
    keras.utils.set_random_seed(0)
    tokens = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(CLASSES, DEPTH, mask_zero=masked, dtype=dtype)
    hidden = keras.layers.Dense(DEPTH, activation="tanh", dtype=dtype)(embedding(tokens))
    head = LinearHead(tied_to=embedding, use_bias=True, dtype=dtype) if tied else LinearHead(CLASSES, dtype=dtype)
    model = cls(tokens, head(hidden))
    model.compile(keras.optimizers.Adam(1e-2), loss=loss, **options)
    return model


def fitted(model: Any, **options: Any) -> list[float]:
    history = model.fit(TOKENS, NEXT, epochs=3, batch_size=8, shuffle=False, verbose=0, **options).history
    return history["loss"] + history.get("val_loss", [])


@pytest.mark.parametrize(
    ("tied", "masked", "eagerly"), [(True, False, False), (False, True, False), (True, True, True)]
)
def test_the_same_curve(tied: bool, masked: bool, eagerly: bool) -> None:
    """As the model with logits, with weights and a mask, in training and in validation."""
    options = {"tied": tied, "masked": masked, "run_eagerly": eagerly}
    fit = {"sample_weight": WEIGHT, "validation_data": (TOKENS[:9], NEXT[:9])}
    ours = fitted(made(LinearHeadModel, polyloss.LinearCrossentropyLoss(), **options), **fit)
    want = fitted(made(keras.Model, polyloss.SparseCategoricalCrossentropy(from_logits=True), **options), **fit)
    np.testing.assert_allclose(ours, want, rtol=1e-5)


def test_no_logits_in_a_step() -> None:
    """The head hands on hidden states while it trains and is evaluated, and gives logits otherwise."""
    model = made(LinearHeadModel, polyloss.LinearCrossentropyLoss(), run_eagerly=True)
    shapes = []
    call = LinearHead.call

    class Watched(LinearHead):
        pass

    def watched(self: Any, hidden: Any, mask: Any = None) -> Any:
        out = call(self, hidden, mask)
        shapes.append(tuple(out.shape))
        return out

    Watched.call = watched  # type: ignore[method-assign]
    model._head().__class__ = Watched
    model.train_on_batch(TOKENS, NEXT)
    model.test_on_batch(TOKENS, NEXT)
    steps = {shape[-1] for shape in shapes if shape[0] == ROWS}
    assert DEPTH in steps
    shapes.clear()
    assert model.predict(TOKENS, verbose=0).shape == (ROWS, STEPS, CLASSES)
    assert tuple(model(TOKENS).shape) == (ROWS, STEPS, CLASSES)
    assert {shape[-1] for shape in shapes} == {CLASSES}


def test_metrics_see_logits() -> None:
    model = made(LinearHeadModel, polyloss.LinearCrossentropyLoss(), metrics=["sparse_categorical_accuracy"])
    model.fit(TOKENS, NEXT, epochs=2, verbose=0)
    loss, accuracy = model.evaluate(TOKENS, NEXT, verbose=0)
    logits = model.predict(TOKENS, verbose=0)
    np.testing.assert_allclose(accuracy, (logits.argmax(-1) == NEXT).mean(), rtol=1e-6)
    want = polyloss.SparseCategoricalCrossentropy(from_logits=True)(NEXT, logits)
    np.testing.assert_allclose(loss, float(want), rtol=1e-5)


def test_saved_and_loaded(tmp_path: pathlib.Path) -> None:
    """The tie is kept: there is one table, and it learns on."""
    model = made(LinearHeadModel, polyloss.LinearCrossentropyLoss(z_loss=1e-4))
    fitted(model)
    model.save(tmp_path / "model.keras")
    back = keras.models.load_model(tmp_path / "model.keras")
    assert type(back) is LinearHeadModel
    assert back._head().tied_to is back.layers[1]
    assert len(back.trainable_variables) == len(model.trainable_variables) == 4
    np.testing.assert_allclose(back.predict(TOKENS, verbose=0), model.predict(TOKENS, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fitted(back), fitted(model), rtol=1e-4)


def test_mixed_precision_and_other_losses() -> None:
    losses = fitted(made(LinearHeadModel, polyloss.LinearCrossentropyLoss(), dtype="mixed_bfloat16"))
    assert losses[-1] < losses[0]
    other = polyloss.SparseCategoricalCrossentropy(from_logits=True)
    np.testing.assert_allclose(fitted(made(LinearHeadModel, other)), fitted(made(keras.Model, other)), rtol=1e-6)


def test_refusals() -> None:
    with pytest.raises(
        ValueError, match=r"^LinearHead: units must be given where there is no tied_to, and only there\."
    ):
        LinearHead()
    with pytest.raises(TypeError, match=r"^LinearHead: tied_to must be a keras\.layers\.Embedding\. Got tied_to=3\.$"):
        LinearHead(tied_to=3)
    with pytest.raises(ValueError, match=r"tied_to\.output_dim must be 3, the width of the hidden states"):
        LinearHead(tied_to=keras.layers.Embedding(5, 4))(np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"^LinearHeadModel: loss_weights must be None with one loss\."):
        fitted(made(LinearHeadModel, polyloss.LinearCrossentropyLoss(), loss_weights=[2.0]))
    tokens = keras.Input((None,), dtype="int32")
    model = LinearHeadModel(tokens, keras.layers.Embedding(CLASSES, CLASSES)(tokens))
    model.compile(loss=polyloss.LinearCrossentropyLoss())
    with pytest.raises(ValueError, match=r"^LinearHeadModel: the layers must hold one LinearHead"):
        fitted(model)
