"""The training of tests/training/small.py once more, by hand: plain PyTorch in float64, no Keras.

``python tests/training/by_hand.py`` prints the numbers that small.BY_HAND holds.
"""

import itertools

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

    def step(self, loss: torch.Tensor) -> None:
        self.t += 1
        rate = np.float32(1e-2) * np.sqrt(1 - 0.999**self.t) / (1 - 0.5**self.t)
        gradients = torch.autograd.grad(loss, self.variables, allow_unused=True)
        with torch.no_grad():
            for x, g, m, v in zip(self.variables, gradients, self.m, self.v, strict=True):
                g = torch.zeros_like(x) if g is None else g
                m += (g - m) * 0.5
                v += (g * g - v) * 0.001
                x -= rate * m / (v.sqrt() + 1e-7)


def main() -> dict[str, list[float]]:
    draws = np.random.RandomState(0)
    real = (draws.randn(256, 2) * 0.3 + [2.0, -1.0]).astype("float32")
    latent = draws.randn(256, 4).astype("float32")
    share = draws.rand(256, 1).astype("float32")
    data = [torch.tensor(x, dtype=torch.float64) for x in (real, latent, share)]
    generator, critic = weights((4, 16, 2), 1), weights((2, 16, 16, 1), 2)
    adam_g, adam_c = Adam(generator), Adam(critic)
    logs: dict[str, list[float]] = {}
    for _ in range(3):
        seen: dict[str, list[float]] = {}
        for i in range(0, 256, 64):
            x, z, e = (a[i : i + 64] for a in data)
            for _ in range(2):
                fake = forward(z, generator).detach()
                between = (e * x + (1 - e) * fake).requires_grad_(True)
                (slope,) = torch.autograd.grad(forward(between, critic).sum(), between, create_graph=True)
                norm = slope.pow(2).sum(1).sqrt()
                loss = forward(fake, critic).mean() - forward(x, critic).mean()
                penalty = 10 * (norm - 1).pow(2).mean()
                adam_c.step(loss + penalty)
            generator_loss = -forward(forward(z, generator), critic).mean()
            adam_g.step(generator_loss)
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
    for name, values in main().items():
        print(f'    "{name}": {values},')
