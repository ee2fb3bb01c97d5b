"""Penalised regression splines of several parameters: smooth what depends on them, average out the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from scssim.economics.margins import Margin, margin
from scssim.economics.sample import Array

ROWS = 1024
"""Draws whose columns, and what is made of them, are held at a time."""
SMOOTHING = 10.0 ** np.arange(-9, 4.01, 0.25)
"""Smoothing parameters tried."""
INTERACTION = (1e-3, 1 / 30, 1.0, 30.0)
"""Penalties tried for each further parameter of an interaction, relative to the smoothest curve of one parameter."""
DEPTH = {1: 30, 2: 12, 3: 6, 4: 5}
"""Functions of each parameter that a term of so many parameters may use."""
IMPORTANT = 20
"""Parameters that may interact: those which alone explain most."""
NEGLIGIBLE = 1e-10
NEGLIGIBLE_SHARE = 1e-4
"""A direction of which smoothing keeps less does not count for the leverage."""
LARGEST_LEVERAGE = 0.95


@dataclass(frozen=True)
class _Terms:
    """Products of functions of single parameters: which function of which parameter is in each, with its penalties."""

    factors: list[tuple[tuple[int, int], ...]]
    curvature: Array
    further: Array

    def depth(self, parameters: int) -> list[int]:
        """How many functions of each parameter are used."""
        used = [0] * parameters
        for j, function in (factor for factors in self.factors for factor in factors):
            used[j] = max(used[j], function + 1)
        return used


@dataclass(frozen=True)
class _Directions:
    """Directions in which the penalty acts separately: ``columns @ basis`` is orthonormal over the draws."""

    basis: Array
    free: int
    strength: Array


@dataclass(frozen=True)
class Smooth:
    """Smoothed outcomes.

    Attributes
    ----------
    draws
        Number of draws.
    means
        Of the outcomes, shape (outcomes,); kept by the smoother.
    degrees
        Effective degrees of freedom, shape (outcomes,): the trace of the matrix that makes fitted values of outcomes.
    """

    draws: int
    means: Array
    degrees: Array
    _margins: list[Array]
    _terms: _Terms
    _parts: list[_Part]

    @property
    def terms(self) -> int:
        """Columns of the regression, with the constant."""
        return len(self._terms.factors)

    def blocks(self) -> Iterator[tuple[slice, Array, Array]]:
        """Yield the fit, some draws at a time.

        Yields
        ------
        rows
            The draws.
        fitted, leverage
            Shape (outcomes, draws of the block): fitted values, and how much of each is the outcome of the draw itself.
        """
        for rows, columns in _blocks(self._margins, self._terms, self.draws):
            fitted, leverage = np.empty((2, self.means.size, columns.shape[1]))
            for part in self._parts:
                fitted[part.outcomes] = part.coefficients.T @ columns
                leverage[part.outcomes] = part.kept.T @ (part.basis.T @ columns) ** 2 / self.draws
            fitted += self.means[:, None]
            yield rows, fitted, np.minimum(leverage, LARGEST_LEVERAGE)


def left_out(values: Array, fitted: Array, leverage: Array) -> Array:
    """What the fit without a draw predicts for it (smoothing parameters unchanged), from its outcome and the fit."""
    return fitted - (values - fitted) * (leverage / (1 - leverage))


@dataclass(frozen=True)
class _Part:
    """Outcomes that are smoothed along the same directions: their coefficients, and what makes their leverage."""

    outcomes: NDArray[np.intp]
    coefficients: Array
    basis: Array
    kept: Array


class SmoothingSpline:
    r"""Smoothing spline of any number of parameters, several outcomes at once.

    Parameters
    ----------
    x
        Parameters, shape (draws, parameters). Neither their order nor their units matter.
    y
        Quantities, shape (draws, quantities); outcomes are combinations of them (`smooth`).
    terms
        Most columns of the regression; never more than a third of the draws (or one per parameter).
    functions
        Most functions of one parameter.

    Raises
    ------
    ValueError
        If the numbers of draws differ.

    Notes
    -----
    A smoothing spline ANOVA model (Gu 2013): a sum of functions of one parameter, of two, and so on. With
    :math:`\phi_{j0} = 1, \phi_{j1}, \phi_{j2}, \dots` the functions of parameter j from line to rough
    (:func:`~scssim.economics.margins.margin`), the columns are products :math:`\prod_j \phi_{j a_j}(x_j)`; their
    coefficients b minimise

    .. math:: \tfrac1n \lVert y - Xb \rVert^2 + \lambda \sum_a P_a b_a^2, \qquad
        P_a = \prod_j (1 + \gamma_{j a_j}) - 1 + \tau (m_a - 1)

    where :math:`\gamma` is the roughness and :math:`m_a` the number of parameters in the product. Up to four
    parameters all interact, up to eight by threes, beyond by pairs of the twenty that alone explain most. Of all
    products the least penalised (with :math:`\tau = 1`) are used.

    The constant and straight lines are free (lines are not, for fewer than ten draws per parameter). In the
    directions that diagonalise X'X and P together (Demmler and Reinsch 1975; Wood 2017, chapter 5), every
    :math:`\lambda` and every outcome costs next to nothing. :math:`\lambda` and :math:`\tau` maximise the
    restricted likelihood of each outcome (REML; Wood 2017, chapter 6), over a grid.

    Collinear parameters do no harm: directions without variance are dropped. Steps and kinks are rounded off, and
    among more than twenty parameters interactions of those without an effect of their own are not seen.

    References
    ----------
    Demmler A, Reinsch C. Oscillation matrices with spline smoothing. Numerische Mathematik 1975;24:375-382.
    Eilers PHC, Marx BD. Flexible smoothing with B-splines and penalties. Statistical Science 1996;11:89-121.
    Gu C. Smoothing Spline ANOVA Models. 2nd ed. Springer, 2013.
    Wood SN. Generalized Additive Models: An Introduction with R. 2nd ed. Chapman and Hall/CRC, 2017.
    """

    def __init__(self, x: Array, y: Array, terms: int = 400, functions: int = 30) -> None:
        if x.ndim != 2 or y.ndim != 2 or x.shape[0] != y.shape[0]:
            raise ValueError(f"parameters {x.shape} and quantities {y.shape} need two dimensions and the same draws")
        self._draws = draws = len(y)
        self._means = y.mean(axis=0)
        self._centred = y - self._means
        found = [
            (_explained(one, self._centred), one.roughness, column)
            for column in x.T
            if (one := margin(column, functions)).roughness.size
        ]
        found.sort(key=lambda parameter: -parameter[0])
        self._terms = _choose([roughness for _, roughness, _ in found], max(min(terms, draws // 3), len(found)))
        # All functions of many parameters would take hundreds of megabytes, and few of them are used: made once more.
        depth = self._terms.depth(len(found))
        self._margins = [
            margin(column, functions).values[:, :used].copy() for (_, _, column), used in zip(found, depth, strict=True)
        ]
        gram, self._moments = _products(self._margins, self._terms, self._centred)
        line = 0.0 if len(found) <= draws / 10 else 1.0
        self._directions = [_diagonalise(gram, self._terms, tau, line) for tau in _penalties(self._terms)]

    def smooth(self, weights: Array | None = None) -> Smooth:
        """Smooth outcomes that are combined from the quantities.

        Parameters
        ----------
        weights
            Shape (quantities, outcomes): the outcomes are ``y @ weights``, each smoothed as much as its own noise asks
            for. Many cost little more than few. By default the quantities themselves.

        Returns
        -------
        Smooth
            A linear smoother for each outcome, which keeps its mean.
        """
        draws, weights = self._draws, np.eye(self._means.size) if weights is None else weights
        squares = np.zeros(weights.shape[1])
        for start in range(0, draws, ROWS):
            squares += ((self._centred[start : start + ROWS] @ weights) ** 2).sum(axis=0) / draws
        moments = self._moments @ weights
        scored = [_restricted(d, d.basis.T @ moments, squares, draws) for d in self._directions]
        chosen = np.argmin([score for score, _ in scored], axis=0)
        degrees = np.empty(squares.size)
        parts = []
        for i, (direction, (_, smoothing)) in enumerate(zip(self._directions, scored, strict=True)):
            mine = np.flatnonzero(chosen == i)
            if mine.size:
                kept = _kept(direction, smoothing[mine])
                degrees[mine] = kept.sum(axis=0)
                coefficients = direction.basis @ (kept * (direction.basis.T @ moments[:, mine]))
                some = kept.max(axis=1) > NEGLIGIBLE_SHARE
                parts.append(_Part(mine, coefficients, direction.basis[:, some], kept[some]))
        return Smooth(draws, self._means @ weights, degrees, self._margins, self._terms, parts)


def _explained(one: Margin, centred: Array) -> float:
    """Largest share of a quantity's variance that the first functions of a parameter explain alone."""
    variance = (centred**2).mean(axis=0)
    some = variance > 1e-20 * variance.max()  # what is left of others is rounding
    covariance = one.values[:, :4].T @ centred[:, some] / len(centred)
    return float(((covariance**2).sum(axis=0) / variance[some]).max(initial=0.0))


