"""Speed and memory of polyloss, of Keras and of the backend's own losses, side by side.

    KERAS_BACKEND=torch python backends/bench.py [--quick] [--losses FocalLoss,Huber] [--repeats 13]
                                                 [--modes eager,compile] [--out build/bench/torch.json] [--write]

Timed is one forward and backward pass of the mean loss; the three take turns, so that a busy moment of the
machine hits all of them. Tables go to the terminal, all figures to the JSON file. On a machine that others
use too, put `taskset -c 0` in front: threads that wait for each other measure the others' work.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# In place of this folder, whose subfolders are named like the frameworks.
sys.path[0] = str(ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: E402
from rich.table import Table  # noqa: E402

import polyloss  # noqa: E402
from backends import keras_baselines  # noqa: E402
from docs._ext import speed  # noqa: E402
from polyloss import framework  # noqa: E402

Arrays = tuple[np.ndarray, np.ndarray]
Thunk = Callable[[], Any]

CONSOLE = Console()
LONG_ENOUGH = 0.02
"""Seconds: what takes less is run several times within one measurement."""


# -- what is timed --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workload:
    """A loss on data of a realistic size."""

    loss: str
    function: Callable[..., Any]
    data: Callable[..., Arrays]
    shape: tuple[int, ...]
    quick: tuple[int, ...]
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        shown = ", ".join(f"{k}={v}" for k, v in self.parameters.items() if k != "from_logits")
        return f"{self.loss}({shown})" if shown else self.loss


def yes_no(rng: np.random.Generator, *shape: int) -> Arrays:
    """A few positives among many, and logits."""
    return (rng.random(shape) < 0.05).astype("float32"), logits(rng, *shape)


def logits(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return 3 * rng.standard_normal(shape, dtype="float32")


def numbered(rng: np.random.Generator, *shape: int) -> Arrays:
    return rng.integers(0, shape[-1], shape[:-1]).astype("int32"), logits(rng, *shape)


def one_hot(rng: np.random.Generator, *shape: int) -> Arrays:
    return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])], logits(rng, *shape)


def probabilities(rng: np.random.Generator, *shape: int) -> Arrays:
    y, p = (np.exp(logits(rng, *shape)) for _ in range(2))
    return y / y.sum(-1, keepdims=True), p / p.sum(-1, keepdims=True)


def regions(rng: np.random.Generator, *shape: int) -> Arrays:
    """A mask a class, and probabilities."""
    return (rng.random(shape) < 0.2).astype("float32"), rng.random(shape, dtype="float32")


def reals(rng: np.random.Generator, *shape: int) -> Arrays:
    return logits(rng, *shape), logits(rng, *shape)


def amounts(rng: np.random.Generator, *shape: int) -> Arrays:
    return np.exp(logits(rng, *shape)), np.exp(logits(rng, *shape))


def pairs(rng: np.random.Generator, *shape: int) -> Arrays:
    return rng.integers(0, 2, shape[0]).astype("float32"), logits(rng, *shape) / shape[-1] ** 0.5


LOGITS: dict[str, Any] = {"from_logits": True}
WORKLOADS = (
    Workload("FocalLoss", polyloss.focal_loss, yes_no, (20000, 80), (2000, 80), LOGITS),
    Workload("FocalLoss", polyloss.focal_loss, yes_no, (20000, 80), (2000, 80), {**LOGITS, "gamma": 1.5}),
    Workload("BinaryCrossentropy", polyloss.binary_crossentropy, yes_no, (20000, 80), (2000, 80), LOGITS),
    Workload(
        "SparseCategoricalCrossentropy",
        polyloss.sparse_categorical_crossentropy,
        numbered,
        (2048, 4096),
        (256, 1024),
        LOGITS,
    ),
    Workload("CategoricalCrossentropy", polyloss.categorical_crossentropy, one_hot, (4096, 1000), (512, 1000), LOGITS),
    Workload("CategoricalFocalLoss", polyloss.categorical_focal_loss, one_hot, (4096, 1000), (512, 1000), LOGITS),
    Workload("PolyLoss", polyloss.poly_loss, numbered, (4096, 1000), (512, 1000), LOGITS),
    Workload("MeanSquaredError", polyloss.mean_squared_error, reals, (2000, 1000), (200, 1000)),
    Workload("MeanAbsoluteError", polyloss.mean_absolute_error, reals, (2000, 1000), (200, 1000)),
    Workload("Huber", polyloss.huber, reals, (2000, 1000), (200, 1000)),
    Workload(
        "MeanSquaredLogarithmicError", polyloss.mean_squared_logarithmic_error, amounts, (2000, 1000), (200, 1000)
    ),
    Workload("LogCosh", polyloss.log_cosh, reals, (2000, 1000), (200, 1000)),
    Workload("KLDivergence", polyloss.kl_divergence, probabilities, (4096, 1000), (512, 1000)),
    Workload("Dice", polyloss.dice, regions, (16, 256, 256, 4), (4, 64, 64, 4)),
    Workload("ContrastiveLoss", polyloss.contrastive_loss, pairs, (8192, 2, 128), (1024, 2, 128)),
)

CALLS = (
    ("BinaryCrossentropy", yes_no, LOGITS),
    ("CategoricalCrossentropy", one_hot, LOGITS),
    ("SparseCategoricalCrossentropy", numbered, LOGITS),
    ("FocalLoss", yes_no, LOGITS),
    ("CategoricalFocalLoss", one_hot, LOGITS),
    ("MeanSquaredError", reals, {}),
    ("MeanAbsoluteError", reals, {}),
    ("Huber", reals, {}),
    ("MeanSquaredLogarithmicError", amounts, {}),
    ("LogCosh", reals, {}),
    ("KLDivergence", probabilities, {}),
)
"""Losses whose class is called on a batch of 32 x 10, forward only."""


# -- timing ---------------------------------------------------------------------------------------


def seconds(backend: Any, run: Thunk, times: int) -> float:
    """Seconds a run, over `times` runs in a row."""
    result = None
    start = time.perf_counter()
    for _ in range(times):
        result = run()
    backend.wait(result)
    return (time.perf_counter() - start) / times


def take_turns(backend: Any, runs: dict[str, Thunk], repeats: int, warm: int = 3) -> dict[str, list[float]]:
    """Seconds of each, `repeats` times, A B C A B C ..."""
    times = {}
    for name, run in runs.items():
        once = min(seconds(backend, run, 1) for _ in range(warm))
        times[name] = max(1, min(5000, round(LONG_ENOUGH / once)))
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            measured[name].append(seconds(backend, run, times[name]))
    return measured


def summary(measured: list[float]) -> dict[str, float]:
    """Median, quartiles and the least."""
    if len(measured) == 1:
        return dict.fromkeys(("median", "lower", "upper", "least"), measured[0])
    lower, median, upper = statistics.quantiles(measured, n=4, method="inclusive")
    return {"median": median, "lower": lower, "upper": upper, "least": min(measured)}


def ratios(measured: dict[str, list[float]]) -> dict[str, float]:
    """Time of polyloss over that of each other one: the median of the turns' ratios."""
    own = measured["polyloss"]
    return {
        name: statistics.median(a / b for a, b in zip(own, other, strict=True))
        for name, other in measured.items()
        if name != "polyloss"
    }


