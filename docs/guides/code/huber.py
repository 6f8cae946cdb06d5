"""Traffic by the hour with outliers: Huber against squared and absolute error (problem 7)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss

LOSSES = {
    "huber": polyloss.Huber(
        delta=1.0
    ),  # 1 is a hundred vehicles an hour: ordinary errors are smaller
    "squared": polyloss.MeanSquaredError(),
    "absolute": polyloss.MeanAbsoluteError(),
}


def fit(x, y, loss=LOSSES["huber"], epochs=60, seed=0):
    """A small network trained with `fit`."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    history = model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model, history.history["loss"]


# [/fit]
# [data]
def flow(hours):
    """The true flow, in hundreds of vehicles an hour: two rush hours on weekdays, a hump at weekends."""
    hour, weekend = hours % 24, (hours // 24) % 7 >= 5
    peaks = 9 * np.exp(-(((hour - 8) / 1.5) ** 2)) + 11 * np.exp(
        -(((hour - 18) / 2) ** 2)
    )
    hump = 6 * np.exp(-(((hour - 14) / 4) ** 2))
    return 1.5 + 4 * np.exp(-(((hour - 13) / 5) ** 2)) + np.where(weekend, hump, peaks)


def features(hours):
    """The hour as waves, and whether it is the weekend."""
    turn = 2 * np.pi * (hours % 24)[:, None] * np.arange(1, 4) / 24
    weekend = ((hours // 24) % 7 >= 5)[:, None]
    return np.concatenate([np.sin(turn), np.cos(turn), weekend], axis=1).astype(
        "float32"
    )


def data(seed=0, weeks=8, outliers=0.05):
    """Eight weeks of counts with ordinary noise; in some hours the sensor counted wildly too much."""
    draws = np.random.default_rng(seed)
    hours = np.arange(weeks * 7 * 24)
    y = flow(hours) * draws.normal(1, 0.05, len(hours)) + draws.normal(
        0, 0.2, len(hours)
    )
    wild = draws.uniform(size=len(hours)) < outliers
    y = np.where(wild, y + draws.uniform(20, 100, len(hours)), y)
    return features(hours), y.astype("float32")[:, None]


# [/data]
# [loop]
def loop(train, x, y, epochs=60):
    """Without Keras: `train` is the loop of your framework, below."""
    return train(polyloss.Huber(delta=1.0), x, y, outputs=1, epochs=epochs)


# [/loop]


def example():
    """Train on counts with outliers, then compare with the true flow of a day."""
    model, losses = fit(*data(), epochs=60)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    hours = np.arange(48, 72)
    predicted = model.predict(features(hours), verbose=0)[:, 0]
    print(f"off by {100 * np.abs(predicted - flow(hours)).mean():.0f} vehicles an hour")


# -- the comparison -------------------------------------------------------------------------------


def measure(seed, smoke=False):
    """Error against the true flow, with and without outliers in training, in vehicles an hour."""
    week = np.arange(7 * 24)
    numbers, curves = {}, {}
    for name, loss in LOSSES.items():
        numbers[name] = {}
        for share, metric in ((0.05, "outliers"), (0.0, "clean")):
            model, _ = fit(
                *data(seed, outliers=share), loss, epochs=2 if smoke else 60, seed=seed
            )
            curve = model.predict(features(week), batch_size=256, verbose=0)[:, 0]
            numbers[name][metric] = 100 * float(np.abs(curve - flow(week)).mean())
            if share:
                curves[name] = curve
    return numbers, curves


def draw(results, extras, folder):
    """Wednesday as each loss learned it, above the counts."""
    from guide import INK, canvas

    x = np.arange(24)
    _, counts = data(0)
    counts = counts.reshape(-1, 7, 24)[:, 2]
    with canvas(folder / "huber.svg", columns=2) as (left, right):
        left.scatter(
            np.tile(x, len(counts)),
            100 * counts,
            s=9,
            color=INK,
            alpha=0.6,
            rasterized=True,
            label="counted",
        )
        left.set(yscale="log", xlabel="hour of a Wednesday", ylabel="vehicles an hour")
        for name, style in (("squared", "C1"), ("absolute", "C2"), ("huber", "C0")):
            left.plot(x, 100 * extras[0][name][48:72], color=style, lw=2, label=name)
            off = [100 * (e[name] - flow(np.arange(168))) for e in extras]
            right.plot(x, np.mean(off, axis=0)[48:72], color=style, lw=2, label=name)
        left.legend(loc="upper left", fontsize=9, ncols=2)
        left.set_ylim(80, 30000)
        right.axhline(0, color=INK, lw=1)
        right.set(xlabel="hour of a Wednesday", ylabel="error against the true flow")


def claims(results):
    """What the guide says in words."""
    return {
        "with outliers Huber beats the squared error in every seed": results.always(
            "huber", "squared", "outliers"
        ),
        "by ten times or more": results.mean("squared", "outliers")
        > 10 * results.mean("huber", "outliers"),
        "Huber and the absolute error are near each other": 0.7
        < results.mean("huber", "outliers") / results.mean("absolute", "outliers")
        < 1.4,
        "without outliers no loss stands out": max(
            results.mean(v, "clean") for v in LOSSES
        )
        < 1.4 * min(results.mean(v, "clean") for v in LOSSES),
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="huber",
        measure=measure,
        variants={
            "huber": ("`Huber(delta=1)`",) * 2,
            "squared": ("`MeanSquaredError`",) * 2,
            "absolute": ("`MeanAbsoluteError`",) * 2,
        },
        metrics={
            "outliers": ("error, 5% outliers", "오차, 이상치 5%", ".1f"),
            "clean": ("error, no outliers", "오차, 이상치 없음", ".1f"),
        },
        data=(
            "generated data, error in vehicles an hour",
            "생성한 데이터, 오차 단위는 시간당 차량 수",
        ),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data(), epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data(), epochs=epochs)[1],
        duels=[
            ("huber", "squared", "outliers"),
            ("huber", "absolute", "outliers"),
            ("huber", "squared", "clean"),
        ],
        smaller_is_better=("outliers", "clean"),
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
