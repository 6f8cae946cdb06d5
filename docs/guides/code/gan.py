"""Fashion items from a GAN: the minimax loss and its non-saturating form (problem 2)."""

from __future__ import annotations

import pathlib
import sys

# the data and the networks are those of the bigger example
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "examples"))

from gan_fashion import KINDS, classifier, items, networks

# isort: split
# [fit]
import keras
import numpy as np

import polyloss
from polyloss.training import AdversarialModel, ShuffledBatches


def gan(loss, width=16, seed=0):
    """A generator and a discriminator that `fit` trains in turn."""
    keras.utils.set_random_seed(seed)
    model = AdversarialModel(*networks(width), seed=seed, ema_decay=0.99)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        loss=loss,  # takes logits: the discriminator ends without a sigmoid
        penalty=polyloss.R1Penalty(1.0),
    )
    return model


def fit(pictures, kinds, loss=None, epochs=12, width=16, seed=0):
    """Train on pictures in [-1, 1] and their kinds."""
    model = gan(loss or polyloss.NonSaturatingLoss(), width, seed)
    batches = ShuffledBatches(pictures, kinds, batch_size=64, seed=seed)
    model.fit(batches, epochs=epochs, verbose=0)
    return model  # model.generate(60, labels=np.repeat(np.arange(6), 10))


# [/fit]
# [loop]
def loop(train, pictures, epochs=12):
    """Without Keras: `train` is the loop of your framework, below; pictures as rows."""
    rows = pictures.reshape(len(pictures), -1)
    penalty = polyloss.R1Penalty(1.0)
    return train(polyloss.NonSaturatingLoss(), rows, penalty=penalty, epochs=epochs)


# [/loop]


def example():
    """Train, then draw ten items of each kind into a picture file."""
    pictures, kinds = items(2000, seed=1)
    model = fit(pictures, kinds, epochs=12)
    made = model.generate(60, seed=0, labels=np.repeat(np.arange(6), 10))
    rows = [np.concatenate(list(made[i : i + 10]), axis=1) for i in range(0, 60, 10)]
    grid = np.concatenate(rows)
    keras.utils.save_img("items.png", grid)
    print(f"items.png: {', '.join(KINDS)}, {grid.shape[1]} x {grid.shape[0]} pixels")


# -- the comparison ---------------------------------------------------------------

LOSSES = {
    "non-saturating": polyloss.NonSaturatingLoss(),
    "minimax": polyloss.MinimaxLoss(),
}
EVERY, TIMES = 2, 6


