"""Queues against queueing theory, through scenarios as users write them.

Arrivals at random at a rate, service times exponential, some servers, first come first served [1]_: in the long run the
share that waits is Erlang's C, and the mean wait is C / (servers * service rate - arrival rate).

References
----------
.. [1] Gross D, Shortle JF, Thompson JM, Harris CM. Fundamentals of queueing theory. 4th ed. Wiley, 2008.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

import scssim
from engine.tiny import USELESS, tiny
from scssim.result import Result

pytestmark = pytest.mark.verification

DAYS = 365.25
REPLICATIONS = 20
VISIT: dict[str, Any] = {"kind": "procedure", "relief": USELESS, "assess": {"weeks": 0.01}}


def erlang_c(servers: int, load: float) -> float:
    """Share of patients who have to wait (``load``: arrival over service rate)."""
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) / (1 - load / servers)
    return last / (sum(terms) + last)


def service(arrival: float, rate: float, servers: int, years: float, **need: Any) -> Result:
    """A degenerate therapy that needs a server for an exponential time."""
    needs = {"start": {"resource": "desk", "duration": {"distribution": "exponential", "rate": rate}, **need}}
    loaded = tiny(
        {"visit": {**VISIT, "needs": needs}},
        settings={"horizon_years": 50},
        resources={"desk": {"servers": servers}},
        service={
            "arrivals": {"per_year": arrival}, "years": years, "warm_up_years": years / 10,
            "replications": REPLICATIONS, "record_days": 3660, "log_patients": 0,
        },
    )  # fmt: skip
    return scssim.run(loaded, engine="des")


@pytest.mark.parametrize(
    ("arrival", "rate", "servers", "share", "queue", "wait"),
    [
        (4, 5, 1, 0.8, 3.2, 0.8),
        (9, 5, 2, 0.8526316, 7.6736842, 0.8526316),
        (20, 1, 24, 0.2980723, 1.4903617, 0.0745181),
    ],
    ids=["M/M/1", "M/M/2", "M/M/24"],
)
def test_closed_forms(arrival: float, rate: float, servers: int, share: float, queue: float, wait: float) -> None:
    """Share that waits, queue, wait and use lie within three standard errors, which are small."""
    assert erlang_c(servers, arrival / rate) == pytest.approx(share, rel=1e-6)
    assert share / (servers * rate - arrival) == pytest.approx(wait, rel=1e-6)
    result = service(arrival, rate, servers, 20_000 / arrival)
    waits, use = result.waits.iloc[0], result.utilisation.iloc[0]
    assert waits.n > 0.99 * REPLICATIONS * 20_000
    mean, error = waits.mean_days / DAYS, waits.mean_days_mcse / DAYS
    assert error < 0.04 * wait
    assert abs(mean - wait) < 3 * error
    assert use.queue_mean_mcse < 0.04 * queue
    assert abs(use.queue_mean - queue) < 3 * use.queue_mean_mcse
    load = arrival / rate / servers
    assert abs(use.utilisation - load) < 3 * use.utilisation_mcse < 0.01
    assert waits.share_waiting_mcse < 0.02 * share
    assert abs(waits.share_waiting - share) < 3 * waits.share_waiting_mcse
    # Who waits does so for an exponential time.
    weeks = result.waiting_times.set_index("weeks").share_within
    for week in (1, 10, 40):
        left = share * math.exp(-(servers * rate - arrival) * week * 7 / DAYS)
        assert 1 - weeks[week] == pytest.approx(left, abs=0.015)


def test_priority_moves_waits_and_keeps_their_sum() -> None:
    """Two classes: the first waits load / (1 - load of the first), the mean of both is that without classes [1]_."""
    arrival, rate = 4.0, 5.0
    needs = {"resource": "desk", "duration": {"distribution": "exponential", "rate": rate}}
    loaded = tiny(
        {
            "urgent": {**VISIT, "needs": {"start": {**needs, "priority": 1}}},
            "routine": {**VISIT, "needs": {"start": needs}},
        },
        [{"therapy": "urgent", "if": "female == 1"}, {"therapy": "routine", "if": "female == 0"}],
        settings={"horizon_years": 50},
        population={"female": 0.5},
        resources={"desk": {"servers": 1}},
        service={
            "arrivals": {"per_year": arrival}, "years": 5000, "warm_up_years": 200, "replications": 20,
            "record_days": 3660, "log_patients": None,
        },
    )  # fmt: skip
    result = scssim.run(loaded, engine="des")
    mean, error = result.waits.mean_days.iloc[0] / DAYS, result.waits.mean_days_mcse.iloc[0] / DAYS
    assert abs(mean - 0.8) < 3 * error
    log = result.log[result.log.resource.notna() & (result.log.case_id >= 0)]
    joined = log[log.lifecycle == "schedule"].set_index("case_id")
    served = log[log.lifecycle == "start"].set_index("case_id")
    waits = (served.day - joined.day).groupby(joined.therapy).mean() / DAYS
    # Residual work 0.8 / 5 = 0.16 years; 0.16 / (1 - 0.4) = 0.2667 and 0.16 / ((1 - 0.4) (1 - 0.8)) = 1.3333.
    assert waits["urgent"] == pytest.approx(0.16 / 0.6, rel=0.05)
    assert waits["routine"] == pytest.approx(0.16 / 0.6 / 0.2, rel=0.12)


def test_patience_loses_the_share_that_theory_says() -> None:
    """M/M/1 with exponential patience (Erlang A): the balance of births and deaths gives the share that leaves."""
    arrival, rate, patience = 6.0, 5.0, 2.0
    weights = [1.0]
    for k in range(1, 200):
        weights.append(weights[-1] * arrival / (rate + (k - 1) * patience))
    empty = 1 / sum(weights)
    leaving = 1 - rate * (1 - empty) / arrival
    mean_patience = {"distribution": "exponential", "rate": patience}
    result = service(arrival, rate, 1, 3000, max_wait=mean_patience)
    waits = result.waits.iloc[0]
    share = waits.left / (waits.left + waits.n)
    assert share == pytest.approx(leaving, abs=0.006)


def test_growth_ends_in_overload() -> None:
    """Where more come than can be served the queue grows by the difference, and a warning says so."""
    result = service(6, 5, 1, 200)
    assert result.utilisation.queue_at_end.iloc[0] == pytest.approx(220 * 1.0, rel=0.15)
    assert any("grows without bound" in warning for warning in result.warnings)
