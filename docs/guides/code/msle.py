"""Energy use of homes from watts to kilowatts: squared logarithmic error (problem 9)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss

LOSSES = {
    "msle": polyloss.MeanSquaredLogarithmicError(),
    "squared": polyloss.MeanSquaredError(),
    "absolute": polyloss.MeanAbsoluteError(),
}


def watts(z, start=100.0):
    """What the last layer makes of its sum: always positive, 100 W at the start."""
    return start * keras.ops.exp(z)


def fit(x, y, loss=LOSSES["msle"], epochs=30, seed=0, last=watts):
    """A small network trained with `fit`."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1, activation=last),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(0.01, epochs * len(x) // 64)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
    history = model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model, history.history["loss"]


# [/fit]
# [data]
def data(seed=0, rows=4000):
    """Hourly use in watts, and the typical use behind it: homes differ by powers of ten."""
    draws = np.random.default_rng(seed)
    area, people, cold, evening = draws.uniform(-1, 1, (4, rows))
    heating, oven = draws.uniform(size=(2, rows)) < [[0.4], [0.1]]
    log_use = 4.6 + 0.8 * area + 0.5 * people + 0.6 * evening * people
    log_use += heating * (2.0 + 0.8 * cold + 0.4 * area) + 1.2 * oven
    x = np.stack([area, people, cold, evening, heating, oven], axis=1).astype("float32")
    typical = np.exp(log_use).astype("float32")[:, None]
    return (
        x,
        typical * np.exp(draws.normal(0, 0.25, typical.shape)).astype("float32"),
        typical,
    )


# [/data]
# [loop]
def loop(train, x, y, epochs=30):
    """Without Keras: `train` is the loop of your framework, below."""
    msle = polyloss.MeanSquaredLogarithmicError()
    return train(lambda y, z: msle(y, watts(z)), x, y, outputs=1, epochs=epochs)


# [/loop]


def example():
    """Train, then look at the ratio of prediction and truth in small and in large homes."""
    x, y = data()[:2]
    test = np.arange(len(x)) % 5 == 0
    model, losses = fit(x[~test], y[~test], epochs=30)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    ratio = model.predict(x[test], verbose=0) / y[test]
    small = y[test] < np.median(y[test])
    print(
        f"small homes: within a factor of {np.exp(np.abs(np.log(ratio[small])).mean()):.2f}"
    )
    print(
        f"large homes: within a factor of {np.exp(np.abs(np.log(ratio[~small])).mean()):.2f}"
    )


# -- the comparison ---------------------------------------------------------------


def measure(seed, smoke=False):
    """Relative error on new homes, by how much they use; and the sum over all homes."""
    from itertools import pairwise

    x, y, _ = data(seed)
    test_x, test_y, typical = data(1000 + seed)
    epochs = 2 if smoke else 30
    runs = {name: (loss, 1.0) for name, loss in LOSSES.items()}
    runs["kilowatts"] = (LOSSES["msle"], 1000.0)
    numbers, curves = {}, {}
    for name, (loss, unit) in runs.items():
        model, _ = fit(
            x, y / unit, loss, epochs, seed, lambda z, u=unit: watts(z, 100.0 / u)
        )
        p = model.predict(test_x, batch_size=1000, verbose=0) * unit
        off = np.abs(p / typical - 1)
        numbers[name] = {
            "small": float(np.median(off[typical < 100])),
            "middle": float(np.median(off[(typical >= 100) & (typical < 1000)])),
            "large": float(np.median(off[typical >= 1000])),
            "total": float(p.sum() / test_y.sum()),
        }
        edges = np.geomspace(20, 5000, 13)
        bins = [(typical >= a) & (typical < b) for a, b in pairwise(edges)]
        curves[name] = [float(np.median(off[b])) for b in bins]
    return numbers, (np.sqrt(edges[1:] * edges[:-1]), curves)


def draw(results, extras, folder):
    """Relative error over the range of use."""
    from guide import canvas

    labels = {
        "squared": "MSE",
        "absolute": "MAE",
        "kilowatts": "MSLE, in kW",
        "msle": "MSLE, in W",
    }
    with canvas(folder / "msle.svg", columns=1.6) as axes:
        for (name, label), colour in zip(
            labels.items(), ("C1", "C2", "C3", "C0"), strict=True
        ):
            curve = np.mean([curves[name] for _, curves in extras], axis=0)
            axes.plot(extras[0][0], 100 * curve, color=colour, label=label, lw=2)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="use, watts",
            ylabel="median relative error, %",
        )
        axes.legend(fontsize=9)


def claims(results):
    """What the guide says in words."""
    msle = [results.mean("msle", m) for m in ("small", "middle", "large")]
    return {
        "the relative error of MSLE is even": max(msle) < 1.3 * min(msle),
        "the squared error misses small homes": results.always(
            "msle", "squared", "small"
        ),
        "by far": results.mean("squared", "small") > 3 * results.mean("msle", "small"),
        "the absolute error comes near": results.mean("absolute", "small")
        < 1.7 * results.mean("msle", "small"),
        "kilowatts spoil it for small homes": results.always(
            "msle", "kilowatts", "small"
        ),
        "the sum falls short with MSLE": results.mean("msle", "total") < 0.98,
        "the sum is about right with MSE": 0.97
        < results.mean("squared", "total")
        < 1.03,
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="msle",
        measure=measure,
        variants={
            "msle": ("`MeanSquaredLogarithmicError`, W",) * 2,
            "kilowatts": ("`MeanSquaredLogarithmicError`, kW",) * 2,
            "squared": ("`MeanSquaredError`",) * 2,
            "absolute": ("`MeanAbsoluteError`",) * 2,
        },
        metrics={
            "small": ("relative error, below 100 W", "상대 오차, 100 W 미만", ".1%"),
            "middle": ("100 W to 1 kW", "100 W ~ 1 kW", ".1%"),
            "large": ("above 1 kW", "1 kW 이상", ".1%"),
            "total": ("predicted sum / true sum", "예측 합계 / 실제 합계", ".3f"),
        },
        data=(
            "generated data, medians on new homes",
            "생성한 데이터, 새로운 가정에 대한 중앙값",
        ),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data()[:2], epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data()[:2], epochs=epochs)[1],
        duels=[
            ("msle", "squared", "small"),
            ("msle", "absolute", "small"),
            ("msle", "squared", "large"),
        ],
        smaller_is_better=("small", "middle", "large"),
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
