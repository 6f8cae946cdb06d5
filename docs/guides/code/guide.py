"""What the scripts of the guides share: the command line, the seeds, the tables in two languages, the figures.

A script describes its comparison once (`Guide`). ``python docs/guides/code/huber.py`` trains once and prints,
``--figure`` runs every seed and writes what the guide shows:

    docs/guides/results/<slug>.json    every number of every seed, and what it was measured with
    docs/guides/results/<slug>.inc     the table that the English guide includes
    docs/ko/results/<slug>.inc         the same in Korean
    docs/guides/figures/<slug>*        the picture
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start is chatty
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks are too small to share

import numpy as np

DOCS = pathlib.Path(__file__).resolve().parents[2]
INK = "#808080"  # text and axes: readable on a light page and on a dark one
COLOURS = ("#2f8fd0", "#e07b2a", "#35a06a", "#b46ac0", "#c9a227")

Text = tuple[str, str]
"""English and Korean."""


@dataclass
class Results:
    """The numbers of every variant, metric and seed."""

    runs: dict[str, dict[str, list[float]]]
    smaller_is_better: tuple[str, ...] = ()

    def mean(self, variant: str, metric: str) -> float:
        """Over the seeds."""
        return float(np.mean(self.runs[variant][metric]))

    def wins(self, one: str, other: str, metric: str) -> tuple[int, int, int]:
        """In how many seeds `one` is better than `other`, in how many they are equal, and of how many."""
        a, b = (np.array(self.runs[v][metric]) for v in (one, other))
        better = a < b if metric in self.smaller_is_better else a > b
        return int(better.sum()), int((a == b).sum()), len(a)

    def always(self, one: str, other: str, metric: str) -> bool:
        """Whether `one` is better than `other` in every seed."""
        won, _, of = self.wins(one, other, metric)
        return won == of

    def mostly(self, one: str, other: str, metric: str, share: float = 0.8) -> bool:
        """Whether it is better in at least this share of the seeds."""
        won, _, of = self.wins(one, other, metric)
        return won >= share * of


@dataclass
class Guide:
    """A comparison: what is measured for which variants, and what the guide says of it.

    Args:
        slug: The guide's name: of its page, its script, its results.
        measure: ``measure(seed, smoke)`` gives the numbers by variant and metric, and anything for `draw`.
        variants: Heads of the table's rows in two languages; names of classes are the same in both.
        metrics: Heads of the columns and how to print them (``.2f``, ``.1%``).
        data: What the data are, in two languages.
        draw: ``draw(results, extras, folder)`` makes the pictures; extras by seed.
        claims: What the text says in words, so that a test can hold it against the numbers.
        fit: ``fit(epochs)`` trains with Keras; the loss of each epoch.
        loop: ``loop(train, epochs)`` the same by hand, with the plain loop of a framework.
        loops: The modules of these loops, less the framework's name.
        duels: (one, other, metric): in how many seeds one is better, under the table.
        smaller_is_better: Which metrics are errors.
        seeds: How many.
    """

    slug: str
    measure: Callable[[int, bool], tuple[dict[str, dict[str, float]], Any]]
    variants: dict[str, Text]
    metrics: dict[str, tuple[str, str, str]]
    data: Text
    draw: Callable[[Results, list[Any], pathlib.Path], None]
    claims: Callable[[Results], dict[str, bool]]
    fit: Callable[[int], list[float]]
    loop: Callable[[Callable[..., Any], int], list[float]]
    loops: str = "loop"
    duels: list[tuple[str, str, str]] = field(default_factory=list)
    smaller_is_better: tuple[str, ...] = ()
    seeds: int = 10

    # -- measuring --------------------------------------------------------------------------------

    def run(self, seeds: list[int], smoke: bool = False) -> tuple[Results, list[Any]]:
        """Every seed."""
        from rich.progress import track

        runs: dict[str, dict[str, list[float]]] = {}
        extras = []
        for seed in track(seeds, self.slug, disable=len(seeds) == 1):
            numbers, extra = self.measure(seed, smoke)
            extras.append(extra)
            for variant, of_metric in numbers.items():
                for metric, value in of_metric.items():
                    values = runs.setdefault(variant, {}).setdefault(metric, [])
                    values.append(float(f"{value:.6g}"))
        return Results(runs, self.smaller_is_better), extras

    def command(self) -> str:
        """What makes the guide's numbers and pictures."""
        return f"KERAS_BACKEND=jax python docs/guides/code/{self.slug}.py --figure"

    def write(self) -> None:
        """Run everything, then write numbers, tables and pictures."""
        import keras

        start = time.perf_counter()
        results, extras = self.run(list(range(self.seeds)))
        record = {
            "command": self.command(),
            "with": versions(keras),
            "seconds": round(time.perf_counter() - start),
        }
        record["runs"] = results.runs
        path = DOCS / "guides" / "results" / f"{self.slug}.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for language, target in enumerate(self.tables()):
            target.write_text(self.table(record, language), encoding="utf-8")
        self.draw(results, extras, DOCS / "guides" / "figures")
        print(self.table(record, 0))

    # -- showing ----------------------------------------------------------------------------------

    def tables(self) -> tuple[pathlib.Path, pathlib.Path]:
        """Where the tables lie, English and Korean."""
        return tuple(
            DOCS / folder / "results" / f"{self.slug}.inc"
            for folder in ("guides", "ko")
        )

    def record(self) -> dict[str, Any]:
        """What `write` measured."""
        return json.loads(
            (DOCS / "guides" / "results" / f"{self.slug}.json").read_text(
                encoding="utf-8"
            )
        )

    def results(self, record: dict[str, Any]) -> Results:
        """The numbers in a record."""
        return Results(record["runs"], self.smaller_is_better)

    def table(self, record: dict[str, Any], language: int) -> str:
        """The numbers as Markdown: mean and standard deviation over the seeds."""
        results = self.results(record)
        heads = [
            ("loss", "손실 함수")[language],
            *(m[language] for m in self.metrics.values()),
        ]
        lines = [row(heads), row(["---", *["---:"] * len(self.metrics)])]
        for variant, names in self.variants.items():
            cells = [names[language]]
            for metric, (_, _, style) in self.metrics.items():
                values = results.runs[variant][metric]
                cells.append(f"{np.mean(values):{style}} ± {np.std(values):{style}}")
            lines.append(row(cells))
        seeds = len(next(iter(next(iter(results.runs.values())).values())))
        notes = []
        for one, other, metric in self.duels:
            won, equal, of = results.wins(one, other, metric)
            names = self.variants[one][language], self.variants[other][language]
            what = self.metrics[metric][language]
            if language == 0:
                ties = f" ({equal} equal)" if equal else ""
                notes.append(
                    f"- {what}: {names[0]} is better than {names[1]} in {won} of {of} seeds{ties}."
                )
            else:
                ties = f" (동률 {equal}회)" if equal else ""
                notes.append(
                    f"- {what}: 시드 {of}개 중 {won}개에서 {names[0]} 쪽이 {names[1]} 쪽보다 좋습니다{ties}."
                )
        notes.append("")
        notes.append(
            (
                f"Mean ± standard deviation over {seeds} seeds, {self.data[0]}; {record['with']}, "
                f"{record['seconds']} s on a CPU.",
                f"시드 {seeds}개의 평균 ± 표준편차, {self.data[1]}. {record['with']}, CPU에서 {record['seconds']}초.",
            )[language]
        )
        return "\n".join(
            [*lines, "", *notes, "", "```shell", record["command"], "```", ""]
        )


