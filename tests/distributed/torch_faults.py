"""A process that dies, or hangs, or never calls the loss: ``python torch_faults.py dies|hangs|alone RANK WORLD SECONDS``.

The last rank has the fault; the others print what they got, and after how long.
"""

import datetime
import json
import os
import sys

import numpy as np
import torch.distributed as dist

HOW, RANK, WORLD, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])

import polyloss  # noqa: E402
from tests.distributed import problem  # noqa: E402

dist.init_process_group(
    "gloo",
    init_method=f"tcp://127.0.0.1:{problem.port()}",
    rank=RANK,
    world_size=WORLD,
    timeout=datetime.timedelta(seconds=SECONDS),
)
loss = polyloss.MeanSquaredError()
y, p = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
first = float(loss(y, p))  # all are there
if HOW == "alone":
    if RANK == 0:
        with polyloss.replica.replica_context(None):
            print(json.dumps({"rank": RANK, "value": float(loss(y, p))}), flush=True)
    dist.barrier()
    os._exit(0)
problem.without_the_last(HOW, RANK, WORLD, SECONDS, first, lambda: loss(y, p), RuntimeError)
