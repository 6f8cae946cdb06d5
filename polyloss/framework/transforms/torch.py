"""What of `torch.func` and of forward mode is at work: PyTorch has no public name for either."""

from __future__ import annotations

import torch


def transformed(*tensors: torch.Tensor) -> bool:
    """Whether one of them looks at what is computed."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    return torch.autograd.forward_ad._current_level >= 0 or any(map(wrapped, tensors))


def beyond_gradients() -> bool:
    """Whether vmap or forward mode does, and not `torch.func.grad` alone."""
    if torch.compiler.is_compiling():
        return False
    levels = torch._C._functorch.get_interpreter_stack() or []
    gradient = torch._C._functorch.TransformType.Grad
    return torch.autograd.forward_ad._current_level >= 0 or any(level.key() != gradient for level in levels)
