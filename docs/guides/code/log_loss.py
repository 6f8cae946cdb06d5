"""Will this user click this ad: calibrated probabilities with the log loss (problem 6)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss

LOSSES = {
    "log loss": polyloss.BinaryCrossentropy(from_logits=True),
    "weighted": polyloss.BinaryCrossentropy(from_logits=True, pos_weight=15.0),
    "focal": polyloss.FocalLoss(from_logits=True),
}


def fit(x, y, loss=LOSSES["log loss"], epochs=12, seed=0):
    """A small network that ends in a logit: no sigmoid, the loss has it."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss=loss)
    history = model.fit(x, y, batch_size=256, epochs=epochs, verbose=0)
    return model, history.history["loss"]


def probability(model, x):
    """The model's answer: the sigmoid is applied where a probability is needed."""
    z = model.predict(x, batch_size=4096, verbose=0)[:, 0]
    return 1 / (1 + np.exp(-z.astype("float64")))


# [/fit]
# [data]
def truth(x):
    """The true probability of a click: about one in sixteen clicks."""
    interest, hour, age, shown = x[:, 0], x[:, 1], x[:, 2], x[:, 3]
    z = (
        -3.5
        + 1.2 * interest
        - 0.6 * shown
        + 0.8 * np.maximum(interest * hour, 0)
        - 0.3 * age**2
    )
    return 1 / (1 + np.exp(-z))


def data(seed=0, rows=40000):
    """Generated impressions: six features of user and ad, and whether there was a click."""
    draws = np.random.default_rng(seed)
    x = draws.normal(0, 1, (rows, 6))
    y = draws.uniform(size=rows) < truth(x)
    return x.astype("float32"), y.astype("float32")[:, None]


# [/data]
# [loop]
def loop(train, x, y, epochs=12):
    """Without Keras: `train` is the loop of your framework, below."""
    loss = polyloss.BinaryCrossentropy(from_logits=True)
    return train(loss, x, y, outputs=1, epochs=epochs, batch=256, rate=0.001)


# [/loop]


def example():
    """Train, then compare the clicks that were predicted with those that came."""
    model, losses = fit(*data(rows=20000), epochs=12)
    print(f"log loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    x, y = data(seed=1, rows=20000)
    p = probability(model, x)
    for low, high in [(0, 0.02), (0.02, 0.05), (0.05, 1)]:
        here = (p >= low) & (p < high)
        if here.any():
            print(f"predicted {p[here].mean():.1%}, came {y[here].mean():.1%}")


# -- the comparison ---------------------------------------------------------------


def measure(seed, smoke=False):
    """On new impressions: how good the probabilities are, and how good the order is."""
    from sklearn.metrics import log_loss, roc_auc_score

    x, y = data(seed, 2000 if smoke else 40000)
    test_x, test_y = data(1000 + seed)
    right = truth(test_x.astype("float64"))
    numbers, curves = {}, {}
    for name, loss in LOSSES.items():
        p = probability(fit(x, y, loss, 1 if smoke else 12, seed)[0], test_x)
        numbers[name] = {
            "log loss": float(log_loss(test_y[:, 0], p)),
            "off": float(np.abs(p - right).mean()),
            "clicks": float(p.sum() / test_y.sum()),
            "auc": float(roc_auc_score(test_y[:, 0], p)),
        }
        groups = np.array_split(np.argsort(p), 20)
        curves[name] = [(p[g].mean(), test_y[g].mean()) for g in groups]
    return numbers, curves


def draw(results, extras, folder):
    """Reliability: what was predicted against what happened, twenty equal groups."""
    from guide import INK, canvas

    with canvas(folder / "log_loss.svg", columns=1.4) as axes:
        axes.plot([0.002, 1], [0.002, 1], color=INK, lw=1, ls="--", label="calibrated")
        for name, colour in zip(LOSSES, ("C0", "C1", "C2"), strict=True):
            points = np.mean([curves[name] for curves in extras], axis=0)
            label = {"weighted": "pos_weight = 15"}.get(name, name)
            axes.plot(*points.T, "o-", ms=4, color=colour, label=label)
        axes.set(xscale="log", yscale="log", xlim=(0.002, 1), ylim=(0.0007, 1))
        axes.set(xlabel="predicted probability", ylabel="share that clicked")
        axes.legend(fontsize=9)


def claims(results):
    """What the guide says in words."""
    return {
        "the log loss has the best probabilities": all(
            results.always("log loss", v, m)
            for v in ("weighted", "focal")
            for m in ("off", "log loss")
        ),
        "its sum of clicks is right": 0.95 < results.mean("log loss", "clicks") < 1.05,
        "the weight promises many times the clicks": results.mean("weighted", "clicks")
        > 4,
        "focal promises too many": results.mean("focal", "clicks") > 1.5,
        "the order differs little": max(results.mean(v, "auc") for v in LOSSES)
        - min(results.mean(v, "auc") for v in LOSSES)
        < 0.01,
        "the weight sorts a little better in every run": results.always(
            "weighted", "log loss", "auc"
        ),
        "focal does not": not results.mostly("focal", "log loss", "auc", 0.5),
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="log_loss",
        measure=measure,
        variants={
            "log loss": ("`BinaryCrossentropy`",) * 2,
            "weighted": ("`BinaryCrossentropy(pos_weight=15)`",) * 2,
            "focal": ("`FocalLoss`",) * 2,
        },
        metrics={
            "log loss": ("log loss", "로그 손실", ".4f"),
            "off": ("distance from the true probability", "실제 확률과의 차이", ".4f"),
            "clicks": (
                "predicted clicks / clicks",
                "예측 클릭 수 / 실제 클릭 수",
                ".2f",
            ),
            "auc": ("ROC AUC",) * 2 + (".4f",),
        },
        data=("generated data, new impressions", "생성한 데이터, 새로운 노출"),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data(rows=4000), epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data(rows=4000), epochs=epochs)[1],
        duels=[
            ("log loss", "weighted", "log loss"),
            ("log loss", "focal", "log loss"),
            ("log loss", "weighted", "auc"),
            ("log loss", "focal", "auc"),
        ],
        smaller_is_better=("log loss", "off"),
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
