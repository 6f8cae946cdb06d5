"""Which of a hundred dishes: categorical cross-entropy with soft labels (problem 10)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss


def fit(x, y, loss=None, epochs=18, seed=0, last=None, callbacks=None):
    """A small convolutional network; the labels `y` are one row a picture, one column a dish."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(y.shape[1], activation=last),
        ]
    )
    loss = loss or polyloss.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss)
    history = model.fit(
        x, y, batch_size=64, epochs=epochs, verbose=0, callbacks=callbacks
    )
    return model, history.history["loss"]


# [/fit]
# [data]
def photos(dishes, each, seed):
    """Generated pictures: three ingredients in blobs on a plate, in changing light.

    A dish is three colours and their shares. Dishes come in pairs that look much alike.
    """
    from numpy.fft import irfft2, rfft2

    menu = np.random.default_rng(0)  # the same dishes for every seed, in the same order
    colours = menu.uniform(0, 1, (100, 3, 3)).repeat(2, axis=0)
    colours[1::2] += menu.normal(0, 0.06, (100, 3, 3))
    shares = menu.dirichlet([3, 3, 3], 200)
    draws = np.random.default_rng([1, seed])
    dish = np.repeat(np.arange(dishes), each)
    low = np.exp(
        -0.1 * (np.fft.fftfreq(12)[:, None] ** 2 + np.fft.rfftfreq(12) ** 2) * 144
    )
    field = irfft2(rfft2(draws.normal(size=(len(dish), 12, 12))) * low, s=(12, 12))
    height = (
        field.reshape(len(dish), -1).argsort(1).argsort(1) / 144
    )  # ranks: shares are exact
    part = (height[..., None] > np.cumsum(shares[dish], 1)[:, None, :2]).sum(-1)
    x = colours[dish[:, None], part].reshape(-1, 12, 12, 3)
    x = x * draws.uniform(0.7, 1.2, (len(dish), 1, 1, 1)) + draws.normal(
        0, 0.08, x.shape
    )
    away = np.hypot(*np.meshgrid(np.arange(12) - 5.5, np.arange(12) - 5.5))
    return np.where(away[..., None] < 6, x, 0.95).astype("float32"), dish


def data(dishes=100, seed=0, each=20, voters=5):
    """Pictures, and what five people called them: now and then they name the twin dish."""
    x, dish = photos(dishes, each, seed)
    draws = np.random.default_rng([2, seed])
    mistaken = draws.uniform(size=(len(dish), voters)) < 0.25
    votes = np.where(mistaken, dish[:, None] ^ 1, dish[:, None])
    return x, np.eye(dishes, dtype="float32")[votes].mean(1), votes


# [/data]
# [loop]
def loop(train, x, y, epochs=18):
    """Without Keras: `train` is the loop of your framework, below; pictures as rows."""
    loss = polyloss.CategoricalCrossentropy(from_logits=True)
    flat = x.reshape(len(x), -1)
    return train(loss, flat, y, outputs=y.shape[1], units=64, epochs=epochs, rate=0.003)


# [/loop]


def example():
    """Train on ten dishes, then count how often the voters' first choice is found."""
    x, y, _ = data(dishes=10, each=40)
    test = np.arange(len(x)) % 5 == 0
    model, losses = fit(x[~test], y[~test], epochs=18)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    guessed = model.predict(x[test], verbose=0).argmax(axis=1)
    print(f"{np.mean(guessed == y[test].argmax(axis=1)):.0%} of new photos right")


# -- the comparison ---------------------------------------------------------------

CE = polyloss.CategoricalCrossentropy(from_logits=True)
RECIPES = {  # loss, last activation, which labels
    "softmax": (CE, None, "true"),
    "squared": (polyloss.MeanSquaredError(), "softmax", "true"),
    "sigmoids": (polyloss.BinaryCrossentropy(from_logits=True), None, "true"),
    "votes": (CE, None, "votes"),
    "squared votes": (polyloss.MeanSquaredError(), "softmax", "votes"),
    "one vote": (CE, None, "one vote"),
}


