"""Adversarial training: what two networks that train against each other minimise.

The losses take logits of the discriminator (critic), of any shape: one a sample, or a map of them. Each
comes as a pair of functions and as a class with `discriminator` and `generator`.
`polyloss.training.AdversarialModel` trains with them; a loop of one's own can use them as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from polyloss import checks, framework, numerics
from polyloss.declared import Declared
from polyloss.numerics import Tensor

# -- shared ---------------------------------------------------------------------------------------


def real_tensor(where: str, name: str, x: Any) -> Tensor:
    """`x` as a tensor in the dtype it is computed in: float64 stays, everything else becomes float32."""
    if x is None or isinstance(x, str):
        checks.refuse(where, name, "be a tensor", x, TypeError)
    x = numerics.tensor(x)
    dtype = numerics.dtype_of(x)
    if dtype.startswith("complex") or dtype == "string":
        checks.refuse(where, f"{name}.dtype", "be real", dtype, TypeError)
    return x if dtype in ("float32", "float64") else ops.cast(x, "float32")


def _logits(where: str, real: Any, fake: Any) -> tuple[Tensor, Tensor]:
    return real_tensor(where, "real", real), real_tensor(where, "fake", fake)


def mean(x: Tensor) -> Tensor:
    """The mean of all elements, 0 where there are none."""
    count = numerics.size(x)
    return ops.sum(x) / (max(count, 1) if isinstance(count, int) else ops.where(count == 0, 1.0, count))


def ramp(x: Tensor) -> Tensor:
    """``max(0, x)`` with derivative 0 at 0."""
    return ops.where(x > 0, x, ops.where(ops.isnan(x), x, 0.0))


# -- pairs of functions ---------------------------------------------------------------------------


@checks.parameters(label_smoothing=checks.between(0, 1))
def minimax_discriminator_loss(real: Tensor, fake: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    r"""Cross-entropy of telling real from fake: what the discriminator of the first GAN minimises.

    .. math:: \ell_D = -\operatorname{mean}_r \left[(1 - s) \log \sigma(r) + s \log(1 - \sigma(r))\right]
        - \operatorname{mean}_f \log(1 - \sigma(f))

    r and f are the logits of real and of generated samples, s is `label_smoothing`. Computed from logits,
    so a discriminator that is sure of itself gives neither infinity nor NaN.

    When to choose it: the discriminator of both `MinimaxLoss` and `NonSaturatingLoss`.

    Args:
        real: Logits of real samples, any shape; float64 stays, anything smaller is computed in float32.
        fake: Logits of generated samples, any shape; their number may differ.
        label_smoothing: In [0, 1]: real samples are to reach the probability 1 - s. One-sided: the target
            of generated samples stays 0 (with both smoothed, the generator would be drawn to where it
            already is).

    Returns:
        A scalar in nats.

    Raises:
        ValueError, TypeError: for parameters out of range or of the wrong type, and what is no tensor.

    ===================  ================  =========
    input                value             gradient
    ===================  ================  =========
    r = inf, f = -inf    0                 0
    r = -inf             inf               -1/n by r
    f = inf              inf               1/n by f
    no sample on a side  that side adds 0  none
    NaN                  NaN               NaN
    ===================  ================  =========

    >>> loss = polyloss.minimax_discriminator_loss([[2.0]], [[-1.0]])
    >>> round(float(loss), 5)  # log(1 + e^-2) + log(1 + e^-1)
    0.44019

    References: Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661. Smoothing:
    Salimans et al. 2016, Improved Techniques for Training GANs, arXiv:1606.03498.
    """
    real, fake = _logits("minimax_discriminator_loss", real, fake)
    on_real = numerics.softplus(-real)
    if label_smoothing:
        on_real = (1 - label_smoothing) * on_real + label_smoothing * numerics.softplus(real)
    return mean(on_real) + mean(numerics.softplus(fake))


def minimax_generator_loss(fake: Tensor) -> Tensor:
    r"""The negative of the discriminator's loss on generated samples, as the minimax game has it.

    .. math:: \ell_G = \operatorname{mean}_f \log(1 - \sigma(f))

    When to choose it: to study the game of the paper. Its gradient vanishes where the discriminator is
    sure (:math:`f \to -\infty`), just when the generator has most to learn, and the paper itself trains
    with `non_saturating_generator_loss` instead.

    Args:
        fake: Logits of generated samples, any shape; float64 stays, anything smaller is computed in
            float32.

    Returns:
        A scalar in nats, at most 0.

    Raises:
        TypeError: for what is no tensor of real numbers.

    ========  =====  ========
    input     value  gradient
    ========  =====  ========
    f = -inf  0      0
    f = inf   -inf   -1/n
    NaN       NaN    NaN
    ========  =====  ========

    >>> round(float(polyloss.minimax_generator_loss([[0.0]])), 5)  # -log 2
    -0.69315

    References: Goodfellow et al. 2014, arXiv:1406.2661.
    """
    return -mean(numerics.softplus(real_tensor("minimax_generator_loss", "fake", fake)))


@checks.parameters(label_smoothing=checks.between(0, 1))
def non_saturating_discriminator_loss(real: Tensor, fake: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    r"""The same as `minimax_discriminator_loss`, under the name of its pair.

    .. math:: \ell_D = -\operatorname{mean}_r \left[(1 - s) \log \sigma(r) + s \log(1 - \sigma(r))\right]
        - \operatorname{mean}_f \log(1 - \sigma(f))

    When to choose it: the discriminator of `NonSaturatingLoss`; `minimax_discriminator_loss` says the rest.

    Args:
        real: Logits of real samples, any shape; float64 stays, anything smaller is computed in float32.
        fake: Logits of generated samples, any shape; their number may differ.
        label_smoothing: In [0, 1]: real samples are to reach the probability 1 - s.

    Returns:
        A scalar in nats.

    Raises:
        ValueError, TypeError: for parameters out of range or of the wrong type, and what is no tensor.

    ===================  ================  =========
    input                value             gradient
    ===================  ================  =========
    r = inf, f = -inf    0                 0
    r = -inf             inf               -1/n by r
    f = inf              inf               1/n by f
    no sample on a side  that side adds 0  none
    NaN                  NaN               NaN
    ===================  ================  =========

    >>> round(float(polyloss.non_saturating_discriminator_loss([[0.0]], [[0.0]])), 5)  # 2 log 2
    1.38629

    References: Goodfellow et al. 2014, arXiv:1406.2661.
    """
    real, fake = _logits("non_saturating_discriminator_loss", real, fake)
    return minimax_discriminator_loss(real, fake, label_smoothing=label_smoothing)


def non_saturating_generator_loss(fake: Tensor) -> Tensor:
    r"""The generator raises the log-probability that its samples are taken for real.

    .. math:: \ell_G = -\operatorname{mean}_f \log \sigma(f)

    When to choose it: the generator of every GAN that is not a Wasserstein one, unless you know better. It
    has the fixed point of the minimax game, and its gradient is largest where that of
    `minimax_generator_loss` is gone.

    Args:
        fake: Logits of generated samples, any shape; float64 stays, anything smaller is computed in
            float32.

    Returns:
        A scalar in nats, at least 0.

    Raises:
        TypeError: for what is no tensor of real numbers.

    ========  =====  ========
    input     value  gradient
    ========  =====  ========
    f = inf   0      0
    f = -inf  inf    -1/n
    NaN       NaN    NaN
    ========  =====  ========

    >>> round(float(polyloss.non_saturating_generator_loss([[-3.0]])), 5)
    3.04859

    References: Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """
    return mean(numerics.softplus(-real_tensor("non_saturating_generator_loss", "fake", fake)))


@checks.parameters(real_target=checks.finite(), fake_target=checks.finite(), generator_target=checks.finite())
def least_squares_discriminator_loss(
    real: Tensor, fake: Tensor, *, real_target: float = 1.0, fake_target: float = 0.0
) -> Tensor:
    r"""Half the squared distance of real and generated samples from their targets.

    .. math:: \ell_D = \tfrac12 \operatorname{mean}_r (r - b)^2 + \tfrac12 \operatorname{mean}_f (f - a)^2

    When to choose it: cross-entropy stops caring about generated samples that are on the right side of
    the border, however far from the data; squares pull them back. `real_target` below 1 is label
    smoothing.

    Args:
        real: Outputs of the discriminator (no sigmoid) for real samples, any shape; float64 stays,
            anything smaller is computed in float32.
        fake: The same for generated samples.
        real_target: The paper's b.
        fake_target: The paper's a.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError, TypeError: for targets that are not finite numbers, and what is no tensor.

    ===================  ================  =========
    input                value             gradient
    ===================  ================  =========
    r = b, f = a         0                 0
    r = -inf             inf               -inf by r
    no sample on a side  that side adds 0  none
    NaN                  NaN               NaN
    ===================  ================  =========

    >>> float(polyloss.least_squares_discriminator_loss([[0.0]], [[1.0]]))
    1.0

    References: Mao et al. 2017, Least Squares Generative Adversarial Networks, arXiv:1611.04076.
    """
    real, fake = _logits("least_squares_discriminator_loss", real, fake)
    return 0.5 * (mean(ops.square(real - real_target)) + mean(ops.square(fake - fake_target)))


@checks.parameters(generator_target=checks.finite())
def least_squares_generator_loss(fake: Tensor, *, generator_target: float = 1.0) -> Tensor:
    r"""Half the squared distance of generated samples from what the generator wants them to be taken for.

    .. math:: \ell_G = \tfrac12 \operatorname{mean}_f (f - c)^2

    When to choose it: as the generator of `LeastSquaresLoss`.

    Args:
        fake: Outputs of the discriminator (no sigmoid) for generated samples, any shape.
        generator_target: The paper's c: that of real samples; 0 with targets -1 and 1 minimises the
            Pearson :math:`\chi^2` divergence.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError, TypeError: for a target that is not a finite number, and what is no tensor.

    ========  =====  ========
    input     value  gradient
    ========  =====  ========
    f = c     0      0
    f = -inf  inf    -inf
    NaN       NaN    NaN
    ========  =====  ========

    >>> float(polyloss.least_squares_generator_loss([[3.0]]))
    2.0

    References: Mao et al. 2017, arXiv:1611.04076.
    """
    return 0.5 * mean(ops.square(real_tensor("least_squares_generator_loss", "fake", fake) - generator_target))


def hinge_gan_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    r"""A margin of 1 on either side of the border, and no interest in samples beyond it.

    .. math:: \ell_D = \operatorname{mean}_r \max(0, 1 - r) + \operatorname{mean}_f \max(0, 1 + f)

    The derivative at the corner (r = 1, f = -1) is 0.

    When to choose it: large image models with a spectrally normalised discriminator (SAGAN, BigGAN).

    Args:
        real: Outputs of the discriminator (no sigmoid) for real samples, any shape; float64 stays,
            anything smaller is computed in float32.
        fake: The same for generated samples.

    Returns:
        A scalar, at least 0.

    Raises:
        TypeError: for what is no tensor of real numbers.

    ===================  ================  =========================================
    input                value             gradient
    ===================  ================  =========================================
    r = 1, f = -1        0                 0: the corner counts as beyond the margin
    r = inf, f = -inf    0                 0
    r = -inf             inf               -1/n by r
    no sample on a side  that side adds 0  none
    NaN                  NaN               not promised
    ===================  ================  =========================================

    >>> float(polyloss.hinge_gan_discriminator_loss([[0.25]], [[-2.0]]))
    0.75

    References: Lim and Ye 2017, Geometric GAN, arXiv:1705.02894; Zhang et al. 2019, arXiv:1805.08318.
    """
    real, fake = _logits("hinge_gan_discriminator_loss", real, fake)
    return mean(ramp(1 - real)) + mean(ramp(1 + fake))


def hinge_gan_generator_loss(fake: Tensor) -> Tensor:
    r"""The generator raises the discriminator's output, without a margin.

    .. math:: \ell_G = -\operatorname{mean}_f f

    When to choose it: as the generator of `HingeGANLoss`.

    Args:
        fake: Outputs of the discriminator (no sigmoid) for generated samples, any shape.

    Returns:
        A scalar.

    Raises:
        TypeError: for what is no tensor of real numbers.

    ========  =====  ========
    input     value  gradient
    ========  =====  ========
    f = -inf  inf    -1/n
    NaN       NaN    -1/n
    ========  =====  ========

    >>> float(polyloss.hinge_gan_generator_loss([[0.5], [1.5]]))
    -1.0

    References: Lim and Ye 2017, arXiv:1705.02894.
    """
    return -mean(real_tensor("hinge_gan_generator_loss", "fake", fake))


def wasserstein_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    r"""The critic's loss: minus its estimate of the earth mover's distance.

    .. math:: \ell_D = \operatorname{mean}_f f - \operatorname{mean}_r r

    It means something only for a critic whose slope is bounded: add a `GradientPenalty`.

    When to choose it: where plain GANs are unstable or collapse to a few modes. The distance has a
    gradient even where real and generated samples do not overlap, and falls as samples get better, so
    the log says something.

    Args:
        real: Outputs of the critic (no sigmoid) for real samples, any shape; float64 stays, anything
            smaller is computed in float32.
        fake: The same for generated samples.

    Returns:
        A scalar in units of the critic's output; its negative estimates the distance, in the units of the
        samples when the critic's slope is 1.

    Raises:
        TypeError: for what is no tensor of real numbers.

    ===================  ================  ========================================
    input                value             gradient
    ===================  ================  ========================================
    r = inf              -inf              -1/n by r
    r = f = inf          NaN               -1/n by r, 1/n by f
    no sample on a side  that side adds 0  none
    NaN                  NaN               as ever: it does not depend on the input
    ===================  ================  ========================================

    >>> float(polyloss.wasserstein_discriminator_loss([[2.0]], [[-1.0]]))
    -3.0

    References: Arjovsky et al. 2017, Wasserstein GAN, arXiv:1701.07875.
    """
    real, fake = _logits("wasserstein_discriminator_loss", real, fake)
    return mean(fake) - mean(real)


def wasserstein_generator_loss(fake: Tensor) -> Tensor:
    r"""The generator raises what the critic says of its samples.

    .. math:: \ell_G = -\operatorname{mean}_f f

    When to choose it: as the generator of `WassersteinLoss`.

    Args:
        fake: Outputs of the critic (no sigmoid) for generated samples, any shape.

    Returns:
        A scalar in units of the critic's output.

    Raises:
        TypeError: for what is no tensor of real numbers.

    ========  =====  ========
    input     value  gradient
    ========  =====  ========
    f = -inf  inf    -1/n
    NaN       NaN    -1/n
    ========  =====  ========

    >>> float(polyloss.wasserstein_generator_loss([[-1.0]]))
    1.0

    References: Arjovsky et al. 2017, arXiv:1701.07875.
    """
    return -mean(real_tensor("wasserstein_generator_loss", "fake", fake))


@checks.parameters(average=checks.boolean())
def relativistic_discriminator_loss(real: Tensor, fake: Tensor, *, average: bool = True) -> Tensor:
    r"""Real samples are to look more real than generated ones: than their mean, or each than its partner.

    .. math:: \ell_D = -\operatorname{mean}_r \log \sigma(r - \bar f)
        - \operatorname{mean}_f \log(1 - \sigma(f - \bar r)) \quad \text{(average)}, \qquad
        \ell_D = -\operatorname{mean}_i \log \sigma(r_i - f_i) \quad \text{(paired)}

    When to choose it: as a steadier drop-in for the cross-entropy losses; with `R1Penalty` and
    `R2Penalty`, ``average=False`` has a proof of local convergence.

    Args:
        real: Logits of real samples, any shape; float64 stays, anything smaller is computed in float32.
        fake: Logits of generated samples; of the shape of `real` unless `average`.
        average: Against the mean of the other kind (RaGAN), or sample by sample (RpGAN).

    Returns:
        A scalar in nats.

    Raises:
        ValueError: for shapes that differ, unless `average`.
        TypeError: for what is no tensor of real numbers, and an `average` that is no bool.

    ==================  =====  ========
    input               value  gradient
    ==================  =====  ========
    r = inf, f = -inf   0      0
    r = -inf, f finite  inf    finite
    r = f = inf         NaN    NaN
    NaN                 NaN    NaN
    ==================  =====  ========

    >>> round(float(polyloss.relativistic_discriminator_loss([[1.0]], [[0.0]])), 5)  # 2 log(1 + e^-1)
    0.62652

    References: Jolicoeur-Martineau 2018, The relativistic discriminator, arXiv:1807.00734.
    """
    where = "relativistic_discriminator_loss"
    real, fake = _logits(where, real, fake)
    if average:
        return mean(numerics.softplus(mean(fake) - real)) + mean(numerics.softplus(fake - mean(real)))
    return mean(numerics.softplus(_paired(where, fake, real)))


@checks.parameters(average=checks.boolean())
def relativistic_generator_loss(fake: Tensor, real: Tensor, *, average: bool = True) -> Tensor:
    r"""`relativistic_discriminator_loss` with the parts of real and generated samples exchanged.

    .. math:: \ell_G = -\operatorname{mean}_f \log \sigma(f - \bar r)
        - \operatorname{mean}_r \log(1 - \sigma(r - \bar f)) \quad \text{(average)}, \qquad
        \ell_G = -\operatorname{mean}_i \log \sigma(f_i - r_i) \quad \text{(paired)}

    When to choose it: as the generator of `RelativisticLoss`.

    Args:
        fake: Logits of generated samples, any shape.
        real: Logits of real samples; of the shape of `fake` unless `average`.
        average: Against the mean of the other kind (RaGAN), or sample by sample (RpGAN).

    Returns:
        A scalar in nats.

    Raises:
        ValueError: for shapes that differ, unless `average`.
        TypeError: for what is no tensor of real numbers, and an `average` that is no bool.

    ==================  =====  ========
    input               value  gradient
    ==================  =====  ========
    f = inf, r finite   0      0
    f = -inf, r finite  inf    finite
    r = f = inf         NaN    NaN
    NaN                 NaN    NaN
    ==================  =====  ========

    >>> round(float(polyloss.relativistic_generator_loss([[0.0]], [[1.0]], average=False)), 5)
    1.31326

    References: Jolicoeur-Martineau 2018, arXiv:1807.00734.
    """
    where = "relativistic_generator_loss"
    real, fake = _logits(where, real, fake)
    if average:
        return relativistic_discriminator_loss(fake, real)
    return mean(numerics.softplus(_paired(where, real, fake)))


def _paired(where: str, a: Tensor, b: Tensor) -> Tensor:
    """``a - b``, sample by sample."""
    same_shape(where, "paired logits", a, b)
    return a - b


def same_shape(where: str, what: str, a: Tensor, b: Tensor) -> None:
    """Refuse tensors whose known sizes differ."""
    one, other = tuple(a.shape), tuple(b.shape)
    if len(one) != len(other) or any(None not in (m, n) and m != n for m, n in zip(one, other, strict=True)):
        raise ValueError(f"{where}: {what} must have one shape. Got {one} and {other}.")


# -- classes --------------------------------------------------------------------------------------


class BatchTerm(Declared, abstract=True):
    """What losses and penalties of this family have in common: a name, a dtype, and their replicas' share."""

    if TYPE_CHECKING:
        name: str | None = None
        dtype: Any = None

    _common: ClassVar[dict[str, Any]] = {"name": None, "dtype": None}
    _fields: ClassVar[dict[str, Any]] = _common
    elsewhere: ClassVar[dict[str, str]] = {}
    """The same in other libraries."""
    tasks: ClassVar[tuple[str, ...]] = ("generative modelling",)
    """The kinds of problem it is for."""

    def _begin(self, *, name: str | None, dtype: Any) -> None:
        where = self._where()
        if name is not None and not isinstance(name, str):
            checks.refuse(where, "name", "be a string", name, TypeError)
        self.name = name
        self._given_dtype = dtype.name if isinstance(dtype, keras.DTypePolicy) else dtype
        asked = dtype.compute_dtype if isinstance(dtype, keras.DTypePolicy) else dtype
        if asked is not None:
            try:
                asked = keras.backend.standardize_dtype(asked)
            except (ValueError, TypeError) as error:
                checks.refuse(where, "dtype", f"be a float dtype or a policy ({error})", dtype)
            if "float" not in asked:
                checks.refuse(where, "dtype", "be a float dtype", dtype)
        self.dtype = "float64" if asked == "float64" else "float32"

    def _common_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self._given_dtype}

    def _widen(self, x: Any) -> Tensor:
        """`x`, in float64 where `dtype` asks for it."""
        if x is None or self.dtype != "float64":
            return x
        return ops.cast(numerics.tensor(x), "float64")


