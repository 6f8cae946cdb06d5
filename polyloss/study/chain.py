"""A model taken apart at one point of its training: layer by layer, loss, gradients, update.

Every link of the chain is given the same inputs on every backend (those that the first backend recorded), so a
link that computes something else is found where it is, however far its effect reaches. What a link may differ by
is measured beside it: its inputs and weights are moved by one ULP, several times, and what that does to a float32
result is the scale of rounding there, which takes in how the link's own formula rounds.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from polyloss import framework
from polyloss.framework import private
from polyloss.study import draws
from polyloss.study.links import largest
from polyloss.study.training import HALF, dense, move, one_ulp_off, precision
from polyloss.study.workload import Arrays
from polyloss.training import AdversarialModel

Numbers = dict[str, np.ndarray]


@dataclass
class Call:
    """One call of a layer: what went in, what came out."""

    layer: Any
    args: Any
    kwargs: Any
    result: Any

    @property
    def leaves(self) -> list[Any]:
        """The tensors that went in."""
        return [a for a in tree.flatten((self.args, self.kwargs)) if ops.is_tensor(a)]

    def again(self, leaves: Sequence[Any]) -> list[Any]:
        """Call the layer once more, with other tensors in the same places."""
        rest = iter(leaves)

        def swapped(a: Any) -> Any:
            if not ops.is_tensor(a):
                return a
            new = next(rest)
            mask = private.get_keras_mask(a)
            if mask is not None:
                private.set_keras_mask(new, mask)
            return new

        args, kwargs = tree.map_structure(swapped, (self.args, self.kwargs))
        return tensors(self.layer(*args, **kwargs))


def tensors(result: Any) -> list[Any]:
    """The tensors in a result."""
    return [a for a in tree.flatten(result) if ops.is_tensor(a)]


def number(x: Any) -> np.ndarray:
    """A tensor in NumPy; bfloat16 as float32."""
    if keras.backend.standardize_dtype(x.dtype) == "bfloat16":
        x = ops.cast(x, "float32")
    return np.array(ops.convert_to_numpy(x))


def is_float(x: Any) -> bool:
    """Whether there is a gradient by it."""
    return "float" in keras.backend.standardize_dtype(x.dtype)


def _wiring(layer: Any) -> bool:
    """A container of Keras's own, which computes nothing itself."""
    return isinstance(layer, keras.Model) and type(layer).__module__.startswith("keras.")


def _whole(layer: Any) -> bool:
    """A layer of Keras's own is one link, also where it is built of others (an LSTM of its cell)."""
    return type(layer).__module__.startswith("keras.") and not isinstance(layer, keras.Model)


@contextlib.contextmanager
def recorded(model: Any) -> Iterator[list[Call]]:
    """The calls of the layers of a model made meanwhile, inner ones first; that of the model is no link of it."""
    calls: list[Call] = []
    inside: list[Any] = []
    original = keras.layers.Layer.__call__

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if inside:
            return original(layer, *args, **kwargs)
        if _whole(layer):
            inside.append(layer)
        try:
            result = original(layer, *args, **kwargs)
        finally:
            if _whole(layer):
                inside.pop()
        if not (layer is model or _wiring(layer)):
            calls.append(Call(layer, args, kwargs, result))
        return result

    keras.layers.Layer.__call__ = call
    try:
        yield calls
    finally:
        keras.layers.Layer.__call__ = original


# -- the two kinds of model -------------------------------------------------------------------------


