"""`tf.distribute.MirroredStrategy` on parts of one CPU: ``python tensorflow_mirrored.py REPLICAS fit|loop|uneven|empty``."""

import sys

import tensorflow as tf

REPLICAS, HOW = int(sys.argv[1]), sys.argv[2]
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from polyloss import replica  # noqa: E402
from tests.distributed import problem  # noqa: E402
from tests.distributed.problem import ROWS, Case, Result  # noqa: E402

LAST_BATCH = {"uneven": 15, "empty": 13}
"""Rows in batches of 6, of which the last has 3 (2 and 1 on two replicas) or 1 (1 and none)."""


def value_and_gradient(case, model, loss, x, y, weight):
    with tf.GradientTape() as tape:
        value = loss(y, model(x), sample_weight=weight)
    return value, tape.gradient(value, [v.value for v in model.trainable_variables])


def on_one(case: Case) -> Result:
    if HOW == "fit":
        return problem.fit(case, case.model())
    if HOW in LAST_BATCH:
        return problem.fit(case, case.model(), 6, case.rows(0, LAST_BATCH[HOW]), rate=0.5)
    value, gradients = value_and_gradient(case, case.model(), case.loss(), *case.rows(0, ROWS))
    return Result(float(value), problem.flat(gradients))


def on_replicas(case: Case, strategy: tf.distribute.Strategy) -> Result:
    with strategy.scope():
        model = case.model()
    if HOW == "fit":
        return problem.fit(case, model)
    if HOW in LAST_BATCH:
        return problem.fit(case, model, 6, case.rows(0, LAST_BATCH[HOW]), rate=0.5)
    loss = case.loss()
    bounds = np.linspace(0, ROWS, REPLICAS + 1).astype(int)
    bounds[1:-1] += 1  # unequal parts

    def mine(context):
        rows = case.rows(*bounds[context.replica_id_in_sync_group :][:2])
        return tuple(None if r is None else tf.constant(r) for r in rows)

    parts = strategy.experimental_distribute_values_from_function(mine)

    @tf.function
    def step(part):
        def replica_step(part):
            value, gradients = value_and_gradient(case, model, loss, *part)
            together = tf.distribute.get_replica_context()
            return [together.all_reduce("SUM", x) for x in (value, *gradients)]

        return strategy.run(replica_step, args=(part,))

    value, *gradients = (strategy.experimental_local_results(x)[0] for x in step(parts))
    return Result(float(value), problem.flat(gradients))


strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(REPLICAS)])
assert strategy.num_replicas_in_sync == REPLICAS
if HOW == "loop":
    assert strategy.experimental_local_results(strategy.run(replica.replica_index)) == tuple(range(REPLICAS))
    assert set(strategy.experimental_local_results(strategy.run(replica.replica_count))) == {REPLICAS}
    with pytest.raises(NotImplementedError, match="use gather_replicas"):
        strategy.run(replica.replica_shift, args=(tf.ones(()),))
for case in problem.cases():
    problem.report(f"MirroredStrategy({REPLICAS}), {HOW}", case, on_replicas(case, strategy), on_one(case))
