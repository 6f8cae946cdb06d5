"""Adversarial training under `keras.distribution.DataParallel` on four parts of one CPU."""

import jax

jax.config.update("jax_num_cpu_devices", 4)

import keras  # noqa: E402

from tests.distributed import gans  # noqa: E402

ones = [(case, case.trained()) for case in gans.cases(controls=False)]
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=keras.distribution.list_devices()))
for case, one in ones:
    gans.report("keras.distribution, data parallel", case, case.trained(), one)