def measure(seed, smoke=False):
    """How many samples are recognised as what was asked for, and how varied they are."""
    rows, width, each = (64, 4, 10) if smoke else (2000, 16, 100)
    pictures, kinds = items(rows, seed=[seed, 1])
    judge = classifier(pictures, kinds, 1 if smoke else 10)
    asked = np.repeat(np.arange(len(KINDS)), each)
    spread = np.mean([pictures[kinds == k].std(0).mean() for k in range(len(KINDS))])
    numbers, extra = {}, {"real": pictures[np.argsort(kinds, kind="stable")]}
    for name, loss in list(LOSSES.items())[: 1 if smoke else None]:
        model = gan(loss, width, seed)
        batches = ShuffledBatches(pictures, kinds, batch_size=64, seed=seed)
        recognised = []
        for i in range(1 if smoke else TIMES):
            epochs = 1 if smoke else EVERY
            model.fit(
                batches, initial_epoch=i * epochs, epochs=(i + 1) * epochs, verbose=0
            )
            made = model.generate(
                len(asked), seed=2, labels=asked, batch_size=len(asked)
            )
            answers = judge.predict(made, batch_size=len(asked), verbose=0).argmax(1)
            recognised.append(float(np.mean(answers == asked)))
        by_kind = [made[asked == k].std(0).mean() for k in range(len(KINDS))]
        numbers[name] = {
            "early": recognised[len(recognised) // 2 - 1],
            "recognised": recognised[-1],
            "spread": float(np.mean(by_kind) / spread),
        }
        extra[name] = (recognised, made)
    return numbers, extra


def draw(results, extras, folder):
    """Recognised samples by epoch; the generator's gradient by logit; a sheet of samples."""
    from matplotlib import image

    from guide import INK, canvas

    logits = np.linspace(-8, 8, 161)
    with canvas(folder / "gan.svg", columns=2) as (left, right):
        for name, colour in (("non-saturating", "C0"), ("minimax", "C1")):
            if name not in extras[0]:  # a smoke run
                continue
            curve = np.mean([extra[name][0] for extra in extras], axis=0)
            left.plot(
                EVERY * np.arange(1, len(curve) + 1),
                curve,
                "o-",
                color=colour,
                label=name,
            )
        left.set(xlabel="epoch", ylabel="samples recognised", ylim=(0, 1.05))
        left.legend(fontsize=9, loc="lower right")
        sure = 1 / (1 + np.exp(-logits))
        right.plot(logits, 1 - sure, color="C0", lw=2)
        right.plot(logits, sure, color="C1", lw=2)
        right.axvline(0, color=INK, lw=1, ls="--")
        right.set(xlabel="logit of a generated sample", ylabel="pull on the generator")
    sheet = []
    for pictures in (extras[0]["real"], extras[0]["non-saturating"][1]):
        chosen = pictures[np.linspace(0, len(pictures) - 1, 48).astype(int), ..., 0]
        padded = np.pad(chosen, ((0, 0), (1, 1), (1, 1)), constant_values=0)
        sheet += [np.concatenate(padded[i : i + 24], axis=1) for i in (0, 24)]
        sheet.append(np.zeros((6, sheet[0].shape[1])))
    whole = np.concatenate(sheet[:-1]).repeat(2, 0).repeat(2, 1)
    image.imsave(folder / "gan-samples.png", whole, cmap="gray", vmin=-1, vmax=1)


def claims(results):
    """What the guide says in words."""
    forms = "non-saturating", "minimax"
    return {
        "the non-saturating form is ahead in the middle of every run": results.always(
            *forms, "early"
        ),
        "they end alike": abs(
            results.mean(forms[0], "recognised") - results.mean(forms[1], "recognised")
        )
        < 0.02,
        "samples vary less than the data": max(results.mean(v, "spread") for v in forms)
        < 0.9,
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide, energy_distance

    def closer(epochs):
        pictures, kinds = items(320, seed=1)
        asked = np.arange(300) % len(KINDS)
        made = [fit(pictures, kinds, epochs=n, width=4) for n in (0, epochs)]
        samples = [m.generate(300, seed=0, labels=asked, batch_size=300) for m in made]
        return [energy_distance(s, pictures) for s in samples]

    def closer_by_hand(train, epochs):
        pictures, _ = items(640, seed=1)
        samples = [loop(train, pictures, epochs=n)[0](300) for n in (0, 3 * epochs)]
        return [energy_distance(s, pictures) for s in samples]

    return Guide(
        slug="gan",
        measure=measure,
        variants={
            "non-saturating": ("`NonSaturatingLoss`",) * 2,
            "minimax": ("`MinimaxLoss`",) * 2,
        },
        metrics={
            "early": (
                f"recognised, {EVERY * TIMES // 2} epochs",
                f"인식률, {EVERY * TIMES // 2} 에포크",
                ".1%",
            ),
            "recognised": (
                f"{EVERY * TIMES} epochs",
                f"인식률, {EVERY * TIMES} 에포크",
                ".1%",
            ),
            "spread": (
                "spread / spread of the data",
                "다양성 / 데이터의 다양성",
                ".2f",
            ),
        },
        data=("drawn fashion items", "그려서 만든 패션 아이템"),
        draw=draw,
        claims=claims,
        fit=closer,
        loop=closer_by_hand,
        loops="adversarial",
        duels=[
            ("non-saturating", "minimax", "early"),
            ("non-saturating", "minimax", "recognised"),
        ],
        seeds=3,
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
