"""A language model of Python's own source code, with and without the table of its logits.

    KERAS_BACKEND=jax python docs/examples/vocabulary.py          one backend (or torch, tensorflow)
    KERAS_BACKEND=jax python docs/examples/vocabulary.py --smoke  a few steps of a smaller one

The text is the standard library that came with this Python; a token is a name, a number, a sign or white space, and
there are 32,768 of them. The model is small (two causal convolutions, a table of embeddings that is used again for the
output), so nearly all its memory and time is the last layer, as in language models of a moderate size.

It is trained twice from the same weights on the same batches, each time in a process of its own: as usual, with logits
and `SparseCategoricalCrossentropy`, and with `LinearHeadModel` and `LinearCrossentropyLoss`. The loss of each step must be
the same to 1e-4. Printed are the losses, the seconds a step (least of them), and how far the memory of the process grew
from before the first step (Linux).
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import numpy as np

FORMS = ("logits", "linear")
WIDTH, CONTEXT = 128, 128
TOKEN = re.compile(r"[A-Za-z_]+|[0-9]+|\n *| +|[^A-Za-z0-9_\s]")


def text(files: int) -> list[str]:
    """The tokens of some modules of the standard library, in the order of their names."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(folder.glob("*.py"))[:files]
    return [token for path in paths for token in TOKEN.findall(path.read_text(encoding="utf-8", errors="replace"))]


def data(classes: int, files: int) -> np.ndarray:
    """Token numbers by frequency; those beyond the vocabulary share the last one. What is not met is there all the same."""
    tokens = text(files)
    number = {token: i for i, (token, _) in enumerate(collections.Counter(tokens).most_common(classes - 1))}
    numbers = np.array([number.get(token, classes - 1) for token in tokens], "int32")
    rows = (len(numbers) - 1) // CONTEXT
    return numbers[: rows * CONTEXT + 1]


def build(form: str, classes: int) -> Any:
    """The same layers and weights either way."""
    import keras
    from keras import layers

    import polyloss

    rng = np.random.default_rng(0)
    tokens = keras.Input((CONTEXT,), dtype="int32")
    embedding = layers.Embedding(classes, WIDTH)
    x = embedding(tokens)
    for _ in range(2):
        y = layers.Conv1D(WIDTH, 4, padding="causal", activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, y])
    hidden = layers.LayerNormalization()(x)
    logits = polyloss.training.LinearHead(tied_to=embedding)(hidden)
    if form == "linear":
        model = polyloss.training.LinearHeadModel(tokens, logits)
        loss: Any = polyloss.LinearCrossentropyLoss()
    else:
        model = keras.Model(tokens, logits)
        loss = polyloss.SparseCategoricalCrossentropy(from_logits=True)
    weights = [w if w.ndim == 1 else rng.normal(0, 0.05, w.shape).astype("float32") for w in model.get_weights()]
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss=loss)
    return model


def memory(what: str) -> float:
    """MiB of this process; NaN where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def train(form: str, classes: int, batch: int, steps: int, files: int) -> dict[str, Any]:
    """Losses, seconds and MiB of one form."""
    import keras

    numbers = data(classes, files)
    rows = numbers[: batch * steps * CONTEXT + 1]
    x, y = rows[:-1].reshape(-1, CONTEXT), rows[1:].reshape(-1, CONTEXT)
    model = build(form, classes)
    losses: list[float] = []
    times: list[float] = []

    class Note(keras.callbacks.Callback):
        total = 0.0

        def on_train_batch_begin(self, step: int, logs: Any = None) -> None:
            self.start = time.perf_counter()

        def on_train_batch_end(self, step: int, logs: Any = None) -> None:
            times.append(time.perf_counter() - self.start)
            mean = float(logs["loss"])  # of all steps until now
            losses.append(mean * (step + 1) - self.total)
            self.total = mean * (step + 1)

    before = memory("VmRSS")
    model.fit(x, y, batch_size=batch, shuffle=False, verbose=0, callbacks=[Note()])
    return {"losses": losses, "seconds": min(times[1:]), "grown": memory("VmHWM") - before}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="A language model of Python's source code, with and without logits.")
    parser.add_argument("--smoke", action="store_true", help="a few steps of a smaller model, to see that it runs")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--form", choices=FORMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    size = {"classes": 1024, "batch": 2, "steps": 3, "files": 8}
    if not options.smoke:
        size = {"classes": 32768, "batch": 16, "steps": options.steps, "files": 200}
    if options.form:
        print(json.dumps(train(options.form, **size)))
        return
    found = {}
    for form in FORMS:  # a process each: memory that one has used would not show as the other's
        command = [sys.executable, __file__, *sys.argv[1:], "--form", form]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[form] = json.loads(out.splitlines()[-1])
    apart = np.abs(np.subtract(*(found[form]["losses"] for form in FORMS))).max()
    print(f"{os.environ.get('KERAS_BACKEND', 'the default backend')}: {size}")
    print("step     " + "".join(f"{form:>10s}" for form in FORMS))
    shown = range(0, size["steps"], max(size["steps"] // 8, 1))
    for step in shown:
        print(f"{step + 1:<9d}" + "".join(f"{found[form]['losses'][step]:10.5f}" for form in FORMS))
    for form in FORMS:
        print(f"{form}: {found[form]['seconds']:.3f} s a step, memory grew by {found[form]['grown']:.0f} MiB")
    print(f"losses apart by at most {apart:.1e}")
    if apart > 1e-4:
        raise SystemExit("The losses of a step differ by more than 1e-4.")


if __name__ == "__main__":
    main()
