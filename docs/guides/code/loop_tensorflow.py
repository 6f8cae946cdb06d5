"""A training loop in plain TensorFlow: variables, `tf.GradientTape`, `tf.function`."""

import keras
import numpy as np
import tensorflow as tf


def predict(variables, x):
    """Two dense layers."""
    w1, b1, w2, b2 = variables
    return tf.nn.relu(x @ w1 + b1) @ w2 + b2


def train(loss, x, y, outputs, *, units=32, epochs=20, batch=64, rate=0.01, seed=0):
    """Minimise `loss(y, predictions)`; the variables, and the mean loss of each epoch."""
    tf.random.set_seed(seed)
    variables = [
        tf.Variable(
            tf.random.normal((x.shape[-1], units), 0, (2 / x.shape[-1]) ** 0.5)
        ),
        tf.Variable(tf.zeros(units)),
        tf.Variable(tf.random.normal((units, outputs), 0, units**-0.5)),
        tf.Variable(tf.zeros(outputs)),
    ]
    optimizer = keras.optimizers.Adam(rate)  # TensorFlow's own optimizers are Keras's
    optimizer.build(variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, predict(variables, x))
        optimizer.apply(tape.gradient(value, variables), variables)
        return value

    batches = (
        tf.data.Dataset.from_tensor_slices((x, y))
        .shuffle(len(x), seed=seed)
        .batch(batch, drop_remainder=True)
    )
    history = [float(np.mean([step(*some) for some in batches])) for _ in range(epochs)]
    return variables, history
