"""Focal loss on rare digits: one Keras model, trained on JAX, TensorFlow and PyTorch.

    KERAS_BACKEND=jax python docs/examples/focal_digits.py     one backend (or torch, tensorflow)
    python docs/examples/focal_digits.py --all                 the three, each in a process of its own
    python docs/examples/focal_digits.py --compare             the tables and the picture again

The task: find the handwritten eights among other digits when training has shown only 24 of them beside 811
others (2.9 %). A small network learns it twice, with focal loss and with plain cross-entropy, from the same
initial weights and the same batches. Both come from NumPy: a framework's random numbers are its own, NumPy's
are the same everywhere, so all that is left between backends is rounding.

What to expect of focal loss: not more recall at the threshold 0.5. `alpha=0.25` weighs the rare class *down*, so
the model raises fewer alarms. What improves, a little, is the ranking: with each threshold moved to the same share of
false alarms, focal loss usually finds a few more of the rare images. Over the seeds 0 to 19 (mean on JAX):

    =============  ==============  =================  ========================  ==================
    loss           recall at 0.5   precision at 0.5   recall, 1% false alarms   average precision
    =============  ==============  =================  ========================  ==================
    focal          0.586           0.959              0.776                     0.834
    cross-entropy  0.626           0.905              0.765                     0.819
    focal better   0 of 20         11 (6 equal)       14 (1 equal)              15
    =============  ==============  =================  ========================  ==================

So one seed proves nothing about the losses (try `--seed`); what one run does show is that the backends agree.

Needs: keras-polyloss with a backend, scikit-learn, matplotlib, rich.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import combinations, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / ("smoke" if "--smoke" in sys.argv else "quickstart")
FRAMEWORKS = ROOT / "polyloss" / "framework"  # read as a folder: polyloss itself would start one of them
BACKENDS = tuple(sorted(path.stem for path in FRAMEWORKS.glob("*.toml") if path.with_suffix(".py").exists()))
LOSSES = ("focal", "cross-entropy")

RARE_DIGIT = 8  # the hardest digit for this network
RARE_IN_TRAINING = 24
HIDDEN = 32
BATCH = 32
EPOCHS, SMOKE_EPOCHS = 30, 3
# Adam divides by the gradient's own size, so one rate suits both losses although focal gradients are far smaller.
LEARNING_RATE = 3e-3
FALSE_ALARMS = 0.01

console = Console()


# --- 1. The data: NumPy only, so that every backend sees the same numbers ----------------------------------------


class Digits:
    """scikit-learn's 8x8 digits as "eight or not", with the eights made rare in training.

    Half of the other digits train and half test. All eights that did not train are tested, 150 instead of
    a handful, so that recall is not a matter of one image; `weight` counts them at the share they had in training
    where prevalence matters (precision, average precision).
    """

    def __init__(self, seed: int, epochs: int) -> None:
        from sklearn.datasets import load_digits

        for_split, for_weights, for_batches = np.random.default_rng(seed).spawn(3)

        images, digit = load_digits(return_X_y=True)
        rare = for_split.permutation(np.flatnonzero(digit == RARE_DIGIT))
        rest = for_split.permutation(np.flatnonzero(digit != RARE_DIGIT))
        half = len(rest) // 2
        train = np.concatenate([rare[:RARE_IN_TRAINING], rest[:half]])
        test = np.concatenate([rare[RARE_IN_TRAINING:], rest[half:]])
        x = (images / 16).astype("float32")
        y = (digit == RARE_DIGIT).astype("float32")[:, None]

        self.x, self.y = x[train], y[train]
        self.test_x, self.is_rare = x[test], y[test, 0] == 1
        share = float(self.y.mean())
        rare_weight = share / (1 - share) * np.sum(~self.is_rare) / np.sum(self.is_rare)
        self.weight = np.where(self.is_rare, rare_weight, 1.0)

        # He's initial weights; the last bias makes the untrained model answer "rare" with its prior probability,
        # as the focal loss paper does: otherwise the first epochs only learn that the class is rare.
        self.initial_weights = [
            array.astype("float32")
            for array in (
                for_weights.normal(0, np.sqrt(2 / x.shape[1]), (x.shape[1], HIDDEN)),
                np.zeros(HIDDEN),
                for_weights.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, 1)),
                np.array([np.log(share / (1 - share))]),
            )
        ]

        # A fresh order for each epoch, fixed beforehand: order[epoch, step] are the rows of one batch.
        self.steps = len(train) // BATCH
        orders = [for_batches.permutation(len(train))[: self.steps * BATCH] for _ in range(epochs)]
        self.order = np.stack(orders).reshape(epochs, self.steps, BATCH)

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Every batch of every epoch."""
        for rows in self.order.reshape(-1, BATCH):
            yield self.x[rows], self.y[rows]

    def fingerprint(self) -> str:
        """A hash of initial weights, batches and test images: equal where two runs are comparable."""
        arrays = [*self.initial_weights, self.x, self.y, self.order.astype("int64"), self.test_x, self.is_rare]
        return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


