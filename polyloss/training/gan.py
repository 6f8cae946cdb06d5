"""Adversarial training with `fit`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from polyloss import framework
from polyloss.adversarial.losses import AdversarialLoss, WassersteinLoss
from polyloss.adversarial.penalties import Penalty
from polyloss.core import numerics, parameters, replica
from polyloss.core.numerics import Tensor
from polyloss.framework import private
from polyloss.training import guards
from polyloss.training.optimizers import OptimizerGroup
from polyloss.training.step import StepModel, minimize

Noise = Callable[[str, Sequence[Any], keras.random.SeedGenerator], Tensor]
"""``noise(what, shape, seed)``: `what` is "latent" (input of the generator) or "penalty" (in [0, 1])."""

_BATCH_KEYS = ("real", "latent", "penalty")


@keras.saving.register_keras_serializable("polyloss")
class AdversarialModel(StepModel):
    r"""Trains a generator against a discriminator with `fit`, on JAX, TensorFlow and PyTorch.

    >>> generator = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    >>> critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    >>> gan = polyloss.training.AdversarialModel(generator, critic, seed=1)
    >>> gan.compile(
    ...     generator_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9),
    ...     discriminator_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9),
    ...     loss=polyloss.WassersteinLoss(),
    ...     penalty=polyloss.GradientPenalty(),
    ... )
    >>> history = gan.fit(np.ones((64, 2), "float32"), batch_size=32, verbose=0)
    >>> sorted(history.history)
    ['discriminator_loss', 'generator_loss', 'gradient_norm', 'penalty']
    >>> gan.generate(3, seed=0).shape
    (3, 2)

    A step takes one batch of real samples, trains the discriminator on it ``discriminator_steps`` times
    and then the generator once; each time with fresh latents (and fresh points for the penalty). The
    WGAN papers draw a fresh batch of real samples for each of the discriminator's steps too: here the
    same real batch serves within a step, so an epoch has as many generator steps as batches.

    **Data.** ``fit(real)``, ``fit(real, labels)``, or any dataset of such batches. With the class as
    input of a network (conditional GAN), the network has two inputs ``[samples or latents, labels]``, or
    a dict with the key ``"labels"``; its labels are those of the real batch. A network with one input
    does not see labels.

    **Noise.** The latents have the shape of the generator's input and are standard normal, drawn from
    the model's own seed. To use others: `noise`, a function; or, for exactly repeatable runs, numbers in
    the batch itself, with a dict for the real samples:
    ``{"real": x, "latent": z, "penalty": e}``. z has the shape (batch, n, \*latent shape) with
    n = discriminator_steps + 1 (the last for the generator), e has (batch, n) for interpolation and
    (batch, n, \*sample shape) for perturbation with n = discriminator_steps; n = 1 serves every time.

    **What is logged**, as means over the epoch of what the last discriminator step and the generator
    step of each batch saw: ``discriminator_loss`` (without penalty: minus it is the estimated distance
    of a `WassersteinLoss`), ``penalty``, ``gradient_norm`` (the mean norm at the penalty's points) and
    ``generator_loss``. Weight regularizers of either network are added to what is minimised and not
    logged; activity regularizers and `add_loss` are not taken along.

    **Several devices** (`polyloss.replica`): losses, penalties and what is logged are those of the global batch,
    gradients are of all replicas, and each replica takes its rows of the noise that one device would draw, so that a
    training is that of one device. The draws of Dropout on each replica come from its own seed.

    **Evaluation** (``evaluate``, ``validation_data``) gives the same terms without training, with
    latents that are the same at every evaluation and leave the training's own draws alone.

    **A frozen network** (``generator.trainable = False``) is not trained, the other is; what is frozen in part is so
    before `compile`.

    **Saving**: ``gan.save("gan.keras")`` and checkpoint callbacks keep both networks, both optimizers,
    the averaged weights and all seeds, to be loaded on any backend. A training that takes up again after
    the last epoch's checkpoint runs as it would have run, when its data order is a function of the epoch
    (`ShuffledBatches`). A change of backend changes what a seed draws, so there it holds for numbers
    given in the batch.

    Args:
        generator: Latents to samples; its shapes must be known (a functional model, or a
            `keras.Sequential` that begins with `keras.Input`).
        discriminator: Samples to logits (no sigmoid), any output shape; the same holds.
        noise: ``noise(what, shape, seed)`` gives the random numbers for ``"latent"`` and ``"penalty"``
            (uniform in [0, 1]), drawn from `seed`, a `keras.random.SeedGenerator`. To save the model,
            register it with `keras.saving.register_keras_serializable`.
        ema_decay: In [0, 1): keep an exponential moving average of the generator's weights, and sample
            from it in `predict` and `generate`. None: no average.
        seed: Of the model's own draws; None: a random one.
        name: The model's name.

    Raises:
        ValueError, TypeError: for networks that do not fit together, and arguments out of range.
    """

    adversarial_loss: AdversarialLoss
    penalties: list[Penalty]
    averages: list[keras.Variable]

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        noise: Noise | None = None,
        ema_decay: float | None = None,
        seed: int | None = None,
        name: str = "adversarial_model",
    ) -> None:
        super().__init__(name=name)
        where = "AdversarialModel"
        self._latent_shape, self._generator_labels = _inputs(where, "generator", generator)
        self._sample_shape, self._discriminator_labels = _inputs(where, "discriminator", discriminator)
        made = tuple(generator.output_shape)[1:]
        if len(made) != len(self._sample_shape) or any(
            None not in (m, n) and m != n for m, n in zip(made, self._sample_shape, strict=True)
        ):
            raise ValueError(
                f"{where}: generator must make what discriminator takes. "
                f"Got samples of shape {made} and an input of shape {self._sample_shape}."
            )
        if ema_decay is not None:
            parameters.between(0, 1, below_high=True)(where, "ema_decay", ema_decay)
        if noise is not None and not callable(noise):
            parameters.refuse(where, "noise", "be a function noise(what, shape, seed)", noise, TypeError)
        if seed is not None:
            parameters.integer()(where, "seed", seed)
        self.generator = generator
        self.discriminator = discriminator
        self.noise = noise
        self.ema_decay = ema_decay
        self.seed = seed
        self.training_seed = _generator(seed)
        self.evaluation_seed = keras.random.SeedGenerator(self._evaluation_word())
        self.averages = [
            self.add_weight(
                shape=v.shape,
                initializer="zeros",
                dtype=v.dtype,
                trainable=False,
                name=f"average_{i}",
                aggregation="only_first_replica",
            )
            for i, v in enumerate(generator.trainable_variables if ema_decay is not None else ())
        ]
        trained = {id(v) for v in generator.trainable_variables}
        self._averaged_places = [i for i, v in enumerate(generator.variables) if id(v) in trained]
        self._start_averages()
        self.built = True

    # -- compile --------------------------------------------------------------------------------------

    def compile(  # type: ignore[override]
        self,
        *,
        generator_optimizer: Any,
        discriminator_optimizer: Any,
        loss: AdversarialLoss,
        penalty: Penalty | Sequence[Penalty] | None = None,
        discriminator_steps: int | None = None,
        **options: Any,
    ) -> None:
        """Say how to train.

        Args:
            generator_optimizer: As for `keras.Model.compile`. In a network with the policy
                ``mixed_float16`` it is wrapped in a `keras.optimizers.LossScaleOptimizer`.
            discriminator_optimizer: The same; another object, since each keeps its own state.
            loss: An adversarial loss of polyloss, or of your own (`AdversarialLoss`).
            penalty: One on the discriminator's gradient, or several; None: none.
            discriminator_steps: Steps of the discriminator for each of the generator. None: 5 with
                `WassersteinLoss`, as in its papers, else 1.
            **options: ``run_eagerly``, ``jit_compile``, ``steps_per_execution``, as in Keras.
        """
        where = "AdversarialModel.compile"
        if not isinstance(loss, AdversarialLoss):
            parameters.refuse(
                where, "loss", "be a polyloss.AdversarialLoss, like polyloss.WassersteinLoss()", loss, TypeError
            )
        penalties: list[Any] = list(penalty) if isinstance(penalty, list | tuple) else [penalty]
        penalties = [] if penalty is None else penalties
        for one in penalties:
            if not isinstance(one, Penalty):
                parameters.refuse(
                    where, "penalty", "be a polyloss.Penalty, like polyloss.GradientPenalty()", one, TypeError
                )
        if discriminator_steps is None:
            discriminator_steps = 5 if isinstance(loss, WassersteinLoss) else 1
        parameters.integer()(where, "discriminator_steps", discriminator_steps)
        parameters.at_least(1)(where, "discriminator_steps", discriminator_steps)
        guards.before_training(self.discriminator, loss, penalties)
        optimizers = OptimizerGroup(
            {
                "generator": _scaled(generator_optimizer, self.generator),
                "discriminator": _scaled(discriminator_optimizer, self.discriminator),
            }
        )
        optimizers.build(
            {
                "generator": self.generator.trainable_variables,
                "discriminator": self.discriminator.trainable_variables,
            }
        )
        self.adversarial_loss = loss
        self.penalties = penalties
        self.discriminator_steps = discriminator_steps
        self.terms = ("discriminator_loss", *(("penalty", "gradient_norm") if penalties else ()), "generator_loss")
        self._compile_options = options
        super().compile(optimizers, **options)
        if int(ops.convert_to_numpy(optimizers.iterations)) == 0:
            self._start_averages()

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given."""
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.optimizer["generator"]),
            "discriminator_optimizer": serialize(self.optimizer["discriminator"]),
            "loss": serialize(self.adversarial_loss),
            "penalty": [serialize(penalty) for penalty in self.penalties],
            "discriminator_steps": self.discriminator_steps,
            **self._compile_options,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was."""
        self.compile(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})

    # -- a step ---------------------------------------------------------------------------------------

    def step(self, data: Any) -> dict[str, Any]:
        """`discriminator_steps` steps of the discriminator, one of the generator."""
        real, labels, given = self._unpack(data)
        rounds = []
        for k in range(self.discriminator_steps):
            latent = self._latent(real, given, k, self.training_seed)
            fake = framework.without_gradient(functools.partial(self._generate, latent, labels, training=True))
            noises = self._penalty_noise(real, given, k, self.training_seed)
            objective = functools.partial(self._discriminator_terms, real, fake, labels, noises, training=True)
            _, terms = minimize(objective, self._trained("discriminator"), self.optimizer["discriminator"])
            rounds.append(terms)
        latent = self._latent(real, given, self.discriminator_steps, self.training_seed)
        objective = functools.partial(self._generator_terms, real, latent, labels, training=True)
        _, last = minimize(objective, self._trained("generator"), self.optimizer["generator"])
        self._average()
        return {**{name: [terms[name] for terms in rounds] for name in rounds[0]}, **last}

    def _trained(self, player: str) -> list[keras.Variable]:
        """The variables of a network to train: those of its optimizer, or none where all of it is frozen."""
        now: list[keras.Variable] = getattr(self, player).trainable_variables
        if now and [id(v) for v in now] != [id(v) for v in self.optimizer.variables_of(player)]:
            raise ValueError(
                f"AdversarialModel: {player} must be frozen or thawed in part before compile, which gives its optimizer "
                f"the {len(self.optimizer.variables_of(player))} variables to train. Got {len(now)}; compile again."
            )
        return now

    def evaluation_step(self, data: Any) -> dict[str, Any]:
        """The terms of a batch, both networks in inference mode."""
        real, labels, given = self._unpack(data)
        latent = self._latent(real, given, self.discriminator_steps, self.evaluation_seed)
        noises = self._penalty_noise(real, given, 0, self.evaluation_seed)
        fake = self._generate(latent, labels, training=False)
        _, terms = self._discriminator_terms(real, fake, labels, noises, training=False)
        _, last = self._generator_terms(real, latent, labels, training=False)
        return {**terms, **last}

    def _discriminator_terms(
        self, real: Tensor, fake: Tensor, labels: Tensor, noises: Sequence[Tensor], *, training: bool
    ) -> tuple[Tensor, dict[str, Any]]:
        """What the discriminator minimises, and its parts."""
        critic = functools.partial(self._judge, labels=labels, training=training)
        total = loss = self.adversarial_loss.discriminator(critic(real), critic(fake))
        terms = {"discriminator_loss": loss}
        norms = []
        for penalty, noise in zip(self.penalties, noises, strict=True):
            value, norm = penalty.terms(critic, real, fake, noise, self.training_seed)
            terms["penalty"] = _sum(terms["penalty"], value) if "penalty" in terms else value
            norms.append(norm)
            total = _sum(total, value)
        if norms:
            terms["gradient_norm"] = functools.reduce(_sum, norms) / len(norms)
        return _sum(total, _regularization(self.discriminator)), _of_the_batch(terms)

    def _generator_terms(
        self, real: Tensor, latent: Tensor, labels: Tensor, *, training: bool
    ) -> tuple[Tensor, dict[str, Any]]:
        """What the generator minimises."""
        fake = self._judge(self._generate(latent, labels, training=training), labels=labels, training=training)
        loss = self.adversarial_loss
        beside = self._judge(real, labels=labels, training=training) if loss.generator_sees_real else None
        value = loss.generator(fake, beside)
        return _sum(value, _regularization(self.generator)), _of_the_batch({"generator_loss": value})

    def _generate(self, latent: Tensor, labels: Tensor, *, training: bool) -> Tensor:
        made = self.generator(_with_labels(latent, labels, self._generator_labels, self.generator), training=training)
        return made if numerics.dtype_of(made) == "float64" else ops.cast(made, "float32")

    def _judge(self, samples: Tensor, *, labels: Tensor, training: bool) -> Tensor:
        given = _with_labels(samples, labels, self._discriminator_labels, self.discriminator)
        return self.discriminator(given, training=training)

    # -- data and noise -------------------------------------------------------------------------------

    def _unpack(self, data: Any) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Real samples, labels (or None), and the random numbers that came with them."""
        x, labels, weight = keras.utils.unpack_x_y_sample_weight(data)
        where = type(self).__name__
        if weight is not None:
            raise ValueError(f"{where}: sample_weight must be None, adversarial losses have no use for it. Got some.")
        given: dict[str, Tensor] = {}
        if isinstance(x, Mapping):
            if "real" not in x or not set(x) <= set(_BATCH_KEYS):
                raise ValueError(f"{where}: a batch must have the keys real, latent, penalty. Got {sorted(x)}.")
            given = {key: value for key, value in x.items() if key != "real"}
            x = x["real"]
        if isinstance(x, list | tuple):
            raise TypeError(f"{where}: real samples must be one tensor. Got {len(x)}.")
        if labels is None and (self._generator_labels or self._discriminator_labels):
            raise ValueError(f"{where}: labels must come with the real samples, fit(real, labels). Got none.")
        guards.of_samples(self.generator, x)
        dtype = numerics.dtype_of(x)
        return (x if dtype == "float64" else ops.cast(x, "float32")), labels, given

    def _draw(self, what: str, shape: Sequence[Any], seed: keras.random.SeedGenerator) -> Tensor:
        return replica.replica_draw(functools.partial(self._drawn, what, seed=seed), shape)

    def _drawn(self, what: str, shape: Sequence[Any], *, seed: keras.random.SeedGenerator) -> Tensor:
        if self.noise is not None:
            return self.noise(what, shape, seed)
        draw = keras.random.normal if what == "latent" else keras.random.uniform
        return draw(shape, dtype="float32", seed=seed)

    def _latent(self, real: Tensor, given: Mapping[str, Tensor], k: int, seed: Any) -> Tensor:
        """The latents of the k-th step within a step, the generator's being the last."""
        if "latent" in given:
            return _kth("latent", given["latent"], k, self.discriminator_steps + 1, len(self._latent_shape))
        return self._draw("latent", (ops.shape(real)[0], *self._latent_shape), seed)

    def _penalty_noise(self, real: Tensor, given: Mapping[str, Tensor], k: int, seed: Any) -> list[Tensor]:
        """What each penalty wants, for the discriminator's k-th step."""
        noises: list[Tensor] = []
        for penalty in self.penalties:
            shape = penalty.noise_shape(real)
            if shape is None:
                noises.append(None)
            elif "penalty" in given:
                noises.append(_kth("penalty", given["penalty"], k, self.discriminator_steps, len(shape) - 1))
            else:
                noises.append(self._draw("penalty", shape, seed))
        return noises

    # -- the generator's average ----------------------------------------------------------------------

    def _start_averages(self) -> None:
        for average, variable in zip(self.averages, self._averaged(), strict=True):
            average.assign(ops.copy(variable.value))  # one of its own: JAX gives buffers away

    def _averaged(self) -> list[keras.Variable]:
        """Those that could be trained when the averages began: what is frozen since stays among them."""
        variables = self.generator.variables
        return [variables[i] for i in self._averaged_places] if self.averages else []

    def _average(self) -> None:
        """After the generator's first step the average is its weights, then it follows them."""
        if not self.averages:
            return
        first = ops.convert_to_tensor(self.optimizer["generator"].iterations) <= 1
        for average, variable in zip(self.averages, self._averaged(), strict=True):
            kept = ops.where(first, 0.0, ops.cast(self.ema_decay, "float32"))
            kept = ops.cast(kept, numerics.dtype_of(average.value))
            average.assign(kept * average.value + (1 - kept) * variable.value)

    # -- samples --------------------------------------------------------------------------------------

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Samples from latents (with labels: ``[latents, labels]``), by the averaged weights if there are any."""
        if not self.averages:
            return self.generator(inputs, training=training)
        values = {id(v): v.value for v in self.generator.variables}
        values |= {id(v): a.value for v, a in zip(self._averaged(), self.averages, strict=True)}
        with keras.StatelessScope([(v, values[id(v)]) for v in self.generator.variables]):
            return self.generator(inputs, training=False)

    def generate(self, n: int, *, seed: int | None = None, labels: Any = None, batch_size: int = 32) -> np.ndarray:
        """`n` new samples.

        Args:
            n: How many.
            seed: For samples that can be had again: the same weights and seed give the same samples on
                every backend (with a `noise` function: on the same backend). None: other ones each time.
            labels: The class of each sample, where the generator takes labels.
            batch_size: How many at a time.

        Returns:
            A NumPy array, (n, ...).

        Raises:
            ValueError, TypeError: for an n below 1, a seed that is no integer, and labels missing, superfluous or not n of them.
        """
        where = "AdversarialModel.generate"
        parameters.integer()(where, "n", n)
        parameters.at_least(1)(where, "n", n)
        if seed is not None:
            parameters.integer()(where, "seed", seed)
        shape = (n, *self._latent_shape)
        if self.noise is None:
            latent = (
                np.random.default_rng(None if seed is None else int(seed) % 2**128)
                .standard_normal(shape)
                .astype("float32")
            )
        else:
            latent = ops.convert_to_numpy(self.noise("latent", shape, _generator(seed)))
        if labels is None and self._generator_labels:
            raise ValueError(f"{where}: labels must be given, this generator takes them. Got labels=None.")
        if labels is not None:
            if not self._generator_labels:
                raise ValueError(f"{where}: labels must be None, this generator takes none. Got some.")
            labels = np.asarray(ops.convert_to_numpy(labels) if ops.is_tensor(labels) else labels)
            if labels.shape[:1] != (n,):
                raise ValueError(f"{where}: labels must be {n}, one a sample. Got labels.shape={labels.shape}.")
        inputs = _with_labels(latent, labels, self._generator_labels, self.generator)
        return self.predict(inputs, batch_size=batch_size, verbose=0)

    def _evaluation_word(self) -> int:
        return 0 if self.seed is None else numerics.seed_word(self.seed)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`, with the same latents every time."""
        state = self.evaluation_seed.state
        state.assign(ops.convert_to_tensor([self._evaluation_word(), 0], dtype=state.dtype))
        return super().evaluate(*args, **kwargs)

    # -- saving ---------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The networks and the arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            "generator": serialize(self.generator),
            "discriminator": serialize(self.discriminator),
            "noise": serialize(self.noise),
            "ema_decay": self.ema_decay,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> AdversarialModel:
        """The model that `get_config` described, with new weights."""
        build = functools.partial(keras.saving.deserialize_keras_object, custom_objects=custom_objects)
        return cls(**{key: build(value) for key, value in config.items()})


