"""The constant prediction that minimises the mean loss over data is the one that theory names."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.case import Case, Minimiser

STEP = 1e-3


def test_minimiser(case: Case, minimiser: Minimiser, backend: Any) -> None:
    """Nothing near it is better, and the slope changes its sign there: it is 0, or a kink holds 0 between its sides."""
    y = minimiser.draw(np.random.default_rng(20170807))
    best = np.asarray(minimiser.at(y), "float64")
    target = backend.tensor(y)
    run = backend.as_used(lambda x: case.function(target, x, **minimiser.parameters))
    row = best.shape if minimiser.row is None else minimiser.row

    def at(constant: np.ndarray) -> tuple[float, Any]:
        """The mean loss of a constant, and its slopes."""
        p = np.broadcast_to(constant, (len(y), *row)).astype("float32")
        values, slopes = run(backend.tensor(p))
        if slopes is None:
            return float(np.mean(values, dtype="float64")), None
        slopes = slopes.astype("float64")
        to_constant = slopes.sum(tuple(range(slopes.ndim - best.ndim))) / values.size
        return float(np.mean(values, dtype="float64")), to_constant

    least, _ = at(best)
    tolerance = 1e-6 * max(abs(least), 1e-3)
    for i in range(best.size):
        step = np.zeros(best.size)
        step[i] = STEP * max(1.0, abs(best.reshape(-1)[i]))
        (below, falling), (above, rising) = (at(best + sign * step.reshape(best.shape)) for sign in (-1, 1))
        assert below >= least - tolerance, f"{minimiser.name}: {below} below it, {least} there"
        assert above >= least - tolerance, f"{minimiser.name}: {above} above it, {least} there"
        if falling is None:
            continue
        before, after = falling.reshape(-1)[i], rising.reshape(-1)[i]
        slack = 1e-6 * max(abs(before), abs(after))
        assert before <= slack, f"{minimiser.name}: the loss rises towards it, slope {before}"
        assert after >= -slack, f"{minimiser.name}: the loss falls beyond it, slope {after}"
    first = np.eye(1, best.size).reshape(best.shape)
    far = [at(best + step * first)[0] for step in (-2.0, -0.05, 0.05, 2.0)]
    assert np.nanmax(far) > least + tolerance, f"{minimiser.name}: the loss is the same of any constant"