def share(total: Tensor) -> Tensor:
    """A replica's share of a scalar: engines add up the gradients of their replicas."""
    replicas = framework.replica_count()
    return total if replicas == 1 else total / replicas


class AdversarialLoss(BatchTerm, abstract=True):
    """Base of the adversarial losses: declared fields, and one scalar for each of the two players.

    Subclass it with fields and the two methods; `polyloss.training.AdversarialModel` trains with it:

    >>> class LogisticLoss(polyloss.AdversarialLoss):
    ...     def call_discriminator(self, real, fake):
    ...         return polyloss.minimax_discriminator_loss(real, fake)
    ...
    ...     def call_generator(self, fake, real):
    ...         return polyloss.non_saturating_generator_loss(fake)
    >>> LogisticLoss()
    LogisticLoss()

    Logits are computed in the widest of float32, their own dtype and `dtype`. Under `tf.distribute`, whose
    strategies add up the gradients of replicas, a call returns the replica's share of the mean.

    Args:
        name: By default the class's name in snake case.
        dtype: A float dtype or `keras.DTypePolicy` to compute in if it is wider than the logits'.
    """

    kind: ClassVar[str] = "adversarial"

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises, a scalar."""
        raise NotImplementedError(f"{type(self).__name__}: must define call_discriminator. Got none.")

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises, a scalar."""
        raise NotImplementedError(f"{type(self).__name__}: must define call_generator. Got none.")

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, from logits of real and of generated samples."""
        return share(self.call_discriminator(self._widen(real), self._widen(fake)))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss, from logits of generated samples (and of real ones where it needs them)."""
        return share(self.call_generator(self._widen(fake), self._widen(real)))

    @property
    def generator_sees_real(self) -> bool:
        """Whether `generator` needs logits of real samples."""
        return False


