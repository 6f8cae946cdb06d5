"""The rule by which a study is judged."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from polyloss import framework
from polyloss.study import configuration, verdict
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
         "name": "output", "dtype": "float32", "precision": "float32", "form": "", "scatter": scatter, "restless": 0.0} | facts
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


def bias_before_normalization(of_last: float) -> list[dict[str, Any]]:
    """A gradient that is 0, for its 800 terms cancel, beside one of 0.5; a layer's own gradient differs on another backend."""
    sizes = dict(zip(framework.names(), (2e-6, 1.9e-6, of_last), strict=True))
    values = {b: {"output/0": np.ones((8, 10, 10, 4)), "backward/0": 1.0, "gradient/0": size, "gradient/1": 0.5}
              for b, size in sizes.items()}  # fmt: skip
    values[framework.names()[1]]["backward/0"] = 2.0
    return judged({b: taken(values[b]) for b in framework.names()}, None)


def test_what_is_left_of_a_gradient_that_is_0_is_not_counted() -> None:
    rows = bias_before_normalization(4e-8)
    assert (first_link(rows), worst_gradient(rows)) == (None, None)


def test_a_gradient_that_is_0_on_one_backend_alone_counts() -> None:
    rows = bias_before_normalization(1e-3)
    gradient = worst_gradient(rows)
    assert gradient is not None
    assert (gradient["key"], gradient["odd"]) == ("gradient/0", [framework.names()[-1]])
    assert first_link(rows) is None, "what one backend's layer does is not why another's gradient differs"


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


# -- the whole study --------------------------------------------------------------------------------


def part(of: str, name: str, **values: Any) -> dict[str, Any]:
    return {"part": of, "name": name, "class": name.title(), "values": values}


def whole(rows: list[dict[str, Any]], runs: list[dict[str, Any]], **said: list[dict[str, Any]]) -> dict[str, Any]:
    facts = {"versions": {"python": "3.11.1", "keras": "3.15.1"}}
    return {
        "runs": runs, "links": [{"step": 0, "rows": rows}], "faults": [], "interrupted": False,
        "settings": {"multiple": verdict.MULTIPLE},
        "backends": {b: facts | {"configuration": said.get(b, [])} for b in framework.names()},
    }  # fmt: skip


