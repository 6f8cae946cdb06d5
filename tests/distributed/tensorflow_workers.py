"""`tf.distribute.MultiWorkerMirroredStrategy`, a loop of one's own: ``python tensorflow_workers.py RANK WORLD``."""

import json
import os
import sys

RANK, WORLD = int(sys.argv[1]), int(sys.argv[2])
ports = os.environ["POLYLOSS_PORTS"].split(",")[:WORLD]
cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": RANK}})

import tensorflow as tf  # noqa: E402

strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything is computed

from tests.distributed import problem  # noqa: E402
from tests.distributed.problem import ROWS, Case, Result  # noqa: E402


def value_and_gradient(model, loss, x, y, weight):
    with tf.GradientTape() as tape:
        value = loss(y, model(x), sample_weight=weight)
    return value, tape.gradient(value, [v.value for v in model.trainable_variables])


def on_one(case: Case) -> Result:
    value, gradients = value_and_gradient(case.model(), case.loss(), *case.rows(0, ROWS))
    return Result(float(value), problem.flat(gradients))


def on_replicas(case: Case) -> Result:
    with strategy.scope():
        model = case.model()
    loss, cut = case.loss(), ROWS // WORLD + 1  # unequal parts
    rows = case.rows(0, cut) if RANK == 0 else case.rows(cut, ROWS)
    part = tuple(None if r is None else tf.constant(r) for r in rows)

    @tf.function
    def step(part):
        def replica_step(part):
            value, gradients = value_and_gradient(model, loss, *part)
            together = tf.distribute.get_replica_context()
            return [together.all_reduce("SUM", x) for x in (value, *gradients)]

        return strategy.run(replica_step, args=(part,))

    value, *gradients = step(part)
    return Result(float(value), problem.flat(gradients))


assert strategy.num_replicas_in_sync == WORLD
for case in problem.cases():
    one, got = on_one(case), on_replicas(case)
    if RANK == 0:
        problem.report("MultiWorkerMirroredStrategy, 2 processes", case, got, one)
