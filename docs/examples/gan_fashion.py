"""A GAN that draws fashion items, one kind at a time: problem 2.

    KERAS_BACKEND=jax python docs/examples/gan_fashion.py            # a few minutes
    KERAS_BACKEND=torch python docs/examples/gan_fashion.py --smoke  # the size that tests run

The data are drawn by this script, not photographed: silhouettes of six kinds (T-shirt, trousers, dress, bag, shoe,
cap), 20 x 20 grey pixels, every one with its own proportions, position, shade and pattern. So what "varied" and
"hard to tell from real" mean can be measured: a classifier trained on the drawn items says of how many samples it
recognises the kind that was asked for, and the spread of the samples within a kind is set beside that of the data.

The loss is the first GAN's, from logits, in its non-saturating form (--loss minimax for the other), with an R1
penalty; the class goes into both networks. Sample grids go to build/examples/.
"""

from __future__ import annotations

import argparse
import pathlib
import time

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table

import polyloss
from polyloss.training import AdversarialModel, ShuffledBatches

OUT = pathlib.Path("build/examples")
KINDS = ("T-shirt", "trousers", "dress", "bag", "shoe", "cap")
SIZE = 20


# -- the data -------------------------------------------------------------------------------------


def outline(kind: str, x: np.ndarray, y: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Which points (x to the right, y down, both about -1 to 1) belong to an item of this kind."""
    w, h = draws.uniform(0.8, 1.1), draws.uniform(0.85, 1.1)
    x, y = x / w, y / h
    if kind == "T-shirt":
        body = (abs(x) < 0.45) & (abs(y) < 0.8)
        sleeves = (abs(x) < draws.uniform(0.75, 0.95)) & (y > -0.8) & (y < draws.uniform(-0.45, 0.0))
        return (body | sleeves) & ~(x**2 + (y + 0.85) ** 2 < 0.05)
    if kind == "trousers":
        gap = draws.uniform(0.08, 0.2)
        return (abs(x) < 0.45 + 0.15 * y) & (abs(y) < 0.9) & ~((abs(x) < gap) & (y > -0.4))
    if kind == "dress":
        flare = draws.uniform(0.35, 0.7)
        return (abs(x) < 0.22 + flare * np.clip(y + 0.2, 0, None)) & (abs(y) < 0.9)
    if kind == "bag":
        radius = (x / 0.4) ** 2 + ((y + 0.2) / draws.uniform(0.5, 0.7)) ** 2
        return ((abs(x) < 0.7) & (y > -0.2) & (y < 0.65)) | ((radius < 1) & (radius > 0.55) & (y < 0))
    if kind == "shoe":
        leg = (x > -0.8) & (x < -0.2) & (y > draws.uniform(-0.8, -0.3)) & (y < 0.5)
        return leg | ((x > -0.8) & (x < 0.9) & (y > 0.1 + 0.25 * np.clip(x, 0, None)) & (y < 0.55))
    dome = (x / 0.6) ** 2 + ((y - 0.2) / 0.7) ** 2 < 1
    return (dome & (y < 0.2)) | ((x > -0.6) & (x < draws.uniform(0.8, 1.0)) & (y > 0.1) & (y < 0.3))


def items(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures in [-1, 1] and their kinds."""
    draws = np.random.default_rng(seed)
    kinds = draws.integers(len(KINDS), size=rows)
    fine = (np.arange(3 * SIZE) + 0.5) / (1.5 * SIZE) - 1  # drawn three times as fine, then averaged: soft edges
    x, y = np.meshgrid(fine, fine)
    pictures = []
    for kind in kinds:
        dx, dy = draws.uniform(-0.08, 0.08, 2)
        shape = outline(KINDS[kind], x - dx, y - dy, draws)
        stripes = 0.25 * np.sin(draws.uniform(4, 14) * (y if draws.integers(2) else x)) * draws.integers(2)
        shade = np.clip(draws.uniform(0.45, 0.9) + stripes, 0, 1)
        drawn = np.where(shape, shade, 0.0).reshape(SIZE, 3, SIZE, 3).mean((1, 3))
        pictures.append(2 * drawn - 1)
    return np.stack(pictures)[..., None].astype("float32"), kinds.astype("int32")


# -- the networks ---------------------------------------------------------------------------------


def networks(width: int) -> tuple[keras.Model, keras.Model]:
    """Both take the kind as their second input."""
    latent, kind = keras.Input((32,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([latent, layers.Embedding(len(KINDS), 16)(kind)])
    x = layers.Dense(5 * 5 * 2 * width)(x)
    x = layers.Reshape((5, 5, 2 * width))(layers.LeakyReLU(0.2)(x))
    for channels in (2 * width, width):
        x = layers.Conv2D(channels, 3, padding="same")(layers.UpSampling2D()(x))
        x = layers.LeakyReLU(0.2)(layers.LayerNormalization()(x))
    generator = keras.Model([latent, kind], layers.Conv2D(1, 3, padding="same", activation="tanh")(x))

    picture, kind = keras.Input((SIZE, SIZE, 1)), keras.Input((), dtype="int32")
    x = picture
    for channels in (width, 2 * width):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(channels, 4, strides=2, padding="same")(x))
    x = layers.LeakyReLU(0.2)(layers.Dense(4 * width)(layers.Flatten()(x)))
    # the projection discriminator: how real it looks, and how much like its kind
    judged = layers.Add()([layers.Dense(1)(x), layers.Dot(1)([x, layers.Embedding(len(KINDS), 4 * width)(kind)])])
    return generator, keras.Model([picture, kind], judged)


def classifier(pictures: np.ndarray, kinds: np.ndarray, epochs: int) -> keras.Model:
    """What tells the kinds apart, trained on drawn items."""
    model = keras.Sequential(
        [
            keras.Input(pictures.shape[1:]),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(len(KINDS)),
        ]
    )
    model.compile("adam", polyloss.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(pictures, kinds, batch_size=64, epochs=epochs, verbose=0)
    return model


# -- training and measuring -----------------------------------------------------------------------


def grid(pictures: np.ndarray, path: pathlib.Path, columns: int) -> None:
    """Pictures side by side, each enlarged four times."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import image as files

    padded = np.pad(pictures[..., 0], ((0, 0), (1, 1), (1, 1)), constant_values=1.0)
    rows = [np.concatenate(padded[i : i + columns], axis=1) for i in range(0, len(padded), columns)]
    files.imsave(path, np.concatenate(rows).repeat(4, 0).repeat(4, 1), cmap="gray", vmin=-1, vmax=1)


class Progress(keras.callbacks.Callback):
    """A line every few epochs, and a picture with a row of ten for each kind."""

    def __init__(self, every: int, console: Console) -> None:
        super().__init__()
        self.every, self.console = every, console

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every == 0:
            self.console.print(f"epoch {epoch + 1}: " + ", ".join(f"{k} {v:.3f}" for k, v in (logs or {}).items()))
            samples = self.model.generate(60, seed=1, labels=np.repeat(np.arange(6), 10))
            grid(samples, OUT / f"fashion_{keras.backend.backend()}_{epoch + 1:03}.png", 10)


def measure(gan: AdversarialModel, real: np.ndarray, kinds: np.ndarray, epochs: int, console: Console) -> float:
    """The table, and the share of samples that are recognised."""
    judge = classifier(real, kinds, epochs)
    fresh, truth = items(1200, seed=99)
    wanted = np.repeat(np.arange(6), 200)
    samples = gan.generate(1200, seed=2, labels=wanted, batch_size=200)

    def recognised(pictures: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return judge.predict(pictures, verbose=0).argmax(1) == labels

    def spread(pictures: np.ndarray) -> float:
        return float(pictures.std(0).mean())

    of_data, of_samples = recognised(fresh, truth), recognised(samples, wanted)
    table = Table(title=f"fashion items, {keras.backend.backend()}")
    for column in ("kind", "recognised: drawn", "recognised: generated", "spread: drawn", "spread: generated"):
        table.add_column(column)
    for k, name in enumerate(KINDS):
        table.add_row(
            name, f"{of_data[truth == k].mean():.0%}", f"{of_samples[wanted == k].mean():.0%}",
            f"{spread(fresh[truth == k]):.3f}", f"{spread(samples[wanted == k]):.3f}",
        )  # fmt: skip
    console.print(table)
    return float(of_samples.mean())


def main(arguments: list[str] | None = None) -> None:
    """Train, draw, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a size that shows that everything runs")
    parser.add_argument("--loss", choices=["non-saturating", "minimax"], default="non-saturating")
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args(arguments)
    console = Console()
    OUT.mkdir(parents=True, exist_ok=True)
    rows, epochs, width = (128, 1, 4) if options.smoke else (6000, 30, 32)
    epochs = options.epochs or epochs
    keras.utils.set_random_seed(1)
    real, kinds = items(rows, seed=1)
    grid(real[np.argsort(kinds, kind="stable")][:: max(1, rows // 60)][:60], OUT / "fashion_real.png", 10)

    gan = AdversarialModel(*networks(width), seed=1, ema_decay=0.99)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        loss=polyloss.NonSaturatingLoss() if options.loss == "non-saturating" else polyloss.MinimaxLoss(),
        penalty=polyloss.R1Penalty(1.0),
    )
    start = time.perf_counter()
    data = ShuffledBatches(real, kinds, batch_size=64, seed=1)
    gan.fit(data, epochs=epochs, verbose=0, callbacks=[Progress(max(1, epochs // 5), console)])
    console.print(f"{epochs} epochs of {rows} items in {time.perf_counter() - start:.0f} s; pictures in {OUT}")
    share = measure(gan, real, kinds, 1 if options.smoke else 5, console)
    console.print(f"{share:.0%} of the generated items are recognised as the kind that was asked for")


if __name__ == "__main__":
    main()
