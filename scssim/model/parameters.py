"""Uncertain parameters: their draws, and scenarios with numbers in place of quantities.

A draw of a parameter depends on the seed, the draw's index and the parameter's path only,
so that adding a parameter changes no other. Parameters that were estimated together
(`joint`) share a Gaussian copula.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import reduce
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy import special

from scssim.model.streams import stream, uniform, words
from scssim.scenario.quantity import Probability, Quantity
from scssim.scenario.schema import Scenario
from scssim.scenario.shape import keys_of
from scssim.scenario.walk import share_rows, uncertain, used, walk

Array = NDArray[np.float64]
Number = float | Array


@dataclass(frozen=True)
class Draws:
    """Values of the uncertain parameters for consecutive draws.

    Attributes
    ----------
    first, count
        First draw and number of draws; ``count = 0`` stands for distribution means.
    values
        By path, arrays (count,).
    """

    first: int
    count: int
    values: dict[str, Array]

    def slice(self, start: int, stop: int) -> Draws:
        """Draws ``start`` to ``stop`` (absolute indices)."""
        if not self.count:
            return self
        part = slice(start - self.first, stop - self.first)
        return Draws(start, stop - start, {path: v[part] for path, v in self.values.items()})


def draw(scenario: Scenario, seed: int, first: int, count: int, sobol: bool = False) -> Draws:
    """Draw the uncertain parameters.

    Parameters
    ----------
    scenario
        Validated scenario.
    seed
        Seed of the run.
    first, count
        First draw and number of draws; ``count = 0`` returns no values (distribution means).
    sobol
        Take the uniform numbers from a scrambled Sobol sequence [1]_ in place of a stream per parameter.

    References
    ----------
    .. [1] Owen AB. Scrambling Sobol' and Niederreiter-Xing points. J Complexity 1998;14:466-489.
    """
    quantities = uncertain(scenario)
    if not count:
        return Draws(0, 0, {})
    if sobol:
        uniforms = dict(zip(quantities, _sobol(len(quantities), seed, first, count), strict=True))
    else:
        lead = first % 4
        base = words("parameters", seed, 0, first - lead, count + lead)[lead:]
        uniforms = {path: uniform(base, stream("parameter", path)) for path in quantities}
    for joint in scenario.joint.values():
        if not all(path in uniforms for path in joint.parameters):
            continue  # its therapies are not used
        root = np.linalg.cholesky(np.array(joint.correlation))
        own = [special.ndtri(uniforms[path]) for path in joint.parameters]
        for i, path in enumerate(joint.parameters[1:], start=1):  # the first one stays as it is
            # Added up one by one: a matrix product may round differently for another number of draws.
            mixed = root[i, 0] * own[0]
            for j in range(1, i + 1):
                mixed = mixed + root[i, j] * own[j]
            uniforms[path] = special.ndtr(mixed)
    values: dict[str, Array] = {}
    for path, quantity in quantities.items():
        assert quantity.distribution is not None
        values[path] = quantity.permitted(quantity.distribution.quantile(uniforms[path]))
    return Draws(first, count, values)


def _sobol(parameters: int, seed: int, first: int, count: int) -> Array:
    """Points ``first`` to ``first + count`` of the scrambled sequence, inside (0, 1), shape (parameters, count)."""
    if not parameters:
        return np.zeros((0, count))
    from scipy.stats import qmc  # takes a quarter of a second, which every worker process would pay

    sequence = qmc.Sobol(parameters, scramble=True, rng=np.random.default_rng(seed))
    if first:  # scipy refuses to skip nothing
        sequence.fast_forward(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a part of the sequence is never a power of two
        points = sequence.random(count)
    return np.clip(points.T, 2.0**-53, 1 - 2.0**-53)


def bind(scenario: Scenario, draws: Draws) -> Any:
    """The scenario as a tree of namespaces whose quantities are plain numbers.

    Parameters
    ----------
    scenario
        Validated scenario.
    draws
        Draws of its parameters.

    Returns
    -------
    SimpleNamespace
        Mirrors the scenario; each quantity is a float, or an array (draws.count,).
    """
    scenario = used(scenario)
    quantities = dict(walk(scenario))
    known: dict[str, Number] = {}

    def value(path: str) -> Number:
        if path not in known:
            quantity = quantities[path]
            if quantity.ref is not None:
                number = value(quantity.ref)
                if quantity.times is not None:
                    ratio = value(f"{path}.times")
                    if quantity.as_ == "odds":
                        odds = number / (1 - number) * ratio
                        number = odds / (1 + odds)
                    else:
                        number = number * ratio
                    if isinstance(quantity, Probability):
                        number = np.minimum(number, 1.0) if np.ndim(number) else min(float(number), 1.0)
            elif path in draws.values:
                number = draws.values[path]
            else:
                assert quantity.distribution is not None
                number = quantity.distribution.mean
            known[path] = number
        return known[path]

    def convert(node: Any, path: str) -> Any:
        if isinstance(node, Quantity):
            return value(path)
        if isinstance(node, BaseModel):
            names = keys_of(type(node)).items()
            return SimpleNamespace(**{name: convert(getattr(node, name), _join(path, key)) for key, name in names})
        if isinstance(node, dict):
            return {k: convert(v, _join(path, k)) for k, v in node.items()}
        if isinstance(node, tuple):
            return tuple(convert(v, _join(path, str(i))) for i, v in enumerate(node))
        return node

    bound = convert(scenario, "")
    for row in share_rows(scenario):  # draws of shares one by one do not sum to 1
        *parents, _ = row[0].split(".")
        shares = vars(reduce(getattr, parents, bound))
        total = sum(shares.values())
        shares.update({name: share / total for name, share in shares.items()})
    return bound


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
