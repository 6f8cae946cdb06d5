"""Assignments that wait: what a function assigns to variables becomes theirs after its gradient is taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras


class Waiting(keras.StatelessScope):
    """Sees the values of the scope around it, and remembers which variables were assigned inside.

    Without the first, a variable would have its value of before the training step (on JAX in `fit`: none at all).
    Without the second, what a layer assigns could not leave the trace of an inner gradient on JAX; on PyTorch it would
    overwrite, in place, what the backward pass still needs (SpectralNormalization assigns the kernel itself); and the
    gradient by such a variable would be by its value of before on one backend, and by that of after on another.
    """

    state_mapping: dict[int, Any]

    def __init__(self, mapping: Iterable[tuple[keras.Variable, Any]] = ()) -> None:
        super().__init__(state_mapping=list(mapping))
        self.assigned: dict[int, keras.Variable] = {}

    def __enter__(self) -> Waiting:
        super().__enter__()
        if self.original_scope is not None:
            self.state_mapping = {**self.original_scope.state_mapping, **self.state_mapping}
        return self

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        self.assigned[id(update[0])] = update[0]
        super().add_update(update)

    def values(self) -> list[Any]:
        """What was assigned last, to each of the variables `assigned`."""
        return [self.get_current_value(v) for v in self.assigned.values()]

    def settle(self) -> None:
        """Assign it, outside of this scope."""
        for variable, value in zip(self.assigned.values(), self.values(), strict=True):
            variable.assign(value)