def configured(**torch: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What three backends say, torch with other values."""
    base = {
        "layer output/0": {"rate": 0.3},
        "optimizer": {"clipnorm": None, "learning_rate": 0.01},
        "loss/0": {"delta": 1},
    }
    kinds = {"layer output/0": "layer", "optimizer": "optimizer", "loss/0": "loss"}

    def parts(changed: dict[str, Any]) -> list[dict[str, Any]]:
        return [part(kinds[name], name, **values | changed.get(name, {})) for name, values in base.items()]

    return {b: parts(torch if b == "torch" else {}) for b in framework.names()}


@pytest.mark.parametrize(
    ("key", "changed", "text"),
    [
        ("output/0", {"layer output/0": {"rate": 0.31}}, "there, rate is 0.31 on torch, 0.3 on jax and tensorflow."),
        ("update/0", {"optimizer": {"clipnorm": 0.5}}, "there, clipnorm is 0.5 on torch, None on jax and tensorflow."),
        ("loss/0", {"loss/0": {"delta": 2}}, "there, delta is 2 on torch, 1 on jax and tensorflow."),
        ("output/0", {}, "configured alike on every backend: the cause is in the code"),
        (
            "output/1",
            {"optimizer": {"learning_rate": 0.01001}},
            "Not the same on every backend: optimizer `optimizer`: learning_rate is 0.01001 on torch",
        ),
        (
            "",
            {"optimizer": {"learning_rate": 0.01001}},
            "Not the same on every backend, without an effect that was measured: optimizer `optimizer`: learning_rate",
        ),
    ],
)
def test_the_cause_stands_beside_the_link(key: str, changed: dict[str, Any], text: str) -> None:
    rows = links_of(torch={key: 1e-3} if key else {})
    found = verdict.of_study(whole(rows, honest(), **configured(**changed)))
    assert found["answer"] == ("part" if key else "agree")
    assert text in " ".join(found["sentences"])
    assert len(found["causes"]) == len(changed)


def test_a_gradient_that_comes_as_slices_is_a_cause() -> None:
    rows = links_of(tensorflow={"update/0": 1e-3})
    for row in rows:
        row["forms"] = {b: "slices" if b == "tensorflow" else "dense" for b in framework.names()}
    said = " ".join(verdict.of_study(whole(rows, honest(), **configured()))["sentences"])
    assert "; there, the gradient is slices on tensorflow, dense on jax and torch." in said
    assert "the cause is in the code" not in said


def test_one_cause_of_many_layers_is_said_once() -> None:
    said = {b: [part("layer", f"l{i}", dtype="float16" if b == "torch" else "float32") for i in range(6)]
            for b in framework.names()}  # fmt: skip
    (text,) = [t for t in verdict.of_study(whole([], honest(), **said))["sentences"] if "dtype" in t]
    assert "layers `l0`, `l1`, `l2`, `l3` and 2 more: dtype is float16 on torch, float32 on jax and tensorflow." in text


def test_red_marks_under_a_green_verdict_are_explained() -> None:
    found = verdict.of_study(whole(links_of(torch={"backward/0": 1e-3}), honest()))
    assert found["answer"] == "agree"
    assert (
        "gradients of `layer backward/0`, each layer taken by itself, differ (the red marks)" in found["sentences"][0]
    )


def test_red_marks_of_several_steps_are_explained_once() -> None:
    study = whole(links_of(torch={"backward/0": 1e-3}), honest())
    study["links"].append(study["links"][0] | {"step": 7})
    (text,) = [t for t in verdict.of_study(study)["sentences"] if "red marks" in t]
    assert text.startswith(f"At steps {study['links'][0]['step']}, 7, gradients of")


def test_of_one_backend_there_is_nothing_to_say() -> None:
    runs = [r for r in honest() if r["backend"] == "jax"]
    runs += [r | {"mode": "eager", "terms": {"loss": [v * (1 + 1e-7) for v in r["terms"]["loss"]]}} for r in runs]
    found = verdict.of_study(whole([], runs))
    assert found["sentences"] == ["Fewer than two backends were measured: there is nothing to compare."]


def test_two_modes_of_one_backend_are_no_two_backends() -> None:
    runs = [run(b, CURVE * (1 + 0.1 * seed), seed=seed) for b in ("jax", "torch") for seed in range(2)]
    runs.append(run("jax", CURVE + 1e-7, mode="loop"))
    assert verdict.of_training(runs, ["loss"])["terms"]["loss"]["last_apart"] == pytest.approx(1e-7, rel=0.01)
    runs = [r for r in runs if r["backend"] == "jax"]
    assert verdict.of_training(runs, ["loss"])["terms"]["loss"]["last_apart"] == 0


def test_half_precision_has_a_floor_of_its_own() -> None:
    half = [r | {"precision": "float16"} for r in honest(1e-9)]
    for r in half:
        if r["backend"] == "torch":
            r["terms"] = {"loss": [v * (1 + 2**-10) for v in r["terms"]["loss"]]}
    found = verdict.of_study(whole([], half))
    assert found["answer"] == "agree"
    assert "Layers compute in float16: the noise floor is that of its rounding, 8,192 times" in " ".join(
        found["sentences"]
    )
    alone = [r | {"precision": "float16" if r["backend"] == "torch" else "float32"} for r in half]
    found = verdict.of_study(whole([], alone))
    assert (found["answer"], found["odd"]) == ("part", ["torch"])


def test_a_layer_in_another_dtype_parts_however_close_its_numbers_are() -> None:
    values = dict.fromkeys(KEYS, 1.0)
    three = {b: taken(values, dtype="float16" if b == "torch" else "float32") for b in framework.names()}
    row = first_link(judged(three, None))
    assert row is not None
    assert (row["key"], row["odd"]) == ("output/0", ["torch"])
    assert "which is float32 on jax, float32 on tensorflow, float16 on torch" in verdict.sentence_of_link(row)


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ({}, ""),
        ({"x of train": "2", "y of train": "3"}, "the same rows of train in another order"),
        ({"x of train": "2", "rows of train": "4"}, "x of train"),
        ({"test": "2"}, "test"),
    ],
)
def test_other_data(second: dict[str, str], text: str) -> None:
    first = {"x of train": "x", "y of train": "y", "test": "t", "rows of train": "r"}
    assert verdict.other_data(first, first | second) == text


def test_other_data_come_before_all_else() -> None:
    study = whole(links_of(torch={"loss/0": 1e-3}), honest())
    for name, facts in study["backends"].items():
        study["backends"][name] = facts | {
            "data": {"x of train": name if name == "torch" else "x", "rows of train": "r"}
        }
    said = verdict.of_study(study)["sentences"]
    assert said[0].startswith("torch was given other data than jax (the same rows of train in another order): ")
    assert "the cause is in the code" not in " ".join(said)


# -- what a model is configured with ----------------------------------------------------------------


def test_a_model_says_what_it_is_made_of() -> None:
    import keras

    class Mine(keras.layers.Layer):
        def __init__(self, slope: float) -> None:
            super().__init__(name="mine")
            self.slope = slope
            self.inner = keras.layers.Dense(2, name="inner")

        def call(self, x: Any) -> Any:
            return self.inner(x) * self.slope

    inputs = keras.Input((3,), name="in")
    cell = keras.layers.Reshape((1, 2), name="shape")(Mine(0.1)(inputs))
    model = keras.Model(inputs, keras.layers.LSTM(2, recurrent_dropout=0.5, name="memory")(cell))
    model.compile(loss={"memory": keras.losses.Huber(3.0)}, optimizer=keras.optimizers.SGD(0.5))
    said = {p["name"]: p for p in configuration.of_model(model, ["mse", keras.metrics.AUC(name="auc")])}
    assert list(said) == ["in", "mine", "inner", "shape", "memory", "optimizer", "huber_loss", "mse", "auc"]
    assert said["mine"]["values"]["slope"] == 0.1
    assert said["memory"]["values"]["recurrent_dropout"] == 0.5
    assert said["huber_loss"]["values"]["delta"] == 3.0
    assert (said["optimizer"]["class"], said["optimizer"]["values"]["learning_rate"]) == ("SGD", 0.5)
    assert said["auc"]["part"] == "metric"
    json.dumps(list(said.values()))
    assert configuration.differences({"jax": list(said.values()), "torch": list(said.values())}) == []


def test_parts_with_other_names_stand_beside_each_other_by_their_place() -> None:
    one, two = [part("layer", "a", n=1), part("layer", "b", n=2)], [part("layer", "c", n=1), part("layer", "d", n=3)]
    two = [p | {"class": q["class"]} for p, q in zip(two, one, strict=True)]
    found = configuration.differences({"jax": one, "torch": two})
    assert [(d["name"], d["what"], d["values"]) for d in found] == [("b", "n", {"jax": 2, "torch": 3})]
    assert configuration.differences({"jax": one, "torch": one[:1]})[0]["what"] == "class"
