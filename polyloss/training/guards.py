"""Warnings of what goes wrong in most first GANs, and what no shape shows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from polyloss.adversarial.losses import WassersteinLoss
from polyloss.core import numerics
from polyloss.framework import private


def before_training(discriminator: keras.Model, loss: Any, penalties: Sequence[Any]) -> None:
    """Warn of a discriminator that gives probabilities, and of a critic that nothing bounds."""
    if (ends := last_activation(discriminator)) in ("sigmoid", "softmax", "hard_sigmoid"):
        _warn(
            f"discriminator must give logits, and ends in a {ends}, which the loss would apply once more: the gradient "
            "fades. Take the activation off the last layer."
        )
    if isinstance(loss, WassersteinLoss) and not penalties and not _bounded(discriminator):
        _warn(
            "WassersteinLoss without a penalty measures no distance: the critic's scores grow without bound. Give "
            "penalty=polyloss.GradientPenalty(), or bound the critic's layers with keras.layers.SpectralNormalization."
        )


def of_samples(generator: keras.Model, real: Any) -> None:
    """Warn of images as integers, 0 to 255, beside a generator that reaches from -1 to 1."""
    ends = last_activation(generator)
    if numerics.dtype_of(real) == "uint8" and ends in ("tanh", "sigmoid"):
        scale = "x / 127.5 - 1" if ends == "tanh" else "x / 255"
        _warn(
            f"real samples are uint8, 0 to 255, and the generator ends in {ends}: the discriminator tells them apart by "
            f"their size alone. Scale the real ones first: {scale}."
        )


def last_activation(network: keras.Model) -> str:
    """The name of the activation that a network ends in; empty where there is none to be seen."""
    layer = next((one for one in reversed(network.layers) if not _reshapes(one)), None)
    if isinstance(layer, keras.Model):
        return last_activation(layer)
    activation = getattr(layer, "activation", None)
    if activation is None:  # layers that are nothing else: keras.layers.Softmax
        return "softmax" if isinstance(layer, keras.layers.Softmax) else ""
    return str(getattr(activation, "__name__", ""))


def _reshapes(layer: Any) -> bool:
    return isinstance(layer, (keras.layers.Flatten, keras.layers.Reshape))


def _bounded(network: keras.Model) -> bool:
    """Whether a layer is normalised by its largest singular value, or its weights are constrained (clipped)."""
    layers = private.flat_layers(network)
    return any(
        isinstance(one, keras.layers.SpectralNormalization) or getattr(one, "kernel_constraint", None) is not None
        for one in layers
    )


def _warn(what: str) -> None:
    warnings.warn(f"AdversarialModel: {what}", stacklevel=4)