class MinimaxLoss(AdversarialLoss, function=minimax_discriminator_loss):
    """The game of the first GAN: `minimax_discriminator_loss`, `minimax_generator_loss`.

    When to choose it: to study that game. To train, `NonSaturatingLoss` has the better gradients.

    >>> polyloss.MinimaxLoss(label_smoothing=0.1)
    MinimaxLoss(label_smoothing=0.1)
    """

    label_smoothing: float = 0.0
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.minimax_generator_loss"}

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""
        return minimax_discriminator_loss(real, fake, label_smoothing=self.label_smoothing)

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises."""
        return minimax_generator_loss(fake)


class NonSaturatingLoss(AdversarialLoss, function=non_saturating_discriminator_loss):
    """The usual GAN: `non_saturating_discriminator_loss`, `non_saturating_generator_loss`.

    When to choose it: first. With `R1Penalty` it is the recipe of StyleGAN; where it collapses to a few
    modes, `WassersteinLoss` with `GradientPenalty`.

    >>> loss = polyloss.NonSaturatingLoss()
    >>> round(float(loss.generator(keras.ops.zeros((4, 1)))), 5)
    0.69315
    """

    label_smoothing: float = 0.0
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.modified_generator_loss"}

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""
        return non_saturating_discriminator_loss(real, fake, label_smoothing=self.label_smoothing)

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises."""
        return non_saturating_generator_loss(fake)


