"""The adversarial losses: pairs of functions against the referee, and their classes."""

from __future__ import annotations

import copy
import os
import pickle
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import polyloss
from tests.case import Corner, Parameters, Refusal
from tests.cases.adversarial import CASES, Pairwise, first
from tests.checks.test_accuracy import check_gradient, check_value
from tests.checks.test_compiled import check_compiled
from tests.checks.test_corners import check_corner
from tests.evidence import Evidence

needs_gradients = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") == "numpy", reason="NumPy has no gradients: values only"
)
variants = pytest.mark.parametrize(
    ("pair", "given"),
    [(pair, given) for pair in CASES for given in pair.variants],
    ids=[f"{pair.name}-{given}" for pair in CASES for given in pair.variants],
)


@variants
def test_value(pair: Pairwise, given: Parameters, dtype: str, backend: Any, evidence: Evidence) -> None:
    check_value(pair, given, dtype, backend, evidence)


@needs_gradients
@variants
def test_gradient(pair: Pairwise, given: Parameters, dtype: str, backend: Any, evidence: Evidence) -> None:
    check_gradient(pair, given, dtype, backend, evidence)


@needs_gradients
@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
def test_compiled(pair: Pairwise, mode: str, backend: Any) -> None:
    check_compiled(first(pair, 7), mode, backend)  # every batch is traced by itself


@pytest.mark.parametrize(
    ("pair", "point"),
    [(pair, point) for pair in CASES for point in pair.corners],
    ids=lambda x: getattr(x, "name", str(x)),
)
def test_corner(pair: Pairwise, point: Corner, backend: Any) -> None:
    check_corner(pair, point, backend)


@pytest.mark.parametrize(
    ("pair", "fault"), [(pair, fault) for pair in CASES for fault in pair.refusals], ids=lambda x: str(x)[:60]
)
def test_refusal(pair: Pairwise, fault: Refusal, evidence: Evidence) -> None:
    with pytest.raises(fault.error) as caught:
        pair.loss(**fault.parameters)
    assert str(caught.value) == fault.message
    if "generator_target" not in fault.parameters:
        with pytest.raises(fault.error) as caught:
            pair.plain([[0.0]], [[0.0]], **fault.parameters)
        assert str(caught.value) == fault.message
    evidence.refused += 1


@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
def test_no_tensor_is_refused(pair: Pairwise) -> None:
    side = {"r": "real", "f": "fake"}
    for i, name in enumerate(side[s] for s in pair.sides):
        given = [[[0.0]]] * len(pair.sides)
        given[i] = None
        with pytest.raises(TypeError) as caught:
            pair.plain(*given)
        assert str(caught.value) == f"{pair.name}: {name} must be a tensor. Got {name}=None."


@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
def test_half_precision_is_computed_in_float32(pair: Pairwise, half: str) -> None:
    """Exactly the float32 result for the rounded logits: no sum that overflows at 65504."""
    logits = ops.cast(np.linspace(-300, 300, 4096).astype("float32"), half)
    found = pair.plain(*[logits] * len(pair.sides))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    wide = pair.plain(*[ops.cast(logits, "float32")] * len(pair.sides))
    assert float(ops.convert_to_numpy(found)) == float(ops.convert_to_numpy(wide))
    assert np.isfinite(ops.convert_to_numpy(found))


@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
def test_maps_of_logits_and_unequal_numbers(pair: Pairwise, backend: Any) -> None:
    """Any shape; the mean is over all of it. Real and generated samples may differ in number."""
    draws = np.random.default_rng(1)
    real, fake = draws.normal(size=(6, 4)), draws.normal(size=(3, 8))
    given = {"r": real.astype("float32"), "f": fake.astype("float32")}
    flat = [backend.tensor(given[s].reshape(-1)) for s in pair.sides]
    maps = [backend.tensor(given[s].reshape(3, 2, 4, 1) if s == "r" else given[s]) for s in pair.sides]
    want = backend.array(pair.plain(*flat))
    np.testing.assert_allclose(backend.array(pair.plain(*maps)), want, rtol=1e-6)
    if pair.name.startswith("relativistic"):
        with pytest.raises(ValueError, match=r"paired logits must have one shape. Got \(.*\) and \(.*\)\."):
            pair.plain(*maps, average=False)


@pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
def test_no_samples(pair: Pairwise, backend: Any) -> None:
    empty = [backend.tensor(np.zeros((0, 1), "float32"))] * len(pair.sides)
    assert float(backend.array(pair.plain(*empty))) == 0.0


