"""`polyloss agree`: the inputs suit every loss, distances are what they say, and what fails does not stop the rest."""

from __future__ import annotations

import json
import os
import pathlib
import re
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import polyloss
from polyloss.core import declared
from polyloss.study import agree
from polyloss.study.agree import GROUPS, Agreement, Inputs, distance
from polyloss.tools import command, terminal
from tests.oracle import distance as oracle_distance
from tests.oracle import ulp

BACKEND = os.environ["KERAS_BACKEND"]
LOSSES = [
    (name, {**cls.example, **({"from_logits": logits} if "from_logits" in cls._fields else {})})
    for kind in ("loss", "adversarial", "penalty")
    for name, cls in polyloss.catalogue(kind).items()
    for logits in ((True, False) if "from_logits" in cls._fields else (None,))
]
inf, nan = np.inf, np.nan


@pytest.mark.parametrize(("name", "parameters"), LOSSES, ids=lambda x: str(x))
def test_inputs_of_every_loss(name: str, parameters: dict[str, Any]) -> None:
    """The same each time, finite but for those that are not to be, and in the loss's domains."""
    loss = declared.find(name)(**parameters)
    tried = agree.inputs(loss, 30)
    assert tried.x.tobytes() == agree.inputs(loss, 30).x.tobytes()
    assert tried.x.dtype == np.float32
    assert len(tried.x) == len(tried.group)
    finite = tried.group != "inf, NaN"
    assert np.isfinite(tried.x[finite]).all()
    assert set(tried.group.tolist()) >= {"random", "corners"}
    if loss.category == "loss":
        assert tried.y is not None
        random = tried.group == "random"
        batches = zip(tried.y[random], tried.x[random], strict=True)  # where a sample is a whole batch
        for y, x in batches if loss.inputs.whole_batch else [(tried.y[random], tried.x[random])]:
            polyloss.validate(loss, y, x)
    if loss.category != "penalty":
        assert np.isnan(tried.x[~finite]).any()


KINDS = {
    "BinaryCrossentropy": {"from_logits": True},
    "CategoricalCrossentropy": {},
    "SparseCategoricalCrossentropy": {"from_logits": True},
    "MeanSquaredLogarithmicError": {},
    "ContrastiveLoss": {},
    "RelativisticLoss": {},
    "R1Penalty": {},
}


@pytest.mark.parametrize("name", KINDS)
def test_results(name: str, backend: Any) -> None:
    """One loss of each kind of input: finite inputs give finite results that are not all alike."""
    loss = declared.find(name)(**KINDS[name])
    if loss.category == "penalty" and not backend.GRADIENTS:
        pytest.skip("this backend has no gradients")
    tried = agree.inputs(loss, 30)
    with np.errstate(all="ignore"):
        results = agree.evaluate(loss, tried.y, tried.x)
    assert {key.partition("|")[2] for key in results} == ({"value", "gradient"} if backend.GRADIENTS else {"value"})
    for found in results.values():
        assert found.dtype == np.float32
        assert len(found) == len(tried.x)
        random = found[tried.group == "random"]
        assert np.isfinite(random).all()
        assert np.unique(random).size > 1


def test_values_are_the_losses() -> None:
    loss = polyloss.Huber(2.0)
    tried = agree.inputs(loss, 30)
    got = agree.evaluate(loss, tried.y, tried.x)["|value"][:, 0]
    error = tried.x[:, 0].astype("float64") - tried.y[:, 0]
    want = np.where(np.abs(error) <= 2, error**2 / 2, 2 * np.abs(error) - 2)
    finite = tried.group != "inf, NaN"
    np.testing.assert_allclose(got[finite], want[finite], rtol=1e-5, atol=1e-30)


