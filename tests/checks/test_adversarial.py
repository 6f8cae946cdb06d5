"""What is particular to the adversarial losses and penalties; the templates for all losses run over their cases too."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import polyloss
from polyloss.tools.describe import about
from tests.case import Case, supervised
from tests.cases import CASES
from tests.cases.adversarial import CASES as OF_PLAYERS


def of_players(case: Case) -> bool:
    return not supervised(case)


@pytest.mark.cases(only=of_players)
def test_many_halves(case: Case, half: str) -> None:
    """Exactly the float32 result for the rounded scores: no sum that overflows at 65504."""
    scores = ops.cast(np.linspace(-300, 300, 4096).astype("float32"), half)
    found = case.plain(*[scores] * len(case.takes))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    wide = case.plain(*[ops.cast(scores, "float32")] * len(case.takes))
    assert float(ops.convert_to_numpy(found)) == float(ops.convert_to_numpy(wide))
    assert np.isfinite(ops.convert_to_numpy(found))


@pytest.mark.cases(only=of_players)
def test_maps_of_scores_and_unequal_numbers(case: Case, backend: Any) -> None:
    """Any shape; the mean is over all of it. Real and generated samples may differ in number."""
    draws = np.random.default_rng(1)
    real, fake = draws.normal(size=(6, 4)).astype("float32"), draws.normal(size=(3, 8)).astype("float32")
    flat = case.sides(None, [backend.tensor(real.reshape(-1)), backend.tensor(fake.reshape(-1))])
    maps = case.sides(None, [backend.tensor(real.reshape(3, 2, 4, 1)), backend.tensor(fake)])
    np.testing.assert_allclose(backend.array(case.plain(*maps)), backend.array(case.plain(*flat)), rtol=1e-6)


def test_pairs_have_one_shape() -> None:
    real, fake = np.zeros((3, 2), "float32"), np.zeros((6, 1), "float32")
    for loss in (polyloss.relativistic_discriminator_loss, polyloss.relativistic_generator_loss):
        with pytest.raises(ValueError, match=r"paired logits must have one shape. Got \(.*\) and \(.*\)\."):
            loss(real, fake, average=False)


PENALTIES = [
    polyloss.GradientPenalty(5, one_sided=True, at="perturbed"),
    polyloss.R1Penalty(3.0),
    polyloss.R2Penalty(),
]


@pytest.mark.parametrize("thing", PENALTIES, ids=repr)
def test_copies_of_penalties(thing: Any) -> None:
    for again in (
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(thing)),
        copy.deepcopy(thing),
        pickle.loads(pickle.dumps(thing)),
        type(thing).from_config(thing.get_config()),
    ):
        assert type(again) is type(thing)
        assert again.get_config() == thing.get_config()
        assert repr(again) == repr(thing)


def test_catalogue() -> None:
    """Every adversarial loss has its cases, one for each of the two players."""
    found = [(case.loss, case.player) for case in OF_PLAYERS]
    want = {(cls, p) for cls in polyloss.catalogue("adversarial").values() for p in ("discriminator", "generator")}
    assert set(found) == want
    assert len(found) == len(want)
    assert [case for case in CASES if of_players(case)] == OF_PLAYERS
    assert list(polyloss.catalogue("penalty")) == ["GradientPenalty", "R1Penalty", "R2Penalty"]
    assert not set(polyloss.catalogue()) & {*polyloss.catalogue("adversarial"), *polyloss.catalogue("penalty")}


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (
            lambda: polyloss.GradientPenalty(-1),
            ValueError,
            "gradient_penalty: weight must be at least 0. Got weight=-1.",
        ),
        (
            lambda: polyloss.GradientPenalty(at="between"),
            ValueError,
            "gradient_penalty: at must be one of 'interpolates', 'real', 'fake', 'perturbed'. Got at='between'.",
        ),
        (
            lambda: polyloss.GradientPenalty(one_sided=1),
            TypeError,
            "gradient_penalty: one_sided must be True or False. Got one_sided=1.",
        ),
        (lambda: polyloss.R1Penalty(gamma="a"), TypeError, "r1_penalty: gamma must be a number. Got gamma='a'."),
        (lambda: polyloss.R2Penalty(-2), ValueError, "r2_penalty: gamma must be at least 0. Got gamma=-2."),
        (
            lambda: polyloss.MinimaxLoss(0.1),
            TypeError,
            "MinimaxLoss: takes no parameter by position. Got 1 positional argument. Write label_smoothing=0.1.",
        ),
        (
            lambda: polyloss.HingeGANLoss(name=3),
            TypeError,
            "hinge_gan_discriminator_loss: name must be a string. Got name=3.",
        ),
    ],
)
def test_classes_refuse(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == sentence


@pytest.mark.gradients
def test_penalty_refuses_samples_that_do_not_fit() -> None:
    with pytest.raises(
        ValueError, match=r"gradient_penalty: real and fake must have one shape. Got \(2, 3\) and \(2, 4\)"
    ):
        polyloss.gradient_penalty(lambda x: x, np.zeros((2, 3)), np.zeros((2, 4)))


@pytest.mark.gradients
def test_penalties_as_functions_and_classes(backend: Any) -> None:
    draws = np.random.default_rng(1)
    real, fake = (draws.normal(size=(5, 3)).astype("float32") for _ in range(2))
    share, shift = draws.uniform(size=5).astype("float32"), draws.uniform(size=(5, 3)).astype("float32")

    def critic(x: Any) -> Any:
        return ops.sum(x * x * x, axis=-1)

    def slope(x: np.ndarray) -> np.ndarray:
        return np.linalg.norm(3 * x.astype("float64") ** 2, axis=1)

    between = share[:, None] * real + (1 - share[:, None]) * fake
    near = real + 0.5 * real.std() * shift
    for penalty, function, noise, want in [
        (polyloss.GradientPenalty(), polyloss.gradient_penalty, share, 10 * np.mean((slope(between) - 1) ** 2)),
        (
            polyloss.GradientPenalty(at="perturbed"),
            polyloss.gradient_penalty,
            shift,
            10 * np.mean((slope(near) - 1) ** 2),
        ),
        (polyloss.GradientPenalty(at="real"), polyloss.gradient_penalty, None, 10 * np.mean((slope(real) - 1) ** 2)),
        (polyloss.GradientPenalty(at="fake"), polyloss.gradient_penalty, None, 10 * np.mean((slope(fake) - 1) ** 2)),
        (polyloss.R1Penalty(), polyloss.r1_penalty, None, 5 * np.mean(slope(real) ** 2)),
        (polyloss.R2Penalty(), polyloss.r2_penalty, None, 5 * np.mean(slope(fake) ** 2)),
    ]:
        got = penalty(critic, real, fake, noise)
        assert float(ops.convert_to_numpy(got)) == pytest.approx(want, rel=1e-5)
        if function is polyloss.gradient_penalty:
            same = function(critic, real, fake, noise=noise, **penalty._options())
        else:
            same = function(critic, real if function is polyloss.r1_penalty else fake, **penalty._options())
        assert float(ops.convert_to_numpy(same)) == pytest.approx(want, rel=1e-5)
        drawn = penalty(critic, real, fake, seed=1)
        assert np.isfinite(ops.convert_to_numpy(drawn))


EDGES: dict[str, tuple[Any, int]] = {
    "a constant critic": (lambda x: ops.sum(0.0 * x, axis=-1) + 3.0, 4),
    "an empty batch": (lambda x: ops.sum(x, axis=-1), 0),
}
"""The edge cases of the penalties: a critic, and how many samples it sees."""


@pytest.mark.gradients
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("penalty", [polyloss.GradientPenalty(), polyloss.R1Penalty(), polyloss.R2Penalty()], ids=repr)
def test_edge_cases_of_penalties(penalty: Any, edge: str, backend: Any) -> None:
    """What the tables in the docstrings say: the slope of nothing is off by the target, and gives no gradient."""
    critic, count = EDGES[edge]
    (row,) = (row for row in about(penalty).edge_cases if row.input == edge)
    value = float(eval(row.value.replace("^", "**"), {"target": 1.0, **penalty._options()}))
    noise = np.zeros(count, "float32")
    real = np.ones((count, 3), "float32")

    def of(x: Any) -> Any:
        return penalty(critic, x, x, noise)

    got, gradient = backend.value_and_grad(of, backend.tensor(real))
    assert float(got) == value
    assert row.gradient.split()[0] == "0"
    assert (gradient == 0).all()


def test_edge_cases_of_penalties_are_all() -> None:
    for cls in polyloss.catalogue("penalty").values():
        assert [row.input for row in about(cls).edge_cases] == list(EDGES)
