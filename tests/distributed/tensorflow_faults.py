"""A worker that dies, or hangs, under `MultiWorkerMirroredStrategy`: ``python tensorflow_faults.py dies|hangs RANK WORLD SECONDS``.

The last rank has the fault; the others print what they got, and after how long.
"""

import json
import os
import sys

HOW, RANK, WORLD, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
ports = os.environ["POLYLOSS_PORTS"].split(",")[:WORLD]
cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": RANK}})

import tensorflow as tf  # noqa: E402

# The heartbeats of a worker that dies must be missed before the collective is given up, or the error names nobody.
options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=SECONDS if HOW == "hangs" else 60)
strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)  # before anything is computed

import polyloss  # noqa: E402
from tests.distributed import problem  # noqa: E402

loss = polyloss.MeanSquaredError()
y, p = tf.ones((2, 3)), tf.zeros((2, 3))


@tf.function
def step():
    return strategy.run(lambda: tf.distribute.get_replica_context().all_reduce("SUM", loss(y, p)))


first = float(step())  # all are there
problem.without_the_last(HOW, RANK, WORLD, SECONDS, first, lambda: float(step()), Exception)
