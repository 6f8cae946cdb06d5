"""Penalties on the gradient of a critic: what keeps adversarial training from running away.

Each differentiates the critic by its samples and is differentiable again by the critic's weights. They go with any
loss of `polyloss.adversarial`.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar

import keras

from polyloss import framework
from polyloss.adversarial._batch import BatchTerm, batch_mean, ramp, same_shape
from polyloss.core import numerics, ops, shapes
from polyloss.core.function import checked
from polyloss.core.kinds import NORMS, Kind
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Flag, NonNegative, one_of
from polyloss.core.replica import engine, for_engine, replica_draw, replica_sum
from polyloss.framework import gradient

__all__ = [
    "GradientPenalty",
    "Penalty",
    "R1Penalty",
    "R2Penalty",
    "gradient_norms",
    "gradient_penalty",
    "r1_penalty",
    "r2_penalty",
]

Critic = Callable[[Tensor], Tensor]
"""A discriminator as a function of its samples alone (labels and the training flag already given)."""


_PLACES = ("interpolates", "real", "fake", "perturbed")


def gradient_norms(critic: Critic, x: Tensor) -> Tensor:
    r"""The Euclidean norm of the critic's gradient by each sample, over **all** its dimensions.

    .. math:: n_i = \left\lVert \partial \textstyle\sum_j D(x_j) / \partial x_i \right\rVert_2

    A gradient of zero has the norm 0 with derivative 0, never NaN. Differentiable by the critic's
    variables. Where one sample influences another's output (BatchNormalization in the critic) the formula
    holds, and the penalties lose their meaning: normalise per sample instead.

    Args:
        critic: A function of samples. With several outputs a sample their sum counts.
        x: Samples, (batch, ...); float64 stays, anything smaller is computed in float32.

    Returns:
        One norm a sample, (batch,), in units of the critic's output per unit of a sample.

    >>> norms = polyloss.gradient_norms(lambda x: 3 * x[:, 0] + 4 * x[:, 1], [[1.0, 2.0]])
    >>> keras.ops.convert_to_numpy(norms).tolist()
    [5.0]
    """
    slope = gradient(critic)(shapes.real("gradient_norms", "x", x))
    if len(slope.shape) == 1:
        slope = ops.expand_dims(slope, -1)
    return numerics.safe_norm(slope, axis=tuple(range(1, len(slope.shape))))


def _places(where: str, at: str, real: Any, fake: Any, noise: Any, seed: Any) -> Tensor:
    """Where a penalty takes the critic's gradient."""
    if at != "fake":
        real = shapes.real(where, "real", real)
    if at == "real":
        return real
    if at == "perturbed":
        noise = _uniform(ops.shape(real), seed) if noise is None else noise
        return real + 0.5 * ops.stop_gradient(_spread(real)) * ops.cast(shapes.real(where, "noise", noise), real.dtype)
    fake = shapes.real(where, "fake", fake)
    if at == "fake":
        return fake
    same_shape(where, "real and fake", real, fake)
    fake = ops.cast(fake, real.dtype)
    noise = _uniform(ops.shape(real)[:1], seed) if noise is None else noise
    share = ops.reshape(ops.cast(shapes.real(where, "noise", noise), real.dtype), (-1, *[1] * (len(real.shape) - 1)))
    return share * real + (1 - share) * fake


def _uniform(shape: Sequence[Any], seed: Any) -> Tensor:
    seed = numerics.seed_word(seed) if isinstance(seed, numbers.Integral) else seed
    return replica_draw(lambda whole: keras.random.uniform(whole, dtype="float32", seed=seed), shape)


def _spread(x: Tensor) -> Tensor:
    """The standard deviation of all elements, of all replicas."""
    length = numerics.safe_norm(ops.reshape(x - batch_mean(x), (-1,)))
    if engine() is None:
        return length / numerics.size(x) ** 0.5
    count = replica_sum(ops.cast(ops.size(x), numerics.dtype_of(x)))
    return ops.sqrt(replica_sum(ops.square(length)) / count)


def _distance_from(norms: Tensor, target: float, one_sided: bool) -> Tensor:
    off = norms - target
    return ops.square(ramp(off) if one_sided else off)


