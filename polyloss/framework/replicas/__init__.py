"""The replicas of a training engine: how many, and sums and gathers over them that have their true gradients.

``engine(where)``
    A handle of the engine that runs replicas here, or None: there is one. `where` is ``"auto"``, or what the user named:
    axis names (JAX), a process group (PyTorch).
``ADDS_UP``
    Whether engines add up the gradients of replicas (`tf.distribute`); others average them.
``count(engine)``, ``index(engine)``
    How many replicas there are, and which this is.
``total(x, engine)``
    The sum over replicas, the same on each.
``gathered(x, engine, even)``
    The rows of all replicas, and the number of the first row of this one. `even` promises equal numbers of rows.
``shifted(x, engine)``
    What the replica before this one holds.
``rows(mine, engine)``, ``own(x, first, mine)``
    The number of the first row of this replica and how many rows all have; the rows of this one among those of all.
``averaged(tensors, engine)``
    Their means over replicas, in as few exchanges as possible; as they are where the engine adds up by itself.
``alike(variables, engine)``
    Gives variables the values of the first replica where each replica has variables of its own.
"""

import importlib

import keras

from polyloss.framework import HAS_GRADIENTS

_replicas = importlib.import_module(
    f"polyloss.framework.replicas.{keras.backend.backend() if HAS_GRADIENTS else 'values_only'}"
)

ADDS_UP: bool = _replicas.ADDS_UP
engine = _replicas.engine
count = _replicas.count
index = _replicas.index
total = _replicas.total
gathered = _replicas.gathered
shifted = _replicas.shifted
rows = _replicas.rows
own = _replicas.own
averaged = _replicas.averaged
alike = _replicas.alike
