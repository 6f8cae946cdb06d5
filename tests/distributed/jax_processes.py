"""Two processes of JAX with two devices each, one training: ``python jax_processes.py RANK WORLD``."""

import sys

import jax

jax.config.update("jax_num_cpu_devices", 2)

import keras  # noqa: E402

from tests.distributed import problem  # noqa: E402

RANK, WORLD = int(sys.argv[1]), int(sys.argv[2])
address = f"127.0.0.1:{problem.port()}"
keras.distribution.initialize(job_addresses=f"{address},{address}", num_processes=WORLD, process_id=RANK)
assert jax.process_count() == WORLD
assert len(jax.devices()) == 2 * WORLD
cases = problem.cases(controls=False)
models = [case.model() for case in cases]  # in every process: each draws its initial weights from one seed
ones = [problem.fit(case, made) if RANK == 0 else None for case, made in zip(cases, models, strict=True)]
devices = keras.distribution.list_devices()
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False))
for case, one in zip(cases, ones, strict=True):
    size = problem.ROWS // WORLD
    got = problem.fit(case, case.model(), batch_size=size, data=case.rows(RANK * size, (RANK + 1) * size))
    if RANK == 0:
        problem.report("JAX, 2 processes", case, got, one)