def providers(workload: Workload, native: Any) -> tuple[dict[str, Callable[..., Any]], dict[str, str]]:
    """Who computes the loss, and why the others do not."""
    found, missing = {"polyloss": workload.function}, {}
    for name, module in (("keras", keras_baselines), ("native", native)):
        if workload.loss in module.BASELINES:
            found[name] = getattr(module, "AVERAGED", {}).get(workload.loss, module.BASELINES[workload.loss])
        else:
            missing[name] = module.NONE[workload.loss]
    return found, missing


def bound(function: Callable[..., Any], parameters: dict[str, Any]) -> Callable[..., Any]:
    def f(y_true: Any, y_pred: Any) -> Any:
        return function(y_true, y_pred, **parameters)

    return f


def bench_loss(backend: Any, native: Any, workload: Workload, mode: str, repeats: int, quick: bool) -> dict[str, Any]:
    """One row: time, memory and agreement of all that compute this loss, in one mode."""
    shape = workload.quick if quick else workload.shape
    y_true, y_pred = (backend.tensor(a) for a in workload.data(np.random.default_rng(0), *shape))
    found, missing = providers(workload, native)
    runs, memory, results = {}, {}, {}
    for name, function in list(found.items()):
        f = bound(function, workload.parameters)
        run = backend.step(f, y_true, y_pred, mode)
        try:
            results[name] = run()
        except NotImplementedError as reason:
            missing[name] = str(reason)
            continue
        runs[name] = run
        memory[name] = backend.memory(f, y_true, y_pred, mode, run)
    measured = take_turns(backend, runs, repeats)
    gradient = backend.array(results["polyloss"][1])
    largest = float(np.abs(gradient).max())
    return {
        "loss": workload.loss,
        "title": workload.title,
        "parameters": workload.parameters,
        "shape": list(shape),
        "mode": mode,
        "seconds": {name: summary(m) for name, m in measured.items()},
        "ratios": ratios(measured),
        "memory": memory,
        "gradient_differs": {
            name: float(np.abs(backend.array(r[1]) - gradient).max()) / largest
            for name, r in results.items()
            if name != "polyloss"
        },
        "missing": missing,
    }


