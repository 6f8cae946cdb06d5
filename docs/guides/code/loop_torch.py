"""A training loop in plain PyTorch: a module, `backward()`, `torch.optim.Adam`."""

import numpy as np
import torch


def train(loss, x, y, outputs, *, units=32, epochs=20, batch=64, rate=0.01, seed=0):
    """Minimise `loss(y, predictions)`; the module, and the mean loss of each epoch."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[-1], units),
        torch.nn.ReLU(),
        torch.nn.Linear(units, outputs),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    rows = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    batches = torch.utils.data.DataLoader(rows, batch_size=batch, shuffle=True)
    history = []
    for _ in range(epochs):
        values = []
        for inputs, targets in batches:
            value = loss(targets, net(inputs))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            values.append(value.item())
        history.append(float(np.mean(values)))
    return net, history
