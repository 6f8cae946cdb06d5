"""`polyloss agree`: one loss on the same inputs on several backends, each in its own process, and in float64.

The inputs are drawn and written once, in float32. Every backend computes value and gradient; one of them does so
again in float64, as the reference. Distances are in units in the last place (ULP) of the float32 result, where a
result below the smallest normal number counts as that number: XLA and TensorFlow flush there.
"""

from __future__ import annotations

import math
import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import polyloss
from polyloss import framework
from polyloss.adversarial.losses import AdversarialLoss
from polyloss.adversarial.penalties import Penalty, gradient_norms
from polyloss.core import declared, numerics
from polyloss.core.parameters import one_of

GROUPS = ("random", "corners", "inf, NaN")
QUANTITIES = ("value", "gradient")
TINY = float(np.finfo("float32").smallest_normal)
ULPS, INPUTS, FLOOR = 32, 8, 2
"""What an error in float32 may be: so many units in the last place of the exact result, so many times what one such unit
of each input moves it, and so many units of 1.0 (every framework's log-softmax has one, and `PolyLoss` two of them)."""
PROBES = 8
"""How often the inputs are moved where there are many."""

Evaluate = Callable[[Any], Any]
"""Values of a batch of samples, one or more a sample."""


# -- inputs ---------------------------------------------------------------------------------------


@dataclass
class Inputs:
    """What a loss is tried on: targets (None: it has none), predictions, and which of `GROUPS` each row is of."""

    y: np.ndarray | None
    x: np.ndarray
    group: np.ndarray


