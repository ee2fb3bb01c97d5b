"""Noise between simulated patients in a probabilistic sensitivity analysis (PSA).

When the cost and effect of a draw are means over n simulated patients, their variance between draws is that of the
parameters (second order) plus 1/n of the variance between patients (first order). The second part makes decisions
look more uncertain than they are. With the covariance between patients known, both parts can be told apart by the
analysis of variance of O'Hagan, Stevenson, Madan 2007, Health Economics 16:1009-1023.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from scssim.economics.benefit import against
from scssim.economics.sample import Array, Sample, SampleError, Table, sample, thresholds

TOLERATED_SHARE = 0.05
"""Share of noise in the variance between draws that `patients_for_5_percent` aims at."""

COLUMNS = (
    "quantity", "strategy", "reference", "wtp", "mean", "mcse", "sd_parameters", "sd_patients", "noise_share",
    "patients_for_5_percent", "patients_optimal", "draws_for_precision",
)  # fmt: skip


def decompose(
    costs: Table,
    effects: Table,
    within: ArrayLike,
    patients: int,
    wtp: ArrayLike,
    reference: str | None = None,
    half_width: float | None = None,
    overhead: float | None = None,
) -> pd.DataFrame:
    """Tell uncertainty about parameters from noise between simulated patients, and what it takes to reduce each.

    Parameters
    ----------
    costs, effects
        By strategy, one mean over patients per draw. Matched by name; at least two draws.
    within
        Covariance matrix between the patients of a draw, averaged over draws, shape (2S, 2S), in the order cost and
        effect of the first strategy, cost and effect of the second, ...: strategies as in the costs.
    patients
        Patients per draw and strategy.
    wtp
        Willingness to pay for a unit of effect: a number, or increasing numbers.
    reference
        Strategy for incremental net monetary benefits (INMB); by default the first of the costs.
    half_width
        Wanted half width of the 95 % interval of the mean INMB, in the unit of the costs.
    overhead
        Effort of one more draw, in the unit of the effort of simulating one more patient.

    Returns
    -------
    DataFrame
        One row per quantity:

        * quantity: ``cost`` and ``qaly`` of each strategy, ``inmb`` of each strategy but the reference at each
          threshold; strategy; reference and wtp (None and NaN but for INMB);
        * mean; mcse, its Monte Carlo standard error: SD between draws / sqrt(draws);
        * sd_parameters: between draws if each had infinitely many patients, ``sqrt(max(0, observed - within / n))``;
        * sd_patients: between patients of a draw;
        * noise_share: ``within / n`` over the observed variance of the draws, from 0 to 1;
        * patients_for_5_percent: patients per draw with which noise would be 5 % of the variance of the draws;
          infinite if no uncertainty about parameters can be seen;
        * patients_optimal: patients per draw for the smallest standard error of the mean in a given time,
          ``sd_patients / sd_parameters * sqrt(overhead)`` (NaN without overhead); the sampling in two stages of
          Cochran 1977, Sampling Techniques, chapter 10;
        * draws_for_precision: draws for the half width, with this number of patients (INMB only, else NaN).

    Raises
    ------
    SampleError
        If an input cannot be used.
    """
    checked, levels = sample(costs, effects), thresholds(wtp)
    spread = _covariance(checked, within)
    n = _patients(patients)
    if half_width is not None and not (math.isfinite(half_width) and half_width > 0):
        raise SampleError(f"a half width of {half_width} is not possible; a number above 0 is needed")
    if overhead is not None and not (math.isfinite(overhead) and overhead >= 0):
        raise SampleError(f"an overhead of {overhead} is not possible; a number from 0 up is needed")
    base, others = against(checked, reference)
    values = _interleaved(checked)
    unit = np.eye(2 * len(checked.strategies))

    wanted: list[tuple[str, str, str | None, float, Array]] = []
    for i, name in enumerate(checked.strategies):
        wanted.append(("cost", name, None, np.nan, unit[2 * i]))
        wanted.append(("qaly", name, None, np.nan, unit[2 * i + 1]))
    for level in levels:
        benefit = level * unit[1::2] - unit[::2]
        for i in others:
            weights = benefit[i] - benefit[base]
            wanted.append(("inmb", checked.strategies[i], checked.strategies[base], float(level), weights))

    rows = []
    for quantity, name, other, level, weights in wanted:
        drawn = values @ weights
        observed, first = float(drawn.var(ddof=1)), max(0.0, float(weights @ spread @ weights))
        second = max(0.0, observed - first / n)
        draws = math.nan
        if quantity == "inmb" and half_width is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # infinitely many; one, if nothing varies
                draws = max(1.0, float(np.ceil(observed * (ndtri(0.975) / half_width) ** 2)))
        rows.append(
            (
                quantity, name, other, level, float(drawn.mean()), math.sqrt(observed / checked.draws),
                math.sqrt(second), math.sqrt(first), _share(first / n, observed), _needed(first, second),
                _optimal(first, second, overhead), draws,
            )
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["reference"] = pd.Series([row[2] for row in rows], dtype=object)  # None where there is none
    return table


def corrected(costs: Table, effects: Table, within: ArrayLike, patients: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Costs and effects with the noise between simulated patients shrunk away.

    Parameters
    ----------
    costs, effects
        By strategy, one mean over patients per draw. Matched by name; at least two draws.
    within
        Covariance matrix between the patients of a draw, averaged over draws, shape (2S, 2S), in the order cost and
        effect of the first strategy, cost and effect of the second, ...: strategies as in the costs.
    patients
        Patients per draw and strategy.

    Returns
    -------
    costs, effects : DataFrame
        By strategy, one row per draw. Means are as before; the covariance of every cost and effect is the one
        observed minus ``within / patients``, as far as that leaves no variance negative.

    Raises
    ------
    SampleError
        If an input cannot be used.

    Notes
    -----
    Draws move towards their mean: ``x* = mean + A (x - mean)`` with ``A = (between observed^-1)^(1/2)``, where
    ``between = observed - within / patients`` is the covariance without noise. First and second moments are right for
    every net benefit at every threshold; the shape remains that of the noisy draws, so expectations of maxima (EVPI)
    are exact for normally distributed ones. For skewed ones part of the noise's effect stays in the EVPI, and
    probabilities may even move the wrong way, the more the larger the noise: below a tenth of the variance that is
    little. Heath, Manolopoulou, Baio 2018, Medical Decision Making 38:163-173,
    match moments in the same way for the value of sample information. Regression on parameters (`evppi`) averages
    noise out by itself, and needs the draws as they were: shrinking takes away some of what the parameters explain.
    """
    checked = sample(costs, effects)
    noise = _covariance(checked, within) / _patients(patients)
    values = shrink(_interleaved(checked), noise)
    names = list(checked.strategies)
    return pd.DataFrame(values[:, ::2], columns=names), pd.DataFrame(values[:, 1::2], columns=names)


