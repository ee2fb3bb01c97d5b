"""Large samples against closed forms: constant hazards and nothing else.

With a death rate m, a discount rate d and a horizon T, a stream of 1 a year that ends at rate h is worth
``A(h) = (1 - exp(-(h + d + m) T)) / (h + d + m)``; everything below is built from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from scipy.integrate import quad

import scssim
from engine.patients import histories
from engine.tiny import AT_ONCE, GAIN, IMPLANT, cost, events, merged, outcome, share, tiny
from scssim.model.discount import continuous_rate
from scssim.result import Result

pytestmark = pytest.mark.verification

N = 1_000_000
D = continuous_rate(0.035)
M = 0.04
T = 15.0


def a(h: float, d: float = D, until: float = T) -> float:
    """Worth of 1 a year that ends at rate h, or with death at rate M."""
    return float(-np.expm1(-(h + d + M) * until) / (h + d + M))


@pytest.fixture(scope="module")
def life_table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A constant death rate at all ages."""
    path: Path = tmp_path_factory.mktemp("life") / "constant.csv"
    q = float(-np.expm1(-M))
    rows = [f"{age},{sex},{q!r}" for sex in ("male", "female") for age in range(111)]
    path.write_text("\n".join(["age,sex,qx", *rows]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def run(life_table: str) -> Any:
    def simulate(therapies: dict[str, Any], steps: Any = None, n: int = N, **changes: Any) -> Result:
        settings = {"discount_rate": {"costs": 0.035, "effects": 0.035}, "horizon_years": T, "patients": n}
        settings |= changes.pop("settings", {})
        population = merged({"mortality": {"life_table": life_table}, "age": 30}, changes.pop("population", {}))
        return scssim.run(tiny(therapies, steps, settings=settings, population=population, **changes))

    return simulate


def agrees(result: Result, name: str, expected: float, strategy: str = "only") -> None:
    """Within four standard errors of the simulated mean."""
    table = result.outcomes.set_index(["strategy", "outcome"])
    row = table.loc[(strategy, name)]
    assert abs(row["mean"] - expected) < 4 * row.mcse, f"{name}: {row['mean']} against {expected}, SE {row.mcse}"
    assert row.mcse < 0.01 * abs(expected)


def item_agrees(result: Result, item: str, expected: float, sd: float) -> None:
    """Within four standard errors, given (an upper bound of) the SD between patients."""
    found = cost(result, item)
    assert abs(found - expected) < 4 * sd / np.sqrt(result.patients), f"{item}: {found} against {expected}"


def test_mortality(run: Any) -> None:
    result = run({"one": {"kind": "continuous", "relief": AT_ONCE}})
    agrees(result, "life_years", a(0))
    agrees(result, "life_years_undiscounted", a(0, 0))
    agrees(result, "qaly", 0.8 * a(0))
    died = -np.expm1(-M * T)
    assert events(result, "death") == pytest.approx(died, abs=4 * 0.5 / np.sqrt(N))
    for month in (12, 60, 120):
        alive = np.exp(-M * month / 12)
        assert share(result, "dead", month) == pytest.approx(1 - alive, abs=4 * 0.5 / np.sqrt(N))


def test_smr(run: Any) -> None:
    result = run({"one": {"kind": "continuous", "relief": AT_ONCE}}, population={"mortality": {"smr": 2.5}})
    agrees(result, "life_years_undiscounted", float(-np.expm1(-2.5 * M * T) / (2.5 * M)))


def test_exponential_loss_of_effect(run: Any) -> None:
    h = 0.3
    care = {"kind": "continuous", "relief": AT_ONCE, "loss_of_effect": {"hazard": h}, "costs": {"per_year": 100}}
    result = run({"care": care})
    agrees(result, "qaly", 0.6 * a(0) + GAIN * a(h))
    agrees(result, "qaly_undiscounted", 0.6 * a(0, 0) + GAIN * a(h, 0))
    agrees(result, "cost", 100 * a(h))


def test_onset_waning_and_residual_of_an_exponential_loss(run: Any) -> None:
    h, k, w, kw, r = 0.3, 1 / 0.5, 0.4, 1 / 2.0, 0.25
    relief = {**AT_ONCE, "onset_weeks": 0.5 * 365.25 / 7, "waning": {"share": w, "time_years": 2}}
    care = {
        "kind": "continuous",
        "relief": relief,
        "loss_of_effect": {"hazard": h, "stop_after_loss": 0, "residual": r},
    }
    result = run({"care": care})

    def shape(extra: float) -> float:
        return (1 - w) * (a(extra) - a(extra + k)) + w * (a(extra + kw) - a(extra + k + kw))

    agrees(result, "qaly", 0.6 * a(0) + GAIN * ((1 - r) * shape(h) + r * shape(0)))


def test_waits_and_events(run: Any) -> None:
    w, h = 0.8, 0.2
    imp = {
        "kind": "implant",
        "wait": {"distribution": "exponential", "mean": 1 / w},
        "relief": AT_ONCE,
        "loss_of_effect": {"hazard": h},
        "costs": {"device": 10000, "explant": 1000, "per_year": 300},
    }
    result = run({"imp": imp})
    start = w * a(w)  # worth of 1 at the implant
    on = w / (w - h) * (a(h) - a(w))  # of 1 a year while in effect
    item_agrees(result, "imp.device", 10000 * start, 10000)
    item_agrees(result, "imp.explant", 1000 * h * on, 1000)
    item_agrees(result, "imp.per_year", 300 * on, 300 * T)
    agrees(result, "qaly", 0.6 * a(0) + GAIN * on)
    agrees(result, "cost", 10000 * start + 1000 * h * on + 300 * on)
    expected = w * (-np.expm1(-(w + M) * T) / (w + M))
    assert events(result, "imp.implant") == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(N))


def test_recurrent_complications(run: Any) -> None:
    rate, price, loss, weeks = 0.5, 700.0, 0.2, 20.0
    care = {
        "kind": "continuous",
        "relief": AT_ONCE,
        "complications": {"ill": {"hazard": rate, "cost": price, "utility": {"loss": loss, "weeks": weeks}}},
    }
    result = run({"care": care})
    agrees(result, "cost", price * rate * a(0))
    length = weeks * 7 / 365.25
    # Each lasts its weeks, or until death or the horizon.
    lost = quad(lambda t: rate * np.exp(-(D + M) * t) * a(0, until=min(length, T - t)), 0, T, points=[T - length])[0]
    agrees(result, "qaly", 0.8 * a(0) - loss * lost)
    assert events(result, "care.ill") == pytest.approx(rate * a(0, 0), rel=0.003)


def test_complications_are_a_poisson_process() -> None:
    """Counts in 8 years at 0.7 a year; the mark of each is drawn anew."""
    ill = {"ill": {"hazard": 0.7, "cost": 1, "revision": 0.4}}
    care = {"kind": "implant", "relief": AT_ONCE, "complications": ill, "costs": {"revision": 1000}}
    loaded = tiny({"care": care}, settings={"horizon_years": 8, "patients": N // 2})
    cost_ = histories(loaded)["only"]["cost"][0]
    revisions, all_ = np.divmod(np.round(cost_).astype(int), 1000)
    for counts, mean in ((all_, 5.6), (revisions, 5.6 * 0.4)):
        expected = stats.poisson(mean).pmf(np.arange(15)) * counts.size
        found = np.bincount(counts, minlength=15)
        tail = found[15:].sum()
        assert stats.chisquare([*found[:15], tail], [*expected, counts.size - expected.sum()]).pvalue > 1e-3
    # Marks do not depend on each other: of n complications, Binomial(n, 0.4) are revised.
    for n in (2, 5):
        who = all_ == n
        pmf = stats.binom(n, 0.4).pmf(np.arange(n + 1)) * who.sum()
        assert stats.chisquare(np.bincount(revisions[who], minlength=n + 1), pmf).pvalue > 1e-3


def test_two_complications_are_independent() -> None:
    ill = {name: {"hazard": 0.7, "cost": price} for name, price in (("a", 1), ("b", 1000))}
    care = {
        "kind": "implant",
        "relief": AT_ONCE,
        "complications": ill,
        "loss_of_effect": {"hazard": 0, "stop_after_loss": 0},
    }
    loaded = tiny({"care": care}, settings={"horizon_years": 8, "patients": N // 2})
    b, a_ = np.divmod(np.round(histories(loaded)["only"]["cost"][0]).astype(int), 1000)
    assert abs(np.corrcoef(a_, b)[0, 1]) < 4.5 / np.sqrt(a_.size)


def test_piecewise_complications(run: Any) -> None:
    pieces = [{"until_years": 1, "rate": 0.6}, {"until_years": 4, "rate": 0.05}, {"rate": 0.2}]
    care = {
        "kind": "continuous",
        "relief": AT_ONCE,
        "complications": {"ill": {"hazard": pieces, "ratio": 1.3, "cost": 100}},
    }
    result = run({"care": care})
    expected = 0.6 * a(0, until=1) + 0.05 * (a(0, until=4) - a(0, until=1)) + 0.2 * (a(0) - a(0, until=4))
    agrees(result, "cost", 130 * expected)


def test_competing_ends(run: Any) -> None:
    loss, infection, fracture = 0.1, 0.06, 0.3
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "loss_of_effect": {"hazard": loss},
        "complications": {
            "infection": {"hazard": infection, "explant": 0.5, "cost": 4000},
            "fracture": {"hazard": fracture, "revision": 0.8, "cost": 50},
        },
        "costs": {"explant": 1000, "revision": 3000, "per_year": 200},
    }
    result = run({"imp": imp})
    end = loss + 0.5 * infection
    on = a(end)
    agrees(result, "qaly", 0.6 * a(0) + GAIN * on)
    agrees(result, "cost", (4000 * infection + 50 * fracture + 1000 * end + 3000 * 0.8 * fracture + 200) * on)
    for reason, rate in (("stop_after_loss", loss), ("explant", 0.5 * infection)):
        expected = rate * a(end, 0)
        assert events(result, f"imp.end.{reason}") == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(N))


def test_outages(run: Any) -> None:
    """Alternating process: on until a fracture (rate f), off for a fixed wait or death, and on again."""
    f, wait = 0.5, 0.5
    fracture = {"hazard": f, "revision": 1, "relief_lost": 1, "revision_wait": {"years": wait}}
    result = run({"imp": {"kind": "implant", "relief": AT_ONCE, "complications": {"fracture": fracture}}}, n=N // 2)
    # Fractures strike in outages too; at time t all is well if none struck in the wait before it.
    well = quad(lambda t: np.exp(-(D + M) * t - f * min(t, wait)), 0, T, points=[wait])[0]
    agrees(result, "qaly", 0.6 * a(0) + GAIN * well)


def test_devices_as_a_renewal_process(run: Any) -> None:
    r = 0.4
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "device": {"rechargeable": False, "life": {"distribution": "exponential", "rate": r}},
        "costs": {"device": 0, "pulse_generator": 9000, "replacement": 2000},
    }
    agrees(run({"imp": imp}), "cost", 11000 * r * a(0))
    # Gamma(2) renewals by pairs of Weibull lives would have no closed form; fixed lives have one.
    fixed = {**imp, "device": {"rechargeable": False, "life": {"years": 4}}}
    result = run({"imp": fixed}, n=N // 4)
    agrees(result, "cost", 11000 * sum(np.exp(-(D + M) * t) for t in (4, 8, 12)))


def test_devices_are_not_replaced_after_the_loss(run: Any) -> None:
    r, h = 0.4, 0.2
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "loss_of_effect": {"hazard": h, "stop_after_loss": 0, "residual": 0.5},
        "device": {"rechargeable": False, "life": {"distribution": "exponential", "rate": r}},
        "costs": {"device": 0, "replacement": 2000},
    }
    result = run({"imp": imp})
    agrees(result, "cost", 2000 * r * a(h))
    # Half of the relief from the loss until the next depletion: rates h, then r.
    agrees(result, "qaly", 0.6 * a(0) + GAIN * (a(h) + 0.5 * h / (r - h) * (a(h) - a(r))))


def test_reimplants(run: Any) -> None:
    """On at rate e to an explant; half of these are implanted again at once, at most ten times."""
    e, p = 0.5, 0.5
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "complications": {"infection": {"hazard": e, "explant": 1, "reimplant": True}},
        "reimplant": {"probability": p, "delay": {"weeks": 0}, "most": 10},
        "costs": {"implant": 5000},
    }
    result = run({"imp": imp})
    # The chain ends at rate e (1 - p), new implants come at rate e p; ten are as good as endless (p^11 = 0.0005).
    on = a(e * (1 - p))
    expected = 5000 * (1 + e * p * on)
    assert outcome(result, "cost") == pytest.approx(expected, rel=2e-3)
    assert outcome(result, "qaly") == pytest.approx(0.6 * a(0) + GAIN * on, rel=1e-3)


def test_one_reimplant_at_most(run: Any) -> None:
    e = 0.5
    imp = {
        "kind": "implant",
        "relief": AT_ONCE,
        "complications": {"infection": {"hazard": e, "explant": 1, "reimplant": True}},
        "reimplant": {"probability": 0.4, "delay": {"months": 3}},
        "costs": {"implant": 5000},
    }
    result = run({"imp": imp})
    # The second implant at t with density 0.4 e exp(-e (t - 1/4)), discounted and if alive.
    late = np.exp(-(D + M) / 4)
    agrees(result, "cost", 5000 * (1 + 0.4 * e * late * a(e, until=T - 0.25)))
    c = e + D + M
    again = 0.4 * e * late * quad(lambda s: s * np.exp(-c * s), 0, T - 0.25)[0]
    agrees(result, "qaly", 0.6 * a(0) + GAIN * (a(e) + again))


def test_a_chain_of_two_therapies(run: Any) -> None:
    """Conservative care bridges to an implant, most of whose trials succeed."""
    h, w, p = 0.5, 1.5, 0.8
    care = {"kind": "continuous", "relief": AT_ONCE, "loss_of_effect": {"hazard": h}, "costs": {"per_year": 100}}
    imp = {
        **IMPLANT,
        "wait": {"distribution": "exponential", "mean": 1 / w},
        "trial": {"success": p, "days": 0},
        "costs": {"trial": 2000, "device": 10000},
    }
    result = run({"care": care, "imp": imp}, costs={"background": {"gp": {"per_year": 40}}})
    tried = h * w / (w - h) * (a(h) - a(w))  # worth of 1 at the trial
    agrees(result, "cost", 0.0 + 100 * (a(h) + _gap(h, w)) + (2000 + p * 10000) * tried + 40 * (1 - p) * _after(h, w))
    # Relief until the loss, then none while the therapy bridges, then that of the implant.
    agrees(result, "qaly", 0.6 * a(0) + GAIN * (a(h) + p * _after(h, w)))


def _gap(h: float, w: float) -> float:
    """Worth of 1 a year between the loss and the trial."""
    return h / (w - h) * (a(h) - a(w))


def _after(h: float, w: float) -> float:
    """Worth of 1 a year after the trial."""
    return a(0) - a(h) - _gap(h, w)


def test_costs_by_relief(run: Any) -> None:
    h = 0.3
    imp = {"kind": "implant", "relief": AT_ONCE, "loss_of_effect": {"hazard": h}}
    drugs = {"drugs": {"optimal": 100, "suboptimal": 400, "none": 1000}}
    result = run({"imp": imp}, costs={"by_relief": drugs, "optimal_from": 0.4})
    agrees(result, "cost", 1000 * a(0) - 900 * a(h))


LOSSES: dict[str, tuple[dict[str, Any], Any]] = {
    "weibull": (
        {"distribution": "weibull", "mean": 4.8, "shape": 3},
        lambda t: np.exp(-((t * special.gamma(4 / 3) / 4.8) ** 3)),
    ),
    "lognormal": (
        {"distribution": "lognormal", "median": 4, "shape": 0.8},
        lambda t: special.ndtr(-np.log(t / 4) / 0.8),
    ),
    "gompertz": ({"distribution": "gompertz", "rate": 0.1, "shape": 0.2}, lambda t: np.exp(-0.5 * np.expm1(0.2 * t))),
    "piecewise": (
        {"hazard": [{"until_years": 3, "rate": 0.045}, {"rate": 0.28}]},
        lambda t: np.exp(-0.045 * min(t, 3) - 0.28 * max(t - 3, 0)),
    ),
    "kaplan_meier": (
        {"distribution": "kaplan_meier", "table": [[0, 1], [2, 0.8], [5, 0.4]]},
        lambda t: 0.8 ** (t / 2) if t < 2 else 0.8 * 0.5 ** ((t - 2) / 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", LOSSES)
@pytest.mark.parametrize("ratio", [1, 1.7])
def test_families_of_loss(run: Any, family: str, ratio: float) -> None:
    spec, survival = LOSSES[family]
    care = {"kind": "continuous", "relief": AT_ONCE, "loss_of_effect": {**spec, "ratio": ratio}}
    result = run({"care": care}, n=N // 2)
    gain = quad(lambda t: survival(t) ** ratio * np.exp(-(D + M) * t), 1e-12, T, points=[2, 3, 5], limit=200)[0]
    agrees(result, "qaly", 0.6 * a(0) + GAIN * gain)


def test_draws_of_a_hazard(life_table: str) -> None:
    """The mean over draws is the integral over the distribution of the hazard."""
    h = {"family": "gamma", "shape": 4, "scale": 0.1}
    care = {"kind": "continuous", "relief": AT_ONCE, "loss_of_effect": {"hazard": h}}
    loaded = tiny(
        {"care": care},
        settings={"discount_rate": {"costs": 0.035, "effects": 0.035}, "horizon_years": T},
        population={"mortality": {"life_table": life_table}, "age": 30},
    )
    result = scssim.run(loaded, patients=500, draws=4000)
    density = lambda x: x**3 * np.exp(-x / 0.1) / (6 * 0.1**4)  # noqa: E731
    mean = quad(lambda x: density(x) * a(x), 0, 4)[0]
    agrees(result, "qaly", 0.6 * a(0) + GAIN * mean)
    # Between draws: the spread of the expectation, and that of 500 patients around it.
    spread = GAIN * np.sqrt(quad(lambda x: density(x) * a(x) ** 2, 0, 4)[0] - mean**2)
    rates = result.parameters.iloc[:, 1].to_numpy()
    expected = np.array([0.6 * a(0) + GAIN * a(x) for x in rates])
    assert np.std(expected) == pytest.approx(spread, rel=0.05)
    slope = np.polyfit(expected, result.psa.qaly, 1)[0]
    assert slope == pytest.approx(1, abs=0.05)
