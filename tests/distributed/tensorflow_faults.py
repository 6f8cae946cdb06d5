"""A worker that dies, or hangs, under `MultiWorkerMirroredStrategy`: ``python tensorflow_faults.py dies|hangs RANK WORLD SECONDS``.

The last rank has the fault; the others print what they got, and after how long.
"""

import json
import os
import sys
import time

HOW, RANK, WORLD, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
ports = os.environ["POLYLOSS_PORTS"].split(",")[:WORLD]
cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": RANK}})

import tensorflow as tf  # noqa: E402

options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=SECONDS)
strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)  # before anything is computed

import polyloss  # noqa: E402

loss = polyloss.MeanSquaredError()
y, p = tf.ones((2, 3)), tf.zeros((2, 3))


@tf.function
def step():
    return strategy.run(lambda: tf.distribute.get_replica_context().all_reduce("SUM", loss(y, p)))


first = float(step())  # all are there
if RANK == WORLD - 1:
    if HOW == "dies":
        os._exit(7)
    time.sleep(2 * SECONDS)
    os._exit(0)
start = time.monotonic()
try:
    float(step())
except Exception as error:
    took = time.monotonic() - start
    report = {"value": first, "kind": type(error).__name__, "error": str(error), "seconds": took}
    print(json.dumps(report), flush=True)
    os._exit(3)
