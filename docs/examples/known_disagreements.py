"""Known disagreements: calls of Keras that do not give the same on JAX, TensorFlow and PyTorch, or give what no one expects.

    python docs/examples/known_disagreements.py                 all of them, on every backend, as a table
    python docs/examples/known_disagreements.py adam_slices     one of them
    python docs/examples/known_disagreements.py --write         renews the table of docs/disagreements.md

Each backend runs in a process of its own; `--python torch=/path/to/python` gives one another interpreter.

Needs: keras-polyloss with the backends, rich.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STORED = HERE / "results" / "known_disagreements.json"
TABLE = HERE / "results" / "known_disagreements.inc"
FRAMEWORKS = HERE.parents[1] / "polyloss" / "framework"  # read as a folder: polyloss itself would start one of them
BACKENDS = tuple(sorted(path.stem for path in FRAMEWORKS.glob("*.toml") if path.with_suffix(".py").exists()))

CASES: dict[str, Callable[[], Any]] = {}
REFUSED = "refused"


def case(function: Callable[[], Any]) -> Callable[[], Any]:
    """Register one."""
    CASES[function.__name__] = function
    return function


# -- training ---------------------------------------------------------------------------------------


@case
def adam_slices() -> Any:
    """Adam's second moment after one row of an embedding was looked up twice, with gradients of 1.5 and 0.5"""
    import keras
    import numpy as np

    x = keras.Input((2,), dtype="int32")
    model = keras.Model(x, keras.layers.Embedding(1, 1)(x))
    weights = np.array([[[3.0], [1.0]]], "float32")
    model.compile("adam", loss=lambda y, out: keras.ops.sum(y * out, axis=-1) / 1.0, run_eagerly=True)
    model.train_on_batch(np.zeros((1, 2), "int32"), weights)
    return next(v for v in model.optimizer.variables if "velocity" in v.path).value


@case
def auto_compile() -> str:
    """What `jit_compile="auto"` compiles on a machine without a GPU"""
    return _compiled_by([])


@case
def auto_compile_with_rotation() -> str:
    """The same with `jit_compile=True`, for a model with RandomRotation"""
    import keras

    return _compiled_by([keras.layers.RandomRotation(0.1)], jit_compile=True)