def test_distance() -> None:
    """The ULP is that of the tests' referee."""
    sizes = np.concatenate([[0.0, 1e-45, 1e-38, 1.0, 3e38], 2.0 ** np.arange(-130.0, 128.0), np.geomspace(1e-37, 1e38)])
    sizes = sizes.astype("float32")
    beside = np.nextafter(sizes, np.float32(0)).astype("float64")
    ulps, absolute = distance(beside, sizes)
    np.testing.assert_array_equal(absolute, np.abs(sizes - beside))
    np.testing.assert_allclose(ulps, absolute / ulp(sizes, "float32"))
    kinds = [(nan, nan), (inf, inf), (-inf, -inf), (1e39, inf), (nan, 1.0), (inf, 1.0), (inf, -inf), (inf, nan)]
    got, want = np.asarray(kinds).T
    expected = oracle_distance(got, want, np.zeros_like(want), "float32")[[0, 1, 2, 4, 5, 6, 7]]
    np.testing.assert_array_equal(np.delete(distance(got, want)[0], 3), expected)
    assert distance(got, want)[0][3] == 0.0


def made(**results: list[float]) -> Agreement:
    """An agreement on a loss of three inputs, one of each group."""
    tried = Inputs(None, np.asarray([[1.0], [2.0], [nan]], "float32"), np.asarray(GROUPS))
    found = Agreement(polyloss.Huber(), tried)
    found.results = {name: {"|value": np.asarray(values, "float32")[:, None]} for name, values in results.items()}
    found.reference = ("torch", {"|value": np.asarray([[1.0], [2.0], [nan]])})
    return found


def test_planted_differences() -> None:
    found = made(jax=[1.0, 2.0, nan], tensorflow=[1.0 + 3 * 2**-23, 2.0, nan], torch=[1.0, 2.0, 0.0])
    random = found.apart("|value", "random")
    assert random is not None
    assert (random.ulp, random.row, random.between) == (3.0, 0, ("jax", "tensorflow"))
    corners, broken = found.apart("|value", "corners"), found.apart("|value", "inf, NaN")
    assert corners is not None
    assert broken is not None
    assert corners.ulp == 0.0
    assert (broken.ulp, broken.row, broken.between) == (inf, 2, ("jax", "torch"))
    errors = [found.error(name, "|value", "random") for name in found.results]
    assert [error.ulp for error in errors if error] == [0.0, 3.0, 0.0]
    assert made(jax=[1.0, 2.0, 3.0]).apart("|value", "random") is None


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    found = made(jax=[1.0, 2.0, nan], torch=[1.0 + 3 * 2**-23, 2.0, 0.0])
    found.faults = {"tensorflow": "is not installed"}
    Console(width=120).print(terminal.agreement(found))
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "value random 0.0 3.0 3.0 3.6e-07 jax / torch x=1" in lines
    assert "value corners 0.0 0.0 0.0" in lines
    assert "value inf, NaN 0.0 differs differs jax / torch x=nan" in lines
    assert "tensorflow: is not installed" in lines
    assert lines[-1].startswith("They do not agree: ")
    assert lines[-1].endswith(" Not measured: tensorflow.")


