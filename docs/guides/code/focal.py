"""Objects among background: focal loss for rare classes (problem 1)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss

LOSSES = {
    "focal": polyloss.FocalLoss(gamma=2.0, alpha=0.25, from_logits=True),
    "focal, positives up": polyloss.FocalLoss(gamma=2.0, alpha=0.75, from_logits=True),
    "cross-entropy": polyloss.BinaryCrossentropy(from_logits=True),
}


def fit(x, y, loss=LOSSES["focal"], epochs=60, seed=0):
    """A small network with one logit a class; it starts out saying "background"."""
    keras.utils.set_random_seed(seed)
    prior = keras.initializers.Constant(-np.log((1 - 0.01) / 0.01))
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(3, bias_initializer=prior),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss)
    history = model.fit(x, y, batch_size=128, epochs=epochs, verbose=0)
    return model, history.history["loss"]


# [/fit]
# [data]
def data(seed=0, test=False, background=12000, objects=60):
    """Windows of 8 x 8 pixels cut from two photographs, a few with an object in them.

    The objects are handwritten digits (0, 4 and 7 stand for vehicles, pedestrians and
    bicycles), drawn over the photograph. Test digits are not training digits.
    """
    from sklearn.datasets import load_digits, load_sample_images

    draws = np.random.default_rng([seed, test])
    greys = [image.mean(-1)[::3, ::3] / 255 for image in load_sample_images().images]
    digits, labels = load_digits(return_X_y=True)
    halves = np.random.default_rng(seed).permutation(len(digits)) % 2 == test
    kinds = np.repeat([-1, 0, 4, 7], [background, objects, objects, objects])
    windows = []
    for kind in kinds:
        grey = greys[draws.integers(len(greys))]
        row, column = (draws.integers(n - 8) for n in grey.shape)
        window = grey[row : row + 8, column : column + 8].ravel()
        if kind >= 0:
            digit = draws.choice(np.flatnonzero(halves & (labels == kind)))
            ink = digits[digit] / 16
            window = (1 - 0.7 * ink) * window + 0.7 * ink * draws.uniform(0.2, 1)
        windows.append(window)
    y = kinds[:, None] == [0, 4, 7]
    return np.array(windows, "float32"), y.astype("float32")


# [/data]
# [loop]
def loop(train, x, y, epochs=60):
    """Without Keras: `train` is the loop of your framework, below."""
    loss = polyloss.FocalLoss(gamma=2.0, alpha=0.25, from_logits=True)
    return train(loss, x, y, outputs=3, units=64, epochs=epochs, batch=128, rate=0.003)


# [/loop]


def example():
    """Train, then count what is found where one window in a thousand is a false alarm."""
    model, losses = fit(*data(), epochs=60)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    x, y = data(test=True, objects=200)
    logits = model.predict(x, batch_size=4096, verbose=0)
    for k, name in enumerate(["vehicles", "pedestrians", "bicycles"]):
        threshold = np.quantile(logits[y[:, k] == 0, k], 0.999)
        print(f"{name}: {np.mean(logits[y[:, k] == 1, k] > threshold):.0%} found")


# -- the comparison ---------------------------------------------------------------

FALSE_ALARMS = 0.001


def measure(seed, smoke=False):
    """What is found of each class, at 0.5, at a fixed number of false alarms, and in all."""
    from sklearn.metrics import average_precision_score

    x, y = data(seed, background=1000 if smoke else 12000)
    test_x, test_y = data(
        seed, test=True, background=1000 if smoke else 12000, objects=200
    )
    numbers, curves = {}, {}
    alarms = np.geomspace(1e-4, 0.1, 25)
    for name, loss in LOSSES.items():
        model, _ = fit(x, y, loss, 2 if smoke else 60, seed)
        z = model.predict(test_x, batch_size=4096, verbose=0)
        found, fixed, average, false = [], [], [], []
        curves[name] = []
        for k in range(3):
            own, other = z[test_y[:, k] == 1, k], z[test_y[:, k] == 0, k]
            found.append(np.mean(own > 0))
            false.append(np.sum(other > 0) / max(1, np.sum(z[:, k] > 0)))
            fixed.append(np.mean(own > np.quantile(other, 1 - FALSE_ALARMS)))
            average.append(average_precision_score(test_y[:, k], z[:, k]))
            curves[name].append(
                [np.mean(own > np.quantile(other, 1 - a)) for a in alarms]
            )
        numbers[name] = {
            "recall": float(np.mean(found)),
            "precision": 1 - float(np.mean(false)),
            "fixed": float(np.mean(fixed)),
            "average": float(np.mean(average)),
        }
    return numbers, (alarms, {k: np.mean(v, axis=0) for k, v in curves.items()})


def draw(results, extras, folder):
    """Recall over false alarms."""
    from guide import canvas

    with canvas(folder / "focal.svg", columns=1.5) as axes:
        for name, colour in zip(LOSSES, ("C0", "C2", "C1"), strict=True):
            curve = np.mean([curves[name] for _, curves in extras], axis=0)
            axes.plot(extras[0][0], curve, color=colour, lw=2, label=name)
        axes.set(
            xscale="log", xlabel="share of windows with a false alarm", ylabel="recall"
        )
        axes.legend(fontsize=9, loc="lower right")


def claims(results):
    """What the guide says in words."""
    focal, up, plain = "focal", "focal, positives up", "cross-entropy"
    return {
        "at equal false alarms focal mostly finds more": results.mostly(
            focal, plain, "fixed"
        ),
        "its order is mostly better": results.mostly(focal, plain, "average"),
        "by little": results.mean(focal, "fixed") - results.mean(plain, "fixed") < 0.05,
        "at 0.5 recall is no better": not results.mostly(focal, plain, "recall", 0.6),
        "but precision is": results.mean(focal, "precision")
        > results.mean(plain, "precision"),
        "alpha up: more recall at 0.5": results.always(up, plain, "recall"),
        "alpha up: less precision": results.always(plain, up, "precision"),
        "alpha up: a worse order": results.mostly(focal, up, "average"),
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="focal",
        measure=measure,
        variants={
            "focal": ("`FocalLoss(alpha=0.25)`",) * 2,
            "focal, positives up": ("`FocalLoss(alpha=0.75)`",) * 2,
            "cross-entropy": ("`BinaryCrossentropy`",) * 2,
        },
        metrics={
            "recall": ("recall at 0.5", "재현율 (임계값 0.5)", ".3f"),
            "precision": ("precision at 0.5", "정밀도 (임계값 0.5)", ".3f"),
            "fixed": ("recall at 0.1% false alarms", "재현율 (오경보 0.1%)", ".3f"),
            "average": ("average precision", "평균 정밀도", ".3f"),
        },
        data=(
            "windows of photographs with handwritten digits as objects, mean of three classes",
            "사진 조각에 손글씨 숫자를 물체로 넣은 데이터, 세 클래스의 평균",
        ),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data(background=2000), epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data(background=2000), epochs=epochs)[
            1
        ],
        duels=[
            ("focal", "cross-entropy", "recall"),
            ("focal", "cross-entropy", "fixed"),
            ("focal, positives up", "cross-entropy", "recall"),
            ("focal", "cross-entropy", "average"),
        ],
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
