"""Studies across all backends that train, each in its own interpreter, from a folder outside of the repository.

`nox -s study` says which interpreters, in POLYLOSS_PYTHON; by hand, they are all this one.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from polyloss import framework
from polyloss.study import record

BACKENDS = framework.names()
PYTHON = dict(p.split("=", 1) for p in os.environ.get("POLYLOSS_PYTHON", "").split(os.pathsep) if p)
ROOT = pathlib.Path(__file__).parent.parent.parent


class Done:
    """A study that ended."""

    def __init__(self, run: subprocess.CompletedProcess[str], out: pathlib.Path) -> None:
        self.status, self.said = run.returncode, " ".join(run.stdout.split())
        self.files = {p.name for p in out.iterdir()} if out.exists() else set()
        self.study: dict[str, Any] = json.loads((out / "study.json").read_text()) if "study.json" in self.files else {}
        if self.study:
            jsonschema.validate(self.study, record.schema())

    @property
    def faults(self) -> dict[str, str]:
        return {f["where"]: f["text"] for f in self.study["faults"]}

    @property
    def verdict(self) -> dict[str, Any]:
        return self.study["verdict"]


@pytest.fixture
def study(tmp_path: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs `polyloss study` on a copy of workloads.py, with something planted."""
    cache = tmp_path_factory.getbasetemp() / "jax"  # eager JAX compiles every op: let the studies share them

    def run(
        *options: str, plant: str = "", guilty: str = "", backends: tuple[str, ...] = BACKENDS,
        python: dict[str, str] = PYTHON, limit: int | None = None, file: str = "mine.py",
    ) -> Done:  # fmt: skip
        if file == "mine.py":
            shutil.copy(ROOT / "tests" / "across" / "workloads.py", tmp_path / file)
        command = [
            sys.executable, "-W", "ignore", "-m", "polyloss", "study", file, "--backends", ",".join(backends),
            "--seeds", "1", "--moved", "1", "--modes", "eager", "--out", "out", *options,
            *(f"--python={b}={python[b]}" for b in backends if b in python),
        ]  # fmt: skip
        if limit is not None:
            command = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash", *command]
        env = os.environ | {
            "PLANT": plant, "GUILTY": guilty, "PYTHONPATH": str(ROOT), "COLUMNS": "200",
            "JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }  # fmt: skip
        found = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)
        assert found.returncode in (0, 1, 2, 3), found.stdout + found.stderr
        assert "Traceback" not in found.stderr, found.stderr
        return Done(found, tmp_path / "out")

    return run


REPORT = {"study.json", "steps.csv", "report.md", "report.html"}


def test_nothing_planted_agrees(study: Any) -> None:
    done = study("--at", "0,3")
    assert (done.status, done.verdict["answer"], done.verdict["complete"]) == (0, "agree", True), done.said
    assert done.verdict["backends"] == list(BACKENDS)
    assert done.study["workload"]["random_layers"] == ["drop"]
    assert [p["step"] for p in done.study["links"]] == [0, 3]
    assert {p["referee"] for p in done.study["links"]} == {framework.referees()[0]}
    assert done.files == REPORT


def test_augmentation_agrees(study: Any) -> None:
    """Its gradient by the images is each backend's own and reaches no weight; a bias before BatchNormalization has none."""
    done = study(plant="augmentation", guilty=BACKENDS[0])
    assert (done.status, done.verdict["answer"]) == (0, "agree"), done.said


@pytest.mark.parametrize(
    ("plant", "guilty", "kind", "link", "gradient", "cause"),
    [
        ("epsilon", "torch", "output", "norm", True, "there, epsilon is 0.0011 on torch, 0.001 on jax and tensorflow"),
        ("padding", "tensorflow", "output", "pad", True, "there, padding is [[1, 0], [1, 0]] on tensorflow, "),
        ("reduction", "jax", "loss", "loss", True, "there, reduction is sum on jax, sum_over_batch_size on tensorflow"),
        ("beta", "torch", "update", "loss", False, "there, beta_2 is 0.9 on torch, 0.999 on jax and tensorflow"),
        (
            "float16",
            "torch",
            "output",
            "pad",
            True,
            "there, dtype is mixed_float16 on torch, float32 on jax and tensor",
        ),
    ],
)
def test_what_is_planted_is_found(
    study: Any, plant: str, guilty: str, kind: str, link: str, gradient: bool, cause: str
) -> None:
    done = study(plant=plant, guilty=guilty)
    assert (done.status, done.verdict["answer"], done.verdict["odd"]) == (1, "part", [guilty]), done.said
    (found,) = done.verdict["links"]
    assert (found["step"], found["kind"], found["link"], found["odd"]) == (0, kind, link, [guilty])
    assert bool(found["gradient"]) == gradient
    assert f"At step 0, {guilty} differs from the others in" in done.said
    assert cause in " ".join(done.verdict["sentences"])
    training = done.verdict["training"]
    assert (training["agree"], training["odd"]) == (False, [f"{guilty}/eager"])
    # Adam's first step does not know beta_2, its second does
    assert training["step"] <= 1 if plant != "beta" else training["step"] == 2


