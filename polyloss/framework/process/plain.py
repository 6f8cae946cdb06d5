"""Where variables hold their own values during a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras


class TrainFunction:
    """Keras's train function of a compiled model, a batch a call."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def ready(self, data: Any) -> Callable[[], dict[str, Any]]:
        """A step on `data` that gives the logs of this batch alone, with all done that does not count to its time."""
        self.model.reset_metrics()
        argument = self.fed(data)
        return lambda: self.model.train_function(argument)

    def fed(self, data: Any) -> Any:
        """`data` as the train function takes it."""
        return iter([data])

    def state(self) -> Any:
        """What a step has computed."""
        return [v.value for v in self.model.variables]

    def optimizer_values(self, variables: Sequence[keras.Variable]) -> list[Any]:
        """The values of some of the optimizer's variables."""
        return [v.value for v in variables]

    def settle(self) -> None:
        """Bring all values back into the variables."""