def _compiled_by(layers: list[Any], **how: Any) -> str:
    import keras

    from polyloss.framework import process

    model = keras.Sequential([keras.Input((4, 4, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **how)
    return process.compiled_by(model)


@case
def rotation_in_float64() -> Any:
    """RandomRotation of a picture in float64: the largest element"""
    import keras
    import numpy as np

    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        layer = keras.layers.RandomRotation(0.1, dtype="float64")
        return keras.ops.max(layer(np.ones((1, 4, 4, 1)), training=True))
    finally:
        keras.config.set_floatx(before)


# -- losses -----------------------------------------------------------------------------------------


@case
def saturated_sigmoid() -> Any:
    """BinaryCrossentropy of sigmoid(40) for the target 0; right is 40"""
    import keras

    return keras.losses.BinaryCrossentropy()(_tensor([[0.0]]), keras.activations.sigmoid(_tensor([[40.0]])))


@case
def saturated_sigmoid_slope() -> Any:
    """Its slope by the logit; right is 1"""
    import keras

    import polyloss

    loss = keras.losses.BinaryCrossentropy()
    return polyloss.gradient(lambda z: loss(_tensor([[0.0]]), keras.activations.sigmoid(z)))(_tensor([[40.0]]))


@case
def masked_vocabulary() -> Any:
    """SparseCategoricalCrossentropy of the logits 1, 2, -inf for the class 1; right is 0.3133"""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        _labels(1), _tensor([[1.0, 2.0, float("-inf")]])
    )


@case
def label_out_of_range() -> Any:
    """The same of three logits 0 for the class 3, which there is not"""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(_labels(3), _tensor([[0.0, 0.0, 0.0]]))


@case
def shares_that_do_not_add_up() -> Any:
    """SparseCategoricalCrossentropy of the "probabilities" 2, 3, 5 for the class 1"""
    import keras

    return keras.losses.SparseCategoricalCrossentropy()(_labels(1), _tensor([[2.0, 3.0, 5.0]]))


@case
def mask_and_weights() -> Any:
    """MeanSquaredError of predictions with a mask (2, 4) and weights (2, 1)"""
    import keras
    import numpy as np

    masked = keras.layers.Masking()(np.ones((2, 4, 1), "float32"))
    return keras.losses.MeanSquaredError()(np.zeros((2, 4, 1), "float32"), masked, sample_weight=np.ones((2, 1)))


@case
def distillation() -> Any:
    """LogitsDistillation of the logits 10, 0, 0 and 0, 10, 0 at temperature 1; right is 9.999"""
    import keras

    both = _tensor([[10.0, 0.0, 0.0]]), _tensor([[0.0, 10.0, 0.0]])
    return keras.distillation.LogitsDistillation(temperature=1.0).compute_loss(*both)


@case
def zero_vector() -> Any:
    """The gradient of CosineSimilarity by a prediction of zeros, its largest element"""
    import keras

    import polyloss

    loss = keras.losses.CosineSimilarity()
    found = polyloss.gradient(lambda x: loss(_tensor([[1.0, 0.0]]), x))(_tensor([[0.0, 0.0]]))
    return keras.ops.max(keras.ops.absolute(found))


# -- slopes at ties ---------------------------------------------------------------------------------


@case
def slope_of_absolute() -> Any:
    """The slope of ops.absolute at 0"""
    return _slope("absolute", 0.0)


@case
def slope_of_maximum() -> Any:
    """The slope of ops.maximum(x, 0) at 0"""
    return _slope("maximum", 0.0, 0.0)


@case
def slope_of_clip() -> Any:
    """The slope of ops.clip(x, 0, 1) at 1"""
    return _slope("clip", 1.0, 0.0, 1.0)


def _slope(op: str, at: float, *rest: float) -> Any:
    from keras import ops

    import polyloss

    return polyloss.gradient(lambda x: getattr(ops, op)(x, *rest))(_tensor([at]))


# -- one backend ------------------------------------------------------------------------------------


def _tensor(values: Any) -> Any:
    from keras import ops

    return ops.convert_to_tensor(values, dtype="float32")


def _labels(label: int) -> Any:
    from keras import ops

    return ops.convert_to_tensor([label], dtype="int32")


def shown(name: str) -> str:
    """What a case gives on this backend."""
    import keras
    import numpy as np

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = CASES[name]()
            if isinstance(found, str):
                return found
            number = float(np.ravel(keras.ops.convert_to_numpy(found))[0])
    except Exception as refused:  # an error is one of the answers, of whatever class a framework has for it
        return f"{REFUSED} ({type(refused).__name__})"
    return f"{number + 0.0:.4g}"


# -- all of them ------------------------------------------------------------------------------------


def ask(backend: str, python: str, names: list[str]) -> dict[str, str]:
    """What the cases give on a backend."""
    env = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [python, "-W", "ignore", __file__, "--here", *names]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{backend} ({python}): {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[str, dict[str, str]]) -> str:
    """In Markdown."""
    lines = ["| what | " + " | ".join(BACKENDS) + " |", "| --- |" + " --- |" * len(BACKENDS)]
    for name, function in CASES.items():
        lines.append(f"| `{name}`: {function.__doc__} | " + " | ".join(found[b][name] for b in BACKENDS) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--here", action="store_true", help="on this backend, as JSON")
    parser.add_argument("--smoke", action="store_true", help="the same")
    parser.add_argument("--write", action="store_true", help="renew the table of the documentation")
    parser.add_argument("--python", action="append", default=[], metavar="BACKEND=PATH", help="another interpreter")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in CASES]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(CASES)}")
    names = given.names or list(CASES)
    if given.here or given.smoke:
        print(json.dumps({name: shown(name) for name in names}))
        return
    python = dict(pair.split("=", 1) for pair in given.python)
    found = {backend: ask(backend, python.get(backend, sys.executable), names) for backend in BACKENDS}
    if given.write:
        STORED.write_text(json.dumps(found, indent=1) + "\n")
        TABLE.write_text(table(found))
        print(TABLE)
        return
    from rich.console import Console
    from rich.table import Table

    rows = Table("", "", *BACKENDS)
    for name in names:
        rows.add_row(name, CASES[name].__doc__, *(found[backend][name] for backend in BACKENDS))
    Console().print(rows)


if __name__ == "__main__":
    main()