def shrink(values: Array, noise: Array) -> Array:
    """Move draws towards their mean until their covariance is that observed minus that of the noise.

    Parameters
    ----------
    values
        Shape (draws, quantities), at least two draws.
    noise
        Covariance matrix of the noise in each draw, shape (quantities, quantities).

    Returns
    -------
    Array
        Shape (draws, quantities). In directions in which the noise is larger than what is observed, nothing is left.
    """
    mean = values.mean(axis=0)
    centred = values - mean
    scale = np.sqrt((centred**2).mean(axis=0))
    scale[scale == 0.0] = 1.0
    # Singular values of the draws rather than eigenvalues of their covariance: half as many digits are lost, and the
    # directions without any variance (identical strategies, fewer draws than quantities) stand out.
    left, size, right = np.linalg.svd(centred / scale, full_matrices=False)
    kept = size > size.max() * max(values.shape) * np.finfo(float).eps
    left, size, right = left[:, kept], size[kept], right[kept]
    whiten = right / size[:, None] * math.sqrt(len(values) - 1)
    share, turn = np.linalg.eigh(whiten @ (noise / np.outer(scale, scale)) @ whiten.T)
    lost = (turn * (1.0 - np.sqrt(1.0 - np.clip(share, 0.0, 1.0)))) @ turn.T
    # What is taken away, not what is left: without noise the draws come back unchanged.
    return values - (left @ lost * size) @ right * scale


def _interleaved(checked: Sample) -> Array:
    """Cost and effect of every strategy in turn, shape (draws, 2S)."""
    values = np.empty((checked.draws, 2 * len(checked.strategies)))
    values[:, ::2], values[:, 1::2] = checked.costs, checked.effects
    return values


def _covariance(checked: Sample, within: ArrayLike) -> Array:
    if checked.draws < 2:
        raise SampleError("one draw has no variance; at least two draws are needed")
    size = 2 * len(checked.strategies)
    try:
        matrix = np.asarray(within, dtype=np.float64)
    except (TypeError, ValueError):
        raise SampleError("the covariance within draws is not a matrix of numbers") from None
    if matrix.shape != (size, size):
        raise SampleError(
            f"the covariance within draws has shape {matrix.shape}; cost and effect of {len(checked.strategies)} "
            f"strategies need ({size}, {size})"
        )
    if not np.isfinite(matrix).all():
        raise SampleError("the covariance within draws has values that are not finite")
    spread = np.sqrt(np.abs(np.diag(matrix)))
    if (np.abs(matrix - matrix.T) > 1e-8 * np.outer(spread, spread)).any():
        raise SampleError("the covariance within draws is not symmetric")
    scale = np.where(spread > 0, spread, 1.0)
    if (np.diag(matrix) < 0).any() or np.linalg.eigvalsh(matrix / np.outer(scale, scale)).min() < -1e-8 * size:
        raise SampleError("the covariance within draws is no covariance matrix: it gives a negative variance")
    return (matrix + matrix.T) / 2.0


def _patients(patients: Any) -> int:
    if isinstance(patients, bool) or not isinstance(patients, int | np.integer) or patients < 1:
        raise SampleError(f"{patients!r} patients per draw are not possible; a whole number from 1 up is needed")
    return int(patients)


def _share(noise: float, observed: float) -> float:
    if observed > 0:
        return min(1.0, noise / observed)
    return 1.0 if noise > 0 else 0.0


def _needed(first: float, second: float) -> float:
    """Patients per draw n with ``first / n = share (second + first / n)``."""
    if first == 0:
        return 1.0
    needed = (1 / TOLERATED_SHARE - 1) * first / second if second > 0 else math.inf
    return float(max(1, math.ceil(needed))) if math.isfinite(needed) else math.inf


def _optimal(first: float, second: float, overhead: float | None) -> float:
    """Whole n with the smallest ``(overhead + n) (second + first / n)``."""
    if overhead is None:
        return math.nan
    if first == 0 or overhead == 0:
        return 1.0
    # n and n + 1 are equally good where n (n + 1) is the square of the real-valued optimum.
    best = math.sqrt(overhead * first / second + 0.25) - 0.5 if second > 0 else math.inf
    return float(max(1, math.ceil(best))) if math.isfinite(best) else math.inf