class LeastSquaresLoss(AdversarialLoss, function=least_squares_discriminator_loss):
    """LSGAN: `least_squares_discriminator_loss`, `least_squares_generator_loss`.

    >>> polyloss.LeastSquaresLoss(real_target=0.9)
    LeastSquaresLoss(real_target=0.9, fake_target=0.0, generator_target=1.0)
    """

    real_target: float = 1.0
    fake_target: float = 0.0
    generator_target: float = 1.0
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.least_squares_generator_loss"}

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""
        return least_squares_discriminator_loss(real, fake, real_target=self.real_target, fake_target=self.fake_target)

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises."""
        return least_squares_generator_loss(fake, generator_target=self.generator_target)


class HingeGANLoss(AdversarialLoss, function=hinge_gan_discriminator_loss):
    """The hinge loss of SAGAN and BigGAN: `hinge_gan_discriminator_loss`, `hinge_gan_generator_loss`.

    >>> polyloss.HingeGANLoss()
    HingeGANLoss()
    """

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""
        return hinge_gan_discriminator_loss(real, fake)

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises."""
        return hinge_gan_generator_loss(fake)


class WassersteinLoss(AdversarialLoss, function=wasserstein_discriminator_loss):
    """WGAN: `wasserstein_discriminator_loss`, `wasserstein_generator_loss`; add a `GradientPenalty`.

    >>> polyloss.WassersteinLoss()
    WassersteinLoss()
    """

    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.wasserstein_generator_loss"}

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic minimises."""
        return wasserstein_discriminator_loss(real, fake)

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises."""
        return wasserstein_generator_loss(fake)


class RelativisticLoss(AdversarialLoss, function=relativistic_discriminator_loss):
    """RaGAN and RpGAN: `relativistic_discriminator_loss`, `relativistic_generator_loss`.

    Its generator needs the logits of real samples too.

    >>> polyloss.RelativisticLoss(average=False)
    RelativisticLoss(average=False)
    """

    average: bool = True

    @property
    def generator_sees_real(self) -> bool:
        """Whether `generator` needs logits of real samples: yes."""
        return True

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises."""
        return relativistic_discriminator_loss(real, fake, average=self.average)

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises."""
        return relativistic_generator_loss(fake, real, average=self.average)
