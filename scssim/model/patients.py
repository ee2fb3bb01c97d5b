"""Patients: attributes, death, the norm of utility; and the cells of a block.

A *cell* is one patient in one draw. A block is a rectangle of draws times patients, held as flat
arrays of cells in draw-major order; parameters are numbers or one value per draw, brought to the
cells by `Cells.at`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from scssim.model.streams import GOLDEN, Words, counts, first_not_below, stream, uniform
from scssim.scenario.distributions import fit
from scssim.scenario.schema import MECHANISMS

Array = NDArray[np.float64]
Number = float | Array

CONTINUOUS = ("age", "back_vas", "leg_vas", "odi", "opioid_mme", "pain_years")
SCORES = np.linspace(-8.3, 8.3, 8193)
"""Normal scores at which quantiles of attributes are tabulated (error below 1e-6 SD, far faster than exact ones)."""

OLDEST = 110.0
"""Nobody lives beyond this age (years); `horizon_years: lifetime` ends there."""


@dataclass(frozen=True)
class Category:
    """A categorical attribute: integer codes that compare equal to their names."""

    codes: NDArray[np.intp]
    names: tuple[str, ...]

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Category):
            return self.codes == other.codes  # both of mechanisms
        return self.codes == (self.names.index(str(other)) if other in self.names else -1)

    def __ne__(self, other: object) -> Any:
        return ~(self == other)

    def take(self, index: NDArray[np.intp]) -> Category:
        """The codes of some cells."""
        return Category(self.codes.take(index), self.names)


@dataclass(frozen=True)
class Cells:
    """Some cells of a block: whose luck they have, and which draw they belong to.

    Attributes
    ----------
    words
        Philox words, shape (n,).
    draw
        Position of each cell's draw among the block's draws, or None when there is one.
    index
        Position of each cell in its block.
    attributes
        Patient attributes by name, arrays (n,) or `Category`.
    regular
        Which draws, and how many cells each of them has, where the cells are in such an order.
    """

    words: Words
    draw: NDArray[np.intp] | None
    index: NDArray[np.intp]
    attributes: dict[str, Any] = field(default_factory=dict)
    regular: tuple[slice, int] | None = None
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.words.size

    def at(self, number: Any, sel: NDArray[np.intp] | None = None) -> Any:
        """A parameter brought to the cells: unchanged if it is one number, else gathered by draw.

        Parameters
        ----------
        number
            A number, or one per draw.
        sel
            Some of the cells; None: all.
        """
        if single(number):
            return number
        if self.draw is None:
            return float(number[0])
        if sel is not None:
            last = self.kept.get("draws")
            if last is None or last[0] is not sel:  # many parameters are asked for the same cells in a row
                self.kept["draws"] = last = sel, self.draw.take(sel)
            return number.take(last[1])
        if self.regular is None:
            return number.take(self.draw)
        draws, each = self.regular
        return number[draws].repeat(each)

    def entry(self, table: Array, which: NDArray[np.intp]) -> Array:
        """Entry ``which`` of each cell's row of a table of shape (..., draws or 1, entries), shape (..., n)."""
        *lead, rows, entries = table.shape
        if rows > 1 and self.draw is not None:
            which = which + self.draw * entries
        return table.reshape(*lead, -1).take(which, axis=-1)

    def once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` returns, made once for these cells and key."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def repeated(self, cell: NDArray[np.intp], k: NDArray[np.uint64] | np.uint64, *name: str | int) -> Array:
        """Uniform numbers of the k-th repetition of a named stream, for some cells (repeats allowed)."""
        with np.errstate(over="ignore"):
            shift = k * GOLDEN
        return uniform(self.words.take(cell) + shift, stream(*name))

    def uniform(self, *name: str | int) -> Array:
        """Uniform numbers of a named stream, one per cell."""
        return uniform(self.words, stream(*name))

    def chance(self, p: Number, *name: str | int) -> NDArray[np.bool_]:
        """Whether the uniform numbers of a named stream are below ``p`` (a number, or one per draw)."""
        below: NDArray[np.bool_] = counts(self.words, stream(*name)) < self.at(first_not_below(p))
        return below

    def normal(self, *name: str | int) -> Array:
        """Standard normal numbers of a named stream, one per cell."""
        return special.ndtri(self.uniform(*name))

    def exponential(self, *name: str | int) -> Array:
        """Unit exponential numbers of a named stream, one per cell."""
        u = self.uniform(*name)
        np.log(u, out=u)
        return np.negative(u, out=u)

    def take(self, index: NDArray[np.intp]) -> Cells:
        """Some of the cells."""
        return Cells(
            self.words.take(index),
            None if self.draw is None else self.draw.take(index),
            self.index.take(index),
            _Taken(self.attributes, index),
        )


class Reference(Cells):
    """The same people in every draw: attributes and parameters broadcast as (draws, people).

    Their uniform numbers are a Latin hypercube: each stream takes the middle of every n-th of the unit interval
    once, in an order of its own. Averages over them are far closer to those of a population than over a random sample.
    """

    def at(self, number: Any, sel: NDArray[np.intp] | None = None) -> Any:
        """A parameter as a column over draws."""
        return number if single(number) else number[:, None]

    def entry(self, table: Array, which: NDArray[np.intp]) -> Array:
        """Entry ``which``, shape (people,) or (draws, people), of a table of shape (draws or 1, entries)."""
        if len(table) > 1:
            which = which + np.arange(len(table))[:, None] * table.shape[1]
        return table.take(which)

    def uniform(self, *name: str | int) -> Array:
        """Uniform numbers of a named stream, shape (people,)."""
        rank = np.empty(self.n)
        rank[np.argsort(counts(self.words, stream(*name)), kind="stable")] = np.arange(self.n)
        return (rank + 0.5) / self.n

    def chance(self, p: Number, *name: str | int) -> NDArray[np.bool_]:
        """Whether the uniform numbers of a named stream are below ``p``."""
        below: NDArray[np.bool_] = self.uniform(*name) < self.at(p)
        return below


class _Taken(dict[str, Any]):
    """Attributes of some cells, gathered when they are first asked for."""

    def __init__(self, source: dict[str, Any], index: NDArray[np.intp]) -> None:
        super().__init__()
        self.source, self.rows = source, index

    def __missing__(self, name: str) -> Any:
        self[name] = self.source[name].take(self.rows)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.source


@dataclass(frozen=True)
class Marginal:
    """A continuous attribute ready to sample: its quantiles at equally spaced normal scores.

    Attributes
    ----------
    fixed
        The value, if everyone has the same.
    table
        Quantiles at `SCORES` (the positive part, where some have 0).
    threshold
        Normal score up to which the value is 0.
    """

    fixed: float | None
    table: Array
    threshold: float = -np.inf

    def value(self, z: Array) -> Array:
        """Values of normal scores ``z``, linear between the tabulated ones."""
        if self.fixed is not None:
            return np.full_like(z, self.fixed)
        x = (z - SCORES[0]) * ((SCORES.size - 1) / (SCORES[-1] - SCORES[0]))
        np.maximum(x, 0.0, out=x)
        np.minimum(x, SCORES.size - 1.000001, out=x)
        k = x.astype(np.intp)
        x -= k
        low = self.table.take(k)
        k += 1
        out = self.table.take(k)
        out -= low
        out *= x
        out += low
        if self.threshold > -np.inf:
            out *= z > self.threshold
        return out


def marginal(spec: Any) -> Marginal:
    """Compile a bound ``Continuous``; a truncated normal is solved for its stated mean and SD."""
    low = -np.inf if spec.min is None else spec.min
    high = np.inf if spec.max is None else spec.max
    return _marginal(spec.distribution, spec.mean or 0.0, spec.sd or 0.0, low, high, spec.zero or 0.0)


@lru_cache(maxsize=256)  # the same for all draws, and for most cases of an analysis
@np.errstate(over="ignore", divide="ignore")  # bounds that are far away in SDs
def _marginal(distribution: str, a: float, b: float, low: float, high: float, zero: float) -> Marginal:
    if distribution == "fixed" and not zero:
        return Marginal(float(a), SCORES)
    u = special.ndtr(SCORES)
    threshold = -np.inf
    if zero:
        threshold = float(special.ndtri(zero))
        u = np.clip((u - zero) / (1 - zero), 1e-16, 1 - 1e-16)
    z = special.ndtri(u) if zero else SCORES
    match distribution:
        case "fixed":
            x = np.full_like(z, a)
        case "normal":
            x = z
            mu, sigma = _truncated_normal(a, b, low, high)
            if np.isfinite(low) or np.isfinite(high):
                below, above = special.ndtr((low - mu) / sigma), special.ndtr((high - mu) / sigma)
                x = special.ndtri(below + (above - below) * special.ndtr(z))
            x = mu + sigma * x
        case "lognormal" | "gamma":
            x = _truncated(distribution, a, b, low, high, u)
        case _:
            x = low + (high - low) * u
    return Marginal(None, np.clip(x, low, high), threshold)


def _truncated(family: str, mean: float, sd: float, low: float, high: float, u: Array) -> Array:
    """Quantiles of a positive family, cut to (low, high), that then has the given mean and SD."""
    if low <= 0 and np.isinf(high):
        return fit(family, mean, sd, low, high).quantile(u)

    def quantiles(x: Array, u: Array) -> Array:
        middle, spread = (float(v) for v in np.exp(x))
        whole = fit(family, middle, spread, low, high)
        lowest, highest = whole.probability(low), whole.probability(high)
        return whole.quantile(lowest + (highest - lowest) * u)

    even = (np.arange(4000) + 0.5) / 4000

    def excess(x: Array) -> Array:
        values = quantiles(x, even)
        return np.array([values.mean() / mean - 1, values.std() / sd - 1])

    solution = optimize.least_squares(
        excess, np.log([mean, sd]), bounds=(np.log([mean, sd]) - 3, np.log([mean, sd]) + 3)
    )
    return quantiles(solution.x, u)


@np.errstate(all="ignore")  # what the search meets on its way is no fault
def _truncated_normal(mean: float, sd: float, low: float, high: float) -> tuple[float, float]:
    """Mean and SD of the normal whose truncation to (low, high) has the given ones."""
    if np.isinf(low) and np.isinf(high):
        return mean, sd

    def excess(x: Array) -> Array:
        mu, sigma = x[0], np.exp(x[1])
        edge = (np.array([low, high]) - mu) / sigma
        mass = special.ndtr(edge[1]) - special.ndtr(edge[0])
        density = np.exp(-0.5 * edge**2) / np.sqrt(2 * np.pi)
        moment = np.where(np.isfinite(edge), edge, 0.0) * density
        shift = (density[0] - density[1]) / mass
        variance = 1 + (moment[0] - moment[1]) / mass - shift**2
        return np.array([mu + sigma * shift - mean, sigma * np.sqrt(max(variance, 0.0)) - sd])

    x = optimize.root(excess, np.array([mean, np.log(sd)]), tol=1e-12).x
    if not np.abs(excess(x)).max() <= 1e-6 * sd:  # far from the start: slower, but safe
        x = optimize.least_squares(excess, np.array([mean, np.log(sd)]), x_scale=[sd, 0.3]).x
    return float(x[0]), float(np.exp(x[1]))


@dataclass(frozen=True)
class Mortality:
    """Death from all causes: piecewise-constant hazards by single year of age and sex.

    Attributes
    ----------
    hazards
        Cumulative hazard at ages 0..OLDEST, shape (2, ages): rows male, female.
    smr
        Standardised mortality ratio.
    """

    hazards: Array
    smr: Number

    @classmethod
    def from_table(cls, ages: Array, qx: Mapping[str, Array], smr: Number) -> Mortality:
        """From yearly death probabilities; the last one holds up to the oldest age."""
        grid = np.arange(0, int(OLDEST) + 1)
        rows = []
        for sex in ("male", "female"):
            yearly = np.interp(grid, ages, -np.log1p(-np.minimum(qx[sex], 1 - 1e-9)))
            rows.append(np.concatenate([[0.0], np.cumsum(yearly[:-1])]))
        return cls(np.array(rows), smr)

    def time(self, cells: Cells, horizon: float) -> Array:
        """Years from entry to death, shape (n,); that of the oldest age where death comes after the horizon."""
        age, female = cells.attributes["age"], cells.attributes["female"]
        e = cells.exponential("death") / cells.at(self.smr)
        years = np.arange(self.hazards.shape[1], dtype=float)
        ages = self.hazards.shape[1]
        table = self.hazards.ravel()
        base = (female * ages).astype(np.intp)
        reached = _interpolate(table, base, age)
        goal = reached + e
        out = np.full(cells.n, np.inf)
        last = _interpolate(table, base, np.minimum(age + horizon, ages - 1.0))
        dies = goal < last
        for sex, row in enumerate(self.hazards):
            who = (dies & (female == sex)).nonzero()[0]
            out[who] = np.maximum(np.interp(goal[who], row, years) - age[who], 0.0)
        return np.minimum(out, OLDEST - age)


def _interpolate(table: Array, base: NDArray[np.intp], age: Array) -> Array:
    """Cumulative hazard at an age, linear inside each year."""
    whole = np.minimum(np.floor(age), OLDEST - 1)
    k = whole.astype(np.intp)
    k += base
    low = table.take(k)
    return low + (age - whole) * (table.take(k + 1) - low)


class Population:
    """Samples the patients of a bound scenario.

    Parameters
    ----------
    spec
        Bound ``population``.
    life_table
        ``(ages, {sex: qx})`` or None when nobody dies.
    table
        Columns of a patient table, by attribute; patient i is row i modulo its length.
    """

    def __init__(
        self, spec: Any, life_table: tuple[Array, Mapping[str, Array]] | None, table: Mapping[str, Any] | None = None
    ) -> None:
        self.spec = spec
        self.table = dict(table or {})
        self.rows = len(next(iter(self.table.values()))) if self.table else 0
        extra = {name: c.values for name, c in spec.covariates.items() if c.values is not None}
        specs = {**{name: getattr(spec, name) for name in CONTINUOUS}, **extra}
        self.marginals = {name: marginal(s) for name, s in specs.items()}
        self.binary = {"female": spec.female, "depression": spec.depression, "prior_surgery": spec.prior_surgery}
        self.binary |= {n: c.probability for n, c in spec.covariates.items() if c.probability is not None}
        self.root = np.linalg.cholesky(correlation_matrix(list(self.marginals), spec.correlation))
        self.mortality = None if life_table is None else Mortality.from_table(*life_table, spec.mortality.smr)

    def sample(self, cells: Cells, patients: NDArray[np.intp], only: Set[str] | None = None) -> None:
        """Fill ``cells.attributes``.

        Parameters
        ----------
        cells
            Cells whose attributes are still empty.
        patients
            Index of each cell's patient (for a patient table).
        only
            Attributes that are needed; None: all.
        """
        a = cells.attributes
        rows = patients % self.rows if self.rows else None
        scores: list[Array] = []
        wanted = [only is None or name in only for name in self.marginals]
        for i, (name, one) in enumerate(self.marginals.items()):
            later = any(self.root[j, i] and wanted[j] for j in range(i + 1, len(wanted)))
            needs = one.fixed is None and wanted[i]
            own = cells.normal("patient", name) if needs or later else np.zeros(0)
            scores.append(own)
            if not wanted[i]:
                continue
            if one.fixed is not None:
                value = np.full(cells.n, one.fixed)
            else:
                z = own * self.root[i, i]
                for j in self.root[i, :i].nonzero()[0]:
                    z = z + self.root[i, j] * scores[j]
                value = one.value(z)
            if name == "age":
                value = np.minimum(np.maximum(value, 0.0), OLDEST)
            a[name] = self._column(name, rows, value)
        for name, share in self.binary.items():
            if only is not None and name not in only:
                continue
            value = cells.chance(share, "patient", name).astype(float)
            a[name] = self._column(name, rows, value)
        if only is not None and not only & {"mechanism", "diagnosed"}:
            return
        u = cells.uniform("patient", "mechanism")
        first = cells.at(self.spec.mechanism.neuropathic)
        second = first + cells.at(self.spec.mechanism.mixed)
        mechanism = self._column("mechanism", rows, (u >= first).astype(np.intp) + (u >= second))
        a["mechanism"] = Category(mechanism, MECHANISMS)
        if only is None or "diagnosed" in only:
            a["diagnosed"] = Category(self._column("diagnosed", rows, self._diagnose(cells, mechanism)), MECHANISMS)

    def _diagnose(self, cells: Cells, mechanism: NDArray[np.intp]) -> NDArray[np.intp]:
        if self.spec.diagnosis is None:
            return mechanism
        rows = [getattr(self.spec.diagnosis.confusion, true) for true in MECHANISMS]
        first = np.stack(np.broadcast_arrays(*(np.atleast_1d(row.neuropathic) for row in rows)), axis=-1)
        mixed = np.stack(np.broadcast_arrays(*(np.atleast_1d(row.mixed) for row in rows)), axis=-1)
        u = cells.uniform("patient", "diagnosed")
        low, high = (cells.entry(table, mechanism) for table in (first, first + mixed))
        return (u >= low).astype(np.intp) + (u >= high)

    def _column(self, name: str, rows: NDArray[np.intp] | None, sampled: Any) -> Any:
        if rows is None or name not in self.table:
            return sampled
        return np.asarray(self.table[name])[rows]

    def death(self, cells: Cells, horizon: float) -> Array:
        """Years from entry to death, shape (n,); to the oldest age for deaths after the horizon."""
        if self.mortality is None:
            return np.maximum(OLDEST - cells.attributes["age"], 0.0)
        return self.mortality.time(cells, horizon)


def correlation_matrix(names: list[str], correlation: Mapping[str, Mapping[str, float]]) -> Array:
    """Correlation matrix of the named attributes from pairs, 0 where none is stated."""
    matrix = np.eye(len(names))
    for one, others in correlation.items():
        for other, r in others.items():
            i, j = names.index(one), names.index(other)
            matrix[i, j] = matrix[j, i] = r
    return matrix


def single(x: Any) -> bool:
    """Whether it is one number and not an array of them."""
    return not isinstance(x, np.ndarray) or x.ndim == 0


def pick(x: Any, cells: NDArray[np.intp] | None) -> Any:
    """Values of some of the cells (None: all); a single number stays as it is."""
    return x if cells is None or single(x) else x.take(cells)
