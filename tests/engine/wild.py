"""Random small scenarios in which everything that can happen to a patient happens, for tests of agreement."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from engine.tiny import BASE, Data, merged

FOREVER = st.just(None)


def maybe(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Something or nothing."""
    return st.one_of(FOREVER, some)


def without_nothing(data: Data) -> Data:
    """The entries that are there."""
    return {key: value for key, value in data.items() if value is not None}


shares = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])
some_shares = st.sampled_from([0.2, 0.5, 0.8])
weeks = st.sampled_from([0, 1, 6, 13, 26])
delays = weeks.map(lambda n: {"weeks": n})
times = st.one_of(
    delays,
    st.sampled_from([0.5, 2.0]).map(lambda rate: {"hazard": rate}),
    st.just({"hazard": [{"until_years": 0.5, "rate": 0.3}, {"rate": 1.5}]}),
    st.just({"distribution": "weibull", "mean": 0.7, "shape": 2}),
    st.just({"distribution": "lognormal", "median": 0.4, "shape": 0.8}),
    st.just({"distribution": "gompertz", "median": 0.6, "shape": 0.5}),
    st.just({"distribution": "kaplan_meier", "unit": "months", "table": [[0, 1], [3, 0.6], [9, 0.2]]}),
)
hazards = st.sampled_from([0.1, 0.6, [{"until_years": 1, "rate": 1.2}, {"rate": 0.1}]])
rules = st.sampled_from(["back", "leg", "either", "both", "mean"])


@st.composite
def sites(draw: st.DrawFn) -> Data:
    """Relief of one site."""
    yes, no = draw(st.sampled_from([0.6, 0.75, 0.9])), draw(st.sampled_from([-0.1, 0.1, 0.3]))
    return {
        "responders": draw(st.sampled_from([0.05, 0.4, 0.8])),
        "if_responder": {"mean": yes, "sd": 0.05},
        "if_not": {"mean": no, "sd": 0.1},
    }


@st.composite
def reliefs(draw: st.DrawFn) -> Data:
    """Relief of both sites."""
    waning = {"share": draw(some_shares), "time_years": draw(st.sampled_from([0.3, 2.0]))}
    return without_nothing(
        {
            "back": draw(sites()), "leg": draw(sites()), "onset_weeks": draw(st.sampled_from([0, 3])),
            "waning": draw(maybe(st.just(waning))),
        }
    )  # fmt: skip


@st.composite
def complications(draw: st.DrawFn, explants: bool) -> Data:
    """One or two complications."""
    found = {}
    for name in draw(st.sampled_from([["rash"], ["rash", "ache"]])):
        revision, explant = draw(st.sampled_from([(0.0, 0.5), (0.6, 0.0), (0.5, 0.3), (0.0, 0.0)]))
        found[name] = {
            "hazard": draw(hazards), "cost": 50, "revision": revision, "revision_wait": draw(delays),
            "relief_lost": draw(shares), "explant": explant, "reimplant": explants and draw(st.booleans()),
            "utility": {"loss": 0.05, "weeks": 5},
        }  # fmt: skip
    return found


@st.composite
def losses(draw: st.DrawFn) -> Data:
    """Loss of effect."""
    return {
        **draw(times), "stop_after_loss": draw(shares), "delay": draw(delays),
        "residual": draw(st.sampled_from([0, 0.3])),
    }  # fmt: skip


reviews = st.fixed_dictionaries(
    {"months": st.sampled_from([[3], [1, 6, 12]]), "rule": rules, "threshold": st.just(0.4), "stop": shares}
)