@checked
def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor = None,
    *,
    noise: Tensor = None,
    seed: int | keras.random.SeedGenerator | None = None,
    weight: NonNegative = 10.0,
    target: NonNegative = 1.0,
    one_sided: Flag = False,
    at: Annotated[str, one_of(*_PLACES)] = "interpolates",
) -> Tensor:
    r"""Holds the slope of the critic at `target`: WGAN-GP, WGAN-LP and DRAGAN.

    .. math:: \lambda\,\operatorname{mean}_i
        \left(\lVert \nabla_{\hat x_i} D(\hat x_i) \rVert_2 - t\right)^2, \qquad
        \hat x = \epsilon x + (1 - \epsilon) \tilde x, \quad \epsilon \sim U(0, 1)
        \text{ one a sample}

    The norm is over all dimensions of a sample. ``one_sided=True`` counts only slopes above the target
    (:math:`\max(0, n - t)^2`).

    ================  ==========================================  ========================
    ``at``            the points                                  known as
    ================  ==========================================  ========================
    "interpolates"    between a real and a generated sample       WGAN-GP; WGAN-LP with ``one_sided=True``
    "perturbed"       ``x + 0.5 std(x) U(0, 1)``, x real          DRAGAN
    "real", "fake"    the samples themselves
    ================  ==========================================  ========================

    When to choose it: with `WassersteinLoss`, always. For the other losses `r1_penalty` is the more
    usual.

    Args:
        critic: A function of samples: ``lambda x: discriminator(x, training=True)``.
        real: Real samples, (batch, ...); float64 stays, anything smaller is computed in float32.
        fake: Generated samples of the same shape; not needed for "real" and "perturbed".
        noise: The random numbers in [0, 1], instead of drawn ones: (batch,) for "interpolates", the shape
            of `real` for "perturbed".
        seed: For drawing them; inside a compiled step, a `keras.random.SeedGenerator` of the model.
        weight: At least 0, the paper's lambda.
        target: At least 0.
        one_sided: Whether slopes below the target are free.
        at: Where the slope is taken.

    Returns:
        A scalar.

    Raises:
        ValueError, TypeError: for parameters out of range or of the wrong type, and shapes that differ.

    =======================  ===================  =============================================
    input                    value                gradient
    =======================  ===================  =============================================
    a constant critic        weight * target^2    0 (that of a plain square root would be NaN)
    an empty batch           0                    0
    =======================  ===================  =============================================

    >>> def critic(x):
    ...     return 3 * x[:, 0] + 4 * x[:, 1]
    >>> round(float(polyloss.gradient_penalty(critic, [[1.0, 2.0]], [[0.0, 0.0]], noise=[0.5])), 4)
    160.0

    References: Gulrajani et al. 2017, Improved Training of Wasserstein GANs, arXiv:1704.00028. One-sided:
    Petzka et al. 2018, arXiv:1709.08894. DRAGAN: Kodali et al. 2017, arXiv:1705.07215.
    """
    norms = gradient_norms(critic, _places("gradient_penalty", at, real, fake, noise, seed))
    return weight * batch_mean(_distance_from(norms, target, one_sided))


@checked
def r1_penalty(critic: Critic, real: Tensor, *, gamma: NonNegative = 10.0) -> Tensor:
    r"""Keeps the discriminator flat at real samples.

    .. math:: \tfrac{\gamma}{2}\,\operatorname{mean}_i \lVert \nabla_{x_i} D(x_i) \rVert_2^2

    When to choose it: with `NonSaturatingLoss`; training then converges near the solution, where without
    it it may circle. StyleGAN trains so.

    Args:
        critic: A function of samples: ``lambda x: discriminator(x, training=True)``.
        real: Real samples, (batch, ...); float64 stays, anything smaller is computed in float32.
        gamma: At least 0.

    Returns:
        A scalar.

    Raises:
        ValueError, TypeError: for a gamma out of range or of the wrong type, and what is no tensor.

    =================  =====  ============================================
    input              value  gradient
    =================  =====  ============================================
    a constant critic  0      0 (that of a plain square root would be NaN)
    an empty batch     0      0
    =================  =====  ============================================

    >>> round(float(polyloss.r1_penalty(lambda x: 3 * x[:, 0] + 4 * x[:, 1], [[1.0, 2.0]])), 4)
    125.0

    References: Mescheder et al. 2018, Which Training Methods for GANs do actually Converge?,
    arXiv:1801.04406.
    """
    return 0.5 * gamma * batch_mean(ops.square(gradient_norms(critic, shapes.real("r1_penalty", "real", real))))


@checked
def r2_penalty(critic: Critic, fake: Tensor, *, gamma: NonNegative = 10.0) -> Tensor:
    r"""Keeps the discriminator flat at generated samples.

    .. math:: \tfrac{\gamma}{2}\,\operatorname{mean}_i \lVert \nabla_{\tilde x_i} D(\tilde x_i) \rVert_2^2

    When to choose it: beside `r1_penalty`, where generated samples are still far from real ones.

    Args:
        critic: A function of samples: ``lambda x: discriminator(x, training=True)``.
        fake: Generated samples, (batch, ...); float64 stays, anything smaller is computed in float32.
        gamma: At least 0.

    Returns:
        A scalar.

    Raises:
        ValueError, TypeError: for a gamma out of range or of the wrong type, and what is no tensor.

    =================  =====  ============================================
    input              value  gradient
    =================  =====  ============================================
    a constant critic  0      0 (that of a plain square root would be NaN)
    an empty batch     0      0
    =================  =====  ============================================

    >>> round(float(polyloss.r2_penalty(lambda x: 3 * x[:, 0] + 4 * x[:, 1], [[1.0, 2.0]], gamma=2.0)), 4)
    25.0

    References: Mescheder et al. 2018, arXiv:1801.04406.
    """
    return 0.5 * gamma * batch_mean(ops.square(gradient_norms(critic, shapes.real("r2_penalty", "fake", fake))))


