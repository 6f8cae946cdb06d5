"""Several optimizers as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras


@keras.saving.register_keras_serializable("polyloss")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Several optimizers that train several parts of one model, as one object with all their state.

    Keras carries the state of one ``model.optimizer`` through `fit`, `save` and checkpoints (on JAX a
    second optimizer beside it would lose its state after every step, silently). This object is that one.
    It does not step by itself: `minimize` steps one of its members, ``group["generator"]``.

    Callbacks that set a learning rate see that of the first member, and setting it changes all of them in
    proportion, also through 0 and back.

    Args:
        optimizers: The members by name; configurations and names that `keras.optimizers.get` knows will do.
        name: The name of the group.

    Raises:
        ValueError: for an empty group, and one optimizer under two names.

    >>> group = polyloss.training.OptimizerGroup({"a": keras.optimizers.SGD(0.1), "b": "adam"})
    >>> type(group["b"]).__name__
    'Adam'
    """

    def __init__(self, optimizers: Mapping[str, Any], name: str = "optimizer_group") -> None:
        super().__init__(learning_rate=0.0, name=name)
        members = {key: keras.optimizers.get(value) for key, value in optimizers.items()}
        if not members:
            raise ValueError("OptimizerGroup: optimizers must hold at least one. Got optimizers={}.")
        if len({id(member) for member in members.values()}) < len(members):
            raise ValueError(
                "OptimizerGroup: optimizers must be different objects, since each keeps the state of its own "
                f"variables. Got one object for several of {list(members)}."
            )
        self.members = members
        self._proportions = tuple(1.0 for _ in members)
        self.variables_of: Callable[[str], list[keras.Variable]] = lambda key: []

    def __getitem__(self, key: str) -> keras.optimizers.Optimizer:
        return self.members[key]

    def build(self, variables: Any) -> None:
        """Give each member its variables: a dict of lists by the members' names.

        A list, as Keras gives it on loading, changes nothing where the members are built.
        """
        if isinstance(variables, Mapping):
            mine = {key: list(variables[key]) for key in self.members}
            for key, member in self.members.items():
                if not member.built:
                    with keras.name_scope(member.name, caller=member):
                        member.build(mine[key])
            self.variables_of = mine.__getitem__
        elif not all(member.built for member in self.members.values()):
            raise ValueError(
                f"OptimizerGroup: variables must be a dict with the keys {list(self.members)}. Got a list."
            )
        self.built = True

    @property
    def variables(self) -> list[keras.Variable]:
        """The state of every member."""
        return [v for member in self.members.values() for v in member.variables]

    @property
    def iterations(self) -> Any:
        """The steps of the first member."""
        return self._first.iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the first member."""
        return self._first.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        rates = [float(keras.ops.convert_to_numpy(member.learning_rate)) for member in self.members.values()]
        if rates[0] != 0:  # else as they stood before: a warm-up may pass through 0
            self._proportions = tuple(rate / rates[0] for rate in rates)
        for member, proportion in zip(self.members.values(), self._proportions, strict=True):
            member.learning_rate = float(value) * proportion

    @property
    def _first(self) -> keras.optimizers.Optimizer:
        return next(iter(self.members.values()))

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Refused: a member steps, not the group."""
        raise NotImplementedError(
            "OptimizerGroup: a step must be one of a member, as in minimize(loss, variables, group['name']). Got apply."
        )

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """At the end of `fit`, for members that average the weights they train (``use_ema``)."""
        for key, member in self.members.items():
            member.finalize_variable_values(self.variables_of(key))

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the members are saved, each on its own."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: the members are loaded, each on its own."""

    def get_config(self) -> dict[str, Any]:
        """The members and the name."""
        members = {key: keras.saving.serialize_keras_object(member) for key, member in self.members.items()}
        return {"optimizers": members, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> OptimizerGroup:
        """The group that `get_config` described."""
        members = {
            key: keras.saving.deserialize_keras_object(member, custom_objects=custom_objects)
            for key, member in config["optimizers"].items()
        }
        return cls(members, name=config["name"])
