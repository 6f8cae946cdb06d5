"""`keras.distribution` on eight parts of one CPU, through `fit`: ``python jax_global.py data|model``."""

import sys

import jax

jax.config.update("jax_num_cpu_devices", 8)

import keras  # noqa: E402

from tests.distributed import problem  # noqa: E402

HOW = sys.argv[1]
ones = [(case, problem.fit(case, case.model())) for case in problem.cases(controls=False)]
if HOW == "data":
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=keras.distribution.list_devices()))
else:
    mesh = keras.distribution.DeviceMesh((4, 2), ["batch", "model"], keras.distribution.list_devices())
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*kernel"] = (None, "model")
    keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch"))
for case, one in ones:
    problem.report(f"keras.distribution, {HOW} parallel", case, problem.fit(case, case.model()), one)
