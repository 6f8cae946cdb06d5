"""Plain means are right under `tf.distribute` and `keras.distribution`: one step equals that of one device.

Devices must be set before the framework starts, so each engine runs in a process of its own.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from tests.distributed.launch import judge, reports

BACKEND = os.environ.get("KERAS_BACKEND")

STEP = '''
import keras, numpy as np, polyloss
from keras import ops

class Scalar(polyloss.Loss):
    """A loss that returns one number for the batch."""
    def call(self, y_true, y_pred):
        return ops.sum(ops.square(y_true - y_pred)) / 16.0

class HalfBatchScalar(Scalar):
    def call(self, y_true, y_pred):
        return ops.sum(ops.square(y_true - y_pred)) / ops.cast(ops.size(y_pred), "float32")

rng = np.random.default_rng(0)
x, y = rng.normal(size=(16, 3)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")

def step(loss, scope, weight=None):
    with scope:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.set_weights([np.ones((3, 1), "float32"), np.zeros(1, "float32")])
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    logged = model.fit(x, y, sample_weight=weight, batch_size=16, verbose=0).history["loss"][0]
    return np.concatenate([w.ravel() for w in model.get_weights()]), logged

def same(many):
    weight = np.resize([0.5, 2.0], 16).astype("float32")
    for loss, w in [(polyloss.MeanSquaredError(), None), (polyloss.Huber(), weight),
                    (polyloss.MeanSquaredError(reduction="sum"), None), (HalfBatchScalar(), None)]:
        one, logged_one = ONE[len(ALL)] if many else step(loss, contextlib.nullcontext(), w)
        if not many:
            ONE.append((one, logged_one)); continue
        got, logged = step(loss, SCOPE(), w)
        np.testing.assert_allclose(got, one, rtol=1e-5, atol=1e-6, err_msg=repr(loss))
        np.testing.assert_allclose(logged, logged_one, rtol=1e-5, err_msg=repr(loss))
        ALL.append(loss)
'''

TENSORFLOW = (
    """
import contextlib, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
ONE, ALL = [], []
"""
    + STEP
    + """
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
SCOPE = strategy.scope
same(False); same(True)
assert strategy.num_replicas_in_sync == 2 and len(ALL) == 4
print("equal", len(ALL))
"""
)

JAX = (
    """
import contextlib, jax
jax.config.update("jax_num_cpu_devices", 2)
ONE, ALL = [], []
"""
    + STEP
    + """
same(False)
keras.distribution.set_distribution(keras.distribution.DataParallel())
SCOPE = contextlib.nullcontext
same(True)
assert len(jax.devices()) == 2 and len(ALL) == 4
print("equal", len(ALL))
"""
)


def run(code: str) -> str:
    root = pathlib.Path(__file__).parents[2]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_mirrored_strategy() -> None:
    assert "equal 4" in run(TENSORFLOW)


@pytest.mark.skipif(BACKEND != "jax", reason="keras.distribution runs on JAX")
def test_data_parallel() -> None:
    assert "equal 4" in run(JAX)


# Four losses that need the global batch, and a control; all of them, and all engines: `nox -s distributed`.


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_mirrored_strategy_of_four_replicas_in_a_loop() -> None:
    judge(reports("tensorflow_mirrored", [["4", "loop", "--quick"]]), engines=1, cases=4, controls=1)


@pytest.mark.skipif(BACKEND != "jax", reason="shard_map is JAX's")
def test_shard_map() -> None:
    judge(reports("jax_mapped", [["--quick"]]), engines=1, cases=4, controls=1)


@pytest.mark.skipif(BACKEND != "torch", reason="DistributedDataParallel is PyTorch's")
def test_torch_processes() -> None:
    arguments = [["uneven", str(rank), "2", "--quick"] for rank in range(2)]
    judge(reports("torch_processes", arguments), engines=1, cases=4, controls=1)


@pytest.mark.skipif(BACKEND != "torch", reason="processes of PyTorch; others: tests/training/test_replicas.py")
def test_adversarial_training_in_torch_processes() -> None:
    arguments = [["uneven", str(rank), "2", "--quick"] for rank in range(2)]
    judge(reports("torch_gans", arguments), engines=2, cases=1, controls=1)
