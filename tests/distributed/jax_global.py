"""`keras.distribution` on eight parts of one CPU, through `fit`: data parallel, and model parallel."""

import jax

jax.config.update("jax_num_cpu_devices", 8)

import keras  # noqa: E402

from tests.distributed import problem  # noqa: E402

ones = [(case, problem.fit(case, case.model())) for case in problem.cases(controls=False)]
devices = keras.distribution.list_devices()
layout = keras.distribution.LayoutMap(keras.distribution.DeviceMesh((4, 2), ["batch", "model"], devices))
layout[".*kernel"] = (None, "model")
for how, distribution in [
    ("data", keras.distribution.DataParallel(devices=devices)),
    ("model", keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")),
]:
    keras.distribution.set_distribution(distribution)
    for case, one in ones:
        problem.report(f"keras.distribution, {how} parallel", case, problem.fit(case, case.model()), one)