def bench_call(backend: Any, native: Any, loss: str, data: Callable[..., Arrays], parameters: Any, repeats: int) -> Any:
    """One row: what a call of the class costs in eager mode, where the mathematics is next to nothing."""
    y_true, y_pred = (backend.tensor(a) for a in data(np.random.default_rng(0), 32, 10))
    own, theirs = getattr(polyloss, loss)(**parameters), keras_baselines.CLASSES[loss](**parameters)
    calls: dict[str, Thunk] = {"polyloss": lambda: own(y_true, y_pred), "keras": lambda: theirs(y_true, y_pred)}
    function = native.BASELINES.get(loss)
    if function is not None:
        calls["native"] = lambda: backend.mean(function(y_true, y_pred, **parameters))
    beginnings = {name: [seconds(backend, run, 1) for _ in range(3)] for name, run in calls.items()}
    measured = take_turns(backend, calls, repeats, warm=20)
    return {
        "loss": loss,
        "parameters": parameters,
        "shape": [32, 10],
        "first_calls": beginnings,
        "seconds": {name: summary(m) for name, m in measured.items()},
        "ratios": ratios(measured),
    }


# -- the report -----------------------------------------------------------------------------------

NAMES = ("polyloss", "keras", "native")


def spread(figures: dict[str, float] | None, unit: float) -> str:
    if figures is None:
        return "-"
    return f"{figures['median'] * unit:.2f} [dim]{figures['lower'] * unit:.2f}-{figures['upper'] * unit:.2f}[/dim]"


def ratio(value: float | None) -> str:
    if value is None:
        return "-"
    colour = "green" if value <= 1 else "yellow" if value <= 1.2 else "red"
    return f"[{colour}]{value:.2f}[/{colour}]"


def megabytes(value: int | None) -> str:
    return "-" if value is None else f"{value / 1e6:.1f}"


def loss_table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, caption="median and quartiles; ratios are polyloss over the other, below 1 is faster")
    table.add_column("loss", overflow="fold")
    table.add_column("shape")
    for column in (*(f"{n}, ms" for n in NAMES), "/ keras", "/ native"):
        table.add_column(column, justify="right")
    table.add_column("memory, MB\n" + " / ".join(NAMES), justify="right")
    for row in rows:
        table.add_row(
            row["title"],
            "x".join(map(str, row["shape"])),
            *(spread(row["seconds"].get(n), 1e3) for n in NAMES),
            *(ratio(row["ratios"].get(n)) for n in NAMES[1:]),
            " / ".join(megabytes(row["memory"].get(n)) for n in NAMES),
        )
    return table


def call_table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title)
    table.add_column("loss")
    for column in ("polyloss class, us", "keras class, us", "native function, us", "/ keras", "/ native"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row["loss"],
            *(spread(row["seconds"].get(n), 1e6) for n in NAMES),
            *(ratio(row["ratios"].get(n)) for n in NAMES[1:]),
        )
    return table


def versions(backend: Any) -> dict[str, str]:
    found = {"python": platform.python_version(), "polyloss": polyloss.__version__}
    for package in ("keras", "numpy", *backend.packages):
        for name in (package, f"{package}-cpu"):
            try:
                found[package] = importlib.metadata.version(name)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return found


