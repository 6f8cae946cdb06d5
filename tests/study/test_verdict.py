"""The rule by which a study is judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from polyloss import framework
from polyloss.study import verdict
from polyloss.study.links import first_link, judged, largest, odd_ones, worst_gradient

STEPS = 40
CURVE = 2.0 * np.exp(-np.arange(STEPS) / 15)


def run(backend: str, values: Any, mode: str = "jit", seed: int = 0, moved: int = 0) -> dict[str, Any]:
    return {"backend": backend, "mode": mode, "seed": seed, "moved": moved, "terms": {"loss": list(values)}}


def noise(seed: int, size: float = 1e-7) -> np.ndarray:
    """What rounding does: small, and growing by the step."""
    return np.random.default_rng(seed).normal(0, size, STEPS) * (1 + np.arange(STEPS))


def honest(size: float = 1e-7) -> list[dict[str, Any]]:
    runs = []
    for i, backend in enumerate(framework.names()):
        for seed in range(2):
            base = CURVE * (1 + 0.1 * seed)
            runs.append(run(backend, base + noise(10 * i + seed, size), seed=seed))
            runs.append(run(backend, base + noise(100 + 10 * i + seed, size), seed=seed, moved=seed + 1))
    return runs


@pytest.mark.parametrize("size", [1e-8, 1e-7, 1e-4])
def test_rounding_agrees_however_much_the_training_amplifies_it(size: float) -> None:
    found = verdict.of_training(honest(size), ["loss"])
    assert found["agree"]
    assert found["terms"]["loss"]["worst"]["times"] < verdict.MULTIPLE


@pytest.mark.parametrize("guilty", framework.names())
@pytest.mark.parametrize("step", [0, 17, STEPS - 1])
def test_the_one_that_parts_is_named_with_its_step(guilty: str, step: int) -> None:
    runs = honest()
    for r in runs:
        if r["backend"] == guilty:
            r["terms"]["loss"] = list(np.array(r["terms"]["loss"]) + 1e-3 * (np.arange(STEPS) >= step))
    found = verdict.of_training(runs, ["loss"])
    assert (found["agree"], found["odd"], found["step"]) == (False, [f"{guilty}/jit"], step)
    assert found["terms"]["loss"]["last_apart"] == pytest.approx(1e-3, rel=0.05)


def test_no_floor_is_below_the_spacing_of_float32() -> None:
    runs = [run("jax", CURVE), run("jax", CURVE, moved=1), run("torch", CURVE * (1 + 2e-7))]
    assert verdict.of_training(runs, ["loss"])["agree"]


def test_a_loss_that_stops_being_finite_on_one_backend_parts_there() -> None:
    broken = [*CURVE[:9], None]
    found = verdict.of_training([run("jax", CURVE), run("tensorflow", CURVE), run("torch", broken)], ["loss"])
    assert (found["odd"], found["step"]) == (["torch/jit"], 9)
    assert verdict.of_training([run("jax", broken), run("torch", broken)], ["loss"])["agree"]


def test_two_that_part_cannot_outvote_each_other() -> None:
    found = verdict.of_training([run("jax", CURVE), run("torch", CURVE + 1)], ["loss"])
    assert (found["agree"], found["odd"], found["step"]) == (False, [], 0)


def test_the_spread_is_over_the_seeds() -> None:
    runs = [run(b, CURVE * (1 + 0.1 * seed), seed=seed) for b in ("jax", "torch") for seed in range(3)]
    np.testing.assert_allclose(verdict.spread(runs, "loss"), 0.2 * CURVE)
    assert verdict.spread(runs[:1], "loss") is None


@pytest.mark.parametrize(
    ("parted", "odd"),
    [
        ([], []),
        ([("a", "c"), ("b", "c")], ["c"]),
        ([("a", "b")], []),
        ([("a", "b"), ("a", "c"), ("b", "c")], []),
        ([("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("e", "c"), ("e", "d")], ["c", "d"]),
    ],
)
def test_odd_ones(parted: list[tuple[str, str]], odd: list[str]) -> None:
    names = sorted({"a", "b", "c"} | {n for pair in parted for n in pair})
    assert (odd_ones(names, parted) if parted else []) == odd


def test_largest() -> None:
    a = np.array([1.0, np.nan, np.inf])
    assert largest(a, a) == 0
    assert largest(a, np.array([1.5, np.nan, np.inf])) == 0.5
    assert largest(a, np.array([1.0, 0.0, np.inf])) == np.inf
    assert largest(a, np.zeros((3, 1))) == np.inf


# -- links ------------------------------------------------------------------------------------------


def taken(values: dict[str, Any], scatter: float = 1e-7, **facts: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    probes = [
        {"key": key, "kind": key.split("/")[0], "place": int(key.split("/")[1]), "link": f"layer {key}", "class": "Dense",
         "name": "output", "dtype": "float32", "precision": "float32", "scatter": scatter, "restless": 0.0} | facts
        for key in values
    ]  # fmt: skip
    return probes, {key: np.asarray(v, "float32") for key, v in values.items()}


KEYS = ("output/0", "backward/0", "output/1", "loss/0", "gradient/0", "update/0")


def links_of(**changed: dict[str, float]) -> list[dict[str, Any]]:
    """Three backends that agree but for what is added on one."""
    values = {b: {k: 1.0 + changed.get(b, {}).get(k, 0.0) for k in KEYS} for b in framework.names()}
    return judged({b: taken(v) for b, v in values.items()}, None)


def test_links_that_agree() -> None:
    rows = links_of(torch={"output/1": 1e-6})
    assert first_link(rows) is None
    assert worst_gradient(rows) is None


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        (("output/1", "output/0"), "output/0"),
        (("loss/0", "output/1"), "output/1"),
        (("gradient/0", "loss/0"), "loss/0"),
        (("gradient/0", "backward/0"), "backward/0"),
        (("update/0",), "update/0"),
        (("backward/0",), None),  # without an effect on the model's gradient
    ],
)
def test_the_first_link_is_named(changed: tuple[str, ...], first: str | None) -> None:
    row = first_link(links_of(tensorflow=dict.fromkeys(changed, 1e-3)))
    assert (row and row["key"]) == first
    assert row is None or row["odd"] == ["tensorflow"]


def test_other_shapes_differ() -> None:
    rows = judged({"jax": taken({"output/0": [1.0]}), "torch": taken({"output/0": [1.0, 1.0]})}, None)
    row = first_link(rows)
    assert row is not None
    assert "has the shapes (1,) on jax, (2,) on torch" in verdict.sentence_of_link(row)


def test_what_differs_from_itself_is_no_disagreement() -> None:
    rows = judged({"jax": taken({"output/0": 1.0}), "torch": taken({"output/0": 2.0}, restless=0.5)}, None)
    assert (first_link(rows), rows[0]["restless"]) == (None, ["torch"])


@pytest.mark.parametrize(("truth", "odd"), [(1.0, ["torch"]), (1.1, []), (5.0, [])])
def test_of_two_the_referee_condemns_none_but_its_own(truth: float, odd: list[str]) -> None:
    both = {"jax": taken({"output/0": 1.0}), "torch": taken({"output/0": 1.1})}
    row = first_link(judged(both, ("torch", taken({"output/0": truth}))))
    assert row is not None
    assert row["odd"] == odd
