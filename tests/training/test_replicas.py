"""Two replicas train as one device does: `tf.distribute.MirroredStrategy`, `keras.distribution.DataParallel`."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


def test_two_replicas_train_as_one(backend):
    if not backend.REPLICAS:
        pytest.skip("one process of this backend trains on one device")
    run = subprocess.run(
        [sys.executable, "tests/training/replicas.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    one, two = json.loads(run.stdout.splitlines()[-1])
    assert one.keys() == two.keys()
    for name, expected in one.items():
        np.testing.assert_allclose(two[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)
