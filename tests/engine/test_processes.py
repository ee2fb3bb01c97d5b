"""Worker processes that cannot work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SMALL = Path(__file__).parents[1] / "data" / "small.yaml"


def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import scssim\nscssim.run({str(SMALL)!r}, patients=5000, draws=16, workers=2)\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "ScssimError: a worker process ended before its work was done" in done.stderr
    assert "__main__" in done.stderr.rsplit("ScssimError", 1)[1]
