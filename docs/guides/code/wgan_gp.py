"""Mode coverage: the Wasserstein loss with a gradient penalty (problem 3)."""

from __future__ import annotations

import pathlib
import sys

# the data and the networks are those of the bigger example
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "examples"))

import numpy as np
from wgan_gp_terrain import CENTRES, coverage, dense, mixture

# isort: split
# [fit]
import keras

import polyloss
from polyloss.training import AdversarialModel, ShuffledBatches

RECIPES = {  # loss, penalty, steps of the critic for each of the generator, beta_2
    "wgan-gp": (polyloss.WassersteinLoss(), polyloss.GradientPenalty(0.1), 5, 0.9),
    "minimax": (polyloss.MinimaxLoss(), None, 1, 0.999),
    "non-saturating": (polyloss.NonSaturatingLoss(), None, 1, 0.999),
}


def fit(real, recipe="wgan-gp", epochs=60, units=128, seed=0):
    """Train; the model's `generate` gives samples from the averaged generator."""
    loss, penalty, steps, beta_2 = RECIPES[recipe]
    rate = 5e-4 if recipe == "wgan-gp" else 2e-4
    keras.utils.set_random_seed(seed)
    model = AdversarialModel(
        dense(2, 2, units, seed=10 * seed),
        dense(2, 1, units, seed=10 * seed + 5),
        seed=seed,
        ema_decay=0.99,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(rate, beta_1=0.5, beta_2=beta_2),
        discriminator_optimizer=keras.optimizers.Adam(rate, beta_1=0.5, beta_2=beta_2),
        loss=loss,
        penalty=penalty,
        discriminator_steps=steps,
    )
    batches = ShuffledBatches(real, batch_size=256, seed=seed)
    history = model.fit(batches, epochs=epochs, verbose=0).history
    return model, history


# [/fit]
# [loop]
def loop(train, real, epochs=60):
    """Without Keras: `train` is the loop of your framework, below."""
    loss, penalty = polyloss.WassersteinLoss(), polyloss.GradientPenalty(0.1)
    return train(
        loss, real, penalty=penalty, steps=5, units=128, epochs=epochs, batch=256
    )


# [/loop]


def example():
    """Train on 25 modes, then count those that the generator reaches."""
    model, history = fit(mixture(10240, seed=0), epochs=60)
    distance = [-value for value in history["discriminator_loss"]]
    print(f"estimated distance {distance[0]:.2f} -> {distance[-1]:.2f}")
    modes, good = coverage(model.generate(5000, seed=0, batch_size=1000))
    print(f"{modes} of {len(CENTRES)} modes, {good:.0%} of the samples on one")


# -- the comparison ---------------------------------------------------------------


def measure(seed, smoke=False):
    """Modes covered of 25, samples on a mode, and how unsteady the loss was."""
    real = mixture(512 if smoke else 10240, seed)
    numbers, extra = {}, {}
    for name in list(RECIPES)[: 1 if smoke else None]:
        model, history = fit(real, name, 1 if smoke else 60, 16 if smoke else 128, seed)
        samples = model.generate(5000, seed=0, batch_size=1000)
        modes, good = coverage(samples)
        numbers[name] = {"modes": modes, "good": good}
        extra[name] = (samples[:1500], history["discriminator_loss"])
    return numbers, extra


def draw(results, extras, folder):
    """The samples of the first run, and what the critic reported."""
    from guide import INK, canvas

    names = {
        "wgan-gp": "WGAN-GP",
        "minimax": "minimax",
        "non-saturating": "non-saturating",
    }
    with canvas(folder / "wgan_gp.png", columns=3) as axes:
        for axis, (name, label) in zip(axes, names.items(), strict=True):
            axis.scatter(*CENTRES.T, s=60, c="none", edgecolors=INK, linewidths=1)
            if name not in extras[0]:  # a smoke run
                continue
            axis.scatter(
                *extras[0][name][0].T, s=2, color="C0" if name == "wgan-gp" else "C1"
            )
            axis.set(
                xlim=(-2.7, 2.7), ylim=(-2.7, 2.7), xticks=[], yticks=[], title=label
            )
    with canvas(folder / "wgan_gp-distance.svg", columns=1.5) as axes:
        for extra in extras:
            losses = np.maximum(-np.array(extra["wgan-gp"][1]), 0.01)
            axes.plot(
                np.arange(1, len(losses) + 1), losses, color="C0", lw=1, alpha=0.7
            )
        axes.set(xlabel="epoch", ylabel="distance that the critic sees", yscale="log")


def claims(results):
    """What the guide says in words."""
    plain = "minimax", "non-saturating"
    return {
        "nearly all modes in every run": min(results.runs["wgan-gp"]["modes"]) >= 20,
        "the plain losses about a third": all(
            6 <= results.mean(v, "modes") <= 10 for v in plain
        ),
        "more samples on a mode too": all(
            results.always("wgan-gp", v, "good") for v in plain
        ),
        "more than half of the samples lie between modes": results.mean(
            "wgan-gp", "good"
        )
        < 0.5,
    }


def guide():
    """The comparison, for the command line and the tests."""
    from guide import Guide, energy_distance

    real = mixture(1024, 0) + np.float32(2)

    def closer(epochs):
        samples = [
            fit(real, epochs=n, units=32)[0].generate(500, seed=0)
            for n in (0, 5 * epochs)
        ]
        return [energy_distance(s, real) for s in samples]

    def closer_by_hand(train, epochs):
        samples = [loop(train, real, epochs=n)[0](500) for n in (0, 5 * epochs)]
        return [energy_distance(s, real) for s in samples]

    return Guide(
        slug="wgan_gp",
        measure=measure,
        variants={
            "wgan-gp": ("`WassersteinLoss` + `GradientPenalty`",) * 2,
            "minimax": ("`MinimaxLoss`",) * 2,
            "non-saturating": ("`NonSaturatingLoss`",) * 2,
        },
        metrics={
            "modes": ("modes covered, of 25", "찾아낸 모드 (25개 중)", ".1f"),
            "good": ("samples on a mode", "모드 위의 샘플", ".1%"),
        },
        data=("25 generated Gaussians", "생성한 가우시안 25개"),
        draw=draw,
        claims=claims,
        fit=closer,
        loop=closer_by_hand,
        loops="adversarial",
        duels=[
            ("wgan-gp", "minimax", "modes"),
            ("wgan-gp", "non-saturating", "modes"),
            ("wgan-gp", "minimax", "good"),
            ("wgan-gp", "non-saturating", "good"),
        ],
        seeds=3,
    )


if __name__ == "__main__":
    from guide import main

    main(guide())