def _choose(margins: list[Array], most: int) -> _Terms:
    """The constant and the least penalised products, by the roughness of functions; among equals those named first."""
    count = len(margins)
    order = count if count <= 4 else 3 if count <= 8 else 2
    found: list[tuple[float, int, tuple[tuple[int, int], ...]]] = []
    for size in range(1, order + 1):
        for chosen in combinations(range(count if size == 1 else min(count, IMPORTANT)), size):
            rough = [enumerate(margins[j][: DEPTH[size]].tolist()) for j in chosen]
            for functions in product(*rough):
                curvature = math.prod(1 + gamma for _, gamma in functions) - 1
                found.append((curvature, size - 1, tuple((j, f) for j, (f, _) in zip(chosen, functions, strict=True))))
    found.sort(key=lambda term: term[0] + term[1])
    found = [(0.0, 0, ()), *found[:most]]
    curvature, further, factors = zip(*found, strict=True)
    return _Terms(list(factors), np.array(curvature), np.array(further, dtype=float))


def _penalties(terms: _Terms) -> tuple[float, ...]:
    """Penalties of interactions to try; one will do where there are none."""
    return INTERACTION if terms.further.any() else (1.0,)


def _blocks(margins: list[Array], terms: _Terms, draws: int) -> Iterator[tuple[slice, Array]]:
    """Columns of the regression, shape (terms, draws of the block), some draws at a time."""
    for start in range(0, draws, ROWS):
        rows = slice(start, min(start + ROWS, draws))
        values = [np.ascontiguousarray(m[rows].T) for m in margins]
        columns = np.ones((len(terms.factors), rows.stop - start))
        for column, factors in zip(columns, terms.factors, strict=True):
            for j, function in factors:
                column *= values[j][function]
        yield rows, columns