def inputs(loss: Any, count: int = 1000, seed: int = 0) -> Inputs:
    """Random and special inputs for a loss, as its kind has them; the same numbers each time.

    >>> from polyloss.study.agree import inputs
    >>> tried = inputs(polyloss.Huber(), count=10)
    >>> tried.x.shape == tried.y.shape, sorted(set(tried.group.tolist()))
    (True, ['corners', 'inf, NaN', 'random'])
    """
    kind, options = loss.inputs, loss._options()
    parts = [kind.draw(options, np.random.default_rng(seed), count), kind.special(options), kind.broken(options)]
    y, x = kind.with_targets(options, np.concatenate(parts).astype("float32"))
    group = np.repeat(GROUPS, [len(part) for part in parts])
    return Inputs(y if kind.has_targets else None, x, np.tile(group, len(x) // len(group)))


# -- one backend at work --------------------------------------------------------------------------


def parts(loss: Any, y: Any) -> dict[str, Evaluate]:
    """What there is to compute, by name: one function, or those of the two players."""
    from keras import ops

    from polyloss.framework import process

    if isinstance(loss, Penalty):

        def critic(x: Any) -> Any:
            return ops.sum(ops.convert_to_tensor([0.5, -1.0, 2.0], dtype=numerics.dtype_of(x)) * x * x, -1)

        return {"": lambda x: loss.values(gradient_norms(critic, x))}
    if isinstance(loss, AdversarialLoss):
        return {
            "discriminator": process.graph(
                lambda x: ops.map(lambda pair: loss.call_discriminator(pair[0], pair[1]), x)
            ),
            "generator": process.graph(lambda x: ops.map(lambda pair: loss.call_generator(pair[1], pair[0]), x)),
        }
    if loss.inputs.whole_batch:
        return {"": process.graph(lambda x: ops.map(lambda batch: loss.call(batch[0], batch[1]), (y, x)))}
    return {"": lambda x: loss.call(y, x)}


def evaluate(loss: Any, y: np.ndarray | None, x: np.ndarray) -> dict[str, np.ndarray]:
    """Value and gradient of each part, a row a sample; no gradient on a backend without."""
    from keras import ops

    found = {}
    given = ops.convert_to_tensor(x)
    for part, call in parts(loss, None if y is None else ops.convert_to_tensor(y)).items():
        found[f"{part}|value"] = call(given)
        if framework.HAS_GRADIENTS:
            found[f"{part}|gradient"] = polyloss.gradient(call)(given)
    return {key: np.asarray(ops.convert_to_numpy(a)).reshape(len(x), -1) for key, a in found.items()}


def sensitivity(loss: Any, y: np.ndarray | None, x: np.ndarray) -> dict[str, np.ndarray]:
    """How far one ULP in float32 of each input moves each result, added up; of a sum the terms' rounding as well.

    Of a few inputs each is moved alone. Of many all are moved at once, up or down at random, several times: the root of
    the mean square, times that of their number, is no less than the sum.
    """
    at = evaluate(loss, y, x)
    entries = math.prod(x.shape[1:])
    one = ulp32(x)
    if entries <= PROBES:
        moves = [one * np.eye(entries)[i].reshape(x.shape[1:]) for i in range(entries)]
    else:
        times = 3 if loss.inputs.whole_batch else PROBES  # those are computed one batch after the other
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (times, *x.shape))
        moves = [one * sign for sign in signs]
    changes: dict[str, list[np.ndarray]] = {key: [] for key in at}
    for move in moves:
        for key, beside in evaluate(loss, y, x + move).items():
            changes[key].append(np.nan_to_num(np.abs(beside - at[key])))
    moved = {}
    for key, of_key in changes.items():
        total = np.sum(of_key, axis=0)
        if entries > PROBES:
            total = np.sqrt(np.mean(np.square(of_key), axis=0) * entries)
        moved[key] = total + ulp32(at[key]) * entries / 2 / INPUTS
    return moved


def work(spec: Mapping[str, Any], say: Callable[..., None]) -> None:
    """What the worker does: read the inputs, compute, write."""
    from polyloss.framework import process

    folder = pathlib.Path(spec["folder"])
    process.exact_products()
    if spec["dtype"] == "float64":
        process.double_precision()
    loss = declared.find(spec["loss"])(**spec["parameters"])
    with np.load(folder / "inputs.npz") as stored:
        y = stored["y"] if "y" in stored else None
        x = stored["x"].astype(spec["dtype"])
    if y is not None and y.dtype == np.float32:
        y = y.astype(spec["dtype"])
    say("begin", job=spec["dtype"])
    with np.errstate(all="ignore"):
        found = evaluate(loss, y, x)
    wrong = next((f"{key} in {a.dtype}" for key, a in found.items() if a.dtype != spec["dtype"]), None)
    if wrong is not None:
        raise TypeError(f"agree: asked for {spec['dtype']}, but computed {wrong}")
    if spec["dtype"] == "float64":
        with np.errstate(all="ignore"):
            found |= {f"{key}|moves": a for key, a in sensitivity(loss, y, x).items()}
    np.savez(folder / spec["out"], allow_pickle=False, **found)
    say("end", job=spec["dtype"])


# -- comparing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Worst:
    """The largest distance of two results over a group of inputs, and where."""

    ulp: float
    absolute: float
    row: int
    between: tuple[str, str]


@dataclass(frozen=True)
class Verdict:
    """Whether every backend is within the budget; None: nothing could be compared. `share`: the worst, of what is allowed."""

    within: bool | None
    share: float
    sentence: str


@dataclass
class Agreement:
    """What was measured.

    Attributes:
        loss: The loss, as it was computed.
        tried: The inputs.
        results: Arrays of ``"part|quantity"`` by backend, in float32.
        reference: The same in float64, and who computed it; None: nobody could.
        faults: What kept a backend from taking part, in words.
    """

    loss: Any
    tried: Inputs
    results: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    reference: tuple[str, dict[str, np.ndarray]] | None = None
    faults: dict[str, str] = field(default_factory=dict)

    def keys(self) -> list[str]:
        """Every ``"part|quantity"`` that somebody measured, values first."""
        found = dict.fromkeys(key for arrays in self.results.values() for key in arrays)
        return sorted(found, key=lambda key: (key.partition("|")[0], QUANTITIES.index(key.partition("|")[2])))

    def error(self, backend: str, key: str, group: str) -> Worst | None:
        """How far a backend is from the reference; None where one of them has no such result."""
        if self.reference is None or key not in self.results[backend] or key not in self.reference[1]:
            return None
        exact = self.reference[1][key]
        return self._worst(key, group, [(backend, "float64", self.results[backend][key], exact)])

    def apart(self, key: str, group: str) -> Worst | None:
        """How far any two backends are apart; None where fewer than two have the result."""
        have = [(name, arrays[key]) for name, arrays in self.results.items() if key in arrays]
        pairs = [(one, other, a, b) for i, (one, a) in enumerate(have) for other, b in have[i + 1 :]]
        return self._worst(key, group, pairs) if pairs else None

    def share(self, backend: str, key: str) -> tuple[float, int] | None:
        """The largest error as a share of what is allowed, and its row; None where there is nothing to compare with."""
        if self.reference is None or key not in self.results[backend] or key not in self.reference[1]:
            return None
        exact = self.reference[1][key]
        moves = self.reference[1].get(f"{key}|moves", np.zeros_like(exact))
        _, absolute = distance(self.results[backend][key], exact)
        with np.errstate(all="ignore"):
            floor = FLOOR * (_steepness(self.loss) if key.endswith("gradient") else 1.0)
            allowed = ULPS * ulp32(exact) + INPUTS * moves + floor * float(np.spacing(np.float32(1)))
            shares = np.where(absolute == 0, 0.0, absolute / allowed).max(axis=1)
        if key.endswith("gradient"):  # many losses promise none for an input that is infinite or NaN
            value = self.reference[1].get(key.replace("gradient", "value"), np.zeros((len(shares), 1)))
            finite = np.isfinite(value).all(axis=1) & np.isfinite(exact).all(axis=1)
            shares[(self.tried.group == GROUPS[2]) & ~finite] = 0.0
        row = int(np.argmax(shares))
        return float(shares[row]), row

    def verdict(self) -> Verdict:
        """In a sentence: within the budget or not, and the worst share of what is allowed."""
        found = {(key, name): share for key in self.keys() for name in self.results if (share := self.share(name, key))}
        if len(self.results) < 2 or not found:
            return Verdict(None, math.nan, "No verdict: fewer than two backends and a reference could be measured.")
        (key, name), (worst, row) = max(found.items(), key=lambda item: item[1][0])
        part, _, quantity = key.partition("|")
        what = f"the {quantity}{f' of the {part}' if part else ''} on {name}, input {row}"
        missing = ", ".join(name for name in self.faults if name in framework.names() and name not in self.results)
        rest = f" Not measured: {missing}." if missing else ""
        if worst > 1:
            return Verdict(
                False, worst, f"They do not agree: {what} is off by {worst:.2g} times what rounding allows.{rest}"
            )
        names = ", ".join(self.results)
        return Verdict(
            True, worst, f"{names} agree: the largest error is {worst:.2f} of what rounding allows ({what}).{rest}"
        )

    def as_json(self) -> dict[str, Any]:
        """All that was measured, for programs: ULP and shares; null where there is no number."""
        rows = []
        for key in self.keys():
            part, _, quantity = key.partition("|")
            for group in dict.fromkeys(self.tried.group.tolist()):
                errors = {name: self.error(name, key, group) for name in self.results}
                apart = self.apart(key, group)
                rows.append(
                    {
                        "part": part, "quantity": quantity, "inputs": group,
                        "ulp": {name: _number(worst.ulp) for name, worst in errors.items() if worst is not None},
                        "apart": None if apart is None else _number(apart.ulp),
                    }
                )  # fmt: skip
        verdict = self.verdict()
        return {
            "loss": type(self.loss).__name__, "parameters": self.loss.get_config(), "inputs": len(self.tried.x),
            "backends": list(self.results), "faults": self.faults,
            "reference": None if self.reference is None else self.reference[0], "rows": rows,
            "within": verdict.within, "share": _number(verdict.share), "verdict": verdict.sentence,
        }  # fmt: skip

    def _worst(self, key: str, group: str, pairs: Sequence[tuple[str, str, np.ndarray, np.ndarray]]) -> Worst | None:
        rows = np.flatnonzero(self.tried.group == group)
        if not rows.size:
            return None
        found = []
        for one, other, a, b in pairs:
            ulps, absolute = distance(a[rows], b[rows])
            ulps, absolute = ulps.max(axis=1), absolute.max(axis=1)
            at = int(np.argmax(ulps))
            found.append(Worst(float(ulps[at]), float(absolute[at]), int(rows[at]), (one, other)))
        return max(found, key=lambda worst: worst.ulp)


def _steepness(loss: Any) -> float:
    """How much steeper a softmax over scaled logits is than a plain one: a scale, a temperature, or four parts by it
    (a view is anchor, partner and twice candidate).
    """
    options = loss._options()
    scale, temperature = options.get("scale", 1.0), options.get("temperature", 4.0)
    return float(max(1.0, scale, 4.0 / temperature, temperature if "temperature" in options else 1.0))


def _number(x: float) -> float | None:
    """JSON has neither NaN nor infinity."""
    return x if math.isfinite(x) else None


def ulp32(x: np.ndarray) -> np.ndarray:
    """The unit in the last place of float32 at the size of `x`; below the smallest normal number, that number."""
    with np.errstate(all="ignore"):
        size = np.nan_to_num(np.abs(x), nan=0.0, posinf=0.0)
        largest = np.nextafter(np.finfo("float32").max, np.float32(0))  # spacing looks at the next larger number
        return np.maximum(np.spacing(np.minimum(size, largest).astype("float32")).astype("float64"), TINY)


def distance(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far two results are apart, in ULP of float32 and absolutely; NaN meets NaN, infinity the same infinity.

    >>> from polyloss.study.agree import distance
    >>> a, b = np.array([1.0, 0.0, np.nan, np.inf]), np.array([1.0 + 2**-23, 1e-45, np.nan, 1.0])
    >>> distance(a, b)[0].round(3).tolist()
    [1.0, 0.0, 0.0, inf]
    """
    with np.errstate(all="ignore"):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        a, b = (np.where(np.abs(x) > np.finfo("float32").max, np.copysign(np.inf, x), x) for x in (a, b))
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        absolute = np.where(same, 0.0, np.abs(a - b))
        absolute = np.where(np.isnan(absolute), np.inf, absolute)
        return absolute / ulp32(np.maximum(np.abs(a), np.abs(b))), absolute


# -- the processes --------------------------------------------------------------------------------


def agree(
    loss: Any,
    parameters: Mapping[str, Any] | None = None,
    *,
    backends: Sequence[str] | None = None,
    python: Mapping[str, str] | None = None,
    count: int = 1000,
    seed: int = 0,
    timeout: float = 300.0,
    device: str = "cpu",
    tell: Callable[[str], None] = lambda text: None,
) -> Agreement:
    """Compute one loss on several backends, each in its own process, and once in float64.

    Args:
        loss: A class of the catalogue, or a name.
        parameters: Of the loss. Logits are the default here.
        backends: Those that train (the default) and (values only) ``"numpy"``.
        python: Interpreters of their own, by backend.
        count: How many random inputs.
        seed: Random seed of the inputs.
        timeout: Seconds without output after which a process is stopped.
        device: ``"cpu"``; anything else leaves the choice to the framework.
        tell: Called with what is going on.

    Raises:
        ValueError, TypeError: for a loss, parameters or backends that are none.
    """
    cls = declared.find(loss, "agree")
    backends = framework.names() if backends is None else backends
    known = one_of(*framework.names(), *framework.gradientless())
    for name in (*backends, *(python or {})):
        known("agree", "backend", name)
    given = {**cls._shown(), **(parameters or {})}
    made = cls(**given)
    found = Agreement(made, inputs(made, count, seed))
    with tempfile.TemporaryDirectory(prefix="polyloss-agree-") as name:
        folder = pathlib.Path(name)
        kept = {"x": found.tried.x} | ({} if found.tried.y is None else {"y": found.tried.y})
        np.savez(folder / "inputs.npz", allow_pickle=False, **kept)
        spec = {"loss": cls.__name__, "parameters": given, "folder": name, "workload": "", "settings": {"tf32": False}}
        job = _Job(spec, folder, dict(python or {}), timeout, device, tell)
        try:
            job.all([(backend, "float32") for backend in dict.fromkeys(backends)], found)
            for backend in framework.referees():
                if backend in found.results and (exact := job.one(backend, "float64", found)) is not None:
                    found.reference = (backend, exact)
                    break
        except KeyboardInterrupt:  # what is there is shown
            found.faults.update({backend: "interrupted" for backend in backends if backend not in found.results})
    return found


@dataclass
class _Job:
    spec: dict[str, Any]
    folder: pathlib.Path
    python: dict[str, str]
    timeout: float
    device: str
    tell: Callable[[str], None]

    def _start(self, backend: str, dtype: str) -> Any:
        import sys

        from polyloss.study.runner import Process

        spec = {**self.spec, "dtype": dtype, "out": f"{backend}-{dtype}.npz"}
        return Process(backend, self.python.get(backend, sys.executable), spec, self.device)

    def all(self, wanted: Sequence[tuple[str, str]], found: Agreement) -> None:
        """Several at once: most of the time is taken by importing frameworks."""
        from polyloss.study.runner import Fault

        started: dict[str, Any] = {}
        try:
            for backend, dtype in wanted:
                try:
                    started[backend] = self._start(backend, dtype)
                except Fault as fault:
                    found.faults[backend] = str(fault)
            for backend, dtype in wanted:
                if backend in started and (arrays := self._finish(backend, dtype, started[backend], found)) is not None:
                    found.results[backend] = arrays
        finally:
            for process in started.values():
                process.stop()

    def one(self, backend: str, dtype: str, found: Agreement) -> dict[str, np.ndarray] | None:
        """One process: the reference."""
        process = self._start(backend, dtype)
        try:
            return self._finish(backend, dtype, process, found)
        finally:
            process.stop()

    def _finish(self, backend: str, dtype: str, process: Any, found: Agreement) -> dict[str, np.ndarray] | None:
        from polyloss.study.runner import Fault

        self.tell(f"{backend}, {dtype}")
        try:
            for _ in process.events(self.timeout):
                pass  # it says when it is done; its numbers are in a file
        except Fault as fault:
            found.faults[backend if dtype == "float32" else f"{backend}, float64"] = str(fault)
            return None
        with np.load(self.folder / f"{backend}-{dtype}.npz") as stored:
            return dict(stored)
