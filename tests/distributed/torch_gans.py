"""Adversarial training in several processes of PyTorch (gloo): ``python torch_gans.py even|uneven|drift RANK WORLD``."""

import dataclasses
import datetime
import os
import sys

import torch.distributed as dist

HOW, RANK, WORLD = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

from polyloss.core import replica  # noqa: E402
from tests.distributed import gans, problem  # noqa: E402

PARTS = {"even": [1] * WORLD, "uneven": [13, 3], "drift": [1] * WORLD}[HOW]
cases = [dataclasses.replace(case, equal=case.equal and HOW != "drift") for case in gans.cases()]
ones = [(case, case.trained()) for case in cases]
dist.init_process_group(
    "gloo",
    init_method=f"tcp://127.0.0.1:{problem.port()}",
    rank=RANK,
    world_size=WORLD,
    timeout=datetime.timedelta(seconds=60),
)
if HOW == "drift":  # a common fault: each process steps down its own gradient
    replica.averaged = list
for case, one in ones:
    gans.report(f"torch, process {RANK} of {WORLD}", case, case.trained(PARTS, RANK), one)
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)