class Plain:
    """A model with one loss."""

    def __init__(self, model: Any, batch: Arrays) -> None:
        self.model = model
        self.x, self.y, self.weight = tree.map_structure(
            lambda a: None if a is None else ops.convert_to_tensor(a), batch
        )

    def forward(self) -> list[Any]:
        """The predictions."""
        self.predicted = self.model(self.x, training=True)
        return tensors(self.predicted)

    def losses(self) -> dict[str, Callable[..., Any]]:
        """Each loss as a function of the predictions."""
        return {"loss": self._loss}

    def _loss(self, *leaves: Any) -> Any:
        rest = iter(leaves)
        predicted = tree.map_structure(lambda a: next(rest), self.predicted)
        total = self.model.compute_loss(x=self.x, y=self.y, y_pred=predicted, sample_weight=self.weight)
        private.clear_losses(self.model)
        return total

    def objectives(self) -> dict[str, tuple[Callable[[], Any], list[Any], Any]]:
        """What is minimised, by which variables, with which optimizer."""

        def loss() -> tuple[Any, Any]:
            predicted = self.model(self.x, training=True)
            total = self.model.compute_loss(x=self.x, y=self.y, y_pred=predicted, sample_weight=self.weight)
            private.clear_losses(self.model)
            # as Keras does: without the scale, gradients of float16 are lost below its smallest number
            return self.model.optimizer.scale_loss(total), total

        return {"loss": (loss, self.model.trainable_variables, self.model.optimizer)}


class Adversarial:
    """A generator and a discriminator."""

    def __init__(self, model: AdversarialModel, batch: Arrays) -> None:
        self.model = model
        data = tree.map_structure(lambda a: None if a is None else ops.convert_to_tensor(a), batch)
        self.real, self.labels, self.given = model._unpack(data)

    def forward(self) -> list[Any]:
        """What the discriminator makes of real and generated samples."""
        gan = self.model
        fake = gan._generate(self._latent(), self.labels, training=True)
        return [gan._judge(x, labels=self.labels, training=True) for x in (self.real, fake)]

    def _latent(self) -> Any:
        return self.model._latent(self.real, self.given, 0, self.model.training_seed)

    def losses(self) -> dict[str, Callable[..., Any]]:
        """Each loss as a function of the discriminator's logits."""
        loss = self.model.adversarial_loss
        return {
            "discriminator_loss": lambda real, fake: loss.discriminator(real, fake),
            "generator_loss": lambda real, fake: loss.generator(fake, real if loss.generator_sees_real else None),
        }

    def objectives(self) -> dict[str, tuple[Callable[[], Any], list[Any], Any]]:
        """What is minimised, by which variables, with which optimizer."""
        gan = self.model

        def discriminator() -> Any:
            fake = framework.without_gradient(lambda: gan._generate(self._latent(), self.labels, training=True))
            noises = gan._penalty_noise(self.real, self.given, 0, gan.training_seed)
            return gan._discriminator_terms(self.real, fake, self.labels, noises, training=True)[0]

        def generator() -> Any:
            return gan._generator_terms(self.real, self._latent(), self.labels, training=True)[0]

        return {
            "discriminator_loss": (
                discriminator, gan.discriminator.trainable_variables, gan.optimizer["discriminator"],
            ),
            "generator_loss": (generator, gan.generator.trainable_variables, gan.optimizer["generator"]),
        }  # fmt: skip


# -- measuring --------------------------------------------------------------------------------------


@dataclass
class Measured:
    """The numbers of one backend, by probe, and what describes each probe."""

    arrays: Numbers = field(default_factory=dict)
    probes: list[dict[str, Any]] = field(default_factory=list)
    shared: Numbers = field(default_factory=dict)
    """What the first backend hands to the others."""

    def add(
        self, kind: str, place: int, link: str, of: str, name: str, trials: Sequence[Sequence[Any]], index: int = 0,
        precision: str = "", form: str = "",
    ) -> None:  # fmt: skip
        """One probe for each tensor of a result; the first of the trials is the result, the others were moved.

        `precision` is the dtype in which it was computed, where that is not its own; `form` that of what went in.
        """
        for j, base in enumerate(trials[0]):
            values = number(base)
            moved = [number(trial[j]) for trial in trials[1:] if len(trial) > j]
            key = f"{kind}/{place}/{index}/{j}"
            self.arrays[key] = values
            self.probes.append(
                {
                    "key": key, "kind": kind, "place": place, "link": link, "class": of, "name": name,
                    "shape": list(values.shape), "dtype": keras.backend.standardize_dtype(base.dtype),
                    "precision": precision or keras.backend.standardize_dtype(base.dtype),
                    "form": form,
                    "scatter": max((largest(m, values) for m in moved), default=0.0),
                }
            )  # fmt: skip


