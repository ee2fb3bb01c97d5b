"""Fixtures shared by all tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from scssim import cli

# A busy machine is no defect: no test has a time.
settings.register_profile("scssim", deadline=None)
settings.load_profile("scssim")

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def small_path() -> Path:
    """A small complete scenario that uses most of the language."""
    return DATA / "small.yaml"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Call the command line in an empty directory; return exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCSSIM_DEBUG", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        captured = capsys.readouterr()
        assert stopped.value.code is None or isinstance(stopped.value.code, int)
        return stopped.value.code or 0, captured.out, captured.err

    return run
