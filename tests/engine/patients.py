"""What happened to each single patient: the one place where tests reach inside the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scssim import api
from scssim.engine.block import Compiled
from scssim.engine.job import CELLS, Job, Task, blocks, tasks
from scssim.engine.run import compiled_for
from scssim.model.parameters import draw
from scssim.model.visits import Counts
from scssim.scenario.load import LoadedScenario

Array = NDArray[np.float64]


def every_task(job: Job, cells: int | None = None) -> list[Task]:
    """All tasks of a job, in order."""
    return [task for block in blocks(job) for task in tasks(block, cells or job.cells)]


def histories(
    loaded: LoadedScenario, *, cells: int = CELLS, visits: bool = True, **job: Any
) -> dict[str, dict[str, Array]]:
    """By strategy and outcome (cost, cost0, qaly, qaly0, life and start of effect), arrays (draws, patients).

    Parameters
    ----------
    loaded
        Scenario.
    cells
        Cells of a block.
    visits
        Whether to record visits; ``activation`` (start of effect of the first implant) needs them.
    **job
        Arguments of ``api.make_job``.
    """
    return job_histories(api.make_job(loaded, **job), cells, visits)


def job_histories(job: Job, cells: int = CELLS, visits: bool = True) -> dict[str, dict[str, Array]]:
    """`histories` of a job."""
    shape = (max(job.draws, 1), job.patients)
    out: dict[str, dict[str, Array]] = {name: {} for name in job.scenario.strategies}
    for task in every_task(job, cells):
        one = compiled_for(job, task)
        block = one.block(task)
        counts = None if job.visits is None else Counts.empty(len(out), job.visits)
        ledger = one.ledger(block, counts)
        one.play(block, ledger)
        for name, account in zip(out, ledger.accounts, strict=True):
            assert account is not None
            base = block.worth.base
            found = {
                "cost": account.cost, "cost0": account.cost0, "qaly": account.qaly[base], "qaly0": account.qaly0,
                "life": block.life, "now": account.now,
            }  # fmt: skip
            found |= {f"qaly_{source}": q for source, q in account.qaly.items() if source != base}
            for key, x in found.items():
                whole = out[name].setdefault(key, np.full(shape, np.nan))
                part = whole[task.draw : task.draw + task.draws, task.first : task.first + task.patients]
                part[:] = np.reshape(x, part.shape)
    return out


def same(a: dict[str, Array], b: dict[str, Array], draws: int | None = None, patients: int | None = None) -> bool:
    """Whether the first draws and patients of one strategy are bit-identical."""
    keys = a.keys() & b.keys()
    assert {"cost", "qaly", "life"} <= keys
    return all(np.array_equal(a[k][:draws, :patients], b[k][:draws, :patients]) for k in keys)


def compiled(loaded: LoadedScenario, **job: Any) -> Compiled:
    """A compiled job (distribution means unless ``draws`` is given)."""
    made = api.make_job(loaded, **{"draws": 0, **job})
    return Compiled(made, draw(made.scenario, made.seed, 0, made.draws))
