"""`jax.shard_map`, with and without the check of what varies, and `jax.pmap`, over four parts of one CPU."""

import functools
import sys

import jax

REPLICAS = 4
ENGINES = ("shard_map", "shard_map, check_vma=False", "pmap")[: 1 if "--quick" in sys.argv else None]
jax.config.update("jax_num_cpu_devices", REPLICAS)

from jax.sharding import PartitionSpec  # noqa: E402

from tests.distributed import problem  # noqa: E402
from tests.distributed.problem import ROWS, Case, Result  # noqa: E402


def value_and_gradient(model, loss, weights, x, y, weight):
    def of(weights):
        predicted = model.stateless_call(weights, fixed, x)[0]
        return loss(y, predicted, sample_weight=weight)

    fixed = [v.value for v in model.non_trainable_variables]
    return jax.value_and_grad(of)(weights)


def prepared(case: Case):
    model = case.model()
    step = functools.partial(value_and_gradient, model, case.loss())
    return step, [v.value for v in model.trainable_variables], case.rows(0, ROWS)


def on_one(case: Case) -> Result:
    step, weights, rows = prepared(case)
    value, gradients = jax.jit(step)(weights, *rows)
    return Result(float(value), problem.flat(gradients))


def on_replicas(case: Case, how: str) -> Result:
    step, weights, rows = prepared(case)

    def replica_step(*given):
        return jax.lax.pmean(step(*given), "data")

    if how == "pmap":
        parts = [None if r is None else r.reshape(REPLICAS, -1, *r.shape[1:]) for r in rows]
        axes = (None, 0, 0, None if rows[2] is None else 0)
        value, gradients = jax.pmap(replica_step, "data", in_axes=axes)(weights, *parts)
        return Result(float(value[0]), problem.flat([g[0] for g in gradients]))
    mesh = jax.make_mesh((REPLICAS,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    none, data = PartitionSpec(), PartitionSpec("data")
    mapped = jax.shard_map(
        replica_step, mesh=mesh, in_specs=(none, data, data, data), out_specs=none, check_vma=how == "shard_map"
    )
    value, gradients = jax.jit(mapped)(weights, *rows)
    return Result(float(value), problem.flat(gradients))


for case in problem.cases(ring=True):
    one = on_one(case)
    for how in ENGINES:
        problem.report(f"JAX {how}", case, on_replicas(case, how), one)
