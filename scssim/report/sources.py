"""Which code is installed: a hash of every file of the program and its data, and versions of packages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scssim.scenario.merge import shipped

PACKAGE = Path(__file__).parents[1]

SUFFIXES = (".py", ".yaml", ".csv", ".j2", ".css", ".js")
"""Files of the program and its data, as they are installed."""

RECORD = "report/checks_record.json"
"""The record of checks, the only JSON file that is installed: it is about the code and no part of it."""


def hashes(package: Path = PACKAGE, scenarios: Mapping[str, Path] | None = None) -> dict[str, str]:
    """A hash of each file, whatever its line endings and wherever it is installed.

    Parameters
    ----------
    package
        Folder of the package.
    scenarios
        Files of the shipped scenarios by name, which may lie elsewhere; by default those of this installation.

    Returns
    -------
    dict
        First 16 digits of the SHA-256, by path in the package (``shipped/NAME.yaml`` for scenarios).
    """
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.suffix in SUFFIXES}
    files = {name: path for name, path in files.items() if not name.startswith("shipped/")}
    files |= {f"shipped/{name}.yaml": path for name, path in (shipped() if scenarios is None else scenarios).items()}
    return {name: _digest(files[name].read_bytes().replace(b"\r\n", b"\n")) for name in sorted(files)}


def fingerprint(files: Mapping[str, str]) -> str:
    """One hash of all files."""
    return _digest("\n".join(f"{name} {files[name]}" for name in sorted(files)).encode())


def installed(package: str) -> str | None:
    """Version of a package; None where it is not known."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