class Chain:
    """A compiled model at some weights, with a batch, ready to be taken apart."""

    def __init__(self, model: Any, batch: Arrays, seed: int, shared: Numbers | None, trials: int) -> None:
        draws.restart(model, seed)
        self.model, self.given, self.trials = model, shared, trials
        self.half = dtype if (dtype := precision(model)) in HALF else ""
        self.parts: Any = (Adversarial if isinstance(model, AdversarialModel) else Plain)(model, batch)
        self.state = [(v, number(v.value)) for v in [*model.variables, *model.optimizer.variables]]
        self.found = Measured()

    def measure(self) -> Measured:
        """All probes."""
        self._calls()
        self._losses()
        self._gradients()
        return self.found

    # -- state and rounding -------------------------------------------------------------------------

    def _restore(self) -> None:
        for variable, value in self.state:
            variable.assign(ops.convert_to_tensor(value, dtype=variable.dtype))

    def _moved(self, variables: Sequence[Any], trial: int) -> None:
        """State as at the start; in the later trials with weights one ULP off."""
        self._restore()
        if trial:
            move(self.model, variables, np.random.default_rng([trial, 2]))

    def _inputs(self, key: str, own: Sequence[Any], trial: int, half: str = "") -> list[Any]:
        """The first backend's tensors in place of our own; in the later trials one ULP off (of `half`, if given)."""
        rng = np.random.default_rng([trial, 3])
        made = []
        for j, mine in enumerate(own):
            name = f"{key}/{j}"
            if self.given is None:
                value = self.found.shared[name] = self.found.shared.get(name, number(mine))
            else:
                value = self.given[name] if name in self.given else number(mine)
            dtype = keras.backend.standardize_dtype(mine.dtype)
            if trial:
                value = one_ulp_off(value, rng, half or dtype)
            made.append(ops.convert_to_tensor(value, dtype=dtype))
        return made

    # -- layers -------------------------------------------------------------------------------------

    def _calls(self) -> None:
        runs = []
        for trial in (0, 0, *range(1, self.trials + 1)):
            self._moved(self.model.trainable_variables, trial)
            with recorded(self.model) as calls:
                self.parts.forward()
            runs.append(calls)
        first, repeated, *moved = runs
        self._restore()
        with recorded(self.model):
            self.parts.forward()  # so that `predicted` is that of the weights
        names = _numbered([call.layer.name for call in first])
        for k, call in enumerate(first):
            of = type(call.layer).__name__
            self.found.add(
                "chain", k, names[k], of, "output", [tensors(run[k].result) for run in (first, *moved)], 0, self.half
            )
            self._replay(k, names[k], of, call)
            pairs = zip(tensors(call.result), tensors(repeated[k].result), strict=True)
            apart = max((largest(number(a), number(b)) for a, b in pairs), default=0.0)
            for probe in self.found.probes:
                if probe["place"] == k and probe["kind"] in ("chain", "output", "state", "backward"):
                    probe["restless"] = apart

    def _replay(self, k: int, name: str, of: str, call: Call) -> None:
        layer = call.layer
        weights = list(layer.trainable_variables)
        state = [v for v in layer.non_trainable_variables if is_float(v)]
        half = layer.compute_dtype if layer.compute_dtype in HALF else ""
        outputs, states, by_weights, by_inputs = [], [], [], []
        for trial in range(self.trials + 1):
            leaves = self._inputs(f"in/{k}", call.leaves, trial, half)
            self._moved(weights, trial)

            def weighed(*given: Any) -> Any:
                return _weighed(call.again(given), k)

            _, gradients = framework.value_and_grad(functools.partial(weighed, *leaves), weights)
            self._moved(weights, trial)
            outputs.append(call.again(leaves))
            states.append([number(v.value) for v in state])
            by_weights.append([dense(g) for g in gradients])
            places = [j for j, leaf in enumerate(leaves) if is_float(leaf)]
            if places and any(is_float(y) for y in outputs[0]):
                self._moved(weights, trial)
                by_inputs.append(framework.gradient(weighed, places)(*leaves))
        self._restore()
        self.found.add("output", k, name, of, "output", outputs, 0, half)
        for i, variable in enumerate(state):
            self.found.add("state", k, name, of, variable.name, [[s[i]] for s in states], i, half)
        for i, variable in enumerate(weights):
            self.found.add(
                "backward", k, name, of, f"with respect to {variable.name}", [[g[i]] for g in by_weights], i, half
            )
        if by_inputs:
            self.found.add("backward", k, name, of, "with respect to input", by_inputs, len(weights), half)

    # -- loss, gradients, update --------------------------------------------------------------------

    def _losses(self) -> None:
        self._restore()
        own = self.parts.forward()
        for place, (name, loss) in enumerate(self.parts.losses().items()):
            values, gradients = [], []
            for trial in range(self.trials + 1):
                self._moved(self.model.trainable_variables, 0)
                leaves = self._inputs("predicted", own, trial)
                values.append([loss(*leaves)])
                places = [j for j, leaf in enumerate(leaves) if is_float(leaf)]
                gradients.append(framework.gradient(loss, places)(*leaves))
            of = self._loss_name()
            self.found.add("loss", place, name, of, "value", values)
            self.found.add("loss", place, name, of, "gradient", gradients, 1)

    def _loss_name(self) -> str:
        loss = getattr(self.model, "adversarial_loss", None) or self.model.loss
        return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)

    def _gradients(self) -> None:
        for place, (name, (loss, variables, optimizer)) in enumerate(self.parts.objectives().items()):
            values, gradients, updated = [], [], []
            raw: list[Any] = []
            for trial in range(self.trials + 1):
                self._moved(self.model.trainable_variables, trial)
                value, found = framework.value_and_grad(loss, variables)
                values.append([value[1] if isinstance(value, tuple) else value])
                gradients.append([dense(g) for g in found])
                raw = raw or list(found)
            for trial in range(self.trials + 1):
                self._moved(variables, trial)
                given = self._inputs(f"gradient/{name}", gradients[0], trial)
                # slices stay slices, with this backend's own numbers: an optimizer may treat them in another way
                given = [own if _sliced(own) else g for own, g in zip(raw, given, strict=True)]
                for factor in (1.0, -0.5, 0.25):
                    framework.apply_gradients(optimizer, [_times(g, factor) for g in given], variables)
                updated.append([number(v.value) for v in variables])
            self._restore()
            self.found.add("value", place, name, "", "value", values, 0, self.half)
            for i, variable in enumerate(variables):
                path = variable.path
                self.found.add("gradient", place, name, "", path, [[g[i]] for g in gradients], i, self.half)
                form = "slices" if _sliced(raw[i]) else "dense"
                of = type(optimizer).__name__
                self.found.add("update", place, name, of, path, [[u[i]] for u in updated], i, form=form)


def _sliced(gradient: Any) -> bool:
    """Whether it is TensorFlow's IndexedSlices (every torch tensor has a method `indices`)."""
    return hasattr(gradient, "dense_shape")


def _times(gradient: Any, factor: float) -> Any:
    if _sliced(gradient):
        return type(gradient)(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * factor


def _weighed(results: Sequence[Any], k: int) -> Any:
    """A scalar that every element of the results enters with a weight of its own."""
    total: Any = 0.0
    for j, y in enumerate(results):
        if is_float(y):
            weights = np.random.default_rng([k, j]).standard_normal(tuple(y.shape)).astype("float32")
            dtype = keras.backend.standardize_dtype(y.dtype)
            dtype = "float32" if dtype in HALF else dtype  # such a sum has no end in half precision
            total = total + ops.sum(ops.cast(y, dtype) * ops.convert_to_tensor(weights, dtype=dtype))
    return total


def _numbered(names: Sequence[str]) -> list[str]:
    """A layer that is called again gets the number of the call."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} (call {seen[name]})")
    return made
