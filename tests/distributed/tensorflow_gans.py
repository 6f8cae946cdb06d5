"""Adversarial training under `tf.distribute.MirroredStrategy` on parts of one CPU: ``python tensorflow_gans.py REPLICAS MORE``.

The last batch has so many rows more than divide by the replicas.
"""

import sys

import tensorflow as tf

REPLICAS, MORE = int(sys.argv[1]), int(sys.argv[2])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS)

from tests.distributed import gans  # noqa: E402

strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(REPLICAS)])
assert strategy.num_replicas_in_sync == REPLICAS
for case in gans.cases(more=MORE):
    one = case.trained()
    with strategy.scope():
        got = case.trained()
    gans.report(f"MirroredStrategy({REPLICAS})", case, got, one)
