"""A fixed piece of NumPy work, to tell how fast a machine is at the moment of a measurement."""

from __future__ import annotations

import os
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


def processor_seconds() -> float:
    """Processor time so far of this process and of the ended ones that it started (theirs in hundredths on Linux)."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def kernel_seconds() -> tuple[float, float]:
    """Wall and processor time of the kernel in seconds, each the best of five."""
    wall, processor = [], []
    for _ in range(5):
        begun = time.perf_counter(), time.process_time()
        kernel()
        wall.append(time.perf_counter() - begun[0])
        processor.append(time.process_time() - begun[1])
    return min(wall), min(processor)


def kernel_rate() -> float:
    """Million numbers that the kernel handles per second."""
    return PASSES * ELEMENTS / kernel_seconds()[0] / 1e6