def measure(seed, smoke=False):
    """Accuracy on new pictures while it learns, with ten dishes and with a hundred."""
    from guide import watch

    recipes = dict(list(RECIPES.items())[: 2 if smoke else None])
    numbers, curves = {name: {} for name in recipes}, {}
    for dishes in (10, 100):
        each = 40 if smoke else 2000 // dishes  # as many pictures, however many dishes
        x, shares, votes = data(dishes, seed, each if dishes == 10 or not smoke else 4)
        one_hot = np.eye(dishes, dtype="float32")
        truth = np.repeat(np.arange(dishes), len(x) // dishes)
        labels = {
            "true": one_hot[truth],
            "votes": shares,
            "one vote": one_hot[votes[:, 0]],
        }
        test_x, test_y = photos(dishes, 1000 // dishes, 1000 + seed)
        for name, (loss, last, which) in recipes.items():
            seen = watch(test_x, test_y)
            fit(x, labels[which], loss, 1 if smoke else 18, seed, last, [seen])
            early = seen.accuracy[min(5, len(seen.accuracy) - 1)]
            numbers[name] |= {
                f"early {dishes}": early,
                f"late {dishes}": seen.accuracy[-1],
            }
            curves[name, dishes] = seen.accuracy
    return numbers, curves


def draw(results, extras, folder):
    """Accuracy by epoch, with ten dishes and with a hundred."""
    from guide import canvas

    styles = {"softmax": "C0", "squared": "C1", "sigmoids": "C2"}
    path = folder / "categorical_crossentropy.svg"
    with canvas(path, columns=2, sharey=True) as axes:
        for axis, dishes in zip(axes, (10, 100), strict=True):
            for name, colour in styles.items():
                if (name, dishes) not in extras[0]:  # a smoke run
                    continue
                curve = np.mean([curves[name, dishes] for curves in extras], axis=0)
                epochs = np.arange(1, len(curve) + 1)
                axis.plot(epochs, curve, color=colour, lw=2, label=name)
            axis.set(title=f"{dishes} dishes", xlabel="epoch")
        axes[0].set(ylabel="accuracy, new pictures", ylim=(0, 1))
        axes[0].legend(fontsize=9, loc="lower right")


def claims(results):
    """What the guide says in words."""
    return {
        "with a hundred dishes far ahead early": results.always(
            "softmax", "squared", "early 100"
        )
        and results.mean("softmax", "early 100")
        > 1.5 * results.mean("squared", "early 100"),
        "the squared error comes near": results.mean("squared", "late 100")
        > 0.85 * results.mean("softmax", "late 100"),
        "sigmoids have hardly begun": results.mean("sigmoids", "early 100") < 0.1,
        "with ten dishes cross-entropy and squared error are close": abs(
            results.mean("softmax", "early 10") - results.mean("squared", "early 10")
        )
        < 0.03,
        "five votes mostly beat one": results.mostly("votes", "one vote", "late 100"),
        "on votes the squared error ends ahead": results.always(
            "squared votes", "votes", "late 100"
        ),
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="categorical_crossentropy",
        measure=measure,
        variants={
            "softmax": ("`CategoricalCrossentropy`",) * 2,
            "squared": ("softmax + `MeanSquaredError`",) * 2,
            "sigmoids": (
                "`BinaryCrossentropy`, a sigmoid a dish",
                "`BinaryCrossentropy`, 음식마다 시그모이드",
            ),
            "votes": (
                "`CategoricalCrossentropy`, votes",
                "`CategoricalCrossentropy`, 투표 비율",
            ),
            "squared votes": (
                "softmax + `MeanSquaredError`, votes",
                "softmax + `MeanSquaredError`, 투표 비율",
            ),
            "one vote": (
                "`CategoricalCrossentropy`, one vote",
                "`CategoricalCrossentropy`, 한 표",
            ),
        },
        metrics={
            "early 10": ("10 dishes, 6 epochs", "음식 10가지, 6 에포크", ".3f"),
            "late 10": ("10 dishes, 18 epochs", "음식 10가지, 18 에포크", ".3f"),
            "early 100": ("100 dishes, 6 epochs", "음식 100가지, 6 에포크", ".3f"),
            "late 100": ("100 dishes, 18 epochs", "음식 100가지, 18 에포크", ".3f"),
        },
        data=(
            "generated pictures, new ones for testing",
            "생성한 그림, 테스트는 새로운 그림",
        ),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data(10)[:2], epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data(10)[:2], epochs=epochs)[1],
        duels=[
            ("softmax", "squared", "early 100"),
            ("softmax", "squared", "late 100"),
            ("softmax", "sigmoids", "late 100"),
            ("votes", "one vote", "late 100"),
            ("votes", "squared votes", "late 100"),
        ],
        seeds=5,
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
