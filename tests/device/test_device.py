"""On an accelerator: tensors really sit there, and values and gradients keep the CPU's budgets.

``nox -s "gpu(jax)"``, or ``KERAS_BACKEND=jax python -m pytest tests/device`` where the packages are there
already. Without an accelerator these tests skip, saying so; with POLYLOSS_REQUIRE_DEVICE=1 they fail.
"""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest

import polyloss
from tests.case import Case
from tests.evidence import budget
from tests.oracle import distance, exact


@pytest.fixture(scope="module")
def device(backend: Any) -> str:
    """The accelerator under test: "gpu", "cuda" or "tpu"."""
    found = backend.accelerator()
    wanted = os.environ.get("POLYLOSS_DEVICE")
    right = {"gpu": ("gpu", "cuda"), "tpu": ("tpu",), None: (found,)}[wanted]
    if found is None or found not in right:
        reason = (
            f"{wanted or 'accelerator'}: not run, this machine shows {found or 'none'} to {keras.backend.backend()}"
        )
        if os.environ.get("POLYLOSS_REQUIRE_DEVICE") == "1":
            pytest.fail(f"POLYLOSS_REQUIRE_DEVICE=1, but {reason}")
        pytest.skip(reason)
    return found


def test_accuracy_on_the_device(case: Case, parameters: dict[str, Any], backend: Any, device: str) -> None:
    y, p = case.inputs(parameters, "float32")
    target, prediction = backend.tensor(y), backend.tensor(p)
    values, gradient = backend.value_and_grad(lambda x: case.function(target, x, **parameters), prediction)
    for x in (target, prediction, case.function(target, prediction, **parameters)):
        assert backend.device_of(x) == device, "the tensor is not on the accelerator"
    referee = exact(case.reference, y, p, parameters)
    by_value, by_gradient = case.floors(parameters)
    for got, want, sensitivity, floor in (
        (values, referee.value, referee.value_sensitivity, by_value),
        (gradient, referee.gradient, referee.gradient_sensitivity, by_gradient),
    ):
        error = distance(got.reshape(want[0].shape), *want, "float32")
        allowed = budget(want[0], sensitivity, "float32", floor, case.terms)
        assert (error <= allowed).all(), f"{(error / allowed).max():.3g} times the budget"


def test_compiled_on_the_device(case: Case, backend: Any, device: str) -> None:
    y, p = (backend.tensor(a) for a in case.batch(case.example))
    run = backend.compiled(lambda y, p: case.function(y, p, **case.example), backend.COMPILED[0])
    compiled = run(y, p)
    assert backend.device_of(compiled) == device
    np.testing.assert_allclose(backend.array(compiled), backend.array(case.function(y, p, **case.example)), rtol=1e-5)


def test_fit_on_the_device(backend: Any, device: str) -> None:
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = (x.sum(1, keepdims=True) > 1).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=polyloss.FocalLoss(from_logits=True))
    history = model.fit(x, y, batch_size=32, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert backend.device_of(model.trainable_variables[0].value) == device
