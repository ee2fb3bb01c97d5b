"""A small scenario with all that the language has: every analysis, resources, referrals, variants."""

from __future__ import annotations

from typing import Any

from fuzz.garbled import SMALL
from fuzz.twisted import tree

Data = dict[str, Any]

DEVICE, LOSS = "therapies.hf10.costs.device", "therapies.hf10.loss_of_effect.hazard"

ANALYSES: Data = {
    "psa": {"draws": 4, "patients": 20},
    "decision": {"curve": {"from": 0, "to": 60000, "step": 20000}, "population": {"incidence": 500, "years": 5}},
    "evppi": {"loss": ["therapies.*.loss_of_effect.*"], "all": ["*"]},
    "dsa": {"parameters": ["therapies.hf10.trial.*"], "ranges": {DEVICE: [9000, 20000]}, "strategy": "hf"},
    "two_way": {"grid": {"x": {"parameter": DEVICE, "low": 9000, "high": 20000}, "y": LOSS, "points": 2}},
    "thresholds": {"price": {"parameter": {"parameter": DEVICE, "low": 1, "high": 40000}, "threshold": 20000}},
    "variants": {
        "short": {"label": "Two years", "note": "For a doubt.", "settings.horizon_years": 2},
        "cheap": {"set": {DEVICE: 1000, "costs.background": None}},
    },
    "subgroups": {"older": "age >= 60", "nerve": {"label": "Neuropathic", "condition": "mechanism == 'neuropathic'"}},
    "extrapolation": {
        "data_until_years": 2, "threshold": 20000, "reference": "lf",
        "cases": {"fades": {"label": "Fades", "therapies.hf10.loss_of_effect.ratio": 2}},
    },
    "budget": {
        "eligible": [100, 110], "years": 2,
        "current": {"lf": 0.9, "hf": 0.1}, "new": {"lf": [0.8, 0.7], "hf": [0.2, 0.3]},
    },
}  # fmt: skip

SERVICE: Data = {
    "resources": {
        "clinic": {"servers": 2, "target": {"weeks": 18, "share": 0.92}},
        "theatre": {
            "label": "Theatre", "slots": [{"until_years": 0.5, "number": 0}, {"number": 2}], "per": "week",
            "open": ["mon", "thu"], "closed_weeks": [1, 52],
        },
    },
    "service": {
        "arrivals": {"per_year": 40, "growth": 0.05}, "backlog": 2, "years": 2, "warm_up_years": 0.5,
        "replications": {"least": 2, "most": 3, "precision": 0.5}, "record_days": 7, "log_patients": 5,
    },
}  # fmt: skip
NEEDS: dict[str, Data] = {
    "conservative": {"start": {"resource": "clinic", "duration": {"weeks": 8}, "max_wait": {"weeks": 30}}},
    "injection": {"start": "theatre", "repeat": {"resource": "theatre", "priority": 3}},
    "lf_scs": {"trial": "theatre", "implant": "theatre", "revision": "theatre", "replacement": "theatre"},
    "hf10": {"implant": {"resource": "theatre", "priority": 2}, "explant": "theatre"},
}


def cohort() -> Data:
    """The small scenario of the tests, with every analysis of a cohort."""
    return {**tree(SMALL), "analyses": ANALYSES}


def service() -> Data:
    """The same as a service with queues, at three capacities."""
    data = tree(SMALL)
    therapies = {name: {**therapy, "needs": NEEDS[name]} for name, therapy in data["therapies"].items()}
    capacity = {"resource": "theatre", "levels": [1, 2], "need": "implant", "threshold": 20000}
    return {**data, **SERVICE, "therapies": therapies, "analyses": {"capacity": capacity, "psa": {"draws": 2}}}
