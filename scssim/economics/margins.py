"""One parameter as orthonormal spline functions, in the order of their roughness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import eigh

from scssim.economics.sample import Array

CUBIC = 3
GAUSS = 1 / np.sqrt(3)
"""Nodes of the two-point Gauss rule on (-1, 1): exact for squares of straight lines, as second derivatives are."""
DISTINCT = 9
"""Decimals of a standardised value that tell two values apart."""
NEGLIGIBLE = 1e-10


@dataclass(frozen=True)
class Margin:
    """Orthonormal functions of one parameter.

    Attributes
    ----------
    values
        Shape (draws, functions): the straight line first, then curved functions from smooth to rough. Over the
        draws each has mean 0 and mean square 1, and any two are uncorrelated. No functions for a constant.
    roughness
        Shape (functions,): 0 for the line, 1 for the smoothest curved function.
    """

    values: Array
    roughness: Array


def margin(x: Array, functions: int) -> Margin:
    r"""Demmler-Reinsch basis of a cubic regression spline.

    Parameters
    ----------
    x
        Shape (draws,).
    functions
        Functions wanted; a parameter with few distinct values has fewer.

    Notes
    -----
    B-splines with knots at quantiles of the distinct values span the space. In it, the functions diagonalise at
    once the mean square over the draws and the roughness :math:`\int f''(x)^2 h(x) dx` (Demmler and Reinsch 1975,
    Numerische Mathematik 24:375-382; Wood 2017, Generalized Additive Models, 2nd ed., chapter 5). The weight h is
    the local distance of knots: a skewed parameter may bend where its draws are dense. Straight lines have no
    roughness, as with P-splines of second differences (Eilers and Marx 1996, Statistical Science 11:89-121).

    With two distinct values there is a line only, with three a parabola, and so on: every function of a
    few-valued parameter remains possible.
    """
    none = Margin(np.empty((x.size, 0)), np.empty(0))
    largest = np.abs(x).max()
    if np.ptp(x) <= 1e-12 * largest:
        return none
    x = np.ldexp(x, -np.frexp(largest)[1])  # exact; the squares of tiny numbers would vanish
    z = (x - x.mean()) / x.std()
    z = (z - z.mean()) / z.std()
    distinct = np.unique(np.round(z, DISTINCT))
    size = min(functions + 1, distinct.size)
    line = z[:, None]
    if size < CUBIC:
        return Margin(line, np.zeros(1))
    knots, degree = _knots(z, distinct, size)
    curves = BSpline.design_matrix(z, knots, degree).toarray()[:, 2:]
    # Without the first two splines no straight line is left in the span; what is left is made uncorrelated with lines.
    lines = np.column_stack([np.ones_like(z), z])
    curves -= lines @ (lines.T @ curves / z.size)
    squares = curves.T @ curves / z.size
    rough = _roughness(knots, degree)[2:, 2:]
    scale = 1 / np.sqrt(np.diag(rough))
    square, vectors = eigh(
        squares * scale * scale[:, None], rough * scale * scale[:, None] + NEGLIGIBLE**1.5 * np.eye(scale.size)
    )
    kept = np.flatnonzero(square > NEGLIGIBLE * square[-1])[::-1]
    found = curves @ (scale[:, None] * vectors[:, kept] / np.sqrt(square[kept]))
    return Margin(np.hstack([line, found]), np.r_[0.0, square[-1] / square[kept]])


def _knots(z: Array, distinct: Array, size: int) -> tuple[Array, int]:
    """Knots for `size` B-splines, and their degree."""
    degree = min(CUBIC, size - 1)
    inner = np.quantile(distinct, np.linspace(0, 1, size - degree + 1)[1:-1])
    return np.r_[[z.min()] * (degree + 1), inner, [z.max()] * (degree + 1)], degree


def _roughness(knots: Array, degree: int) -> Array:
    """Integral of the products of second derivatives, weighted by the distance of knots; shape (splines, splines)."""
    size = knots.size - degree - 1
    every = BSpline(knots, np.eye(size), degree)
    ends = np.unique(knots)
    width = np.diff(ends)
    middle = ends[:-1] + width / 2
    total = np.zeros((size, size))
    for node in (-GAUSS, GAUSS):
        bend = every(middle + node * width / 2, nu=2) * width[:, None]
        total += bend.T @ bend / 2
    return total