def _input_shape(network: keras.Model) -> Any:
    """A shape (a tuple), or a list or dict of shapes as the network was built with; None: not known."""
    if not getattr(network, "inputs", None):
        return None
    struct = network.inputs if isinstance(network, keras.Sequential) else network.input
    if isinstance(struct, list | tuple):
        return [tuple(x.shape) for x in struct] if len(struct) > 1 else tuple(struct[0].shape)
    return tree.map_structure(lambda x: tuple(x.shape), struct)


def _inputs(where: str, name: str, network: Any) -> tuple[tuple[int, ...], bool]:
    """The shape of a network's first input without the batch, and whether it takes labels too."""
    if not isinstance(network, keras.Model):
        parameters.refuse(where, name, "be a keras.Model", network, TypeError)
    shape = _input_shape(network)
    if shape is None:
        raise ValueError(
            f"{where}: {name} must be a functional model or a Sequential that begins with keras.Input, so that "
            f"its shapes are known. Got {type(network).__name__} {network.name!r}."
        )
    labelled = isinstance(shape, list | Mapping)
    if labelled:
        first = [shape[key] for key in shape if key != "labels"] if isinstance(shape, Mapping) else list(shape)[:-1]
        if len(shape) != 2 or len(first) != 1:
            raise ValueError(
                f"{where}: {name} must have one input, or two: [{'latents' if name == 'generator' else 'samples'}, "
                f"labels], or a dict with the key 'labels'. Got inputs of shape {shape}."
            )
        shape = first[0]
    sizes = tuple(shape)[1:]
    if name == "generator" and None in sizes:
        raise ValueError(f"{where}: generator must have an input of known shape. Got {tuple(shape)}.")
    return sizes, labelled


