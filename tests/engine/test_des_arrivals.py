"""Referrals: streams, schedules, growth, warm-up and back-log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.tiny import DAY
from scssim.engine.des.arrivals import Referrals, referrals
from scssim.errors import ScssimError
from scssim.scenario.service import Service


def made(
    patients: int | None = None, replication: int = 0, seed: int = 1, horizon: float = 5, **spec: Any
) -> Referrals:
    """Referrals of a service."""
    return referrals(Service.model_validate(spec), seed, replication, patients, horizon)


def test_a_closed_cohort_is_there_at_once() -> None:
    found = made(7)
    assert found.counted.tolist() == [0] * 7 and not found.before.size and found.end == 5


def test_random_referrals() -> None:
    found = made(arrivals={"per_year": 100}, years=200)
    gaps = np.diff(found.counted)
    assert found.counted.size == pytest.approx(20_000, abs=4 * 20_000**0.5)
    assert gaps.mean() == pytest.approx(0.01, rel=0.03) and gaps.std() == pytest.approx(0.01, rel=0.03)
    assert (gaps >= 0).all() and found.counted[-1] < 200 == found.end


def test_even_referrals() -> None:
    assert made(arrivals={"per_year": 4, "pattern": "even"}, years=1).counted.tolist() == [0.125, 0.375, 0.625, 0.875]


@pytest.mark.parametrize("growth", [0.08, -0.2])
def test_growth(growth: float) -> None:
    found = made(arrivals={"per_year": 1000, "growth": growth, "pattern": "even"}, years=3, warm_up_years=2)
    years = np.floor(np.concatenate([found.before, found.counted])).astype(int)
    numbers = [int((years == year).sum()) for year in range(-2, 3)]
    rate = np.log1p(growth)
    expected = [1000 * (1 + growth) ** year * (np.expm1(rate) / rate) for year in range(-2, 3)]
    assert numbers == pytest.approx(expected, abs=1)


def test_a_rate_that_falls_may_never_make_up_so_many() -> None:
    assert made(arrivals={"per_year": 10, "growth": -0.9, "pattern": "even"}, years=900).counted.size == 4


def test_warm_up_patients_do_not_count() -> None:
    found = made(arrivals={"per_year": 50}, years=4, warm_up_years=2)
    assert (found.before < 0).all() and (found.before >= -2).all() and (found.counted >= 0).all()
    assert found.before.size and found.counted.size


def test_a_schedule_that_repeats() -> None:
    schedule = [{"day": 0, "patients": 2}, {"day": 3, "patients": 1}]
    found = made(arrivals={"schedule": schedule, "every_days": 7}, years=15 * DAY)
    assert (found.counted / DAY).round(9).tolist() == [0, 0, 3, 7, 7, 10, 14, 14]
    assert (made(arrivals={"schedule": schedule}, years=1).counted / DAY).round(9).tolist() == [0, 0, 3]


def test_a_schedule_begins_on_a_monday() -> None:
    found = made(arrivals={"schedule": [{"day": 0, "patients": 1}], "every_days": 7}, years=1, warm_up_years=0.5)
    days = np.concatenate([found.before, found.counted]) / DAY
    assert np.allclose(days % 7, 0) | np.allclose(days % 7, 7) | np.allclose((days + 1) % 7, 1)
    assert found.before[0] >= -0.5


def test_all_at_the_start_are_a_closed_cohort() -> None:
    assert made(5, arrivals={"schedule": [{"day": 0, "patients": 5}]}).end == 5


def test_extreme_growth() -> None:
    falls = {"per_year": 5, "growth": -0.999999, "pattern": "even"}
    assert made(arrivals=falls, years=100, warm_up_years=0.2).before.size
    with pytest.raises(ScssimError, match="more than 10,000,000 referrals"):
        made(arrivals=falls, years=100, warm_up_years=99)
    assert made(50, arrivals={"per_year": 5, "growth": 10}).counted.size == 50


def test_a_backlog_is_there_at_the_start() -> None:
    found = made(arrivals={"per_year": 2, "pattern": "even"}, backlog=3, years=1)
    assert found.counted.tolist() == [0, 0, 0, 0.25, 0.75]
    found = made(arrivals={"per_year": 2, "pattern": "even"}, backlog=3, years=2, warm_up_years=1)
    assert found.before.tolist() == [-1, -1, -1, -0.75, -0.25]


def test_as_many_as_asked_for() -> None:
    found = made(5, arrivals={"per_year": 10, "pattern": "even"})
    assert found.counted.tolist() == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45]) and found.end == found.counted[-1]
    capped = made(2, arrivals={"per_year": 10, "pattern": "even"}, years=3)
    assert capped.counted.size == 2 and capped.end == capped.counted[-1]
    assert made(90, arrivals={"per_year": 10}, years=3).end == 3


def test_replications_and_seeds_differ_and_years_do_not_matter() -> None:
    spec: dict[str, Any] = {"arrivals": {"per_year": 30}, "years": 5}
    one = made(**spec).counted
    assert not np.array_equal(one[:10], made(replication=1, **spec).counted[:10])
    assert not np.array_equal(one[:10], made(seed=2, **spec).counted[:10])
    longer = made(**{**spec, "years": 9}).counted
    assert np.array_equal(one, longer[: one.size])


def test_nobody_and_too_many() -> None:
    with pytest.raises(ScssimError, match="nobody is referred"):
        made(arrivals={"per_year": 0.001}, years=1)
    with pytest.raises(ScssimError, match="more than 10,000,000 referrals"):
        made(arrivals={"per_year": 1e7}, years=9)