@st.composite
def therapies(draw: st.DrawFn) -> Data:
    """Any therapy."""
    kind = draw(st.sampled_from(["continuous", "procedure", "implant", "implant"]))
    found: Data = {"kind": kind, "wait": draw(times), "relief": draw(reliefs())}
    found["costs"] = {"referral": 10, "explant": 70, "revision": 30, "per_year": 100, "procedure": 200}
    found["complications"] = draw(maybe(complications(kind == "implant")))
    if kind == "procedure":
        found["assess"] = {"weeks": draw(st.sampled_from([2, 6])), "rule": draw(rules), "threshold": 0.3}
        found["loss_of_effect"] = draw(maybe(times))
        if found["loss_of_effect"] is not None:
            repeat = {"courses": draw(st.integers(2, 5)), "min_months": draw(st.sampled_from([0, 4]))}
            repeat |= {"probability": draw(some_shares), "relief_ratio": 0.9}
            found["repeat"] = draw(maybe(st.just(repeat)))
        found["surgery"] = draw(st.booleans())
    else:
        found["loss_of_effect"] = draw(maybe(losses()))
        found["review"] = draw(maybe(reviews))
    if kind == "continuous":
        found["max_duration"] = draw(maybe(st.sampled_from([3, 12]).map(lambda months: {"months": months})))
        found["stop_responders"], found["bridge"] = draw(st.booleans()), draw(st.booleans())
    if kind == "implant":
        trial = {"success": draw(some_shares), "days": draw(st.sampled_from([0, 10]))}
        found["trial"] = draw(maybe(st.just(trial)))
        found["response_group"] = draw(maybe(st.just("shared")))
        found["costs"] |= {"trial": 300, "implant": 900, "device": 2000, "replacement": 400}
        if found["complications"] is not None:
            found["reimplant"] = {"probability": 0.7, "delay": draw(delays), "most": draw(st.integers(1, 3))}
        life = draw(st.sampled_from([{"years": 1}, {"distribution": "weibull", "mean": 1.2, "shape": 2}]))
        device = {"rechargeable": False, "life": life, "replacement_wait": draw(delays)}
        found["device"] = draw(maybe(st.just(device)))
        found["paresthesia"] = {"perceived": 0.9, "uncomfortable": 0.2}
    return without_nothing(found)


@st.composite
def steps(draw: st.DrawFn, names: list[str]) -> list[Any]:
    """Steps of a strategy; therapies may come again, and conditions look back."""
    found: list[Any] = []
    for i in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(names))
        one: Data = {"therapy": name}
        looks = ["leg_vas >= 6", "diagnosed != 'nociceptive'", "back_vas_now > 4"]
        if i:
            before = found[0]["therapy"]
            looks += [f"'{before}' in tried", f"not '{before}' in responded", "leg_vas_now < 7"]
        condition = draw(maybe(st.sampled_from(looks)))
        if condition is not None:
            one["if"] = condition
        if draw(st.booleans()):
            one["acceptance"] = 0.7
        found.append(one)
    return found


UTILITIES = {
    "sources": {
        "states": {
            "kind": "states", "instrument": "none", "tariff": "none", "country": "none",
            "optimal": 0.8, "suboptimal": 0.6, "none": 0.3, "optimal_complication": 0.7,
        }
    },
    "decrements": {"surgery": {"loss": 0.1, "weeks": 4}},
}  # fmt: skip


@st.composite
def scenarios(draw: st.DrawFn) -> Data:
    """A whole scenario, as plain data."""
    names = ["one", "two", "three"][: draw(st.integers(1, 3))]
    mortality = draw(st.sampled_from([{"life_table": None}, {"life_table": "uk_2017_2019", "smr": 40}]))
    return merged(
        BASE,
        {
            "settings": {
                "horizon_years": draw(st.sampled_from([1, 4, 9.3])),
                "patients": draw(st.sampled_from([1, 50, 130])),
                "seed": draw(st.integers(0, 1000)),
                "visit_months": draw(st.sampled_from([[], [0, 3, 9]])),
                "discount_rate": {"costs": 0.035, "effects": 0.035},
            },
            "population": {
                "age": {"mean": 60, "sd": 10, "min": 20, "max": 95},
                "back_vas": {"mean": 7.5, "sd": 1, "min": 5, "max": 10},
                "leg_vas": {"mean": 7, "sd": 1, "min": 4, "max": 10},
                "mechanism": {"neuropathic": 0.4, "mixed": 0.3, "nociceptive": 0.3},
                "mortality": mortality,
            },
            "therapies": {name: draw(therapies()) for name in names},
            "strategies": {name: {"steps": draw(steps(names))} for name in ["a", "b"][: draw(st.integers(1, 2))]},
            "utilities": UTILITIES,
            "costs": {
                "by_relief": {"drugs": {"optimal": 100, "suboptimal": 200, "none": 400}},
                "background": {"care": {"pieces": [{"until_years": 1, "per_year": 90}, {"per_year": 50}]}},
            },
            "measurement": {"pain_person_sd": 0.5, "pain_visit_sd": 0.8},
        },
    )
