"""The process that computes, for those who measure: its device, its memory, its precision.

``wait(values)``, ``device_name()``, ``device_memory()``
    Until the device is done, what it is, and the most of its memory that was in use.
``exact_products()``, ``double_precision()``
    Products of float32 without TF32; float64 where it has to be asked for.
``graph(f)``
    `f` as one graph where a loop in it would be run op by op (TensorFlow), else `f`.
``compiled_by(model)``
    What compiles the train function: a model may ask for less than it was told to.
``TrainFunction(model)``
    Keras's train function, a batch a call, the inside of `fit` (`plain.TrainFunction`).
``OwnLoop(model)``
    With the same methods, the same model, loss and optimizer in the framework's own loop: what `fit` is measured by.
"""

import importlib

import keras

from polyloss.framework import HAS_GRADIENTS

_process = importlib.import_module(
    f"polyloss.framework.process.{keras.backend.backend() if HAS_GRADIENTS else 'values_only'}"
)

wait = _process.wait
device_name = _process.device_name
device_memory = _process.device_memory
exact_products = _process.exact_products
double_precision = _process.double_precision
graph = _process.graph
compiled_by = _process.compiled_by
TrainFunction = _process.TrainFunction
OwnLoop = _process.OwnLoop
