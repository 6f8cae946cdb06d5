"""PyTorch: what the benchmark (backends/bench.py) runs, waits for and measures. The same names in every backend's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

Thunk = Callable[[], Any]


class Timed:
    """PyTorch, eager and through inductor."""

    packages = ("torch",)
    memory_is = "bytes kept for backward, beyond the inputs"

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.on_gpu = torch.cuda.is_available()
        self.device = torch.cuda.get_device_name() if self.on_gpu else f"CPU, {torch.get_num_threads()} threads"
        if self.on_gpu:
            self.memory_is = "peak bytes of the GPU, beyond inputs and gradient"

    def modes(self) -> dict[str, str | None]:
        """The modes, each with the reason why it cannot run here, if any."""
        compiler = self.on_gpu or any(shutil.which(c) for c in (os.environ.get("CXX", ""), "c++", "g++", "clang++"))
        return {"eager": None, "compile": None if compiler else "inductor needs a C++ compiler, and there is none"}

    def tensor(self, array: np.ndarray) -> Any:
        return self.torch.as_tensor(array, device="cuda" if self.on_gpu else "cpu")

    def step(self, f: Callable[..., Any], y_true: Any, y_pred: Any, mode: str) -> Thunk:
        """One forward and backward pass, which returns the loss and the gradient."""
        torch = self.torch
        x = y_pred.detach().clone().requires_grad_()

        def forward(y: Any, x: Any) -> Any:
            return f(y, x).mean()

        if mode == "compile":
            torch.compiler.reset()
            forward = torch.compile(forward)

        def run() -> Any:
            loss = forward(y_true, x)
            return loss, torch.autograd.grad(loss, x)[0]

        return run

    def wait(self, result: Any) -> None:
        if self.on_gpu:
            self.torch.cuda.synchronize()

    def mean(self, values: Any) -> Any:
        return values.mean()

    def array(self, x: Any) -> np.ndarray:
        return x.detach().cpu().numpy()

    def memory(self, f: Callable[..., Any], y_true: Any, y_pred: Any, mode: str, run: Thunk) -> int | None:
        torch = self.torch
        if self.on_gpu:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            run()
            torch.cuda.synchronize()
            return torch.cuda.max_memory_allocated() - before - y_pred.nbytes
        if mode != "eager":
            return None
        kept: dict[int, int] = {}

        def pack(t: Any) -> Any:
            kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            return t

        x = y_pred.detach().clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            loss = f(y_true, x).mean()
        nodes = [loss.grad_fn]
        for node in nodes:  # what a Function holds beside: hooks do not see it
            nodes += [following for following, _ in node.next_functions if following is not None]
            for value in getattr(node, "__dict__", {}).values():
                if isinstance(value, torch.Tensor):
                    pack(value)
        for given in (x, y_true):
            kept.pop(given.untyped_storage().data_ptr(), None)
        return sum(kept.values())