def test_the_verdict_is_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Also of a loss that needs a word about its inputs."""
    from rich.console import Console

    found = made(jax=[1.0, 2.0, nan], torch=[1.0, 2.0, nan])
    found.loss = polyloss.HingeGANLoss()
    Console(width=200).print(terminal.agreement(found))
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("jax, torch agree: ")


def test_verdict() -> None:
    """In words, with the worst share of what is allowed."""
    right = made(jax=[1.0, 2.0, nan], torch=[1.0 + 3 * 2**-23, 2.0, nan]).verdict()
    assert right.within
    assert 0 < right.share < 3 / 32
    assert re.fullmatch(
        r"jax, torch agree: the largest error is 0\.\d\d of what .* \(the value on torch, input 0\)\.", right.sentence
    )
    wrong = made(jax=[1.0, 2.0, nan], torch=[1.0 + 300 * 2**-23, 2.0, nan]).verdict()
    assert wrong.within is False
    assert re.fullmatch(r"They do not agree: the value on torch, input 0 is off by \d\.\d times .*", wrong.sentence)
    broken = made(jax=[1.0, 2.0, nan], torch=[1.0, 2.0, 0.0])
    assert broken.verdict().within is False
    kept = json.loads(json.dumps(broken.as_json(), allow_nan=False))
    assert (kept["within"], kept["share"], kept["loss"], kept["backends"]) == (False, None, "Huber", ["jax", "torch"])
    assert kept["rows"][0] == {
        "part": "", "quantity": "value", "inputs": "random", "ulp": {"jax": 0.0, "torch": 0.0}, "apart": 0.0,
    }  # fmt: skip
    alone = made(jax=[1.0, 2.0, nan]).verdict()
    assert alone.within is None
    assert alone.sentence.startswith("No verdict: ")


@pytest.mark.parametrize(
    ("value", "gradient", "within"), [(nan, 0.0, True), (2.0, nan, True), (2.0, 0.0, False)], ids=str
)
def test_a_gradient_of_what_is_not_finite_is_not_judged(value: float, gradient: float, within: bool) -> None:
    """The last input is infinite or NaN; its gradient counts where its exact value and gradient are numbers."""
    found = made(jax=[1.0, 2.0, value], torch=[1.0, 2.0, value])
    assert found.reference is not None
    found.reference[1]["|value"] = np.asarray([[1.0], [2.0], [value]])
    found.reference[1]["|gradient"] = np.asarray([[0.0], [1.0], [gradient]])
    for name, got in (("jax", nan), ("torch", 0.0)):
        found.results[name]["|gradient"] = np.asarray([[0.0], [1.0], [got]], "float32")
    assert found.verdict().within is within


def test_an_input_that_moves_the_result_allows_more() -> None:
    """Near a zero of the loss one ULP of the input is many of the result."""
    y, x = np.array([[1.0]]), np.array([[1.0 + 2**-20]])
    moves = agree.sensitivity(polyloss.MeanAbsoluteError(), y, x)["|value"]
    np.testing.assert_allclose(moves, 2**-23, rtol=1e-3)


def test_processes(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    """One backend measured and refereed; one that cannot be started is named; too few end with status 3."""
    monkeypatch.setenv("COLUMNS", "150")
    other = "torch" if BACKEND != "torch" else "jax"
    arguments = ["agree", "Huber", "--delta", "2", "--backends", f"{BACKEND},{other}", "--inputs", "20"]
    arguments += ["--python", f"{other}={tmp_path / 'python'}"]
    result = CliRunner().invoke(command.app, arguments, catch_exceptions=False)
    assert result.exit_code == 3
    assert re.search(r"polyloss\.Huber\(delta=2\), \d{3} inputs", result.stdout.replace("\n", " "))
    assert f"{other}: {tmp_path / 'python'} cannot be started: No such file or directory" in result.stdout
    assert (f"as {BACKEND} computes it" in result.stdout) == backend.GRADIENTS
    line = next(line for line in result.stdout.splitlines() if line.startswith("value") and "random" in line)
    assert (float(line.split()[2]) < 3) if backend.GRADIENTS else (line.split()[2] == "-")


def test_interrupted() -> None:
    """Ctrl-C ends the processes, and what there is comes back."""

    def press(text: str) -> None:
        raise KeyboardInterrupt

    found = agree.agree("Huber", backends=[BACKEND], count=5, tell=press)
    assert (found.results, found.faults) == ({}, {BACKEND: "interrupted"})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("Hubert", "agree: loss must be in the catalogue. Got loss='Hubert'. Did you mean Huber?"),
        ("Huber --gamma 2", "agree: Huber takes --delta. Got --gamma."),
        ("Huber --delta -1", "huber: delta must be greater than 0. Got delta=-1."),
        ("Huber --backends mxnet", "agree: backend must be one of 'jax', 'tensorflow', 'torch', 'numpy'. Got backend"),
    ],
)
def test_refusals(arguments: str, sentence: str) -> None:
    result = CliRunner().invoke(command.app, ["agree", *arguments.split()], catch_exceptions=False)
    assert result.exit_code == 2
    assert sentence in result.stderr
