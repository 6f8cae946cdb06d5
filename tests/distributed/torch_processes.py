"""PyTorch in several processes (gloo): ``python torch_processes.py ddp|fit|uneven RANK WORLD``."""

import datetime
import os
import sys

import numpy as np
import torch
import torch.distributed as dist

HOW, RANK, WORLD = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

from tests.distributed import problem  # noqa: E402
from tests.distributed.problem import ROWS, Case, Result  # noqa: E402

UNEVEN = {2: [13, 3], 4: [9, 4, 0, 3]}


def value_and_gradient(case: Case, network, model, x, y, weight) -> Result:
    value = case.loss()(
        torch.tensor(y), network(torch.tensor(x)), sample_weight=None if weight is None else torch.tensor(weight)
    )
    value.backward()
    return Result(float(value.detach()), problem.flat([v.value.grad for v in model.trainable_variables]))


def on_one(case: Case) -> Result:
    model = case.model()
    return problem.fit(case, model) if HOW == "fit" else value_and_gradient(case, model, model, *case.rows(0, ROWS))


def my_rows(case: Case):
    sizes = UNEVEN[WORLD] if HOW == "uneven" else [ROWS // WORLD] * WORLD
    ends = np.cumsum([0, *sizes])
    return case.rows(*ends[RANK : RANK + 2])


def on_replicas(case: Case) -> Result:
    model = case.model()
    if HOW != "fit":
        network = torch.nn.parallel.DistributedDataParallel(model)
        return value_and_gradient(case, network, model, *my_rows(case))
    for variable in model.trainable_variables:  # Keras 3.15 does not average the gradients of processes in fit
        variable.value.register_post_accumulate_grad_hook(lambda p: dist.all_reduce(p.grad, op=dist.ReduceOp.AVG))
    return problem.fit(case, model, data=my_rows(case))


ones = [(case, on_one(case)) for case in problem.cases(ring=HOW == "ddp")]
dist.init_process_group(
    "gloo",
    init_method=f"tcp://127.0.0.1:{problem.port()}",
    rank=RANK,
    world_size=WORLD,
    timeout=datetime.timedelta(seconds=60),
)
for case, one in ones:
    got = on_replicas(case)
    if RANK == WORLD - 1:  # any of them: all hold the same
        problem.report(f"torch {HOW}, {WORLD} processes", case, got, one)
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)
