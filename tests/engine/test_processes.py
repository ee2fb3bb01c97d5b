"""Worker processes that cannot work, and those that nobody wants any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"


def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import scssim\nscssim.run({str(SMALL)!r}, patients=5000, draws=400, workers=2)\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "ScssimError: a worker process ended before its work was done" in done.stderr
    assert "__main__" in done.stderr.rsplit("ScssimError", 1)[1]


ENDLESS = f"""
import signal
import scssim
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    show = lambda done, of: print(done, flush=True)
    scssim.run({str(SMALL)!r}, patients=20_000, draws=5_000, workers=2, progress=show)
"""


def living(group: int) -> list[str]:
    """Command lines of the processes of a group that are not just waiting to be forgotten."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path: Path, ending: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()  # the first block is done, so both work
    assert len(living(process.pid)) >= 3
    if ending == signal.SIGINT:
        os.killpg(process.pid, ending)  # as a terminal does
    else:
        process.kill()
    _, told = process.communicate(timeout=60)
    until = time.monotonic() + 30
    while living(process.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert living(process.pid) == []
    # Nothing but the interrupt itself is reported, by the parent and by no thread or worker.
    assert told.count("Traceback") == told.count("KeyboardInterrupt") == (ending == signal.SIGINT)
