"""Late losses of effect, and the share of the stated relief that patients have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from engine.patients import compiled, every_task, histories, same
from engine.tiny import AT_ONCE, GAIN, IMPLANT, T0, close, load, merged, outcome, run, tiny
from scssim.errors import ScenarioError
from scssim.model.plan import make_plan
from scssim.scenario.load import LoadedScenario

N = 3000
LOSING: dict[str, Any] = {**IMPLANT, "loss_of_effect": {"hazard": 0.1, "stop_after_loss": 0}}


def with_late(from_years: Any, time_years: Any, **therapy: Any) -> LoadedScenario:
    late = {"late": {"from_years": from_years, "time_years": time_years}}
    return tiny({"x": merged({**LOSING, **therapy}, {"loss_of_effect": late})}, settings={"patients": N})


def losses(loaded: LoadedScenario, **job: Any) -> np.ndarray:
    """Years from the start of effect to its loss, shape (draws, patients)."""
    one = compiled(loaded, patients=N, **job)
    found = []
    for task in every_task(one.job):
        block = one.block(task)
        plan = make_plan(one.therapies["x"], block.cells, block.worth.recorder, block.exit)
        assert plan.loss is not None
        found.append(plan.loss.reshape(task.draws, -1))
    axis = 1 if one.job.draws == 0 else 0
    return np.concatenate(found, axis=axis)


def test_losses_are_the_earlier_of_the_two() -> None:
    (plain,), (late,) = losses(tiny({"x": LOSING})), losses(with_late(4, 2))
    assert (late <= plain).all()
    assert np.array_equal(late[late <= 4], plain[plain <= 4])
    moved = late < plain
    assert late[moved].min() > 4 and 0.3 < moved.mean() < 0.67
    # From 4 years on the hazards 0.1 and 1/2 add up.
    after = late[late > 4] - 4
    assert stats.kstest(after, stats.expon(scale=1 / 0.6).cdf).pvalue > 1e-3
    assert after.max() < 1 / 0.6 * (np.log(after.size) + 12)


def test_in_the_end_everybody_loses_it() -> None:
    nobody = {"loss_of_effect": {"hazard": 0, "stop_after_loss": 0}}
    (found,) = losses(with_late(3, 1e-6, **nobody))
    assert found.min() > 3 and found.max() < 3 + 1e-4
    years = 10 - T0
    # All relief is gone after three of the years with it.
    short = with_late(3, 1e-6, **nobody)
    for strategy, expected in ((short, 10 * 0.6 + 3 * GAIN), (tiny({"x": {**LOSING, **nobody}}), 6 + years * GAIN)):
        qaly = histories(strategy, draws=0, patients=64)["only"]["qaly"]
        assert qaly == pytest.approx(expected, abs=1e-4)


def test_histories_before_are_unchanged() -> None:
    base = tiny({"x": LOSING}, settings={"horizon_years": 5})
    late = {"late": {"from_years": 5, "time_years": 0.5}}
    with_it = tiny({"x": merged(LOSING, {"loss_of_effect": late})}, settings={"horizon_years": 5})
    a, b = (histories(s, patients=N, draws=0)["only"] for s in (base, with_it))
    assert same(a, b)
    longer = [merged(s.resolved, {"settings": {"horizon_years": 9}}) for s in (base, with_it)]
    a, b = (histories(load(s), patients=N, draws=0)["only"] for s in longer)
    # Nobody gains, most lose; the start of the effect is T0, so nobody before 5 years and that.
    assert (b["qaly"] <= a["qaly"] + 1e-12).all() and (b["qaly"] < a["qaly"] - 0.01).mean() > 0.4
    assert (a["qaly"] - b["qaly"]).max() <= (9 - 5 - T0) * GAIN + 1e-9


def test_an_uncertain_beginning_is_drawn_once_per_draw() -> None:
    uncertain = with_late({"mean": 3, "se": 0.8}, 1e-9, loss_of_effect={"hazard": 0, "stop_after_loss": 0})
    found = losses(uncertain, draws=5)
    assert np.ptp(found, axis=1).max() < 1e-6 and np.ptp(found[:, 0]) > 0.1


def test_a_procedure_has_none() -> None:
    shot = {
        "kind": "procedure", "relief": AT_ONCE, "assess": {"weeks": 4},
        "loss_of_effect": {"months": 2, "late": {"from_years": 1, "time_years": 1}},
    }  # fmt: skip
    with pytest.raises(ScenarioError, match="`late` losses do not apply to a procedure"):
        tiny({"x": shot})


# ------------------------------------------------------------------- share


def test_the_share_of_relief_is_worth_its_share() -> None:
    for share in (0.0, 0.25, 0.5, 1.0):
        result = run({"x": merged(IMPLANT, {"relief": {"share": share}})})
        assert outcome(result, "qaly") == close(6 + share * GAIN * (10 - T0))


RELIEF = {
    "back": {"responders": 0.5, "if_responder": {"mean": 0.8, "sd": 0.1}, "if_not": {"mean": 0.1, "sd": 0.2}},
    "leg": {"responders": 0.4, "if_responder": {"mean": 0.7, "sd": 0.1}, "if_not": {"mean": 0.1, "sd": 0.2}},
}


def test_everybody_has_the_same_share_of_their_relief() -> None:
    def relief(share: Any, **job: Any) -> dict[str, np.ndarray]:
        loaded = tiny({"x": merged({**IMPLANT, "relief": RELIEF}, {"relief": {"share": share}})})
        one = compiled(loaded, patients=500, **job)
        (task,) = every_task(one.job)
        block = one.block(task)
        return make_plan(one.therapies["x"], block.cells, block.worth.recorder, block.exit).relief

    stated = relief(1)
    for share in (0.0, 0.3, 0.8):
        some = relief(share)
        for site in ("back", "leg"):
            assert np.array_equal(some[site], stated[site] * share)
    several = relief({"mean": 0.6, "se": 0.1}, draws=4)["back"].reshape(4, -1)
    first = relief(1, draws=4)["back"].reshape(4, -1)
    ratio = several / first
    assert np.ptp(ratio, axis=1).max() < 1e-9 and np.ptp(ratio[:, 0]) > 0.01


def test_a_share_of_one_changes_nothing() -> None:
    therapy = {**IMPLANT, "relief": RELIEF, "review": {"months": [6], "stop": 0.5}}
    plain, one = tiny({"x": therapy}), tiny({"x": merged(therapy, {"relief": {"share": 1.0}})})
    for draws in (0, 3):
        a, b = (histories(s, patients=200, draws=draws)["only"] for s in (plain, one))
        assert same(a, b)
    less = tiny({"x": merged(therapy, {"relief": {"share": 0.9}})})
    assert not same(histories(plain, patients=200)["only"], histories(less, patients=200)["only"])
