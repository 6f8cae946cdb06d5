"""A process that dies, or hangs, under two processes of JAX: ``python jax_faults.py dies|hangs RANK WORLD SECONDS``.

The last rank has the fault; the others print what they got, and after how long.
"""

import os
import sys

HOW, RANK, WORLD, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
os.environ["XLA_FLAGS"] = f"--xla_cpu_collective_timeout_seconds={SECONDS}"

import jax  # noqa: E402
import numpy as np  # noqa: E402

from tests.distributed import problem  # noqa: E402

jax.distributed.initialize(
    f"127.0.0.1:{problem.port()}", WORLD, RANK, heartbeat_timeout_seconds=SECONDS, shutdown_timeout_seconds=SECONDS
)
import polyloss  # noqa: E402

data = jax.sharding.NamedSharding(jax.make_mesh((WORLD,), ("data",)), jax.sharding.PartitionSpec("data"))
y, p = (jax.make_array_from_process_local_data(data, np.full((2, 3), v, "float32")) for v in (1.0, 0.0))
loss = jax.jit(polyloss.MeanSquaredError())
first = float(loss(y, p))  # all are there
problem.without_the_last(HOW, RANK, WORLD, SECONDS, first, lambda: float(loss(y, p)), Exception)
