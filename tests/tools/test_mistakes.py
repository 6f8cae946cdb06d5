"""The answers to the usual mistakes are those that the page shows, and each says what to do."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from polyloss import framework
from polyloss.core import shapes
from polyloss.core.declared import instead_of
from tests.tools import mistakes

MISTAKES, SETUP = mistakes.mistakes()
RECORD = mistakes.record()


@pytest.mark.gradients
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m["title"])
def test_the_page_shows_what_is_said(
    mistake: dict[str, str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python tests/tools/mistakes.py` writes it anew."""
    monkeypatch.chdir(tmp_path)
    assert RECORD[mistake["title"]][keras.backend.backend()] == mistakes.answer(mistake, SETUP)


def test_every_mistake_is_answered_on_every_backend() -> None:
    titles = [m["title"] for m in MISTAKES]
    assert len(set(titles)) == len(titles) >= 25
    assert list(RECORD) == titles
    for title, answers in RECORD.items():
        assert sorted(answers) == list(framework.names()), title
        for said in answers.values():
            assert said.startswith(("TypeError: ", "ValueError: ", "AttributeError: ", "UserWarning: ")) or ": " in said


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("DiceLoss", "Use Dice."),
        ("BinaryFocalCrossentropy", "Use FocalLoss."),
        ("sigmoid_focal_loss", "Use FocalLoss."),
        ("CrossEntropyLoss", "Use CategoricalCrossentropy or SparseCategoricalCrossentropy."),
        ("focal_los", "Did you mean focal_loss?"),
        ("FocaLoss", "Did you mean FocalLoss?"),
        ("JaccardLoss", ""),
        ("Poisson", ""),
        ("Hinge", ""),
        ("xyzzy", ""),
    ],
)
def test_what_to_use_instead(name: str, advice: str) -> None:
    assert instead_of(name) == advice
    with pytest.raises(AttributeError) as caught:
        getattr(polyloss, name)
    assert str(caught.value) == f"module 'polyloss' has no attribute {name!r}" + (f". {advice}" if advice else "")


@pytest.mark.parametrize("home", framework.names())
def test_a_tensor_of_another_framework(home: str) -> None:
    """Its gradient would be lost, or it cannot be read at all."""
    package = framework.announced(home).packages[0]
    foreign = type("Tensor", (), {"__module__": f"{package}.deep.inside", "shape": (2, 1)})()
    mine = keras.backend.backend()
    if framework.home(foreign) == mine:
        return
    must = rf"^focal_loss: y_pred must be a tensor of the framework that Keras runs on, {mine}\. Got one of {home}\."
    for call in (polyloss.focal_loss, polyloss.FocalLoss()):
        with pytest.raises(TypeError, match=rf"{must} Set KERAS_BACKEND={home} before Python starts"):
            call(np.zeros((2, 1)), foreign)


@pytest.mark.parametrize("home", framework.names())
def test_a_weight_of_another_framework(home: str) -> None:
    """One with a gradient, which would be lost."""
    package = framework.announced(home).packages[0]
    foreign = type("Tensor", (), {"__module__": f"{package}.deep", "shape": (2,), "requires_grad": True})()
    mine = keras.backend.backend()
    if framework.home(foreign) == mine:
        return
    must = rf"^focal_loss: sample_weight must be a tensor of the framework that Keras runs on, {mine}\. Got one of {home}\."
    with pytest.raises(TypeError, match=must):
        polyloss.FocalLoss()(np.zeros((2, 1)), np.zeros((2, 1)), foreign)


@pytest.mark.parametrize(
    ("loss", "advice"),
    [
        (polyloss.FocalLoss, " Did you mean alpha?"),
        (polyloss.CategoricalFocalLoss, " Did you mean alpha?"),
        (polyloss.PolyLoss, ""),
        (polyloss.LinearCrossentropyLoss, ""),
    ],
)
def test_weights_of_classes_have_a_name(loss: Any, advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        loss(class_weights={0: 1.0, 1: 5.0})
    assert str(caught.value).partition("; it takes ")[2].partition(".")[2] == advice


def test_tensors_here_are_at_home() -> None:
    x = keras.ops.ones((2, 1))
    assert shapes.real("f", "x", x) is x
    assert framework.home(x) in (keras.backend.backend(), None)
    assert framework.home(np.zeros(2)) is None


def test_weights_of_classes_as_a_dict() -> None:
    """As Keras's `fit(class_weight=...)` has it."""
    by_class = polyloss.SparseCategoricalCrossentropy(from_logits=True, class_weights={1: 5.0, 0: 1.0, 2: 2.0})
    assert by_class.class_weights == (1.0, 5.0, 2.0)
    given = (np.array([0, 1]), np.zeros((2, 3), "float32"))
    options = {"from_logits": True, "class_weights": {0: 1.0, 1: 5.0, 2: 2.0}}
    values = keras.ops.convert_to_numpy(polyloss.sparse_categorical_crossentropy(*given, **options))
    np.testing.assert_allclose(values, np.log(3) * np.array([1.0, 5.0]), rtol=1e-6)


@pytest.mark.gradients
def test_a_class_in_the_place_of_a_loss() -> None:
    """Keras makes one of it, with its defaults."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(loss=polyloss.FocalLoss)
    assert np.isfinite(model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history["loss"]).all()


def test_a_penalty_in_the_place_of_a_loss() -> None:
    with pytest.raises(TypeError, match=r"^GradientPenalty: critic must be a function of samples"):
        polyloss.GradientPenalty()(np.zeros((2, 1)), np.zeros((2, 1)))
