"""The training of tests/training/small.py once more, by hand: plain PyTorch in float64, no Keras.

``python tests/training/by_hand.py`` prints the numbers that small.BY_HAND and small.BY_HAND_SPECTRAL hold.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch


def forward(x: torch.Tensor, w: list[torch.Tensor]) -> torch.Tensor:
    for kernel, bias in zip(w[:-2:2], w[1:-2:2], strict=True):
        x = torch.tanh(x @ kernel + bias)
    return x @ w[-2] + w[-1]


def weights(sizes: tuple[int, ...], seed: int) -> list[torch.Tensor]:
    draws = np.random.RandomState(seed)
    made = []
    for m, n in itertools.pairwise(sizes):
        made += [draws.randn(m, n).astype("float32") * np.float32(0.4), np.zeros(n, "float32")]
    return [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in made]


class Adam:
    """Keras's form of it: epsilon 1e-7 outside of the bias correction."""

    def __init__(self, variables: list[torch.Tensor]) -> None:
        self.variables, self.t = variables, 0
        self.m = [torch.zeros_like(v) for v in variables]
        self.v = [torch.zeros_like(v) for v in variables]

    def step(self, loss: torch.Tensor, settle: Callable[[], None] = lambda: None) -> None:
        self.t += 1
        rate = np.float32(1e-2) * np.sqrt(1 - 0.999**self.t) / (1 - 0.5**self.t)
        gradients = torch.autograd.grad(loss, self.variables, allow_unused=True)
        settle()
        with torch.no_grad():
            for x, g, m, v in zip(self.variables, gradients, self.m, self.v, strict=True):
                g = torch.zeros_like(x) if g is None else g
                m += (g - m) * 0.5
                v += (g * g - v) * 0.001
                x -= rate * m / (v.sqrt() + 1e-7)


class Spectral:
    """Kernels of largest singular value 1 (Miyato et al. 2018), as Keras has it: each call divides the kernel itself.

    Within an objective the calls follow each other, and the gradient is by the kernel that it began with.
    """

    def __init__(self, w: list[torch.Tensor]) -> None:
        self.w = w
        self.u = [torch.ones(1, k.shape[1], dtype=torch.float64) for k in w[::2]]
        self.begin()

    def begin(self) -> None:
        self.now = [*self.w]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        for i, kernel in enumerate(self.now[::2]):
            with torch.no_grad():
                v = torch.nn.functional.normalize(self.u[i] @ kernel.T, dim=None, p=2)
                self.u[i] = torch.nn.functional.normalize(v @ kernel, dim=None, p=2)
            self.now[2 * i] = kernel / (v @ kernel @ self.u[i].T)
        return forward(x, self.now)

    def settle(self) -> None:
        with torch.no_grad():
            for w, now in zip(self.w, self.now, strict=True):
                w.copy_(now)


class Plain:
    """Kernels as they are."""

    def __init__(self, w: list[torch.Tensor]) -> None:
        self.w = w

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return forward(x, self.w)

    def begin(self) -> None: ...

    def settle(self) -> None: ...


def main(kind: type = Plain) -> dict[str, list[float]]:
    draws = np.random.RandomState(0)
    real = (draws.randn(256, 2) * 0.3 + [2.0, -1.0]).astype("float32")
    latent = draws.randn(256, 4).astype("float32")
    share = draws.rand(256, 1).astype("float32")
    data = [torch.tensor(x, dtype=torch.float64) for x in (real, latent, share)]
    generator, critic = weights((4, 16, 2), 1), weights((2, 16, 16, 1), 2)
    adam_g, adam_c = Adam(generator), Adam(critic)
    judge = kind(critic)
    logs: dict[str, list[float]] = {}
    for _ in range(3):
        seen: dict[str, list[float]] = {}
        for i in range(0, 256, 64):
            x, z, e = (a[i : i + 64] for a in data)
            for _ in range(2):
                fake = forward(z, generator).detach()
                judge.begin()
                on_real, on_fake = judge(x).mean(), judge(fake).mean()
                loss = on_fake - on_real
                between = (e * x + (1 - e) * fake).requires_grad_(True)
                (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
                norm = slope.pow(2).sum(1).sqrt()
                penalty = 10 * (norm - 1).pow(2).mean()
                adam_c.step(loss + penalty, judge.settle)
            judge.begin()
            generator_loss = -judge(forward(z, generator)).mean()
            adam_g.step(generator_loss, judge.settle)
            for name, value in (
                ("discriminator_loss", loss),
                ("penalty", penalty),
                ("gradient_norm", norm.mean()),
                ("generator_loss", generator_loss),
            ):
                seen.setdefault(name, []).append(value.item())
        for name, values in seen.items():
            logs.setdefault(name, []).append(round(float(np.mean(values)), 7))
    return logs


if __name__ == "__main__":
    for kind in (Plain, Spectral):
        for name, values in main(kind).items():
            print(f'    "{name}": {values},')
