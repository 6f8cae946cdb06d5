"""Very unequal classes: what focusing does, and what weights do (problem 8)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss


def balance(y, classes=10):
    """One weight a class, larger for rarer classes, mean 1."""
    weights = 1 / np.sqrt(np.bincount(y, minlength=classes))
    return list(weights / weights.mean())


def losses(y):
    """What is compared; the labels `y` are integers."""
    sparse = polyloss.SparseCategoricalCrossentropy
    focal = polyloss.CategoricalFocalLoss
    return {
        "cross-entropy": sparse(from_logits=True),
        "focal": focal(gamma=2.0, from_logits=True),
        "focal, weighted": focal(gamma=2.0, alpha=balance(y), from_logits=True),
        "cross-entropy, weighted": sparse(class_weights=balance(y), from_logits=True),
    }


def fit(x, y, loss, epochs=60, seed=0):
    """A small network that ends in logits: no softmax, the loss has it."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss=loss)
    history = model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return model, history.history["loss"]


# [/fit]
# [data]
def data(seed=0, most=90, least=3):
    """scikit-learn's digits with classes from 90 training images down to 3; the rest tests.

    Which digit is how rare changes with the seed. The images stand for medical ones.
    """
    from sklearn.datasets import load_digits

    draws = np.random.default_rng(seed)
    images, digits = load_digits(return_X_y=True)
    y = draws.permutation(10)[
        digits
    ]  # class 0 is the most frequent, class 9 the rarest
    counts = np.geomspace(most, least, 10).round().astype(int)
    train = np.concatenate(
        [draws.permutation(np.flatnonzero(y == k))[:n] for k, n in enumerate(counts)]
    )
    test = np.setdiff1d(np.arange(len(y)), train)
    x = (images / 16).astype("float32")
    y = y.astype("int32")
    return x[train], y[train], x[test], y[test]


# [/data]
# [loop]
def loop(train, x, y, epochs=60):
    """Without Keras: `train` is the loop of your framework, below."""
    loss = polyloss.CategoricalFocalLoss(gamma=2.0, alpha=balance(y), from_logits=True)
    return train(loss, x, y, outputs=10, epochs=epochs, batch=32, rate=0.005)


# [/loop]


def example():
    """Train with a weight for each class, then look at every class by itself."""
    x, y, test_x, test_y = data()
    loss = polyloss.CategoricalFocalLoss(alpha=balance(y), from_logits=True)
    model, history = fit(x, y, loss, epochs=60)
    print(f"loss {history[0]:.3f} -> {history[-1]:.3f}")
    guessed = model.predict(test_x, verbose=0).argmax(axis=1)
    for k, count in enumerate(np.bincount(y)):
        print(f"class {k}, {count} images: {np.mean(guessed[test_y == k] == k):.0%}")


# -- the comparison ---------------------------------------------------------------

NAMES = ("cross-entropy", "focal", "focal, weighted", "cross-entropy, weighted")


def measure(seed, smoke=False):
    """Recall of every class on new images."""
    x, y, test_x, test_y = data(seed)
    numbers, curves = {}, {}
    for name, loss in losses(y).items():
        model, _ = fit(x, y, loss, 2 if smoke else 60, seed)
        chosen = model.predict(test_x, batch_size=2048, verbose=0).argmax(1)
        recall = [float(np.mean(chosen[test_y == k] == k)) for k in range(10)]
        curves[name] = recall
        numbers[name] = {
            "rare": float(np.mean(recall[-3:])),
            "common": float(np.mean(recall[:3])),
            "all": float(np.mean(recall)),
        }
    return numbers, curves


def draw(results, extras, folder):
    """Recall of the classes, by how many images they trained with."""
    from guide import canvas

    counts = np.geomspace(90, 3, 10).round()
    with canvas(folder / "categorical_focal.svg", columns=1.5) as axes:
        for name, style in zip(NAMES, ("C1-", "C0-", "C0--", "C1--"), strict=True):
            curve = np.mean([curves[name] for curves in extras], axis=0)
            axes.plot(counts, curve, style, lw=2, label=name)
        axes.set(xscale="log", xlabel="training images of the class", ylabel="recall")
        axes.legend(fontsize=9, loc="lower right")


def claims(results):
    """What the guide says in words."""
    plain, focal, weighted, both = NAMES[0], NAMES[1], NAMES[3], NAMES[2]
    return {
        "focusing alone does not raise rare recall": not results.mostly(
            focal, plain, "rare", 0.5
        ),
        "weights do, in both losses": results.mostly(weighted, plain, "rare")
        and results.mostly(both, focal, "rare"),
        "the weighted cross-entropy is the best for the rare": all(
            results.mean(weighted, "rare") > results.mean(v, "rare")
            for v in (plain, focal, both)
        ),
        "frequent classes lose next to nothing": min(
            results.mean(v, "common") for v in NAMES
        )
        > results.mean(plain, "common") - 0.01,
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    def few(epochs):
        x, y, _, _ = data()
        return fit(x, y, losses(y)["focal, weighted"], epochs)[1]

    return Guide(
        slug="categorical_focal",
        measure=measure,
        variants={
            "cross-entropy": ("`SparseCategoricalCrossentropy`",) * 2,
            "focal": ("`CategoricalFocalLoss`",) * 2,
            "focal, weighted": ("`CategoricalFocalLoss(alpha=...)`",) * 2,
            "cross-entropy, weighted": (
                "`SparseCategoricalCrossentropy(class_weights=...)`",
            )
            * 2,
        },
        metrics={
            "rare": (
                "recall, three rarest classes",
                "재현율, 가장 희소한 세 클래스",
                ".3f",
            ),
            "common": ("three most frequent", "가장 흔한 세 클래스", ".3f"),
            "all": ("mean of all ten", "열 클래스 평균", ".3f"),
        },
        data=(
            "scikit-learn's digits made unequal, new images",
            "scikit-learn의 digits를 불균형하게 만든 데이터, 새로운 이미지",
        ),
        draw=draw,
        claims=claims,
        fit=few,
        loop=lambda train, epochs: loop(train, *data()[:2], epochs=epochs)[1],
        duels=[
            ("focal", "cross-entropy", "rare"),
            ("focal, weighted", "focal", "rare"),
            ("focal, weighted", "cross-entropy, weighted", "rare"),
        ],
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
