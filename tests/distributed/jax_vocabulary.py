"""A vocabulary that lies on several devices (`keras.distribution.ModelParallel`): no device gathers the kernel."""

import json

import jax

jax.config.update("jax_num_cpu_devices", 8)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

import polyloss  # noqa: E402
from polyloss.framework.columns import jax as columns  # noqa: E402
from tests.distributed.problem import flat  # noqa: E402

ROWS, STEPS, DEPTH, CLASSES = 8, 64, 8, 16_384  # two blocks
RATE = 1024.0
rng = np.random.default_rng(0)
text = rng.integers(0, CLASSES, (ROWS, STEPS + 1)).astype("int32")
weight = rng.random((ROWS, STEPS)).astype("float32")


def model(tied: bool) -> keras.Model:
    """A word at a time."""
    keras.utils.set_random_seed(0)
    tokens = keras.Input((STEPS,), dtype="int32")
    embedding = layers.Embedding(CLASSES, DEPTH, name="table")
    hidden = layers.Dense(DEPTH, activation="tanh", name="inside")(embedding(tokens))
    head = dict(tied_to=embedding) if tied else dict(units=CLASSES)
    outputs = polyloss.training.LinearHead(**head, use_bias=True, name="head")(hidden)
    return polyloss.training.LinearHeadModel(tokens, outputs)


def trained(tied: bool) -> tuple[float, np.ndarray, object]:
    """The loss of a step of `fit`, how far it moved the weights (the gradient), and where the kernel lies."""
    made = model(tied)
    before = made.get_weights()
    made.compile(keras.optimizers.SGD(RATE), loss=polyloss.LinearCrossentropyLoss(z_loss=1e-3, label_smoothing=0.1))
    logged = made.fit(text[:, :-1], text[:, 1:], sample_weight=weight, batch_size=ROWS, shuffle=False, verbose=0)
    moved = [b - a for b, a in zip(before, made.get_weights(), strict=True)]
    return logged.history["loss"][0], flat(moved) / RATE, made.get_layer("head").kernel.value.sharding


def gathered() -> int:
    """How many arrays of the size of the kernel, or a block's part of it, a compiled gradient gathers."""
    distribution = keras.distribution.distribution()
    mesh = distribution.device_mesh.backend_mesh
    spec = jax.sharding.PartitionSpec
    hidden = jax.device_put(
        rng.normal(size=(ROWS * STEPS, DEPTH)).astype("float32"), jax.NamedSharding(mesh, spec("batch"))
    )
    kernel = jax.device_put(
        rng.normal(size=(DEPTH, CLASSES)).astype("float32"), jax.NamedSharding(mesh, spec(None, "model"))
    )
    labels = text[:, 1:].reshape(-1)
    cost = jax.grad(lambda h, k: polyloss.linear_crossentropy(labels, h, k).sum(), (0, 1))
    jax.clear_caches()
    return jax.jit(cost).lower(hidden, kernel).compile().as_text().count("all-gather(")


ones = {tied: trained(tied) for tied in (False, True)}
devices = keras.distribution.list_devices()
layout = keras.distribution.LayoutMap(keras.distribution.DeviceMesh((2, 4), ["batch", "model"], devices))
layout["head/kernel"] = (None, "model")
layout["head/bias"] = ("model",)
layout["table/embeddings"] = ("model", None)
keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch"))
for tied, (value, gradient, _) in ones.items():
    got, moved, shards = trained(tied)
    assert "model" in str(shards), shards
    found = {
        "case": "tied" if tied else "a kernel of its own",
        "value": abs(got - value) / abs(value),
        "gradient": float(np.abs(moved - gradient).max() / np.abs(gradient).max()),
    }
    print(json.dumps(found), flush=True)
print(json.dumps({"case": "a part of each shard in a block", "gathered": gathered()}), flush=True)
columns._shards = lambda rows: 1
print(json.dumps({"case": "blocks along the columns", "gathered": gathered()}), flush=True)