def _products(margins: list[Array], terms: _Terms, centred: Array) -> tuple[Array, Array]:
    """Mean products of the columns with each other and with the outcomes."""
    size = len(terms.curvature)
    gram, moments = np.zeros((size, size)), np.zeros((size, centred.shape[1]))
    for rows, columns in _blocks(margins, terms, len(centred)):
        gram += columns @ columns.T
        moments += columns @ centred[rows]
    return gram / len(centred), moments / len(centred)


def _diagonalise(gram: Array, terms: _Terms, tau: float, line: float) -> _Directions:
    """Directions in which both mean squares and penalty are diagonal: first the free ones, then the penalised."""
    penalty = terms.curvature + tau * terms.further + line * (terms.curvature + terms.further == 0)
    penalty[0] = 0.0
    free, bound = np.flatnonzero(penalty == 0), np.flatnonzero(penalty)
    squares, vectors = np.linalg.eigh(gram[np.ix_(free, free)])
    some = squares > NEGLIGIBLE * squares[-1]
    unit = vectors[:, some] / np.sqrt(squares[some])
    shared = unit.T @ gram[np.ix_(free, bound)]
    scale = 1 / np.sqrt(penalty[bound])
    strength, vectors = np.linalg.eigh((gram[np.ix_(bound, bound)] - shared.T @ shared) * scale * scale[:, None])
    some = strength > NEGLIGIBLE * max(1e-2, strength.max(initial=0.0))
    strength = strength[some]
    turned = scale[:, None] * vectors[:, some] / np.sqrt(strength)
    size = unit.shape[1]
    basis = np.zeros((len(penalty), size + strength.size))
    basis[free, :size] = unit
    basis[free, size:] = -unit @ (shared @ turned)
    basis[bound, size:] = turned
    return _Directions(basis, size, strength)


def _kept(directions: _Directions, smoothing: Array) -> Array:
    """Share of each direction that smoothing keeps, shape (directions, smoothing parameters)."""
    bound = directions.strength[:, None] / (directions.strength[:, None] + smoothing)
    return np.vstack([np.ones((directions.free, smoothing.size)), bound])


def _restricted(directions: _Directions, found: Array, squares: Array, draws: int) -> tuple[Array, Array]:
    """Smallest minus twice the log restricted likelihood of each outcome, and the smoothing parameter there.

    A penalised direction with strength e has the variance (1 + e / lambda) times that of the residual, with the
    residual variance profiled out.
    """
    lost = 1 - _kept(directions, SMOOTHING)
    rest = np.maximum(squares - (found**2).sum(axis=0), 1e-12 * squares + np.finfo(float).tiny)
    spread = np.log1p(directions.strength[:, None] / SMOOTHING).sum(axis=0)
    freedom = max(draws - directions.free, 1)
    score = freedom * np.log(rest + lost.T @ found**2) + spread[:, None]
    best = score.argmin(axis=0)
    return score[best, np.arange(best.size)], SMOOTHING[best]
