"""The command line with many small blocks and with processes for them, in a process of its own that can be killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

SCENARIO = f"""
extends: {TESTS / "data" / "small.yaml"}
settings: {{visit_months: []}}
targets: null
analyses:
  psa: null
  dsa: {{parameters: ["therapies.*.responders"], patients: 1200}}
  variants: {{older: {{population.age.mean: 70}}}}
  subgroups: {{mixed: mechanism == 'mixed'}}
  cases: {{draws: 48, patients: 1000}}
"""

PATIENTS, DRAWS = 1600, 60

OPTIONS = ["--patients", str(PATIENTS), "--draws", str(DRAWS), "--workers", "2", "--allow-outside"]


def start(folder: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """Start a run in a group of processes of its own, as a shell does.

    Parameters
    ----------
    folder
        Where its scenario is.
    out
        Where its results go.
    *more
        Further options.
    """
    scenario = folder / "scenario.yaml"
    if not scenario.exists():
        scenario.write_text(SCENARIO)
    return subprocess.Popen(
        [sys.executable, __file__, "run", str(scenario), "--out", str(out), *OPTIONS, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def processes(group: int) -> list[int]:
    """The processes of a group that are not just waiting to be forgotten."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(folder.name))
    return found


if __name__ == "__main__":
    from scssim.cli import main
    from scssim.engine import crew, job

    crew.WORTH_A_POOL = 0
    job.BLOCK = 8192
    main(sys.argv[1:])