def row(cells: list[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def versions(keras: Any) -> str:
    """Backend and Keras, with their versions."""
    from importlib import metadata

    name = keras.backend.backend()
    found = next(
        metadata.version(d)
        for d in {"tensorflow": ("tensorflow", "tensorflow-cpu")}.get(name, (name,))
        if any(metadata.distributions(name=d))
    )
    return f"{name} {found.partition('+')[0]}, keras {keras.__version__}"


@contextlib.contextmanager
def canvas(
    path: pathlib.Path, columns: float = 1, rows: int = 1, **options: Any
) -> Iterator[Any]:
    """A figure on no background, in colours that a light page and a dark one both bear."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style: dict[str, Any] = {
        f"{k}.color": INK for k in ("text", "xtick", "ytick", "grid")
    }
    style |= {
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.facecolor": "none",
        "legend.labelcolor": INK,
    }
    style |= {
        "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
        "axes.grid": True,
        "grid.alpha": 0.25,
    }
    style |= {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "font.size": 11,
    }
    style |= {
        "svg.hashsalt": path.stem,
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "figure.figsize": (4.2 * columns, 3.4 * rows),
    }
    with matplotlib.rc_context(style):
        figure, axes = pyplot.subplots(
            rows, int(columns), layout="constrained", **options
        )
        yield axes
        extra = {"metadata": {"Date": None}} if path.suffix == ".svg" else {"dpi": 90}
        figure.savefig(path, transparent=True, **extra)
        pyplot.close(figure)
    if path.suffix == ".png":  # few colours: a quarter of the size
        from PIL import Image

        Image.open(path).quantize(64).save(path, optimize=True)


def watch(x: Any, y: Any) -> Any:
    """A callback that notes the accuracy on (x, y) after each epoch."""
    import keras

    class Watch(keras.callbacks.Callback):
        accuracy: list[float]

        def on_train_begin(self, logs: Any = None) -> None:
            self.accuracy = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            scores = keras.ops.convert_to_numpy(self.model(x))
            self.accuracy.append(float(np.mean(scores.argmax(1) == y)))

    return Watch()


def energy_distance(a: Any, b: Any) -> float:
    """How far two samples' distributions are apart; 0 where they are one."""
    a, b = (np.reshape(x, (len(x), -1)).astype("float64") for x in (a, b))

    def mean(x: Any, y: Any) -> float:
        squares = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
        return float(np.sqrt(np.maximum(squares, 0)).mean())

    return 2 * mean(a, b) - mean(a, a) - mean(b, b)


def by_hand(loops: str = "loop") -> Callable[..., Any]:
    """The plain loop of the backend's own framework."""
    import keras

    return importlib.import_module(f"{loops}_{keras.backend.backend()}").train


def main(guide: Guide) -> None:
    """The command line of a script."""
    parser = argparse.ArgumentParser(
        description=f"The code of the guide {guide.slug!r}: one seed, then the loop."
    )
    parser.add_argument(
        "--figure",
        action="store_true",
        help="every seed; writes tables and pictures of the guide",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a size that shows that everything runs"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.figure:
        guide.write()
        return
    results, _ = guide.run([options.seed], options.smoke)
    for variant, of_metric in results.runs.items():
        print(
            variant,
            ", ".join(
                f"{m} {v[0]:{guide.metrics[m][2]}}" for m, v in of_metric.items()
            ),
        )
    losses = guide.loop(by_hand(guide.loops), 2 if options.smoke else 10)
    print("loss by epoch, by hand:", " ".join(f"{v:.4g}" for v in losses))
