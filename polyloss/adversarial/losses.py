"""Adversarial losses: what two networks that train against each other minimise.

The losses take logits of the discriminator (critic), of any shape: one a sample, or a map of them. Each
comes as a pair of functions and as a class with `discriminator` and `generator`.
`polyloss.training.AdversarialModel` trains with them; a loop of one's own can use them as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from polyloss import framework
from polyloss.adversarial._batch import BatchTerm, batch_mean, ramp, same_shape
from polyloss.core import numerics, ops, shapes
from polyloss.core.function import Declaration, checked, declaration
from polyloss.core.kinds import SCORES, Kind
from polyloss.core.numerics import Tensor
from polyloss.core.parameters import Finite, Flag, Fraction, Rule
from polyloss.core.replica import for_engine

__all__ = [
    "AdversarialLoss",
    "HingeGANLoss",
    "LeastSquaresLoss",
    "MinimaxLoss",
    "NonSaturatingLoss",
    "RelativisticLoss",
    "WassersteinLoss",
    "hinge_gan_discriminator_loss",
    "hinge_gan_generator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_discriminator_loss",
    "non_saturating_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
]


def _logits(where: str, real: Any, fake: Any) -> tuple[Tensor, Tensor]:
    return shapes.real(where, "real", real), shapes.real(where, "fake", fake)


# -- the base ----------------------------------------------------------------------------------------


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

    Logits are computed in the widest of float32, their own dtype and `dtype`. Means are over the global batch
    (`polyloss.replica`); under `tf.distribute`, whose strategies add up the gradients of replicas, a call returns
    the replica's share.

    Args:
        name: By default the class's name in snake case.
        dtype: A float dtype or `keras.DTypePolicy` to compute in if it is wider than the logits'.
    """

    category: ClassVar[str] = "adversarial"
    inputs: ClassVar[Kind] = SCORES
    players: ClassVar[dict[str, Declaration]] = {}
    """The function of each player, where the class names them."""

    def __init_subclass__(
        cls,
        *,
        discriminator: Callable[..., Tensor] | None = None,
        generator: Callable[..., Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        named = {"discriminator": discriminator, "generator": generator}
        found = {player: declaration(function) for player, function in named.items() if function is not None}
        if found:
            cls.players = {player: known for player, known in found.items() if known is not None}
        super().__init_subclass__(function=discriminator, **kwargs)

    @classmethod
    def _rules(cls) -> dict[str, Rule]:
        return {name: rule for known in cls.players.values() for name, rule in known.rules.items()}

    def call_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator minimises, a scalar."""
        return self._of_player("discriminator", {"real": real, "fake": fake})

    def call_generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """What the generator minimises, a scalar."""
        return self._of_player(
            "generator", {"fake": fake, "real": real} if self.generator_sees_real else {"fake": fake}
        )

    def _of_player(self, player: str, logits: dict[str, Any]) -> Tensor:
        declared = self.players.get(player)
        if declared is None:
            raise NotImplementedError(f"{type(self).__name__}: must define call_{player}. Got none.")
        options = {name: getattr(self, name) for name in self._own if name in declared.names}
        return declared.formula(**logits, **options)

    @framework.entry_point
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, from logits of real and of generated samples."""
        return for_engine(self.call_discriminator(self._widen(real), self._widen(fake)))

    @framework.entry_point
    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss, from logits of generated samples (and of real ones where it needs them)."""
        return for_engine(self.call_generator(self._widen(fake), self._widen(real)))

    def __call__(self, *given: Any) -> NoReturn:
        """No loss of targets and predictions: Keras would call it as one."""
        raise TypeError(
            f"{type(self).__name__}: must be given to polyloss.training.AdversarialModel(generator, discriminator)"
            ".compile(loss=...), since it compares what a discriminator says of real and of generated samples. Got a "
            "call with targets and predictions, as a plain model makes it."
        )

    @property
    def generator_sees_real(self) -> bool:
        """Whether `generator` needs logits of real samples."""
        return "generator" in self.players and "real" in self.players["generator"].required


# -- the game of the first GAN -----------------------------------------------------------------------


@checked
def minimax_discriminator_loss(real: Tensor, fake: Tensor, *, label_smoothing: Fraction = 0.0) -> Tensor:
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
    no sample on a side  that side adds 0  that of the other side
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
    return batch_mean(on_real) + batch_mean(numerics.softplus(fake))


@checked
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
    return -batch_mean(numerics.softplus(shapes.real("minimax_generator_loss", "fake", fake)))


class MinimaxLoss(AdversarialLoss, discriminator=minimax_discriminator_loss, generator=minimax_generator_loss):
    """The game of the first GAN: `minimax_discriminator_loss`, `minimax_generator_loss`.

    When to choose it: to study that game. To train, `NonSaturatingLoss` has the better gradients.

    >>> polyloss.MinimaxLoss(label_smoothing=0.1)
    MinimaxLoss(label_smoothing=0.1)
    """

    label_smoothing: float = 0.0
    words: ClassVar[tuple[str, ...]] = ("GAN", "vanilla GAN", "BCE GAN")
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.minimax_generator_loss"}


# -- the usual GAN -----------------------------------------------------------------------------------


@checked
def non_saturating_discriminator_loss(real: Tensor, fake: Tensor, *, label_smoothing: Fraction = 0.0) -> Tensor:
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
    no sample on a side  that side adds 0  that of the other side
    NaN                  NaN               NaN
    ===================  ================  =========

    >>> round(float(polyloss.non_saturating_discriminator_loss([[0.0]], [[0.0]])), 5)  # 2 log 2
    1.38629

    References: Goodfellow et al. 2014, arXiv:1406.2661.
    """
    real, fake = _logits("non_saturating_discriminator_loss", real, fake)
    return minimax_discriminator_loss(real, fake, label_smoothing=label_smoothing)


@checked
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
    return batch_mean(numerics.softplus(-shapes.real("non_saturating_generator_loss", "fake", fake)))


class NonSaturatingLoss(
    AdversarialLoss, discriminator=non_saturating_discriminator_loss, generator=non_saturating_generator_loss
):
    """The usual GAN: `non_saturating_discriminator_loss`, `non_saturating_generator_loss`.

    When to choose it: first. With `R1Penalty` it is the recipe of StyleGAN; where it collapses to a few
    modes, `WassersteinLoss` with `GradientPenalty`.

    >>> loss = polyloss.NonSaturatingLoss()
    >>> round(float(loss.generator(keras.ops.zeros((4, 1)))), 5)
    0.69315
    """

    label_smoothing: float = 0.0
    words: ClassVar[tuple[str, ...]] = ("GAN", "DCGAN", "StyleGAN", "vanilla GAN")
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.modified_generator_loss"}


# -- least squares -----------------------------------------------------------------------------------


@checked
def least_squares_discriminator_loss(
    real: Tensor, fake: Tensor, *, real_target: Finite = 1.0, fake_target: Finite = 0.0
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
    no sample on a side  that side adds 0  that of the other side
    NaN                  NaN               NaN
    ===================  ================  =========

    >>> float(polyloss.least_squares_discriminator_loss([[0.0]], [[1.0]]))
    1.0

    References: Mao et al. 2017, Least Squares Generative Adversarial Networks, arXiv:1611.04076.
    """
    real, fake = _logits("least_squares_discriminator_loss", real, fake)
    return 0.5 * (batch_mean(ops.square(real - real_target)) + batch_mean(ops.square(fake - fake_target)))


@checked
def least_squares_generator_loss(fake: Tensor, *, generator_target: Finite = 1.0) -> Tensor:
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
    return 0.5 * batch_mean(ops.square(shapes.real("least_squares_generator_loss", "fake", fake) - generator_target))


class LeastSquaresLoss(
    AdversarialLoss, discriminator=least_squares_discriminator_loss, generator=least_squares_generator_loss
):
    """LSGAN: `least_squares_discriminator_loss`, `least_squares_generator_loss`.

    >>> polyloss.LeastSquaresLoss(real_target=0.9)
    LeastSquaresLoss(real_target=0.9, fake_target=0.0, generator_target=1.0)
    """

    real_target: float = 1.0
    fake_target: float = 0.0
    generator_target: float = 1.0
    words: ClassVar[tuple[str, ...]] = ("GAN", "LSGAN")
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.least_squares_generator_loss"}


# -- hinge -------------------------------------------------------------------------------------------


@checked
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
    no sample on a side  that side adds 0  that of the other side
    NaN                  NaN               not promised
    ===================  ================  =========================================

    >>> float(polyloss.hinge_gan_discriminator_loss([[0.25]], [[-2.0]]))
    0.75

    References: Lim and Ye 2017, Geometric GAN, arXiv:1705.02894; Zhang et al. 2019, arXiv:1805.08318.
    """
    real, fake = _logits("hinge_gan_discriminator_loss", real, fake)
    return batch_mean(ramp(1 - real)) + batch_mean(ramp(1 + fake))


@checked
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
    return -batch_mean(shapes.real("hinge_gan_generator_loss", "fake", fake))


class HingeGANLoss(AdversarialLoss, discriminator=hinge_gan_discriminator_loss, generator=hinge_gan_generator_loss):
    """The hinge loss of SAGAN and BigGAN: `hinge_gan_discriminator_loss`, `hinge_gan_generator_loss`.

    >>> polyloss.HingeGANLoss()
    HingeGANLoss()
    """

    words: ClassVar[tuple[str, ...]] = ("GAN", "HingeLoss", "SAGAN", "BigGAN")


# -- Wasserstein -------------------------------------------------------------------------------------


@checked
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
    no sample on a side  that side adds 0  that of the other side
    NaN                  NaN               as ever: it does not depend on the input
    ===================  ================  ========================================

    >>> float(polyloss.wasserstein_discriminator_loss([[2.0]], [[-1.0]]))
    -3.0

    References: Arjovsky et al. 2017, Wasserstein GAN, arXiv:1701.07875.
    """
    real, fake = _logits("wasserstein_discriminator_loss", real, fake)
    return batch_mean(fake) - batch_mean(real)


@checked
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
    return -batch_mean(shapes.real("wasserstein_generator_loss", "fake", fake))


class WassersteinLoss(
    AdversarialLoss, discriminator=wasserstein_discriminator_loss, generator=wasserstein_generator_loss
):
    """WGAN: `wasserstein_discriminator_loss`, `wasserstein_generator_loss`; add a `GradientPenalty`.

    >>> polyloss.WassersteinLoss()
    WassersteinLoss()
    """

    words: ClassVar[tuple[str, ...]] = ("GAN", "WGAN", "WGAN-GP", "earth mover", "mode collapse")
    elsewhere: ClassVar[dict[str, str]] = {"tf_gan": "tfgan.losses.wasserstein_generator_loss"}


# -- relativistic ------------------------------------------------------------------------------------


@checked
def relativistic_discriminator_loss(real: Tensor, fake: Tensor, *, average: Flag = True) -> Tensor:
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
        return batch_mean(numerics.softplus(batch_mean(fake) - real)) + batch_mean(
            numerics.softplus(fake - batch_mean(real))
        )
    return batch_mean(numerics.softplus(_paired(where, fake, real)))


@checked
def relativistic_generator_loss(fake: Tensor, real: Tensor, *, average: Flag = True) -> Tensor:
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
    return batch_mean(numerics.softplus(_paired(where, real, fake)))


def _paired(where: str, a: Tensor, b: Tensor) -> Tensor:
    """``a - b``, sample by sample."""
    same_shape(where, "paired logits", a, b)
    return a - b


class RelativisticLoss(
    AdversarialLoss, discriminator=relativistic_discriminator_loss, generator=relativistic_generator_loss
):
    """RaGAN and RpGAN: `relativistic_discriminator_loss`, `relativistic_generator_loss`.

    Its generator needs the logits of real samples too.

    >>> polyloss.RelativisticLoss(average=False)
    RelativisticLoss(average=False)
    """

    words: ClassVar[tuple[str, ...]] = ("GAN", "RaGAN", "RpGAN", "R3GAN")

    average: bool = True