def _with_labels(x: Any, labels: Any, wanted: bool, network: keras.Model) -> Any:
    """What a network is called with."""
    if not wanted:
        return x
    shape = _input_shape(network)
    if isinstance(shape, Mapping):
        return {key: labels if key == "labels" else x for key in shape}
    return [x, labels]


def _generator(seed: int | None) -> keras.random.SeedGenerator:
    return keras.random.SeedGenerator(None if seed is None else numerics.seed_word(seed))


def _kth(what: str, numbers: Tensor, k: int, wanted: int, rank: int) -> Tensor:
    """The k-th draw of those that came with the batch, (batch, draws, ...)."""
    draws = numbers.shape[1] if len(numbers.shape) == rank + 2 else None
    if draws not in (1, wanted):
        raise ValueError(
            f"AdversarialModel: {what} in a batch must have the shape (batch, n, ...) with n = 1 or {wanted} and "
            f"{rank} dimensions after it. Got {what}.shape={tuple(numbers.shape)}."
        )
    return numbers[:, k if draws == wanted else 0]


def _scaled(optimizer: Any, network: keras.Model) -> Any:
    """With loss scaling where the network computes in float16."""
    optimizer = keras.optimizers.get(optimizer)
    half = any(layer.compute_dtype == "float16" for layer in private.flat_layers(network))
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _sum(a: Tensor, b: Tensor | None) -> Tensor:
    """``a + b`` in the wider dtype; None is 0."""
    if b is None:
        return a
    dtype = keras.backend.result_type(numerics.dtype_of(a), numerics.dtype_of(b))
    return ops.cast(a, dtype) + ops.cast(b, dtype)


def _regularization(network: keras.Model) -> Tensor | None:
    """What the weights' regularizers ask for, as the engine takes it."""
    terms = [v.regularizer(v) for v in network.trainable_variables if getattr(v, "regularizer", None) is not None]
    return replica.for_engine(functools.reduce(_sum, terms)) if terms else None


def _of_the_batch(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """From what an engine takes to the value of the global batch, for the log."""
    return {name: replica.from_engine(value) for name, value in terms.items()}
