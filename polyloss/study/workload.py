"""What is studied."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np

BUILT_IN = {
    "vehicles": "problem 1: rare objects on the road, FocalLoss",
    "fashion": "problem 2: a GAN with the non-saturating loss",
    "terrain": "problem 3: a Wasserstein GAN with gradient penalty",
    "diagnosis": "problem 5: one disease out of several, SparseCategoricalCrossentropy",
    "clicks": "problem 6: will this user click, BinaryCrossentropy",
    "traffic": "problem 7: vehicles by the hour, with outliers, Huber",
    "lesions": "problem 8: very unequal classes, CategoricalFocalLoss",
    "energy": "problem 9: watts to kilowatts, MeanSquaredLogarithmicError",
    "dishes": "problem 10: many classes, CategoricalCrossentropy",
    "products": "problem 11: embeddings of look-alikes, ContrastiveLoss",
}
"""The workloads that come with polyloss, by name."""

Arrays = tuple[Any, ...]
"""``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``; x and y may be dicts or lists of arrays."""


class WorkloadError(ValueError):
    """A workload that no backend could run, and why."""


@dataclass(kw_only=True)
class Workload:
    """A training that any backend can run: what a file's ``workload()`` returns.

    Args:
        model: Builds the model, ``model()``; called anew where a fresh one is needed.
        data: NumPy arrays ``(x, y)`` or ``(x, y, sample_weight)`` or ``x``; or ``{"train": ..., "test": ...}``
            of such; or a function of a `numpy.random.Generator` that returns one of these. It must give the
            same numbers on every backend, so draw from that generator alone.
        loss: For `keras.Model.compile`.
        optimizer: The same; a function without arguments that makes one is the safest, a configured optimizer
            will do.
        metrics: The same, in any of its forms (a list, a dict by output, None); or a function without arguments
            that makes them.
        batch_size: Rows a step. Each epoch leaves out the rows that fill no batch.
        epochs: How many.
        compile: For models that compile in another way: ``compile(model, **options)`` must call
            ``model.compile(..., **options)``. loss, optimizer and metrics are then not used.
        about: A line for the report.
    """

    model: Callable[[], Any]
    data: Any
    loss: Any = None
    optimizer: Any = None
    metrics: Any = ()
    batch_size: int = 32
    epochs: int = 3
    compile: Callable[..., None] | None = None
    about: str = ""

    def __post_init__(self) -> None:
        if not callable(self.model) or isinstance(self.model, keras.Model):
            raise WorkloadError(f"Workload: model must be a function that builds the model. Got model={self.model!r}.")
        for name in ("batch_size", "epochs"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise WorkloadError(f"Workload: {name} must be an integer of at least 1. Got {value!r}.")
        missing = [name for name in ("loss", "optimizer") if getattr(self, name) is None]
        if self.compile is None and missing:
            raise WorkloadError(
                f"Workload: loss and optimizer must be given, or compile. Got no {' and no '.join(missing)}."
            )
        if self.compile is not None and not callable(self.compile):
            raise WorkloadError(f"Workload: compile must be a function of a model. Got compile={self.compile!r}.")

    def arrays(self) -> tuple[Arrays, Arrays | None]:
        """Training and test data."""
        made = self.data(np.random.default_rng(0)) if callable(self.data) else self.data
        split = made if isinstance(made, Mapping) and set(made) <= {"train", "test"} else {"train": made}
        if "train" not in split:
            raise WorkloadError(f"Workload: data must have a part 'train'. Got the parts {sorted(split)}.")
        train, test = _tuple(split["train"]), _tuple(split["test"]) if split.get("test") is not None else None
        for name, part, least in (("train", train, self.batch_size), ("test", test, 1)):
            _check(name, part, least)
        return train, test

    def compiled(self, model: Any, **options: Any) -> Any:
        """The model, compiled."""
        if self.compile is not None:
            self.compile(model, **options)
        else:
            model.compile(optimizer=self._optimizer(), loss=self.loss, metrics=self.metrics_given, **options)
        return model

    @property
    def metrics_given(self) -> Any:
        """The metrics as `compile` takes them."""
        made = self.metrics
        if callable(made) and not isinstance(made, keras.metrics.Metric):
            made = made()
        return list(made) if isinstance(made, tuple) else made  # Keras knows no tuple

    def _optimizer(self) -> Any:
        optimizer = self.optimizer
        if callable(optimizer) and not isinstance(optimizer, keras.optimizers.Optimizer):
            optimizer = optimizer()
        optimizer = keras.optimizers.get(optimizer)
        # a fresh one each time: an optimizer belongs to the variables of one model
        return type(optimizer).from_config(optimizer.get_config())


def _tuple(part: Any) -> Arrays:
    whole = tuple(part) if isinstance(part, tuple | list) else (part,)
    if len(whole) > 3:
        raise WorkloadError(f"Workload: data must be x, (x, y) or (x, y, sample_weight). Got {len(whole)} parts.")
    return (*whole, *(None,) * (3 - len(whole)))


def _check(name: str, arrays: Arrays | None, least: int) -> None:
    """Arrays, with one number of rows, and enough of them."""
    if arrays is None:
        return
    leaves = [a for a in keras.tree.flatten(arrays) if a is not None]
    other = next((a for a in leaves if not isinstance(a, np.ndarray) or a.ndim == 0), None)
    if other is not None:
        raise WorkloadError(
            f"Workload: data must be NumPy arrays with a row for each sample. Got {type(other).__name__} in {name!r}."
        )
    rows = sorted({len(a) for a in leaves})
    if len(rows) != 1 or rows[0] < least:
        wanted = f"at least batch_size={least}" if name == "train" else f"at least {least}"
        raise WorkloadError(
            f"Workload: data must be arrays with one number of rows, {wanted}. Got {rows} rows in {name!r}."
        )


def batches(train: Arrays, batch_size: int, epochs: int, steps: int | None, seed: int) -> Iterator[list[Arrays]]:
    """The batches of each epoch, in an order that the seed and the epoch give."""
    rows = len(keras.tree.flatten(train)[0])
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        count = min(rows // batch_size, steps or rows)
        yield [_taken(train, order[i * batch_size : (i + 1) * batch_size]) for i in range(count)]


def _taken(arrays: Arrays, rows: np.ndarray) -> Arrays:
    return tuple(None if part is None else keras.tree.map_structure(lambda a: a[rows], part) for part in arrays)


def first_rows(arrays: Arrays, count: int) -> Arrays:
    """The first rows of a batch."""
    return _taken(arrays, np.arange(count))


def fingerprint(arrays: Any) -> str:
    """A hash of arrays: equal where two runs can be compared."""
    digest = hashlib.sha256()
    for a in keras.tree.flatten(arrays):
        if a is not None:
            a = np.ascontiguousarray(a)
            digest.update(f"{a.dtype}{a.shape}".encode())
            digest.update(a.tobytes())
    return digest.hexdigest()[:16]


def in_any_order(arrays: Arrays) -> str:
    """A hash of the rows as a set: equal where the same rows come in another order."""
    leaves = [np.ascontiguousarray(a) for a in keras.tree.flatten(arrays) if a is not None]
    rows = sorted(hashlib.sha256(b"".join(a[i].tobytes() for a in leaves)).digest() for i in range(len(leaves[0])))
    return hashlib.sha256(b"".join(rows)).hexdigest()[:16]


def fingerprints(train: Arrays, test: Arrays | None) -> dict[str, str]:
    """A hash of each part, and of the rows of training in any order."""
    found = {f"{name} of train": fingerprint(part) for name, part in zip(PARTS, train, strict=True) if part is not None}
    return found | ({} if test is None else {"test": fingerprint(test)}) | {"rows of train": in_any_order(train)}


PARTS = ("x", "y", "sample_weight")


def execute(path: pathlib.Path) -> Any:
    """What `workload()` of a Python file returns. Whatever the file raises is raised."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("studied_workload", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["studied_workload"] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "workload", None)):
        raise WorkloadError(f"{path.name}: must define a function workload(). Got none.")
    return module.workload()


def load(name: str) -> Workload:
    """A built-in workload by name, or that of a Python file."""
    if name in BUILT_IN:
        return importlib.import_module(f"polyloss.study.workloads.{name}").workload()
    path = pathlib.Path(name).resolve()
    made = execute(path)
    if isinstance(made, Mapping):
        made = _from_dict(path.name, made)
    if not isinstance(made, Workload):
        raise WorkloadError(f"{path.name}: workload() must return a Workload or a dict of its fields. Got {made!r}.")
    return made


def _from_dict(file: str, given: Mapping[str, Any]) -> Workload:
    known = [field.name for field in fields(Workload)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise WorkloadError(
                f"{file}: workload() must return a dict with the keys {', '.join(known)}. Got the key {name!r}.{meant}"
            )
    for name in ("model", "data"):
        if name not in given:
            raise WorkloadError(f"{file}: workload() must return a dict with the key {name!r}. Got {sorted(given)}.")
    return Workload(**given)
