"""Closed forms for normally distributed net benefit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx

from scssim.economics.sample import Array, SampleError


def evpi_normal(mean: ArrayLike, sd: ArrayLike) -> Array:
    """Expected value of information on a normally distributed incremental net benefit.

    The choice is between two strategies that differ by X ~ Normal(mean, sd^2) in net benefit. Knowing X before
    choosing is worth ``E[max(X, 0)] - max(E[X], 0)``, the unit normal loss integral (Raiffa, Schlaifer 1961, Applied
    Statistical Decision Theory): ``u(m, s) = m Phi(m / s) + s phi(m / s) - max(m, 0)``.

    The same function gives the value of partial and of sample information (EVPPI, EVSI) when ``sd`` is that of the
    expectation of X once the parameters, or the results of the study, are known.

    Parameters
    ----------
    mean, sd
        Of the incremental net benefit; ``sd`` at least 0. Broadcast against each other.

    Returns
    -------
    Array
        In the unit of the net benefit, in the broadcast shape.

    Raises
    ------
    SampleError
        If a value is not finite or an ``sd`` is negative.
    """
    m, s = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64))
    if not (np.isfinite(m).all() and np.isfinite(s).all() and (s >= 0).all()):
        raise SampleError("the normal loss needs finite means, and finite standard deviations from 0 up")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = np.abs(m) / s
        # u = s (phi(z) - z Phi(-z)), written with the scaled complementary error function: no digits cancel far out.
        value = s * np.exp(-0.5 * z**2) * (1 / math.sqrt(2 * math.pi) - 0.5 * z * erfcx(z / math.sqrt(2)))
    return np.where((s > 0) & (z < 40), value, 0.0)
