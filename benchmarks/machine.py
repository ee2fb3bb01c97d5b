"""A fixed piece of NumPy work, to tell how fast a machine is at the moment of a measurement."""

from __future__ import annotations

import time

import numpy as np

ELEMENTS = 24_576
"""Numbers in one pass: about as many as the cells of a block."""
PASSES = 100


def kernel() -> float:
    """Do work of the kind that a simulation does: hash integers, logarithms, exponentials, gather, add up."""
    words = np.arange(ELEMENTS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    total = 0.0
    for i in range(PASSES):
        z = words ^ np.uint64(i)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        u = (z >> np.uint64(11)) * 2.0**-53 + 2.0**-54
        e = -np.log(u)
        near = np.flatnonzero(e < 1.0)
        total += float(np.exp(-0.035 * e).sum() + np.expm1(-e.take(near)).sum())
    return total


def kernel_seconds() -> float:
    """Seconds that the kernel takes (the best of five)."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        kernel()
        times.append(time.perf_counter() - begun)
    return min(times)


def kernel_rate() -> float:
    """Million numbers that the kernel handles per second."""
    return PASSES * ELEMENTS / kernel_seconds() / 1e6
