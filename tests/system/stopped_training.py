"""Parts of one training in processes of their own, to be stopped and taken up again, on the same backend or another.

``KERAS_BACKEND=jax python tests/system/stopped_training.py whole FOLDER`` trains four epochs;
``... killed FOLDER`` dies in the middle of the third, with no chance to clean up; ``... resumed FOLDER`` goes on
from the checkpoint of the second. All print what they log as JSON. Latents and interpolation come with the data,
whose order is that of `ShuffledBatches`.
"""

import json
import os
import sys

import keras
import numpy as np

from polyloss.training import ShuffledBatches
from tests.training import small


class Die(keras.callbacks.Callback):
    """Ends the process in epoch 2, after its second batch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 1:
            os._exit(9)


def main(part: str, folder: str) -> None:
    gan = small.compiled(small.model(ema_decay=0.9, seed=1))
    callbacks = []
    if part != "whole":
        callbacks.append(keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False))
    if part == "killed":
        callbacks.append(Die())
    data = ShuffledBatches(small.BATCHES, batch_size=small.BATCH, seed=7)
    logged = gan.fit(data, epochs=4, verbose=0, callbacks=callbacks).history
    weights = [
        float(np.abs(keras.ops.convert_to_numpy(v.value)).sum()) for v in [*gan.weights, *gan.optimizer.variables]
    ]
    print(json.dumps({"logged": {name: series[-2:] for name, series in logged.items()}, "weights": weights}))


if __name__ == "__main__":
    main(*sys.argv[1:])
