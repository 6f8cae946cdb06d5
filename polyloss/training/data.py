"""Batches whose order can be had again."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import tree


class ShuffledBatches(keras.utils.PyDataset):
    """Arrays in batches, shuffled anew every epoch by the seed and the number of the epoch alone.

    So a training that was stopped and takes up epoch 7 again sees the batches that it would have seen, on
    every backend. `StepModel.fit` tells it the epoch; with another model call `set_epoch` at the start of
    each epoch and give `fit` the argument ``shuffle=False``.

    Args:
        x: An array, or arrays in a dict, list or tuple, that agree in their number of rows.
        y: Targets or labels, where there are any.
        batch_size: Rows a batch; the last batch of an epoch may be smaller.
        seed: Of the order, any integer.

    Raises:
        ValueError: for arrays with different numbers of rows, and a batch_size below 1.

    >>> batches = polyloss.training.ShuffledBatches(np.arange(5.0), batch_size=2, seed=1)
    >>> [len(batches[i][0]) for i in range(len(batches))]
    [2, 2, 1]
    """

    def __init__(self, x: Any, y: Any = None, *, batch_size: int = 32, seed: int = 0) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"ShuffledBatches: batch_size must be at least 1. Got batch_size={batch_size}.")
        self.arrays = (x,) if y is None else (x, y)
        self.batch_size = batch_size
        self.seed = seed
        rows = {len(a) for a in tree.flatten(self.arrays)}
        if len(rows) != 1:
            raise ValueError(f"ShuffledBatches: arrays must have one number of rows. Got {sorted(rows)}.")
        (self.rows,) = rows
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Take the order of this epoch."""
        self.order = np.random.default_rng([int(self.seed) % 2**128, epoch]).permutation(self.rows)

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return tree.map_structure(lambda a: a[rows], self.arrays)
