"""Terrain with a Wasserstein GAN, and what it has over the first GAN: problem 3.

    KERAS_BACKEND=jax python docs/examples/wgan_gp_terrain.py            # both parts, some minutes
    KERAS_BACKEND=torch python docs/examples/wgan_gp_terrain.py --smoke  # the size that tests run
    ... --part modes (or terrain), --seeds 1 2 3, --epochs 20, --write (the table of modes that the guide shows)

Part one, ``modes``, measures what "unstable" and "collapse" mean where the truth is known: 25 narrow Gaussians
on a 5 x 5 grid (the data set of the WGAN-GP paper). A mode counts as covered when at least a fifth of its share
of the samples lies within three standard deviations of it; a sample is good when it lies that near to any mode.
The same networks, data and seeds with the minimax loss and with the Wasserstein loss and a gradient penalty.

Part two, ``terrain``, trains the latter on pictures. The data: 16 x 16 patches in grey, cut from two photographs
that scikit-learn bundles (a Chinese palace under trees, a flower). They are stand-ins for satellite images, which
no well-known package bundles: textures, roofs, foliage at different scales, no maps. Pictures of real patches
and of samples during training go to build/examples/.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import time

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import polyloss
from polyloss.training import AdversarialModel, ShuffledBatches

OUT = pathlib.Path("build/examples")
RESULTS = pathlib.Path(__file__).resolve().parent / "results" / "modes.json"
LOSSES = {"minimax": "`MinimaxLoss`", "WGAN-GP": "`WassersteinLoss` + `GradientPenalty`"}
STEP, SPREAD = 1.0, 0.05  # the grid's distance and the modes' standard deviation
CENTRES = np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3)], "float32") * STEP


# -- part one: 25 modes ---------------------------------------------------------------------------


def mixture(rows: int, seed: int) -> np.ndarray:
    """Samples of the mixture."""
    draws = np.random.default_rng(seed)
    return (CENTRES[draws.integers(25, size=rows)] + draws.normal(0, SPREAD, (rows, 2))).astype("float32")


def coverage(samples: np.ndarray) -> tuple[int, float]:
    """Modes covered, and the share of good samples."""
    distance = np.linalg.norm(samples[:, None] - CENTRES[None], axis=-1)
    nearest, good = distance.argmin(1), distance.min(1) < 3 * SPREAD
    counts = np.bincount(nearest[good], minlength=25)
    return int((counts >= len(samples) / 25 / 5).sum()), float(good.mean())


def dense(inputs: int, outputs: int, units: int, seed: int) -> keras.Model:
    """Three hidden layers."""
    made = [layers.Dense(units, "relu", kernel_initializer=keras.initializers.HeNormal(seed + i)) for i in range(3)]
    last = layers.Dense(outputs, kernel_initializer=keras.initializers.GlorotUniform(seed + 3))
    return keras.Sequential([keras.Input((inputs,)), *made, last])


def compare_modes(seeds: list[int], epochs: int, rows: int, units: int, console: Console) -> dict[str, list]:
    """Both losses, every seed: the table, and the results by loss."""
    recipes = {
        "minimax": (polyloss.MinimaxLoss(), None, 1, (2e-4, 0.5, 0.999)),
        "WGAN-GP": (polyloss.WassersteinLoss(), polyloss.GradientPenalty(0.1), 5, (5e-4, 0.5, 0.9)),
    }
    results: dict[str, list] = {name: [] for name in recipes}
    for name, (loss, penalty, steps, (rate, beta_1, beta_2)) in recipes.items():
        for seed in seeds:
            data = ShuffledBatches(mixture(rows, seed), batch_size=256, seed=seed)
            gan = AdversarialModel(
                dense(2, 2, units, 10 * seed), dense(2, 1, units, 10 * seed + 5), seed=seed, ema_decay=0.999
            )
            gan.compile(
                generator_optimizer=keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2),
                discriminator_optimizer=keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2),
                loss=loss,
                penalty=penalty,
                discriminator_steps=steps,
            )
            start = time.perf_counter()
            with Progress(console=console, transient=True) as progress:
                task = progress.add_task(f"{name}, seed {seed}", total=epochs)
                each = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, t=task, p=progress: p.advance(t))
                gan.fit(data, epochs=epochs, verbose=0, callbacks=[each])
            samples = gan.generate(5000, seed=0, batch_size=1000)
            modes, good = coverage(samples)
            results[name].append((modes, good, samples))
            console.print(
                f"{name}, seed {seed}: {modes} of 25 modes, {good:.0%} good samples, {time.perf_counter() - start:.0f} s"
            )
    table = Table(title=f"25 Gaussians, {keras.backend.backend()}, {epochs * -(-rows // 256)} generator steps")
    for column in ("loss", "modes of 25, each seed", "mean", "good samples, each seed", "mean"):
        table.add_column(column)
    for name, found in results.items():
        modes, good = [m for m, _, _ in found], [g for _, g, _ in found]
        table.add_row(
            name, " ".join(map(str, modes)), f"{np.mean(modes):.1f}",
            " ".join(f"{g:.0%}" for g in good), f"{np.mean(good):.0%}",
        )  # fmt: skip
    console.print(table)
    return results


def write_modes(results: dict[str, list], seeds: list[int], steps: int) -> None:
    """Keep this backend's numbers beside those of the others, and make the table of all."""
    backend = keras.backend.backend()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept[backend] = {
        "with": f"keras {keras.__version__}, {backend} {importlib.import_module(backend).__version__}",
        "seeds": seeds,
        "steps": steps,
        "runs": {
            name: {"modes": [m for m, _, _ in found], "good": [round(g, 4) for _, g, _ in found]}
            for name, found in results.items()
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".inc").write_text(table_of_modes(kept), encoding="utf-8")


def table_of_modes(kept: dict) -> str:
    """Every backend, loss and seed, in Markdown."""
    lines = ["| backend | loss | modes of 25 | mean | good samples | mean |", "| --- | --- | --- | ---: | --- | ---: |"]
    for backend, its in sorted(kept.items()):
        for name, title in LOSSES.items():
            modes, good = its["runs"][name]["modes"], its["runs"][name]["good"]
            cells = (
                backend, title, ", ".join(map(str, modes)), f"{np.mean(modes):.1f}",
                ", ".join(f"{g:.0%}" for g in good), f"{np.mean(good):.0%}",
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    runs = {(tuple(its["seeds"]), its["steps"]) for its in kept.values()}
    for seeds, steps in sorted(runs):
        lines += ["", f"Seeds {', '.join(map(str, seeds))}; {steps} steps of the generator."]
    lines += ["", "; ".join(its["with"] for _, its in sorted(kept.items())) + ".", "", "```shell"]
    lines += [f"KERAS_BACKEND={b} python docs/examples/wgan_gp_terrain.py --part modes --write" for b in sorted(kept)]
    return "\n".join([*lines, "```", ""])


def picture_of_modes(results: dict[str, list], path: pathlib.Path) -> None:
    """The samples of every run beside each other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = max(len(found) for found in results.values())
    figure, axes = pyplot.subplots(len(results), columns, figsize=(3 * columns, 3 * len(results)), squeeze=False)
    for row, (name, found) in zip(axes, results.items(), strict=True):
        for axis, (modes, good, samples) in zip(row, found, strict=True):
            axis.scatter(*CENTRES.T, s=40, c="none", edgecolors="tab:red", linewidths=0.7)
            axis.scatter(*samples[:2000].T, s=1, alpha=0.4)
            axis.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=f"{name}: {modes} modes, {good:.0%} good")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


# -- part two: terrain ----------------------------------------------------------------------------


def patches(rows: int, size: int = 16, seed: int = 0) -> np.ndarray:
    """Grey patches of the two photographs in [-1, 1], at two scales, mirrored at random."""
    from sklearn.datasets import load_sample_images

    draws = np.random.default_rng(seed)
    greys = [image.mean(-1) / 127.5 - 1 for image in load_sample_images().images]
    greys += [
        g[: g.shape[0] // 2 * 2, : g.shape[1] // 2 * 2].reshape(g.shape[0] // 2, 2, -1, 2).mean((1, 3)) for g in greys
    ]
    made = []
    for _ in range(rows):
        image = greys[draws.integers(len(greys))]
        y, x = (draws.integers(n - size) for n in image.shape)
        patch = image[y : y + size, x : x + size]
        made.append(patch[:, ::-1] if draws.integers(2) else patch)
    return np.stack(made)[..., None].astype("float32")


def terrain_networks(width: int) -> tuple[keras.Model, keras.Model]:
    """A generator without stride artefacts, and a critic without BatchNormalization (the penalty is per sample)."""
    generator = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(4 * 4 * 2 * width),
            layers.Reshape((4, 4, 2 * width)),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.UpSampling2D(),
            layers.Conv2D(2 * width, 3, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.UpSampling2D(),
            layers.Conv2D(width, 3, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ]
    )
    critic = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(width, 5, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(2 * width, 5, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(4 * width, 3, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, critic


def grid(images: np.ndarray, path: pathlib.Path, columns: int = 8) -> None:
    """Images in [-1, 1] side by side, each enlarged four times."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import image as files

    images = images[..., 0][: len(images) // columns * columns]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=1.0)
    rows = [np.concatenate(padded[i : i + columns], axis=1) for i in range(0, len(padded), columns)]
    whole = np.concatenate(rows, axis=0).repeat(4, 0).repeat(4, 1)
    files.imsave(path, whole, cmap="gray", vmin=-1, vmax=1)


class Watch(keras.callbacks.Callback):
    """A line and a picture every few epochs."""

    def __init__(self, every: int, console: Console, name: str) -> None:
        super().__init__()
        self.every, self.console, self.name = every, console, name

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every:
            return
        logs = logs or {}
        self.console.print(
            f"epoch {epoch + 1}: distance {-logs['discriminator_loss']:.3f}, slope {logs['gradient_norm']:.3f}"
        )
        grid(self.model.generate(64, seed=1), OUT / f"{self.name}_{epoch + 1:03}.png")


def terrain(rows: int, epochs: int, width: int, console: Console) -> dict[str, list[float]]:
    """Train on patches; pictures beside it."""
    real = patches(rows)
    name = f"terrain_{keras.backend.backend()}"
    grid(real[:64], OUT / "terrain_real.png")
    keras.utils.set_random_seed(1)
    gan = AdversarialModel(*terrain_networks(width), seed=1, ema_decay=0.99)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
        loss=polyloss.WassersteinLoss(),
        penalty=polyloss.GradientPenalty(10.0),
        discriminator_steps=3,
    )
    start = time.perf_counter()
    data = ShuffledBatches(real, batch_size=64, seed=1)
    history = gan.fit(data, epochs=epochs, verbose=0, callbacks=[Watch(max(1, epochs // 5), console, name)]).history
    console.print(f"{epochs} epochs of {rows} patches in {time.perf_counter() - start:.0f} s; pictures in {OUT}")
    return history


def main(arguments: list[str] | None = None) -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a size that shows that everything runs")
    parser.add_argument("--part", choices=["both", "modes", "terrain"], default="both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, help="of the chosen part")
    parser.add_argument("--write", action="store_true", help="keep the modes in docs/examples/results/")
    options = parser.parse_args(arguments)
    if options.write and (options.smoke or options.part == "terrain"):
        parser.error("--write keeps the figures of the modes at full size: not with --smoke or --part terrain")
    console = Console()
    OUT.mkdir(parents=True, exist_ok=True)
    if options.part in ("both", "modes"):
        seeds, epochs, rows, units = (options.seeds, 100, 10240, 128) if not options.smoke else ([1], 2, 512, 16)
        epochs = options.epochs or epochs
        results = compare_modes(seeds, epochs, rows, units, console)
        picture_of_modes(results, OUT / f"modes_{keras.backend.backend()}.png")
        if options.write:
            write_modes(results, seeds, epochs * -(-rows // 256))
    if options.part in ("both", "terrain"):
        rows, epochs, width = (6400, 30, 32) if not options.smoke else (128, 1, 4)
        terrain(rows, options.epochs or epochs, width, console)


if __name__ == "__main__":
    main()
