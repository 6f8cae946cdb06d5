"""Faults planted in the adversarial losses: the check that should see one must fail."""

from __future__ import annotations

import os
from typing import Any

import pytest
from keras import ops

import polyloss
from tests.cases.adversarial import CASES, Pairwise, case, first
from tests.checks.test_accuracy import check_gradient, check_value
from tests.checks.test_compiled import check_compiled
from tests.checks.test_corners import check_corner
from tests.evidence import Evidence
from tests.meta.test_planted import Fault, gradient_killed, gradient_off, nan_hidden, planted, value_off

BY_NAME = {pair.name: pair for pair in CASES}
pairs = pytest.mark.parametrize("pair", CASES, ids=lambda pair: pair.name)
needs_gradients = pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "numpy", reason="NumPy has no gradients")


@pairs
@pytest.mark.parametrize("fault", [value_off])
def test_value_check(pair: Pairwise, fault: Fault, backend: Any, caught: Any) -> None:
    caught(lambda: check_value(pair, pair.variants[0], "float32", backend, Evidence("x"), planted(pair, fault)))


@needs_gradients
@pairs
@pytest.mark.parametrize("fault", [gradient_off, gradient_killed])
def test_gradient_check(pair: Pairwise, fault: Fault, backend: Any, caught: Any) -> None:
    caught(lambda: check_gradient(pair, pair.variants[0], "float32", backend, Evidence("x"), planted(pair, fault)))


@needs_gradients
@pairs
def test_compiled_check(pair: Pairwise, backend: Any, caught: Any) -> None:
    few = first(pair, 7)  # every batch is traced by itself
    caught(lambda: check_compiled(few, backend.COMPILED[0], backend, planted(few, value_off)))


@pairs
def test_corner_check(pair: Pairwise, backend: Any, caught: Any) -> None:
    """NaN taken for 0."""
    nan = [corner for corner in pair.corners if "nan" in str(corner)]
    assert nan
    for corner in nan:
        caught(lambda corner=corner: check_corner(pair, corner, backend, planted(pair, nan_hidden)))


# -- wrong formulas of the field -------------------------------------------------------------------


def log_of_probabilities(real: Any, fake: Any) -> Any:
    """The sample code of the problem set: log(D(x)) of a saturated sigmoid is infinite."""
    return -ops.mean(ops.log(ops.sigmoid(real))) - ops.mean(ops.log(1 - ops.sigmoid(fake)))


def two_sided_smoothing(real: Any, fake: Any, label_smoothing: float = 0.1) -> Any:
    one = polyloss.minimax_discriminator_loss(real, fake, label_smoothing=label_smoothing)
    return one + label_smoothing * (ops.mean(fake * 0) - ops.mean(fake))


def without_the_half(real: Any, fake: Any) -> Any:
    return 2 * polyloss.least_squares_discriminator_loss(real, fake)


def critic_upside_down(real: Any, fake: Any) -> Any:
    return -polyloss.wasserstein_discriminator_loss(real, fake)


def no_margin(real: Any, fake: Any) -> Any:
    return polyloss.hinge_gan_discriminator_loss(real + 1, fake - 1)


def not_relative_to_the_mean(real: Any, fake: Any) -> Any:
    return polyloss.minimax_discriminator_loss(real, fake)


def saturating(fake: Any) -> Any:
    return polyloss.minimax_generator_loss(fake)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("minimax_discriminator_loss", log_of_probabilities),
        ("minimax_discriminator_loss", two_sided_smoothing),
        ("least_squares_discriminator_loss", without_the_half),
        ("wasserstein_discriminator_loss", critic_upside_down),
        ("hinge_gan_discriminator_loss", no_margin),
        ("relativistic_discriminator_loss", not_relative_to_the_mean),
        ("non_saturating_generator_loss", saturating),
    ],
)
def test_wrong_formula(name: str, function: Any, backend: Any, caught: Any) -> None:
    pair = BY_NAME[name]
    wrong = case(pair.loss, function, pair.sides, pair.reference, ())
    caught(lambda: check_value(pair, {}, "float32", backend, Evidence("x"), wrong.function))