def usable_cpus() -> int | None:
    """How many CPUs this process may run on (`taskset`)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar, and what advances it and tells what comes next."""
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=CONSOLE, transient=True) as bar:
        task = bar.add_task("", total=total)
        started = False

        def following(what: str) -> None:
            nonlocal started
            bar.update(task, advance=int(started), description=what)
            started = True

        yield following


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--losses", help="class names, separated by commas; all if left out")
    parser.add_argument("--modes", help="eager, compile (torch); jit (jax); graph, xla (tensorflow); call (all)")
    parser.add_argument("--repeats", type=int, default=13, help="turns each one takes (default: 13)")
    parser.add_argument("--quick", action="store_true", help="small shapes")
    parser.add_argument("--write", action="store_true", help="renew docs/bench.json and the table in README.md")
    parser.add_argument("--out", type=Path, help="JSON file (default: build/bench/<backend>.json)")
    options = parser.parse_args()
    name = keras.backend.backend()
    if not framework.HAS_GRADIENTS:
        parser.error(f"KERAS_BACKEND={name} has no gradients to time: one of {', '.join(framework.names())}")
    known = {w.loss for w in WORKLOADS}
    wanted = set(options.losses.split(",")) if options.losses else known
    if wanted - known:
        parser.error(f"no workload for {', '.join(sorted(wanted - known))}; there are {', '.join(sorted(known))}")
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    native = importlib.import_module(f"backends.{name}.native")
    backend = importlib.import_module(f"backends.{name}.timed").Timed()
    possible = {**backend.modes(), "call": None}
    modes = options.modes.split(",") if options.modes else list(possible)
    if set(modes) - set(possible):
        parser.error(f"no mode {', '.join(sorted(set(modes) - set(possible)))}; there are {', '.join(possible)}")

    not_run = {mode: possible[mode] for mode in modes if possible[mode]}
    workloads = [w for w in WORKLOADS if w.loss in wanted]
    calls = [c for c in CALLS if c[0] in wanted] if "call" in modes else []
    plan = [(w, mode) for mode in modes if mode != "call" and mode not in not_run for w in workloads]
    rows, call_rows = [], []
    with progress(len(plan) + len(calls)) as following, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for workload, mode in plan:
            following(f"{mode}: {workload.title}")
            rows.append(bench_loss(backend, native, workload, mode, options.repeats, options.quick))
        for loss, data, parameters in calls:
            following(f"call: {loss}")
            call_rows.append(bench_call(backend, native, loss, data, parameters, options.repeats))

    for mode in dict.fromkeys(row["mode"] for row in rows):
        of_mode = [row for row in rows if row["mode"] == mode]
        CONSOLE.print(loss_table(f"{name}, {mode}: forward and backward ({backend.device})", of_mode))
    if rows:
        CONSOLE.print(f"Memory: {backend.memory_is}.")
    if call_rows:
        CONSOLE.print(call_table(f"{name}: a call in eager mode, batch 32 x 10", call_rows))
    for row in rows:
        for who, difference in row["gradient_differs"].items():
            if not difference < 1e-3:
                CONSOLE.print(f"[red]{row['title']} ({row['mode']}): the gradient of {who} is off by {difference:.1e}")
    for who, why in sorted({(who, why) for row in rows for who, why in row["missing"].items()}):
        CONSOLE.print(f"No {who} column: {why}.")
    for mode, why in not_run.items():
        CONSOLE.print(f"Not run: {mode}: {why}.")

    out = options.out or ROOT / "build" / "bench" / f"{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "backend": name,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(backend),
        "machine": {
            "cpus": os.cpu_count(),
            "cpus_used": usable_cpus(),
            "architecture": platform.machine(),
            "device": backend.device,
        },
        "quick": options.quick,
        "repeats": options.repeats,
        "memory_is": backend.memory_is,
        "losses": rows,
        "calls": call_rows,
        "not_run": not_run,
    }
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    CONSOLE.print(f"Written: {out}")
    if options.write:
        published = speed.written(speed.read(), report)
        speed.FILE.write_text(speed.text(published), encoding="utf-8")
        readme = ROOT / "README.md"
        readme.write_text(speed.with_table(readme.read_text(encoding="utf-8"), published), encoding="utf-8")
        CONSOLE.print("docs/bench.json and README.md: written.")


if __name__ == "__main__":
    main()
