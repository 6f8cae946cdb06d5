"""The chooser: "my targets are ..., my data are ..., so": two or three losses, with reasons.

`TARGETS` is the one home of its answers: `polyloss choose` asks by it, and the documentation's page is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from polyloss.core import parameters


@dataclass(frozen=True)
class Pick:
    """A loss that is advised.

    Attributes:
        loss: The name of its class.
        why: The reason, one or two sentences in reStructuredText.
        parameters: Those that matter here.
        beside: Penalties that go with it, by name.
    """

    loss: str
    why: str
    parameters: dict[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """As it is written in Python."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return " + ".join([f"polyloss.{self.loss}({given})", *(f"polyloss.{name}()" for name in self.beside)])


@dataclass(frozen=True)
class Data:
    """What the data are like, and what follows, the best first."""

    name: str
    text: str
    picks: tuple[Pick, ...]


@dataclass(frozen=True)
class Targets:
    """What the targets are, and what the data may then be like."""

    name: str
    text: str
    data: tuple[Data, ...]


LOGITS = {"from_logits": True}

TARGETS = (
    Targets(
        "yes-no",
        "one yes/no decision a sample, or several at once",
        (
            Data(
                "balanced",
                "enough of both, or the probability itself will be used",
                (
                    Pick("BinaryCrossentropy", "A proper score: the probabilities it learns can be believed.", LOGITS),
                    Pick(
                        "FocalLoss",
                        "If easy decisions come to outweigh the hard ones. It shifts probabilities towards 1/2.",
                        {"gamma": 1.0, "alpha": None, **LOGITS},
                    ),
                ),
            ),
            Data(
                "imbalanced",
                'almost all of them an easy "no"',
                (
                    Pick(
                        "BinaryCrossentropy",
                        "Train it first, as the baseline, and set the threshold on validation data: 0.5 is the wrong one "
                        "where positives are rare. `pos_weight` lets positives count more.",
                        LOGITS,
                    ),
                    Pick(
                        "FocalLoss",
                        "Easy decisions get a small weight, so that training concentrates on hard ones. Tune `alpha` and the threshold, "
                        "and compare at equal false alarms: the gain over cross-entropy is often small.",
                        LOGITS,
                    ),
                ),
            ),
            Data(
                "mislabelled",
                "with some labels wrong, or soft: people disagreed",
                (
                    Pick(
                        "BinaryCrossentropy",
                        "It takes probabilities as targets, and smoothing keeps a wrong label from growing costly. "
                        "Not `FocalLoss`: what is hard may be what is mislabelled.",
                        {"label_smoothing": 0.1, **LOGITS},
                    ),
                    Pick(
                        "MeanSquaredError",
                        "On probabilities (the Brier score): a wrong label costs 1 at most. It learns slowly from "
                        "confident mistakes.",
                    ),
                ),
            ),
        ),
    ),
    Targets(
        "one-of-many",
        "one class out of many",
        (
            Data(
                "vocabulary",
                "labelled with integers, tens of thousands of classes: the next token",
                (
                    Pick(
                        "LinearCrossentropyLoss",
                        "It takes hidden states and the kernel of the last layer, and never holds the logits.",
                        {"z_loss": 1e-4},
                    ),
                    Pick("SparseCategoricalCrossentropy", "The same of logits, where they fit into memory.", LOGITS),
                ),
            ),
            Data(
                "integers",
                "labelled with integers, classes about equal in number",
                (
                    Pick("SparseCategoricalCrossentropy", "The usual one, without a table of zeros.", LOGITS),
                    Pick(
                        "PolyLoss",
                        "The same with one more parameter to tune, where that is worth a little accuracy.",
                        LOGITS,
                    ),
                ),
            ),
            Data(
                "soft",
                "labelled one-hot or with soft labels (mixup, several people's votes)",
                (
                    Pick("CategoricalCrossentropy", "The usual one for whole rows of labels.", LOGITS),
                    Pick("KLDivergence", "The same gradient, and 0 where the labels are met exactly.", LOGITS),
                    Pick("PolyLoss", "The same with one more parameter to tune; takes soft labels too.", LOGITS),
                ),
            ),
            Data(
                "imbalanced",
                "with classes very unequal in number, and probabilities of the data as they are",
                (
                    Pick(
                        "SparseCategoricalCrossentropy",
                        "One weight for each class, the rare ones larger: train it without weights first, as the baseline, "
                        "then with them. Probabilities shift by a known factor.",
                        {"class_weights": (1.0, 5.0, 20.0), **LOGITS},
                    ),
                    Pick(
                        "CategoricalFocalLoss",
                        "Where rare classes are also the hard ones. Focusing alone seldom finds more of them: tune `alpha`, "
                        "one weight for each class, and compare the recall of each class.",
                        LOGITS,
                    ),
                ),
            ),
            Data(
                "long-tailed",
                "with classes very unequal in number, each of which matters as much as the others",
                (
                    Pick(
                        "LogitAdjustedLoss",
                        "Frequent classes get a head start in training, so that the logits rank classes as if all were "
                        "equally frequent.",
                        {"class_counts": (900, 90, 10)},
                    ),
                    Pick(
                        "LDAMLoss",
                        "Rare classes must lead by a larger margin; for outputs that are cosines.",
                        {"class_counts": (900, 90, 10)},
                    ),
                    Pick("CategoricalFocalLoss", "If what is rare is also what is hard.", LOGITS),
                ),
            ),
            Data(
                "distilled",
                "labelled by another model: its logits or probabilities",
                (
                    Pick(
                        "DistillationLoss",
                        "The teacher's logits are the targets; the temperature raises the probabilities of the classes that it finds less likely.",
                        {"temperature": 2.0},
                    ),
                    Pick(
                        "LinearDistillationLoss",
                        "If the logits of both over a vocabulary are too large to be held.",
                        {"temperature": 2.0},
                    ),
                    Pick("KLDivergence", "If the teacher gives probabilities.", LOGITS),
                ),
            ),
            Data(
                "positions",
                "one label a pixel or token, some of them to be left out",
                (
                    Pick(
                        "SparseCategoricalCrossentropy",
                        "The left-out label counts neither in the value nor in the mean; `z_loss` keeps the logits of "
                        "long trainings from drifting.",
                        {"ignore_class": -1, **LOGITS},
                    ),
                    Pick(
                        "CategoricalFocalLoss",
                        "It does the same, for images in which most positions are easy (background).",
                        {"ignore_class": -1, **LOGITS},
                    ),
                ),
            ),
        ),
    ),
    Targets(
        "numbers",
        "numbers to come close to (regression)",
        (
            Data(
                "clean",
                "without outliers",
                (
                    Pick("MeanSquaredError", "The mean of the target, and the best fit to Gaussian errors."),
                    Pick("Huber", "Nearly the same, and safe if there are outliers after all."),
                ),
            ),
            Data(
                "outliers",
                "with outliers: a stuck sensor, an accident on the road",
                (
                    Pick("Huber", "Outliers pull no harder than `delta`; choose it where ordinary errors end."),
                    Pick("LogCosh", "The same without a kink and with nothing to choose; scale errors to about 1."),
                    Pick("MeanAbsoluteError", "The median of the target; nothing to choose, but a slower end."),
                ),
            ),
            Data(
                "intervals",
                "to be predicted with a bound, an interval or how sure the model is",
                (
                    Pick(
                        "QuantileLoss",
                        "One prediction a quantile, whatever the distribution: here the band that holds eight of ten.",
                        {"quantiles": (0.1, 0.5, 0.9)},
                    ),
                    Pick("GaussianNLLLoss", "Mean and variance of each target, where errors are about Gaussian."),
                ),
            ),
            Data(
                "magnitudes",
                "not negative, over orders of magnitude (from watts to kilowatts)",
                (
                    Pick(
                        "MeanSquaredLogarithmicError",
                        "Being off by a tenth costs the same everywhere. Choose the unit so that the smallest target "
                        "that matters is well above 1.",
                    ),
                    Pick("Huber", "On the logarithm of the targets, if outliers are left there."),
                    Pick("MeanAbsoluteError", "If the error in units counts and not in per cent."),
                ),
            ),
        ),
    ),
    Targets(
        "pairs",
        "pairs that are alike or different",
        (
            Data(
                "search",
                "items to search in: the nearest should be alike",
                (
                    Pick("ContrastiveLoss", "Draws alike pairs together and pushes others a margin apart."),
                    Pick(
                        "TripletLoss",
                        "If items carry ids and every batch holds several of each: it finds the pairs itself, and compares "
                        "them, so no distance need be the same everywhere.",
                    ),
                    Pick(
                        "SparseCategoricalCrossentropy",
                        "If every item has one of a fixed set of identities: train a classifier, and search in its "
                        "last hidden layer.",
                        LOGITS,
                    ),
                ),
            ),
            Data(
                "unlabelled",
                "items without labels, of which random variants can be made",
                (
                    Pick(
                        "NTXentLoss",
                        "Two variants of every item find each other among the whole batch; the larger it is, the better.",
                    ),
                    Pick("TripletLoss", "In small batches: the variants of an item share an id."),
                ),
            ),
            Data(
                "verification",
                'pairs to judge: "the same or not?"',
                (
                    Pick("BinaryCrossentropy", "On one logit for a pair: a probability that can be believed.", LOGITS),
                    Pick("ContrastiveLoss", "If distances should say it, and new items be compared cheaply."),
                ),
            ),
        ),
    ),
    Targets(
        "masks",
        "masks of an image: which pixels belong to what",
        (
            Data(
                "overlap",
                "judged by overlap (Dice, IoU); the objects may be small",
                (
                    Pick("Dice", "The measure itself, image by image, however small the object.", LOGITS),
                    Pick(
                        "SparseCategoricalCrossentropy",
                        "Beside it, added with a weight of about 1: its gradient is even, and probabilities can be "
                        "believed.",
                        LOGITS,
                    ),
                ),
            ),
            Data(
                "misses",
                "where a miss is worse than a false alarm, or the reverse (lesions, defects)",
                (
                    Pick(
                        "Tversky",
                        "It has one weight for false positives and one for false negatives.",
                        {"alpha": 0.3, "beta": 0.7, **LOGITS},
                    ),
                    Pick("FocalLoss", "One decision a pixel: easy background fades, positives can weigh more.", LOGITS),
                ),
            ),
        ),
    ),
    Targets(
        "boxes",
        "boxes around objects",
        (
            Data(
                "overlap",
                "judged by IoU, of any size",
                (
                    Pick("GIoULoss", "The IoU, with a gradient for boxes that do not overlap yet."),
                    Pick("Huber", "On the coordinates, beside it: boxes far apart come together faster."),
                ),
            ),
        ),
    ),
    Targets(
        "samples",
        "no targets but samples, to be imitated by a generator",
        (
            Data(
                "ordinary",
                "images or vectors, and this is the first try",
                (
                    Pick(
                        "NonSaturatingLoss",
                        "The usual GAN; the penalty on real samples helps the training to converge.",
                        beside=("R1Penalty",),
                    ),
                    Pick("HingeGANLoss", "For large image models with a spectrally normalised discriminator."),
                ),
            ),
            Data(
                "collapsing",
                "varied, and training collapses to a few modes or is unstable",
                (
                    Pick(
                        "WassersteinLoss",
                        "A distance with a gradient everywhere, whose value shows the progress of training.",
                        beside=("GradientPenalty",),
                    ),
                    Pick(
                        "RelativisticLoss",
                        "Real and generated samples are compared in pairs; with both penalties it converges locally.",
                        {"average": False},
                        beside=("R1Penalty", "R2Penalty"),
                    ),
                ),
            ),
            Data(
                "separable",
                "easily told from what is generated: the discriminator is soon sure",
                (
                    Pick(
                        "LeastSquaresLoss",
                        "Generated samples far from the data are pulled back, on either side of the border.",
                    ),
                    Pick(
                        "WassersteinLoss",
                        "Its gradient does not fade where the two do not overlap.",
                        beside=("GradientPenalty",),
                    ),
                ),
            ),
            Data(
                "textbook",
                "those of a course or paper, whose game is to be studied",
                (
                    Pick("MinimaxLoss", "The game as the first paper has it, computed from logits."),
                    Pick("NonSaturatingLoss", "What that paper trains with."),
                ),
            ),
        ),
    ),
)


def choose(targets: str, data: str) -> tuple[Pick, ...]:
    """The losses for targets and data of a kind, the best first.

    Args:
        targets: ``"yes-no"``, ``"one-of-many"``, ``"numbers"``, ``"pairs"``, ``"masks"``, ``"boxes"``
            or ``"samples"``.
        data: A name that `TARGETS` has for these targets: ``"imbalanced"``, say.

    Raises:
        ValueError: for a name that is not there.

    >>> from polyloss.tools.choose import choose
    >>> [pick.code for pick in choose("numbers", "outliers")]
    ['polyloss.Huber()', 'polyloss.LogCosh()', 'polyloss.MeanAbsoluteError()']
    """
    return named("data", named("targets", TARGETS, targets).data, data).picks


def named(what: str, answers: Sequence[Any], name: str) -> Any:
    """The answer of that name."""
    parameters.one_of(*(answer.name for answer in answers))("choose", what, name)
    return next(answer for answer in answers if answer.name == name)