LOSSES = [
    polyloss.MinimaxLoss(label_smoothing=0.1),
    polyloss.NonSaturatingLoss(),
    polyloss.LeastSquaresLoss(real_target=0.9, generator_target=0.5),
    polyloss.HingeGANLoss(name="hinge", dtype="float64"),
    polyloss.WassersteinLoss(),
    polyloss.RelativisticLoss(average=False),
    polyloss.GradientPenalty(5, one_sided=True, at="perturbed"),
    polyloss.R1Penalty(3.0),
    polyloss.R2Penalty(),
]


@pytest.mark.parametrize("thing", LOSSES, ids=repr)
def test_config_copy_and_pickle(thing: Any) -> None:
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
    assert list(polyloss.catalogue("adversarial")) == sorted({pair.loss.__name__ for pair in CASES})
    assert all(sum(pair.loss is cls for pair in CASES) == 2 for cls in polyloss.catalogue("adversarial").values())
    assert list(polyloss.catalogue("penalty")) == ["GradientPenalty", "R1Penalty", "R2Penalty"]
    assert not set(polyloss.catalogue()) & {*polyloss.catalogue("adversarial"), *polyloss.catalogue("penalty")}


def test_classes_give_what_their_functions_give(backend: Any) -> None:
    draws = np.random.default_rng(1)
    real, fake = (backend.tensor(draws.normal(size=(5, 1)).astype("float32")) for _ in range(2))
    minimax, squares = polyloss.MinimaxLoss(label_smoothing=0.1), LOSSES[2]
    pairs = [
        (minimax.discriminator(real, fake), polyloss.minimax_discriminator_loss(real, fake, label_smoothing=0.1)),
        (minimax.generator(fake), polyloss.minimax_generator_loss(fake)),
        (
            squares.discriminator(real, fake),
            polyloss.least_squares_discriminator_loss(real, fake, real_target=0.9),
        ),
        (squares.generator(fake), polyloss.least_squares_generator_loss(fake, generator_target=0.5)),
        (
            polyloss.RelativisticLoss().generator(fake, real),
            polyloss.relativistic_generator_loss(fake, real),
        ),
        (
            polyloss.NonSaturatingLoss().discriminator(real, fake),
            polyloss.non_saturating_discriminator_loss(real, fake),
        ),
        (polyloss.NonSaturatingLoss().generator(fake), polyloss.non_saturating_generator_loss(fake)),
        (polyloss.HingeGANLoss().discriminator(real, fake), polyloss.hinge_gan_discriminator_loss(real, fake)),
        (polyloss.HingeGANLoss().generator(fake), polyloss.hinge_gan_generator_loss(fake)),
        (polyloss.WassersteinLoss().discriminator(real, fake), polyloss.wasserstein_discriminator_loss(real, fake)),
        (polyloss.WassersteinLoss().generator(fake), polyloss.wasserstein_generator_loss(fake)),
        (
            LOSSES[5].discriminator(real, fake),
            polyloss.relativistic_discriminator_loss(real, fake, average=False),
        ),
    ]
    for got, want in pairs:
        assert float(backend.array(got)) == float(backend.array(want))


def test_dtype_raises_the_precision(backend: Any) -> None:
    with backend.precision("float64"):
        logits = backend.tensor(np.array([[1.0], [2.0]], "float32"))
        found = polyloss.WassersteinLoss(dtype="float64").generator(logits)
        assert keras.backend.standardize_dtype(found.dtype) == "float64"
        assert polyloss.WassersteinLoss(dtype="float16").dtype == "float32"


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
            "MinimaxLoss: takes no parameter by position. Got 1 positional arguments.",
        ),
        (
            lambda: polyloss.WassersteinLoss(reduction="sum"),
            TypeError,
            "WassersteinLoss: unknown parameter. Got reduction='sum'; it takes name, dtype.",
        ),
        (
            lambda: polyloss.HingeGANLoss(dtype="int32"),
            ValueError,
            "hinge_gan_discriminator_loss: dtype must be a float dtype. Got dtype='int32'.",
        ),
    ],
)
def test_classes_refuse(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == sentence


@needs_gradients
def test_penalty_refuses_samples_that_do_not_fit() -> None:
    with pytest.raises(
        ValueError, match=r"gradient_penalty: real and fake must have one shape. Got \(2, 3\) and \(2, 4\)"
    ):
        polyloss.gradient_penalty(lambda x: x, np.zeros((2, 3)), np.zeros((2, 4)))


@needs_gradients
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


@needs_gradients
def test_penalty_of_no_samples_is_zero() -> None:
    empty = np.zeros((0, 3), "float32")
    for penalty in (polyloss.GradientPenalty(), polyloss.R1Penalty(), polyloss.R2Penalty()):
        assert float(ops.convert_to_numpy(penalty(lambda x: ops.sum(x, axis=-1), empty, empty, np.zeros(0)))) == 0.0
