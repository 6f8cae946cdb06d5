"""A model whose training step is written once, for all backends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from polyloss import framework
from polyloss.core import replica

Terms = Mapping[str, Any]
"""What a step logs, by name: scalars, or a list of scalars for a term computed several times in a step."""

_FAULT = "_fault"


def minimize(loss: Callable[[], Any], variables: Sequence[keras.Variable], optimizer: Any) -> Any:
    """One step of `optimizer` down the gradient of ``loss()`` by `variables`.

    For use in `StepModel.step`; works on every backend, eagerly and compiled, with loss scaling, and with
    a loss that takes gradients itself (`polyloss.gradient`). Nothing but `variables`, the state of the
    optimizer and what the layers assign themselves is changed; there is nothing to reset before or after.

    On several devices and processes (`polyloss.replica`) all step alike, down the gradient of the global batch: on
    PyTorch the gradients of the processes of ``torch.distributed`` are averaged here, with or without
    DistributedDataParallel around the model. The scalar is what an engine takes: what a `polyloss.Loss` or an
    `AdversarialLoss` gives, or a scalar of your own through `polyloss.replica.replica_mean` and
    `polyloss.replica.for_engine`.

    Args:
        loss: A function without arguments that gives a scalar, or a tuple of a scalar and anything else.
        variables: What to train.
        optimizer: A `keras.optimizers.Optimizer` built for `variables`.

    Returns:
        What `loss` gave, without loss scaling; the scalar is that of the global batch.
    """

    def scaled() -> tuple[Any, Any]:
        result = loss()
        return optimizer.scale_loss(result[0] if isinstance(result, tuple) else result), result

    (_, result), gradients = framework.value_and_grad(scaled, variables)
    framework.apply_gradients(optimizer, replica.averaged(gradients), variables)
    if isinstance(result, tuple):
        return replica.from_engine(result[0]), *result[1:]
    return replica.from_engine(result)


class StepModel(keras.Model):
    """A `keras.Model` whose training step is one method for JAX, TensorFlow and PyTorch.

    A subclass says what it logs (`terms`) and writes `step`; `fit` with callbacks, progress bar,
    checkpoints, ``run_eagerly`` and ``jit_compile`` is Keras's:

    >>> class Halving(polyloss.training.StepModel):
    ...     terms = ("loss",)
    ...
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.place = self.add_weight(shape=(), initializer="ones", name="place")
    ...         self.built = True
    ...
    ...     def compile(self, optimizer, **options):
    ...         super().compile(optimizer, **options)
    ...         self.optimizer.build([self.place])
    ...
    ...     def step(self, data):
    ...         loss = polyloss.training.minimize(lambda: self.place**2 / 2, [self.place], self.optimizer)
    ...         return {"loss": loss}
    >>> model = Halving()
    >>> model.compile(keras.optimizers.SGD(0.5))
    >>> history = model.fit(np.zeros((3, 1)), batch_size=1, verbose=0)
    >>> float(keras.ops.convert_to_numpy(model.place))
    0.125

    What a step may do: read and assign variables, call layers, draw from a `keras.random.SeedGenerator`
    that is an attribute of the model, call `minimize` as often as it likes. What it may not: create
    variables. All optimizer state must be that of ``model.optimizer``; for several optimizers, an
    `OptimizerGroup`.

    On several devices, random numbers for the rows of a batch are drawn with `polyloss.replica.replica_draw`, and the
    terms are of the global batch. In several processes of PyTorch, `fit` begins with the variables, the optimizer's state
    and the model's own seeds of the first process; what layers gather on their own rows (BatchNormalization) is that of
    the first process after each epoch and before an evaluation.

    The terms are logged as means over an epoch, batches weighing by their rows. A term that is NaN or
    infinite stops `fit` with a `FloatingPointError` that names it and its batch (with
    ``steps_per_execution`` the first batch of those that ran together), within 16 calls and before an
    epoch ends, so that no checkpoint of an epoch holds what came of it.

    Besides its weights, a model saves the state of all its seeds (dropout's too), so that a resumed
    training draws what it would have drawn.
    """

    terms: tuple[str, ...] = ()
    """The names of what `step` logs."""
    train_function: Any
    test_function: Any

    # -- what a subclass writes ---------------------------------------------------------------------

    def step(self, data: Any) -> Terms:
        """One training step on a batch of data as `fit` gives it; returns the terms by name."""
        raise NotImplementedError(f"{type(self).__name__}: must define step. Got none.")

    def evaluation_step(self, data: Any) -> Terms:
        """The terms of a batch without training, for `evaluate` and ``validation_data``."""
        raise NotImplementedError(f"{type(self).__name__}: must define evaluation_step to be evaluated. Got none.")

    # -- Keras's trainer ------------------------------------------------------------------------------

    def compile(self, optimizer: Any, **options: Any) -> None:
        """As `keras.Model.compile`, for an optimizer that `step` uses; there is no `loss` here."""
        super().compile(optimizer=optimizer, auto_scale_loss=False, **options)
        self.means = [keras.metrics.Mean(name=name) for name in self.terms]
        self._fault_names: list[str] = []
        self._watch: _Watch | None = None

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The means of the terms."""
        return list(getattr(self, "means", []))

    def _logs(self, terms: Terms, data: Any) -> dict[str, Any]:
        """Update the means with this batch's terms; a term computed several times counts with its last."""
        rows = replica.rows_for_engine(ops.shape(next(x for x in tree.flatten(data) if x is not None))[0])
        last = {name: value[-1] if isinstance(value, list) else value for name, value in terms.items()}
        unknown = set(last).symmetric_difference(self.terms)
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: a step must return exactly the terms {self.terms}. Got {tuple(last)}."
            )
        for mean in self.means:
            mean.update_state(last[mean.name], sample_weight=rows)
        return {mean.name: mean.result() for mean in self.means}

    def _first_fault(self, terms: Terms) -> Any:
        """The position in `_fault_names` of the first term that is not finite, in the order of computation; or -1."""
        lists = {name: value if isinstance(value, list) else [value] for name, value in terms.items()}
        rounds = max(len(values) for values in lists.values())
        computed = [(n, values[i]) for i in range(rounds) for n, values in lists.items() if i < len(values)]
        self._fault_names = [name for name, _ in computed]
        values = ops.stack([ops.cast(value, "float32") for _, value in computed])
        at_fault = ops.cast(ops.logical_not(ops.isfinite(values)), "int32")
        return ops.where(ops.any(at_fault > 0), ops.cast(ops.argmax(at_fault), "int32"), -1)

    def train_step(self, *args: Any) -> Any:
        """`step`, as the backend's trainer wants it."""

        def run(data: Any) -> dict[str, Any]:
            terms = self.step(data)
            return {**self._logs(terms, data), _FAULT: self._first_fault(terms)}

        return framework.as_step(run, args, lambda: self._groups(self.optimizer.variables))

    def test_step(self, *args: Any) -> Any:
        """`evaluation_step`, as the backend's trainer wants it."""

        def run(data: Any) -> dict[str, Any]:
            return self._logs(self.evaluation_step(data), data)

        return framework.as_step(run, args, self._groups)

    def _groups(self, *between: Sequence[keras.Variable]) -> list[Sequence[keras.Variable]]:
        """The variables in the order in which a trainer that keeps their values itself passes them."""
        return [self.trainable_variables, self.non_trainable_variables, *between, self.metrics_variables]

    def make_train_function(self, force: bool = False) -> None:
        """As Keras's, with the position of a faulty term taken out of the logs."""
        if self.train_function is not None and not force:
            return
        self._start_alike()
        super().make_train_function(force)
        inner = framework.fed(self.train_function) if self.steps_per_execution == 1 else self.train_function
        inner = framework.restoring(inner, lambda: self._groups(self.optimizer.variables))

        def train_function(*args: Any) -> Any:
            result = inner(*args)
            logs = result[0] if isinstance(result, tuple) else result
            fault = logs.pop(_FAULT)
            if self._watch is not None:
                self._watch.saw(fault)
            return result

        self.train_function = train_function

    def make_test_function(self, force: bool = False) -> None:
        """As Keras's."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = framework.restoring(self.test_function, self._groups)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.fit`; stops at a term that is not finite, and tells a `ShuffledBatches` its epoch."""
        given = _arguments("fit", x, args, kwargs)
        callbacks = given.get("callbacks")
        watch = _Watch(x, self._share_statistics)
        watch.set_model(self)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.callbacks.insert(0, watch)
        else:
            more = callbacks if isinstance(callbacks, list | tuple) else [] if callbacks is None else [callbacks]
            given["callbacks"] = [watch, *more]
        if hasattr(x, "set_epoch"):
            given.setdefault("shuffle", False)
        self._watch = watch
        self._start_alike()
        try:
            return super().fit(x, **given)
        finally:
            self._watch = None

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`."""
        given = _arguments("evaluate", x, args, kwargs)
        self._share_statistics()
        return super().evaluate(x, **given)

    # -- processes of their own -----------------------------------------------------------------------

    def _start_alike(self) -> None:
        """Weights, optimizer state and this model's own seeds as the first process has them; Dropout keeps its own."""
        seeds = {id(state) for layer in self.layers for state in layer.variables}
        mine = [v for v in self.variables if v.name != "seed_generator_state" or id(v) not in seeds]
        replica.alike([*mine, *(self.optimizer.variables if self.optimizer is not None else [])])

    def _share_statistics(self) -> None:
        """What layers assign in a step, as the first process has it."""
        found = [v for layer in self.layers for v in layer.non_trainable_variables]
        replica.alike([v for v in found if v.name != "seed_generator_state"])

    # -- saving ---------------------------------------------------------------------------------------

    def _seed_states(self) -> list[keras.Variable]:
        weights = {id(w) for w in self.weights}
        return [v for v in self.variables if id(v) not in weights and v.name == "seed_generator_state"]

    def save_own_variables(self, store: Any) -> None:
        """The model's own weights, and the state of every seed in it (Keras saves none of them)."""
        super().save_own_variables(store)
        for i, state in enumerate(self._seed_states()):
            store[f"seed_{i}"] = ops.convert_to_numpy(state.value).astype("int64")

    def load_own_variables(self, store: Any) -> None:
        """What `save_own_variables` saved."""
        saved = {key: store[key] for key in store.keys()}
        seeds = [np.asarray(saved.pop(key)) for key in [f"seed_{i}" for i in range(len(saved))] if key in saved]
        super().load_own_variables(saved)
        states = self._seed_states()
        if len(seeds) != len(states):
            raise ValueError(
                f"{type(self).__name__}: the saved model must have as many seeds as this one, {len(states)}. "
                f"Got {len(seeds)}."
            )
        for state, value in zip(states, seeds, strict=True):
            state.assign(value.astype("uint32").astype(keras.backend.standardize_dtype(state.dtype)))


def _arguments(method: str, x: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a method of `keras.Model` after x, by name; weights without targets, which Keras drops, raise."""
    bound = inspect.signature(getattr(keras.Model, method)).bind(None, x, *args, **kwargs)
    given = {**bound.arguments, **bound.arguments.get("kwargs", {})}
    if given.get("sample_weight") is not None and given.get("y") is None:
        raise ValueError(
            f"StepModel.{method}: sample_weight must come with y, without which Keras drops it. Got y=None; give the "
            "weights as a part of x."
        )
    return {name: value for name, value in given.items() if name not in ("self", "x", "kwargs")}


class _Watch(keras.callbacks.Callback):
    """Stops `fit` at a term that is not finite; tells a seeded dataset the epoch.

    Cheap in every batch on purpose. It has no `on_train_batch_end`, for which Keras would wait for each batch and
    its logs, but is told of faults by the train function; and it asks for `self.model`, at which Keras copies all
    state back into JAX's variables, only to complain.
    """

    def __init__(self, data: Any, share_statistics: Callable[[], None]) -> None:
        super().__init__()
        self.share_statistics = share_statistics
        self.set_epoch = getattr(data, "set_epoch", None)
        self.epoch = self.batch = 0
        self.pending: list[tuple[int, Any]] = []

    def saw(self, fault: Any) -> None:
        """The result of `StepModel._first_fault` in this batch, perhaps still to be computed."""
        self.pending.append((self.batch, fault))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        self.pending = []
        if self.set_epoch is not None:
            self.set_epoch(epoch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if len(self.pending) >= 16:  # not every step: it waits for what was sent off to be computed
            self._check()
        self.batch = batch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check()
        self.share_statistics()

    def _check(self) -> None:
        for batch, fault in self.pending:
            position = int(fault)
            if position >= 0:
                raise FloatingPointError(
                    f"{self.model.name}: {self.model._fault_names[position]} must stay finite. "
                    f"Got NaN or infinity at epoch={self.epoch}, batch={batch}."
                )
        self.pending = []