# --- 2. The model: a plain Keras classifier that ends in a logit -------------------------------------------------


def build_model(digits: Digits) -> Any:
    """Two dense layers, no sigmoid at the end: the losses take logits."""
    import keras

    model = keras.Sequential(
        [
            keras.Input(shape=digits.x.shape[1:]),
            keras.layers.Dense(HIDDEN, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.set_weights(digits.initial_weights)
    return model


# --- 3. Training: the loss is the only thing that changes --------------------------------------------------------


def train(seed: int, epochs: int) -> dict[str, Any]:
    """Train with both losses on the backend that KERAS_BACKEND names."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start is chatty
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads would wait for each other on so small a network
    import keras

    import polyloss

    keras.config.set_floatx("float32")
    losses = {
        "focal": polyloss.FocalLoss(from_logits=True),  # -alpha_t (1 - p_t)^2 log p_t, alpha = 0.25
        "cross-entropy": polyloss.BinaryCrossentropy(from_logits=True),  # -log p_t
    }
    digits = Digits(seed, epochs)
    run: dict[str, Any] = {
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "polyloss": polyloss.__version__,
        "setup": {"seed": seed, "epochs": epochs, "fingerprint": digits.fingerprint()},
    }
    columns = ("{task.description:<24}", BarColumn(30), MofNCompleteColumn(), "epochs", "{task.fields[now]}")
    with Progress(*(TextColumn(c) if isinstance(c, str) else c for c in columns), TimeElapsedColumn()) as progress:
        for name, loss in losses.items():
            task = progress.add_task(f"{run['backend']}: {name}", total=epochs, now="compiling")
            model = build_model(digits)
            model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss)

            def show(epoch: int, logs: dict[str, float], task: Any = task) -> None:
                progress.update(task, completed=epoch + 1, now=f"loss {logs['loss']:.3e}")

            start = time.perf_counter()
            history = model.fit(
                digits.batches(),
                steps_per_epoch=digits.steps,
                epochs=epochs,
                shuffle=False,
                verbose=0,
                callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=show)],
            )
            seconds = time.perf_counter() - start
            logits = model.predict(digits.test_x, batch_size=len(digits.test_x), verbose=0)[:, 0]
            # JSON keeps every digit of a float.
            run[name] = {"loss": [float(v) for v in history.history["loss"]], "seconds": seconds}
            run[name] |= scores(logits, digits)
    return run


def scores(logits: np.ndarray, digits: Digits) -> dict[str, float]:
    """What the model finds: at the threshold 0.5, at a fixed number of false alarms, and over all thresholds."""
    from sklearn.metrics import average_precision_score, precision_score

    rare, alarm = digits.is_rare, logits > 0  # probability above 0.5
    threshold = np.quantile(logits[~rare], 1 - FALSE_ALARMS)
    return {
        "recall": float(np.mean(alarm[rare])),
        "precision": float(precision_score(rare, alarm, sample_weight=digits.weight, zero_division=0)),
        "recall_at_false_alarms": float(np.mean(logits[rare] > threshold)),
        "average_precision": float(average_precision_score(rare, logits, sample_weight=digits.weight)),
    }


# --- 4. The tables -----------------------------------------------------------------------------------------------


def print_scores(runs: list[dict[str, Any]]) -> None:
    """Recall of the rare class, focal loss against cross-entropy, and seconds."""
    table = Table(title="Finding the rare class", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("backend", no_wrap=True)
    table.add_column("loss", no_wrap=True)
    for column in (
        "recall\nat 0.5",
        "precision\nat 0.5",
        f"recall at {FALSE_ALARMS:.0%}\nfalse alarms",
        "average\nprecision",
        "seconds",
    ):
        table.add_column(column, justify="right")
    for run in runs:
        for name in LOSSES:
            r = run[name]
            shares = (r["recall"], r["precision"], r["recall_at_false_alarms"], r["average_precision"])
            table.add_row(run["backend"], name, *(f"{v:.3f}" for v in shares), f"{r['seconds']:.1f}")
    console.print(table)
    console.print(
        f"The fair comparison is recall at {FALSE_ALARMS:.0%} false alarms: both models disturb equally often there. "
        "At 0.5 focal loss raises fewer alarms, since alpha = 0.25 weighs the rare class down.\n"
        "Seconds: fit, with compilation.",
        highlight=False,
        style="dim",
    )
    if runs[0]["setup"]["epochs"] < EPOCHS:
        console.print("A smoke test: too few epochs to say anything about recall.", style="yellow")


def print_losses(runs: list[dict[str, Any]]) -> None:
    """Focal loss by epoch and backend, and how far apart the backends are."""
    table = Table(
        title="Focal loss by epoch",
        caption="coloured: digits in which the backends differ",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("epoch", justify="right")
    for run in runs:
        table.add_column(run["backend"], justify="right")
    table.add_column("largest\ndifference", justify="right")
    table.add_column("relative", justify="right")
    loss, apart, relative = differences(runs, "focal")
    for epoch, values in enumerate(loss.T):
        texts = [f"{v:.8e}" for v in values]  # nine digits tell any two float32 apart
        exponent = len(texts[0]) - 4
        same = len(list(takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=True))))
        same = min(same, exponent)
        cells = [f"{text[:same]}[yellow]{text[same:exponent]}[/]{text[exponent:]}" for text in texts]
        table.add_row(str(epoch + 1), *cells, f"{apart[epoch]:.1e}", f"{relative[epoch]:.1e}")
    console.print(table)
    for name in LOSSES:
        _, apart, relative = differences(runs, name)
        console.print(
            f"Largest difference between two backends, {name}: {apart.max():.2e} (epoch {apart.argmax() + 1}), "
            f"relative {relative.max():.2e} (epoch {relative.argmax() + 1})",
            highlight=False,
            soft_wrap=True,
        )


def differences(runs: list[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss by backend and epoch; the largest difference between any two backends by epoch, and relative to the loss."""
    loss = np.array([run[name]["loss"] for run in runs])
    apart = loss.max(axis=0) - loss.min(axis=0)
    return loss, apart, apart / loss.max(axis=0)


# --- 5. The picture ----------------------------------------------------------------------------------------------


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """The three loss curves, which coincide, and below them what is left between the backends."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 6.4), sharex=True, height_ratios=(2, 1), layout="constrained", dpi=150
    )
    # From wide and pale to thin and dark, so that each curve shows through the next.
    styles = (
        {"color": "#9ecae9", "linewidth": 9},
        {"color": "#f28e2b", "linewidth": 4},
        {"color": "#222222", "linewidth": 1.2, "linestyle": "--", "marker": "o", "markersize": 3.5},
    )
    epochs = np.arange(1, len(runs[0]["focal"]["loss"]) + 1)
    for run, style in zip(runs, styles, strict=True):
        top.plot(epochs, run["focal"]["loss"], label=run["backend"], solid_capstyle="round", **style)
    top.set(yscale="log", ylabel="focal loss, mean of the epoch")
    top.set_title("Focal loss of one Keras model on three backends", loc="left", fontweight="bold")
    top.legend(title="same initial weights, same batches", frameon=False)

    # Large below small, for pairs that are equally far apart.
    markers = (("#4e79a7", "o", 8), ("#e15759", "s", 5.5), ("#59a14f", "^", 3.5))
    for (a, b), (color, marker, size) in zip(combinations(runs, 2), markers, strict=True):
        _, _, relative = differences([a, b], "focal")
        visible = np.where(relative > 0, relative, np.nan)  # equal to the last bit: no place on a log axis
        label = f"{a['backend']} - {b['backend']}"
        bottom.plot(epochs, visible, color=color, marker=marker, markersize=size, linewidth=1, label=label)
    bottom.axhline(np.finfo("float32").eps, color="gray", linestyle=":", label="float32 spacing at 1")
    bottom.set(yscale="log", ylabel="difference / loss", xlabel="epoch   (no marker: equal to the last bit)")
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    bottom.legend(frameon=False, fontsize="small", ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(path)
    plt.close(figure)


# --- 6. The commands ---------------------------------------------------------------------------------------------


def run_one(seed: int, epochs: int) -> None:
    """Train on the backend of KERAS_BACKEND, write its JSON, print its table."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend not in BACKENDS:
        was = f"It is {backend!r}." if backend else "It is not set."
        raise SystemExit(f"Set KERAS_BACKEND to one of {', '.join(BACKENDS)}, or run all three with --all. {was}")
    run = train(seed, epochs)
    RESULTS.mkdir(parents=True, exist_ok=True)
    unfinished = result_of(backend).with_suffix(".part")
    unfinished.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(result_of(backend))
    print_scores([run])


def run_all(arguments: list[str]) -> None:
    """The three backends one after another: Keras takes one backend a process."""
    for backend in BACKENDS:
        console.rule(backend)
        command = [sys.executable, str(Path(__file__).resolve()), *arguments]
        code = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, check=False).returncode
        if code:
            raise SystemExit(f"{backend} failed with exit code {code}; nothing is compared.")
    console.rule("comparison")
    compare()


def compare() -> None:
    """Tables and picture from the three JSON files; needs no backend."""
    for backend in BACKENDS:
        if not result_of(backend).exists():
            raise SystemExit(
                f"{shown(result_of(backend))} is missing: run KERAS_BACKEND={backend} python {shown(Path(__file__))}, "
                "or all three with --all."
            )
    runs = [json.loads(result_of(backend).read_text(encoding="utf-8")) for backend in BACKENDS]
    if any(run["setup"] != runs[0]["setup"] for run in runs):
        setups = "; ".join(f"{run['backend']} {run['setup']}" for run in runs)
        raise SystemExit(f"These runs did not train on the same weights and batches: run --all. {setups}")
    print_losses(runs)
    print_scores(runs)
    draw(runs, RESULTS / "loss.png")
    console.print(f"Picture: {shown(RESULTS / 'loss.png')}", highlight=False, soft_wrap=True)


def result_of(backend: str) -> Path:
    """Where a backend's figures lie."""
    return RESULTS / f"{backend}.json"


def shown(path: Path) -> str:
    """A path as read from the root of the repository."""
    return path.resolve().relative_to(ROOT).as_posix()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Focal loss on rare digits, the same on three backends.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="train on every backend, then compare")
    what.add_argument("--compare", action="store_true", help="print tables and picture of runs already made")
    parser.add_argument("--smoke", action="store_true", help=f"{SMOKE_EPOCHS} epochs, to see that it runs")
    parser.add_argument("--seed", type=int, default=0, help="another split, other weights and batches (default: 0)")
    options = parser.parse_args()
    try:
        if options.compare:
            compare()
        elif options.all:
            run_all([f"--seed={options.seed}", *(["--smoke"] if options.smoke else [])])
        else:
            run_one(options.seed, SMOKE_EPOCHS if options.smoke else EPOCHS)
    except KeyboardInterrupt:
        kept = ", ".join(shown(result_of(b)) for b in BACKENDS if result_of(b).exists()) or "none"
        print(f"Finished runs: {kept}." if options.all else "Stopped.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
