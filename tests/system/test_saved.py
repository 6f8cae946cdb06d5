"""Models saved before the package was rearranged load, with their loss and all its parameters (tests/data/saved)."""

from __future__ import annotations

import pathlib

import keras
import numpy as np
import pytest

import polyloss
from polyloss import framework

SAVED = sorted((pathlib.Path(__file__).parents[1] / "data" / "saved").glob("*.keras"))
ADVERSARIAL = polyloss.catalogue("adversarial")
LOSSES = {
    "BinaryCrossentropy": polyloss.BinaryCrossentropy(pos_weight=3.0, from_logits=True),
    "CategoricalCrossentropy": polyloss.CategoricalCrossentropy(label_smoothing=0.1),
    "CategoricalFocalLoss": polyloss.CategoricalFocalLoss(alpha=(1.0, 2.0), ignore_class=-1),
    "ContrastiveLoss": polyloss.ContrastiveLoss(margin=0.5),
    "FocalLoss": polyloss.FocalLoss(gamma=1.5, alpha=(0.1, 0.9), from_logits=True, dtype="float32"),
    "Huber": polyloss.Huber(2.0),
    "MeanAbsoluteError": polyloss.MeanAbsoluteError(),
    "MeanSquaredError": polyloss.MeanSquaredError(),
    "MeanSquaredLogarithmicError": polyloss.MeanSquaredLogarithmicError(),
    "PolyLoss": polyloss.PolyLoss(epsilon=2.0),
    "SparseCategoricalCrossentropy": polyloss.SparseCategoricalCrossentropy(
        z_loss=1e-3, from_logits=True, name="mine", reduction="sum"
    ),
}
PENALTIES = {
    "NonSaturatingLoss": [polyloss.R1Penalty(3.0)],
    "RelativisticLoss": [polyloss.R1Penalty(1.0), polyloss.R2Penalty(2.0)],
    "WassersteinLoss": [polyloss.GradientPenalty(5.0, one_sided=True)],
}


def test_all_are_there() -> None:
    assert [path.stem for path in SAVED] == sorted([*LOSSES, *ADVERSARIAL])


@pytest.mark.parametrize("name", LOSSES)
def test_loads(name: str) -> None:
    model = keras.models.load_model(next(path for path in SAVED if path.stem == name))
    want = LOSSES[name]
    assert type(model.loss) is type(want)
    assert model.loss.get_config() == want.get_config()
    np.testing.assert_array_equal(model.get_weights()[0], [[1.0, -1.0], [0.5, 2.0]])


@pytest.mark.skipif(not framework.HAS_GRADIENTS, reason="this backend cannot train")
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_gan_loads(name: str) -> None:
    gan = keras.models.load_model(next(path for path in SAVED if path.stem == name))
    assert gan.adversarial_loss.get_config() == ADVERSARIAL[name]().get_config()
    assert [p.get_config() for p in gan.penalties] == [p.get_config() for p in PENALTIES.get(name, [])]
