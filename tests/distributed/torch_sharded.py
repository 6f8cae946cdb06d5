"""FSDP2: the weights of a `torch.nn.Module` in parts on each process (`fully_shard`): ``python torch_sharded.py RANK WORLD``."""

import datetime
import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

RANK, WORLD = int(sys.argv[1]), int(sys.argv[2])

from tests.distributed import problem  # noqa: E402
from tests.distributed.problem import ROWS, Case, Result  # noqa: E402


def module() -> torch.nn.Module:
    """The model of `problem`, without Keras."""
    first, second = torch.nn.Linear(problem.FEATURES, 8), torch.nn.Linear(8, problem.CLASSES)
    with torch.no_grad():
        for parameter, value in zip([*first.parameters(), *second.parameters()], problem.WEIGHTS, strict=True):
            parameter.copy_(torch.tensor(value.T))
    return torch.nn.Sequential(first, torch.nn.Tanh(), second)


def value_and_gradient(case: Case, network: torch.nn.Module, x, y, weight) -> Result:
    weight = None if weight is None else torch.tensor(weight)
    value = case.loss()(torch.tensor(y), network(torch.tensor(x)), sample_weight=weight)
    value.backward()
    gradients = [p.grad.full_tensor() if hasattr(p.grad, "full_tensor") else p.grad for p in network.parameters()]
    return Result(float(value.detach()), problem.flat(gradients))


cases = [case for case in problem.cases() if not case.masking]  # a mask is Keras's
ones = [(case, value_and_gradient(case, module(), *case.rows(0, ROWS))) for case in cases]
dist.init_process_group(
    "gloo",
    init_method=f"tcp://127.0.0.1:{problem.port()}",
    rank=RANK,
    world_size=WORLD,
    timeout=datetime.timedelta(seconds=60),
)
mesh = init_device_mesh("cpu", (WORLD,))
size = ROWS // WORLD
for case, one in ones:
    network = module()
    for layer in (network[0], network[2], network):
        fully_shard(layer, mesh=mesh)
    got = value_and_gradient(case, network, *case.rows(RANK * size, (RANK + 1) * size))
    if RANK == 0:
        problem.report("FSDP2, 2 processes", case, got, one)
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)
