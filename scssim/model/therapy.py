"""Therapies compiled for a run: numbers per draw in place of specifications."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim.model.complications import Complications
from scssim.model.measurement import SITES
from scssim.model.patients import Cells
from scssim.model.relief import kumaraswamy
from scssim.model.timing import At, Timer, timer, years
from scssim.scenario.expressions import Expression, parse
from scssim.scenario.times import DAYS_PER_YEAR, WEEKS_PER_YEAR

Array = NDArray[np.float64]
Number = float | Array
Modifiers = tuple[tuple[Expression, Number], ...]
"""Conditions and log odds ratios."""


@dataclass(frozen=True)
class Site:
    """Relief at one site.

    Attributes
    ----------
    intercept
        Logit of responding, without modifiers.
    shapes
        Kumaraswamy shapes a and b, of non-responders and of responders, shape (2, draws or 1, 2).
    lowest
        Least relief of non-responders.
    """

    intercept: Number
    shapes: Array
    lowest: float


@dataclass(frozen=True)
class Therapy:
    """A therapy compiled for a run; times in years.

    Attributes
    ----------
    spec
        The bound specification, for parts that need no compiling (costs, review rules).
    modifiers
        Pairs of condition and log odds ratio.
    share
        Share of the stated relief that patients have.
    late
        When late losses of effect begin, and their mean time from then.
    """

    id: str
    kind: str
    group: str
    rho: Number
    spec: Any
    wait: Timer
    trial_success: Number
    trial_years: Number
    sites: dict[str, Site]
    share: Number
    correlation: Number
    modifiers: Modifiers
    tau: Number
    waning: Number
    tau_waning: Number
    loss: Timer | None
    residual: Number
    stop_after_loss: Number
    stop_delay: Number
    late: tuple[Number, Number] | None
    reviews: tuple[float, ...]
    max_duration: Number | None
    complications: Complications
    device: Timer | None
    replacement_wait: Number

    def shape(self, s: Array, at: At) -> Array:
        """Relief at time ``s`` (years) since the start of effect, as a share of its full size."""
        g = np.ones_like(s) if np.ndim(self.tau) == 0 and self.tau == 0 else -np.expm1(-s / at(self.tau))
        if self.has_waning:
            g *= 1 + at(self.waning) * np.expm1(-s / at(self.tau_waning))
        return g

    @property
    def has_waning(self) -> bool:
        """Whether a share of the relief wanes."""
        return not (np.ndim(self.waning) == 0 and self.waning == 0)

    @property
    def has_residual(self) -> bool:
        """Whether some relief remains after its loss."""
        return not (np.ndim(self.residual) == 0 and self.residual == 0)


def compile_therapies(specs: dict[str, Any], groups: dict[str, Any], reference: Cells) -> dict[str, Therapy]:
    """Compile bound therapies.

    Parameters
    ----------
    specs
        Bound ``therapies``.
    groups
        Bound ``response_groups``.
    reference
        Reference patients on whom the average responder share is the stated one.
    """
    memo: dict[Any, Any] = {}  # what therapies with the same parameters share (a `ref` is the same object)

    def once(make: Callable[..., Any], *arguments: Any, key: Any = None) -> Any:
        key = key or (make, *map(id, arguments))
        if key not in memo:
            memo[key] = arguments, make(*arguments)  # keeping the arguments keeps their ids unique
        return memo[key][1]

    shapes = relief_shapes(specs)
    therapies = {}
    for name, spec in specs.items():
        relief = spec.relief
        ratios = [m.odds_ratio for m in relief.modifiers.values()]
        key = (tuple(relief.modifiers), *map(id, ratios))
        modifiers = once(_modifiers, relief.modifiers, ratios, key=key)
        centre = once(_Centre, modifiers, relief.among, reference, key=(id(modifiers), relief.among))
        sites = {}
        for site in SITES:
            part = getattr(relief, site)
            intercept = once(centre.intercept, part.responders)
            no, yes = shapes[name, site, "if_not"], shapes[name, site, "if_responder"]
            key = id(intercept), id(no), id(yes), part.lowest
            sites[site] = once(_site, intercept, no, yes, part.lowest, key=key)
        therapies[name] = _compile(name, spec, groups, sites, modifiers)
    return therapies


def _compile(name: str, spec: Any, groups: dict[str, Any], sites: dict[str, Site], modifiers: Modifiers) -> Therapy:
    relief = spec.relief
    group = spec.response_group or name
    loss = spec.loss_of_effect
    return Therapy(
        id=name,
        kind=spec.kind,
        group=group,
        rho=groups[group].rho if group in groups else 0.6,
        spec=spec,
        wait=timer(spec.wait),
        trial_success=1.0 if spec.trial is None else spec.trial.success,
        trial_years=0.0 if spec.trial is None else spec.trial.days / DAYS_PER_YEAR,
        sites=sites,
        share=relief.share,
        correlation=relief.correlation,
        modifiers=modifiers,
        tau=_above_zero(relief.onset_weeks / WEEKS_PER_YEAR),
        waning=0.0 if relief.waning is None else relief.waning.share,
        tau_waning=1.0 if relief.waning is None else relief.waning.time_years,
        loss=None if loss is None else timer(loss),
        residual=0.0 if loss is None else loss.residual,
        stop_after_loss=0.0 if loss is None else loss.stop_after_loss,
        stop_delay=0.0 if loss is None else years(loss.delay),
        late=None if loss is None or loss.late is None else (loss.late.from_years, loss.late.time_years),
        reviews=() if spec.review is None else tuple(m / 12 for m in spec.review.months),
        max_duration=None if spec.max_duration is None else years(spec.max_duration),
        complications=Complications(spec.complications),
        device=None if spec.device is None else timer(spec.device.life),
        replacement_wait=0.0 if spec.device is None else years(spec.device.replacement_wait),
    )


def _above_zero(x: Number) -> Number:
    """Draws of a time constant, kept above 0 (a plain 0 means: at once)."""
    return np.maximum(x, 1e-9) if np.ndim(x) else x


def log_odds(modifiers: Modifiers, cells: Cells) -> Number:
    """Sum of log odds ratios times attributes, per cell (0 without modifiers)."""
    total: Number = 0.0
    for condition, log_ratio in modifiers:
        total = total + cells.at(log_ratio) * np.asarray(condition(cells.attributes), dtype=float)
    return total


def _modifiers(modifiers: dict[str, Any], ratios: list[Number]) -> Modifiers:
    return tuple((parse(text), np.log(ratio)) for text, ratio in zip(modifiers, ratios, strict=True))


def _site(intercept: Number, no: tuple[Array, Array], yes: tuple[Array, Array], lowest: float) -> Site:
    both = [np.stack(shapes).reshape(2, -1) for shapes in (no, yes)]
    return Site(intercept, np.stack(np.broadcast_arrays(*both), axis=-1), lowest)


def relief_shapes(therapies: dict[str, Any]) -> dict[tuple[str, str, str], tuple[Array, Array]]:
    """Kumaraswamy shapes of all relief components by (therapy, site, component), fitted together.

    Responders' relief lies in [0.5, 1], that of others in [lowest, 0.5].
    """
    places: dict[tuple[str, str, str], tuple[int, int, float]] = {}
    components: dict[tuple[int, int, float], list[Array]] = {}
    for name, therapy in therapies.items():
        for site in SITES:
            part = getattr(therapy.relief, site)
            for kind, low, high in (("if_responder", 0.5, 1.0), ("if_not", part.lowest, 0.5)):
                of = getattr(part, kind)
                key = places[name, site, kind] = id(of.mean), id(of.sd), low
                components[key] = [np.ravel(x) for x in np.broadcast_arrays(of.mean, of.sd, low, high)]
    a, b = kumaraswamy(*(np.concatenate(x) for x in zip(*components.values(), strict=True)))
    ends = np.cumsum([x[0].size for x in components.values()])[:-1]
    fitted = dict(zip(components, zip(np.split(a, ends), np.split(b, ends), strict=True), strict=True))
    return {place: fitted[key] for place, key in places.items()}


def u_shaped(spec: Any) -> list[str]:
    """Paths of relief components that are U-shaped (both Kumaraswamy shapes below 1) in a bound scenario."""
    return [
        f"therapies.{name}.relief.{site}.{kind}"
        for (name, site, kind), (a, b) in relief_shapes(spec.therapies).items()
        if np.all((a < 1) & (b < 1))
    ]


class _Centre:
    """Reference patients with the same modifiers: finds logits whose average responder share is as stated."""

    def __init__(self, modifiers: Any, among: str | None, reference: Cells) -> None:
        self.any = bool(modifiers)
        if not modifiers:
            return
        shift = np.atleast_2d(log_odds(modifiers, reference))
        self.odds = np.exp(-shift)
        self.weight: Array | None = None
        self.mean, self.variance = shift.mean(axis=1), shift.var(axis=1)
        if among is not None:
            who = np.atleast_2d(np.asarray(parse(among)(reference.attributes), dtype=float))
            self.weight = who / np.maximum(who.sum(axis=1, keepdims=True), 1.0)
            self.mean = (self.weight * shift).sum(axis=1)
            self.variance = (self.weight * shift**2).sum(axis=1) - self.mean**2

    def intercept(self, share: Number) -> Number:
        """Logit, per draw where anything is uncertain."""
        p = np.clip(np.asarray(share, dtype=float), 1e-12, 1 - 1e-12)
        logit = np.log(p / (1 - p))
        if not self.any:
            return float(logit) if logit.ndim == 0 else logit
        draws = max(p.size, self.mean.size)
        # The average of a logistic over a normal is nearly a logistic with a flatter slope.
        start = np.broadcast_to(logit * np.sqrt(1 + np.pi / 8 * self.variance) - self.mean, draws)
        goal = np.broadcast_to(p, draws)
        shape = (draws, self.odds.shape[1])
        odds = np.broadcast_to(self.odds, shape)
        weight = None if self.weight is None else np.broadcast_to(self.weight, shape)
        x = np.empty(draws)
        for d in range(0, draws, 16):  # blocks that fit the cache
            part = slice(d, d + 16)
            x[part] = _solve(goal[part], odds[part], None if weight is None else weight[part], start[part])
        return float(x[0]) if p.ndim == 0 and draws == 1 else x


def _solve(goal: Array, odds: Array, weight: Array | None, x: Array) -> Array:
    """Solve ``sum(weight / (1 + exp(-x) odds)) = goal`` for each row by Newton's method (no weights: the mean).

    A row stops when it has converged (quadratically: a step of 3e-4 leaves an error below 1e-7), so that
    its result does not depend on the other rows.
    """
    x = x.copy()
    left = np.arange(x.size)
    for _ in range(60):
        rows = odds if left.size == x.size else odds[left]
        each = rows * np.exp(-x[left, None])
        each += 1
        np.reciprocal(each, out=each)
        if weight is None:
            share = each.mean(axis=1)
            slope = share - np.einsum("ij,ij->i", each, each) / each.shape[1]
        else:
            part = (weight if left.size == x.size else weight[left]) * each
            share = part.sum(axis=1)
            slope = share - np.einsum("ij,ij->i", part, each)
        step = (share - goal[left]) / np.maximum(slope, 1e-12)
        x[left] -= np.minimum(np.maximum(step, -2.0), 2.0)
        left = left[np.abs(step) >= 3e-4]
        if not left.size:
            break
    return x