class Penalty(BatchTerm, abstract=True):
    """Base of the penalties: a term of the critic's gradient norms at some points, beside the loss.

    A subclass says where (`points`) and what (`values`, one a sample from its norm). Calling it gives the
    scalar; `terms` gives the scalar and the mean norm, for the log. Means are over the global batch; under
    `tf.distribute` a call returns the replica's share of both.

    Args:
        name: By default the class's name in snake case.
        dtype: A float dtype or `keras.DTypePolicy` to compute in if it is wider than the samples'.
    """

    category: ClassVar[str] = "penalty"
    inputs: ClassVar[Kind] = NORMS

    def points(self, real: Tensor, fake: Tensor, noise: Tensor = None, seed: Any = None) -> Tensor:
        """Where the critic's gradient is taken."""
        raise NotImplementedError(f"{type(self).__name__}: must define points. Got none.")

    def values(self, norms: Tensor) -> Tensor:
        """The penalty of each sample, from the norm of its gradient."""
        raise NotImplementedError(f"{type(self).__name__}: must define values. Got none.")

    def noise_shape(self, real: Tensor) -> Sequence[Any] | None:
        """The shape of the uniform numbers that `points` wants; None: it wants none."""
        return None

    def terms(
        self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor = None, seed: Any = None
    ) -> tuple[Tensor, Tensor]:
        """The penalty and the mean norm of the gradient."""
        norms = gradient_norms(critic, self.points(self._widen(real), self._widen(fake), noise, seed))
        return for_engine(batch_mean(self.values(norms))), for_engine(batch_mean(norms))

    @framework.entry_point
    def __call__(
        self, critic: Critic, real: Tensor, fake: Tensor = None, noise: Tensor = None, seed: Any = None
    ) -> Tensor:
        """The penalty."""
        if not callable(critic):
            raise TypeError(
                f"{type(self).__name__}: critic must be a function of samples. Got {type(critic).__name__}. In a model "
                "a penalty stands beside the loss: polyloss.training.AdversarialModel(...).compile(penalty=...)."
            )
        return self.terms(critic, real, fake, noise, seed)[0]


class GradientPenalty(Penalty, function=gradient_penalty, kw_only=False):
    """Class form of `gradient_penalty`, for `AdversarialModel.compile(penalty=...)`.

    >>> polyloss.GradientPenalty(5.0, one_sided=True)
    GradientPenalty(weight=5.0, target=1.0, one_sided=True, at='interpolates')
    >>> polyloss.GradientPenalty(weight=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: gradient_penalty: weight must be at least 0. Got weight=-1.0.
    """

    words: ClassVar[tuple[str, ...]] = ("WGAN-GP", "WGAN-LP", "DRAGAN", "Lipschitz")

    weight: float = 10.0
    _: KW_ONLY
    target: float = 1.0
    one_sided: bool = False
    at: str = "interpolates"

    def noise_shape(self, real: Tensor) -> Sequence[Any] | None:
        """One number a sample, one an element, or none."""
        shape = ops.shape(real)
        return {"interpolates": shape[:1], "perturbed": shape}.get(self.at)

    def points(self, real: Tensor, fake: Tensor, noise: Tensor = None, seed: Any = None) -> Tensor:
        """Where the critic's gradient is taken: see `gradient_penalty`."""
        return _places("gradient_penalty", self.at, real, fake, noise, seed)

    def values(self, norms: Tensor) -> Tensor:
        """The weighted squared distance from the target."""
        return self.weight * _distance_from(norms, self.target, self.one_sided)


class R1Penalty(Penalty, function=r1_penalty, kw_only=False):
    """Class form of `r1_penalty`, for `AdversarialModel.compile(penalty=...)`.

    >>> polyloss.R1Penalty(1.0)
    R1Penalty(gamma=1.0)
    """

    words: ClassVar[tuple[str, ...]] = ("R1", "StyleGAN", "gradient penalty")

    gamma: float = 10.0

    def points(self, real: Tensor, fake: Tensor, noise: Tensor = None, seed: Any = None) -> Tensor:
        """The real samples."""
        return shapes.real("r1_penalty", "real", real)

    def values(self, norms: Tensor) -> Tensor:
        """Half gamma times the squared norm."""
        return 0.5 * self.gamma * ops.square(norms)


class R2Penalty(Penalty, function=r2_penalty, kw_only=False):
    """Class form of `r2_penalty`, for `AdversarialModel.compile(penalty=...)`.

    >>> polyloss.R2Penalty()
    R2Penalty(gamma=10.0)
    """

    words: ClassVar[tuple[str, ...]] = ("R2", "gradient penalty")

    gamma: float = 10.0

    def points(self, real: Tensor, fake: Tensor, noise: Tensor = None, seed: Any = None) -> Tensor:
        """The generated samples."""
        return shapes.real("r2_penalty", "fake", fake)

    def values(self, norms: Tensor) -> Tensor:
        """Half gamma times the squared norm."""
        return 0.5 * self.gamma * ops.square(norms)