def test_every_setting_that_differs_is_named(study: Any) -> None:
    done = study(plant="settings")
    assert done.status == 1, done.said
    found = {(c["name"], c["what"]): c["values"] for c in done.verdict["causes"]}
    assert {name: values for (name, _), values in found.items() if name != "optimizer"} == {
        "norm": dict.fromkeys(BACKENDS, 0.99) | {"torch": 0.9},
        "leaky": dict.fromkeys(BACKENDS, 0.1) | {"jax": 0.101},
        "drop": dict.fromkeys(BACKENDS, 0.3) | {"tensorflow": 0.31},
    }
    assert {what for name, what in found if name == "optimizer"} == {"learning_rate", "weight_decay", "clipnorm"}
    assert "the same rows of train in another order" in done.faults["torch"]


def test_a_class_with_another_name_on_one_backend(study: Any) -> None:
    done = study("--at", "", plant="another name", guilty="torch", backends=("tensorflow", "torch"))
    assert (done.status, done.verdict["answer"]) == (0, "agree"), done.said
    assert "layer `scale`: class is Scale on tensorflow, TorchScale on torch" in " ".join(done.verdict["sentences"])


def test_a_backend_that_is_not_there(study: Any, tmp_path: pathlib.Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    lacking = {"tensorflow": str(bare / "bin" / "python"), "jax": "/no/such/python"}
    done = study("--at", "", python=PYTHON | lacking)
    assert (done.status, done.verdict["backends"], done.verdict["complete"]) == (
        3,
        [b for b in BACKENDS if b not in lacking],
        False,
    )
    assert "/no/such/python cannot be started: No such file" in done.faults["jax"]
    assert "python -m pip install tensorflow" in done.faults["tensorflow"]
    assert str(bare) in done.faults["tensorflow"]
    assert done.files == REPORT


@pytest.mark.skipif(not PYTHON, reason="here one interpreter has all three")
def test_a_framework_that_is_not_installed(study: Any) -> None:
    done = study(backends=("jax", "torch"), python=PYTHON | {"jax": PYTHON["torch"]})
    assert (done.status, done.verdict["backends"]) == (3, ["torch"])
    assert "python -m pip install jax" in done.faults["jax"]
    assert PYTHON["torch"] in done.faults["jax"]


@pytest.mark.parametrize(
    ("plant", "text"),
    [
        ("raise", "RuntimeError: Exception encountered when calling Trap.call()"),
        ("kill", "ended by SIGKILL"),
        ("hang", "no sign of life for 60 seconds: stopped"),
    ],
)
def test_one_that_does_not_come_through(study: Any, plant: str, text: str) -> None:
    done = study("--timeout", "60", "--at", "", plant=plant, guilty="torch", backends=("tensorflow", "torch"))
    assert done.status == 3, done.said
    assert done.verdict["answer"] == "agree"
    assert text in done.faults["torch: eager, seed 0"]
    run = next(r for r in done.study["runs"] if r["backend"] == "torch")
    assert (run["status"], 0 < len(run["seconds"]) < 6) == ("failed", True)
    if plant == "raise":
        assert "(mine.py, line " in done.faults["torch: eager, seed 0"]
        assert any("planted: the sixth call" in line for line in done.study["faults"][0]["output"])
    assert [r["status"] for r in done.study["runs"] if r["backend"] == "tensorflow"] == ["done"] * 2
    assert done.files == REPORT


def test_a_loss_that_is_not_finite(study: Any) -> None:
    done = study("--at", "", plant="infinite", guilty="torch", backends=("tensorflow", "torch"))
    assert (done.status, done.verdict["answer"]) == (1, "part"), done.said
    assert "loss is " in done.faults["torch: eager, seed 0"]
    assert " at step " in done.faults["torch: eager, seed 0"]
    assert next(r for r in done.study["runs"] if r["backend"] == "torch")["status"] == "stopped"


def test_a_full_disk_for_the_report(study: Any) -> None:
    done = study("--at", "", limit=512, backends=("torch",))  # kilobytes
    assert done.status == 3
    assert "out/report.html could not be written: File too large" in done.said
    assert {"study.json", "steps.csv", "report.md"} <= done.files


def test_a_full_disk_for_the_weights(study: Any) -> None:
    done = study(limit=1, backends=("torch",))
    assert done.status == 3
    assert "torch: initial weights: " in done.said
    assert "File too large" in done.said
    assert "Too little was measured" in done.said


def test_other_data_on_one_backend(study: Any) -> None:
    done = study("--at", "", plant="data", guilty="torch", backends=("tensorflow", "torch"))
    assert "its data differ from the first backend's" in done.faults["torch"]


def test_a_file_that_does_not_run(study: Any, tmp_path: pathlib.Path) -> None:
    done = study(plant="name")
    assert (done.status, done.files) == (2, set())
    assert "study: NameError: name 'undefined_name' is not defined (mine.py, line " in done.said
    assert not any(f"{backend}: " in done.said for backend in BACKENDS[1:])  # the first one was enough
    (tmp_path / "broken.py").write_text("def workload(:\n")
    done = study(file="broken.py")
    assert done.status == 2
    assert "study: broken.py, line 1: " in done.said
