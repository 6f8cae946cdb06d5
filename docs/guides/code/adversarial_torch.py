"""An adversarial training loop in plain PyTorch."""

from itertools import pairwise

import numpy as np
import torch


def network(*sizes):
    """Dense layers; the last one is linear."""
    stack = []
    for n, m in pairwise(sizes):
        stack += [torch.nn.Linear(n, m), torch.nn.LeakyReLU(0.2)]
    return torch.nn.Sequential(*stack[:-1])


def train(
    loss,
    real,
    *,
    penalty=None,
    steps=1,
    units=64,
    latent=8,
    epochs=20,
    batch=64,
    rate=5e-4,
    seed=0,
):
    """`steps` updates of the discriminator for each of the generator, in turn."""
    torch.manual_seed(seed)
    generator = network(latent, units, units, real.shape[1])
    discriminator = network(real.shape[1], units, units, 1)
    for_generator = torch.optim.Adam(
        generator.parameters(), lr=rate, betas=(0.5, 0.999)
    )
    for_discriminator = torch.optim.Adam(
        discriminator.parameters(), lr=rate, betas=(0.5, 0.999)
    )
    batches = torch.utils.data.DataLoader(
        torch.tensor(real), batch_size=batch, shuffle=True, drop_last=True
    )
    history = []
    for _ in range(epochs):
        values = []
        for x in batches:
            for _ in range(steps):
                fake = generator(torch.randn(batch, latent)).detach()
                value = total = loss.discriminator(
                    discriminator(x), discriminator(fake)
                )
                if penalty is not None:
                    total = value + penalty(discriminator, x, fake, torch.rand(batch))
                for_discriminator.zero_grad()
                total.backward()
                for_discriminator.step()
            total = loss.generator(discriminator(generator(torch.randn(batch, latent))))
            for_generator.zero_grad()
            total.backward()
            for_generator.step()
            values.append(value.item())
        history.append(float(np.mean(values)))

    def sample(rows):
        return generator(torch.randn(rows, latent)).detach().numpy()

    return sample, history
