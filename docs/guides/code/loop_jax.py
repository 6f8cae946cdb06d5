"""A training loop in plain JAX: parameters in a list, `jax.value_and_grad`, Optax's Adam."""

import jax
import numpy as np
import optax


def predict(parameters, x):
    """Two dense layers."""
    w1, b1, w2, b2 = parameters
    return jax.nn.relu(x @ w1 + b1) @ w2 + b2


def train(loss, x, y, outputs, *, units=32, epochs=20, batch=64, rate=0.01, seed=0):
    """Minimise `loss(y, predictions)`; the parameters, and the mean loss of each epoch."""
    draws = np.random.default_rng(seed)
    parameters = [
        draws.normal(0, (2 / x.shape[-1]) ** 0.5, (x.shape[-1], units)).astype(
            "float32"
        ),
        np.zeros(units, "float32"),
        draws.normal(0, units**-0.5, (units, outputs)).astype("float32"),
        np.zeros(outputs, "float32"),
    ]
    optimizer = optax.adam(rate)
    state = optimizer.init(parameters)

    @jax.jit
    def step(parameters, state, x, y):
        value, slopes = jax.value_and_grad(lambda p: loss(y, predict(p, x)))(parameters)
        updates, state = optimizer.update(slopes, state)
        return optax.apply_updates(parameters, updates), state, value

    history = []
    for _ in range(epochs):
        values = []
        for rows in draws.permutation(len(x))[: len(x) // batch * batch].reshape(
            -1, batch
        ):
            parameters, state, value = step(parameters, state, x[rows], y[rows])
            values.append(value)
        history.append(float(np.mean(values)))
    return parameters, history
