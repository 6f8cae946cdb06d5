"""A model saved on one backend and loaded on another gives the same loss.

``python tests/system/handover.py save FOLDER`` trains, saves and notes the loss; ``... load FOLDER`` loads with the
backend at hand, compares, and names itself. `nox -s agreement` runs both, with the interpreters of `tests`.
"""

from __future__ import annotations

import json
import pathlib
import sys

import keras
import numpy as np

import polyloss


def data() -> tuple[np.ndarray, np.ndarray]:
    """Forty rows with one rare class."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5)).astype("float32")
    return x, (x[:, :1] + x[:, 1:2] > 1.5).astype("float32")


def save(folder: pathlib.Path) -> None:
    """The first use of polyloss: compile, fit, save."""
    x, y = data()
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=polyloss.FocalLoss(gamma=1.5, dtype="float32"))
    model.fit(x, y, epochs=3, verbose=0)
    model.save(folder / "model.keras")
    loss = model.evaluate(x, y, batch_size=40, verbose=0)
    (folder / "saved.json").write_text(json.dumps({"backend": keras.backend.backend(), "loss": loss}))


def load(folder: pathlib.Path) -> None:
    """The same loss object, the same value, and training goes on."""
    x, y = data()
    saved = json.loads((folder / "saved.json").read_text())
    # Keras's PyTorch optimizers are classes of their own, which only loads where torch is installed
    # (keras 3.15): naming the optimizer by hand is the way round.
    model = keras.models.load_model(folder / "model.keras", custom_objects={"Adam": keras.optimizers.Adam})
    assert isinstance(model.loss, polyloss.FocalLoss)
    assert model.loss.get_config()["dtype"] == "float32"
    assert model.loss.gamma == 1.5
    loss = model.evaluate(x, y, batch_size=40, verbose=0)
    off = abs(loss - saved["loss"]) / saved["loss"]
    assert off < 1e-6, f"{saved['backend']} saved {saved['loss']}, {keras.backend.backend()} loads {loss}"
    model.fit(x, y, epochs=1, verbose=0)
    print(f"saved on {saved['backend']}, loaded on {keras.backend.backend()}: loss {loss:.9g}, off by {off:.1e}")


if __name__ == "__main__":
    {"save": save, "load": load}[sys.argv[1]](pathlib.Path(sys.argv[2]))
