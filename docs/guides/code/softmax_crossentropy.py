"""One class out of many with softmax cross-entropy, integer or one-hot labels (problem 5)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss


def fit(x, y, loss=None, last=None, epochs=30, seed=0, callbacks=None):
    """A small network. Right: no activation at the end (`last`), and a loss from logits."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation=last),
        ]
    )
    # integers 0 to 9; one-hot rows take polyloss.CategoricalCrossentropy(from_logits=True)
    loss = loss or polyloss.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss)
    history = model.fit(
        x, y, batch_size=32, epochs=epochs, verbose=0, callbacks=callbacks
    )
    return model, history.history["loss"]


def probabilities(model, x):
    """Softmax where probabilities are wanted."""
    z = model.predict(x, batch_size=2048, verbose=0).astype("float64")
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# [/fit]
# [data]
def data(seed=0, rows=600):
    """scikit-learn's handwritten digits, which stand for ten diagnoses: 600 train, the rest test."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(digits))
    x, y = (images[order] / 16).astype("float32"), digits[order].astype("int32")
    return x[:rows], y[:rows], x[rows:], y[rows:]


# [/data]
# [loop]
def loop(train, x, y, epochs=30):
    """Without Keras: `train` is the loop of your framework, below."""
    loss = polyloss.SparseCategoricalCrossentropy(from_logits=True)
    return train(loss, x, y, outputs=10, epochs=epochs, batch=32, rate=0.003)


# [/loop]


def example():
    """Train, then look at how often the model is right, and how sure it is."""
    x, y, test_x, test_y = data()
    model, losses = fit(x, y, epochs=30)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    p = probabilities(model, test_x)
    print(f"{np.mean(p.argmax(axis=1) == test_y):.1%} of new images right")
    print(f"{p.max(axis=1).mean():.1%} is the probability it gives to its answers")


# -- the comparison ---------------------------------------------------------------

sparse = polyloss.SparseCategoricalCrossentropy(from_logits=True)
RECIPES = {
    "integers": (sparse, None),
    "one-hot": (polyloss.CategoricalCrossentropy(from_logits=True), None),
    "softmax twice": (sparse, "softmax"),
    "squared": (polyloss.MeanSquaredError(), "softmax"),
}


def measure(seed, smoke=False):
    """Accuracy while it learns, and how good the probabilities are at the end."""
    from sklearn.metrics import log_loss

    from guide import watch

    x, y, test_x, test_y = data(seed)
    numbers, curves = {}, {}
    for name, (loss, last) in RECIPES.items():
        labels = y if loss is sparse else np.eye(10, dtype="float32")[y]
        seen = watch(test_x, test_y)
        model, _ = fit(x, labels, loss, last, 3 if smoke else 30, seed, [seen])
        if last:
            p = model.predict(test_x, batch_size=2048, verbose=0)
        else:
            p = probabilities(model, test_x)
        curves[name] = seen.accuracy
        numbers[name] = {
            "early": seen.accuracy[2],
            "accuracy": seen.accuracy[-1],
            "log loss": float(log_loss(test_y, p / p.sum(1, keepdims=True))),
        }
    return numbers, curves


def draw(results, extras, folder):
    """Accuracy on test images by epoch."""
    from guide import canvas

    styles = {
        "integers": "C0-",
        "one-hot": "C4:",
        "softmax twice": "C1-",
        "squared": "C2-",
    }
    with canvas(folder / "softmax_crossentropy.svg", columns=1.5) as axes:
        for name, style in styles.items():
            curve = np.mean([curves[name] for curves in extras], axis=0)
            axes.plot(np.arange(1, len(curve) + 1), curve, style, lw=2.5, label=name)
        axes.set(xlabel="epoch", ylabel="accuracy on test images", ylim=(0.2, 1))
        axes.legend(fontsize=9, loc="lower right")


def claims(results):
    """What the guide says in words."""
    return {
        "one-hot rows give the same as integers": all(
            abs(results.mean("integers", m) - results.mean("one-hot", m)) < 0.01
            for m in results.runs["integers"]
        ),
        "softmax twice is slower in every run": results.always(
            "integers", "softmax twice", "early"
        ),
        "and has worse probabilities in nearly all": results.mostly(
            "integers", "softmax twice", "log loss", 0.9
        ),
        "the squared error is slower at first": results.mostly(
            "integers", "squared", "early"
        ),
        "as accurate at the end": abs(
            results.mean("integers", "accuracy") - results.mean("squared", "accuracy")
        )
        < 0.005,
        "with worse probabilities": results.always("integers", "squared", "log loss"),
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="softmax_crossentropy",
        measure=measure,
        variants={
            "integers": ("`SparseCategoricalCrossentropy`",) * 2,
            "one-hot": ("`CategoricalCrossentropy`, one-hot",) * 2,
            "softmax twice": ("softmax + `from_logits=True`",) * 2,
            "squared": ("softmax + `MeanSquaredError`",) * 2,
        },
        metrics={
            "early": ("accuracy after 3 epochs", "정확도 (3 에포크)", ".3f"),
            "accuracy": ("after 30 epochs", "정확도 (30 에포크)", ".3f"),
            "log loss": ("log loss at the end", "마지막 로그 손실", ".3f"),
        },
        data=(
            "scikit-learn's digits, test images",
            "scikit-learn의 digits, 테스트 이미지",
        ),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data()[:2], epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data()[:2], epochs=epochs)[1],
        duels=[
            ("integers", "softmax twice", "log loss"),
            ("integers", "squared", "log loss"),
            ("integers", "squared", "accuracy"),
        ],
        smaller_is_better=("log loss",),
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
