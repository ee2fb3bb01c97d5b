"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def small_path() -> Path:
    """A small complete scenario that uses most of the language."""
    return DATA / "small.yaml"
