"""The only code of polyloss that touches a framework: what Keras 3 has no op for.

One module a framework, the same names in each:

``EXACT_LOG_SOFTMAX``
    Whether `polyloss.numerics.log_softmax` spells the formula out. XLA fuses it into the passes that are
    made anyway; PyTorch's own kernel is 3 to 5 times faster than the spelled-out form and right to one
    ulp of 1.0, so there speed decides.
``replica_count()``
    By how many replicas the training engine will add up what a loss returns.
"""

import importlib

import keras

_backend = keras.backend.backend()
_framework = importlib.import_module(
    f"polyloss.framework.{_backend if _backend in ('jax', 'tensorflow', 'torch') else 'values_only'}"
)

EXACT_LOG_SOFTMAX: bool = _framework.EXACT_LOG_SOFTMAX
replica_count = _framework.replica_count
