"""Products that look alike: an embedding from labelled pairs (problem 11)."""

from __future__ import annotations

# [fit]
import keras
import numpy as np

import polyloss


def embedder():
    """A photo becomes a point in 16 dimensions."""
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(16),
        ]
    )


def fit(pairs, alike, loss=None, epochs=12, seed=0):
    """Both photos of a pair go through the same network; 1 means the same product."""
    keras.utils.set_random_seed(seed)
    embed = embedder()
    both = keras.Input((2, 16, 16, 3))
    model = keras.Model(
        both, keras.layers.TimeDistributed(embed)(both)
    )  # (batch, 2, 16)
    loss = loss or polyloss.ContrastiveLoss(margin=1.0)
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss=loss)
    history = model.fit(pairs, alike, batch_size=64, epochs=epochs, verbose=0)
    return embed, history.history["loss"]


# [/fit]
# [data]
def photos(products, each, seed):
    """Drawn products, each photographed several times: moved, scaled, in other light.

    A product has an outline, two colours and stripes. Four in a row share their colours.
    """
    draws = np.random.default_rng(seed)
    product = np.repeat(np.arange(products), each)
    rows = len(product)

    def own(low, high, *shape, family=1):  # the same for all photos of a product
        values = draws.uniform(low, high, (products // family, *shape))
        return values.repeat(family, axis=0)[product].reshape(rows, *shape, 1, 1)

    def new(low, high, *shape):  # new in every photo
        return draws.uniform(low, high, (rows, *shape, 1, 1))

    grid = np.linspace(-1.3, 1.3, 16)
    size = new(0.8, 1.1)
    x, y = grid / size + new(-0.3, 0.3), grid[:, None] / size + new(-0.3, 0.3)
    bend, wide, tall = own(1, 4), own(0.5, 1), own(0.5, 1)
    inside = abs(x / wide) ** bend + abs(y / tall) ** bend < 1
    turn, width = own(0, np.pi), own(3, 9)
    stripes = np.sin(width * (x * np.cos(turn) + y * np.sin(turn)) + own(0, 6)) > 0
    one, two = own(0, 1, 3, family=4), own(0, 1, 3, family=4)
    drawn = np.where(inside[:, None], np.where(stripes[:, None], one, two), 0.9)
    drawn = drawn * new(0.6, 1.2, 1) * new(0.85, 1.15, 3)
    drawn += draws.normal(0, 0.06, drawn.shape)
    return drawn.transpose(0, 2, 3, 1).astype("float32"), product


def data(seed=0, count=6000, products=400, each=3):
    """Labelled pairs: half are one product, a quarter share only the colours."""
    x, product = photos(products, each, [seed, 0])
    draws = np.random.default_rng([seed, 1])
    kind = draws.integers(
        4, size=count
    )  # 0, 1: the same; 2: same colours; 3: any other
    first = draws.integers(len(x), size=count)
    other = product[first]
    near = other // 4 * 4 + (other + draws.integers(1, 4, count)) % 4
    far = (other + draws.integers(1, products, count)) % products
    other = np.select([kind < 2, kind == 2], [other, near], far)
    second = other * each + draws.integers(each, size=count)
    pairs = np.stack([x[first], x[second]], axis=1)
    return pairs, (product[first] == product[second]).astype("float32")


# [/data]
# [loop]
def loop(train, pairs, alike, epochs=12):
    """Without Keras: `train` is the loop of your framework, below; photos as rows."""
    rows = pairs.reshape(len(pairs), 2, -1)  # the network acts on the last axis
    loss = polyloss.ContrastiveLoss(margin=1.0)
    return train(loss, rows, alike, outputs=16, units=128, epochs=epochs, rate=0.001)


# [/loop]


def example():
    """Train, then compare distances of alike and of different products."""
    embed, losses = fit(*data(), epochs=12)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    pairs, alike = data(seed=1, count=1000)
    first, second = (embed.predict(pairs[:, i], verbose=0) for i in range(2))
    distance = np.linalg.norm(first - second, axis=1)
    print(f"alike: {np.median(distance[alike == 1]):.2f} apart")
    print(f"different: {np.median(distance[alike == 0]):.2f} apart")


# -- the comparison ---------------------------------------------------------------


def found(points, product, among):
    """For how many photos the same product is among the nearest other photos."""
    squares = (points**2).sum(1)
    distance = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :among]
    return float(np.mean((product[nearest] == product[:, None]).any(1)))


def measure(seed, smoke=False):
    """Retrieval among photos of forty products that were not in training."""
    epochs = 1 if smoke else 12
    pairs, alike = data(seed, 640 if smoke else 6000)
    test_x, test_product = photos(40, 8, [seed, 2])
    embed, _ = fit(pairs, alike, None, epochs, seed)
    reverse, _ = fit(pairs, 1 - alike, None, epochs, seed)

    x, product = photos(400, 3, [seed, 0])  # the photos of the pairs, by product
    keras.utils.set_random_seed(seed)
    trunk = embedder()
    classifier = keras.Sequential([trunk, keras.layers.ReLU(), keras.layers.Dense(400)])
    classes = polyloss.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(optimizer=keras.optimizers.Adam(0.001), loss=classes)
    # each epoch of pairs shows 12,000 photos, one of photos 1,200
    classifier.fit(
        x, product, batch_size=64, epochs=1 if smoke else 10 * epochs, verbose=0
    )

    networks = {"contrastive": embed, "classifier": trunk, "reversed": reverse}
    points = {
        k: v.predict(test_x, batch_size=320, verbose=0) for k, v in networks.items()
    }
    points["pixels"] = test_x.reshape(len(test_x), -1)
    numbers = {
        name: {"first": found(p, test_product, 1), "five": found(p, test_product, 5)}
        for name, p in points.items()
    }
    p = points["contrastive"]
    apart = np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))
    same = test_product[:, None] == test_product
    near = (test_product[:, None] // 4 == test_product // 4) & ~same
    upper = np.triu(np.ones_like(same), 1)
    groups = {"same product": same, "same colours": near, "other": ~same & ~near}
    return numbers, {name: apart[group & upper] for name, group in groups.items()}


def draw(results, extras, folder):
    """Distances of pairs of new products."""
    from guide import INK, canvas

    with canvas(folder / "contrastive.svg", columns=1.5) as axes:
        for name, colour in (
            ("same product", "C0"),
            ("same colours", "C1"),
            ("other", "C2"),
        ):
            values = np.concatenate([groups[name] for groups in extras])
            bins = np.linspace(0, 3, 61)
            share, _ = np.histogram(values, bins, density=True)
            axes.stairs(share, bins, color=colour, lw=2, label=name)
        axes.axvline(1, color=INK, lw=1, ls="--")
        axes.text(1.03, axes.get_ylim()[1] * 0.93, "margin")
        axes.set(xlabel="distance of two photos of new products", ylabel="density")
        axes.legend(fontsize=9, loc="upper right")


def claims(results):
    """What the guide says in words."""
    return {
        "pairs find more than the classifier in every run": results.always(
            "contrastive", "classifier", "first"
        ),
        "both find far more than the pixels": results.always(
            "classifier", "pixels", "first"
        )
        and results.mean("contrastive", "five") > 1.3 * results.mean("pixels", "five"),
        "reversed labels ruin it": results.mean("reversed", "first")
        < 0.3 * results.mean("pixels", "first"),
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide

    return Guide(
        slug="contrastive",
        measure=measure,
        variants={
            "contrastive": ("`ContrastiveLoss`",) * 2,
            "classifier": (
                "classifier without its last layer",
                "마지막 층을 뗀 분류기",
            ),
            "pixels": ("pixels", "픽셀 그대로"),
            "reversed": (
                "`ContrastiveLoss`, labels reversed",
                "`ContrastiveLoss`, 라벨을 뒤집음",
            ),
        },
        metrics={
            "first": (
                "the nearest is the same product",
                "가장 가까운 사진이 같은 제품",
                ".3f",
            ),
            "five": (
                "one of the nearest five is",
                "가까운 다섯 장 안에 같은 제품",
                ".3f",
            ),
        },
        data=("generated photos of new products", "생성한 사진, 학습에 없던 제품"),
        draw=draw,
        claims=claims,
        fit=lambda epochs: fit(*data(count=1280), epochs=epochs)[1],
        loop=lambda train, epochs: loop(train, *data(count=1280), epochs=epochs)[1],
        duels=[
            ("contrastive", "pixels", "first"),
            ("contrastive", "classifier", "first"),
        ],
        seeds=5,
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
