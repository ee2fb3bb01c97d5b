"""Which code runs on what: a hash of the program and its data, versions of packages, and what the processor can do."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent

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
    from scssim.scenario.merge import shipped  # imported when asked: worker processes never ask

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


def cpu_features() -> dict[str, Any]:
    """What NumPy found and may use on this processor."""
    import numpy  # noqa: F401  (loads the module that knows)

    umath = sys.modules.get("numpy._core._multiarray_umath")
    found: Mapping[str, bool] = getattr(umath, "__cpu_features__", {})
    return {
        "baseline": list(getattr(umath, "__cpu_baseline__", [])),
        "dispatch": list(getattr(umath, "__cpu_dispatch__", [])),
        "found": sorted(name for name, present in found.items() if present),
    }


@lru_cache(maxsize=1)
def build() -> dict[str, str]:
    """Everything on which the last bit of a result can depend, beside the scenario: bit-identity is promised if equal.

    Returns
    -------
    dict
        Versions of scssim, its code (a hash), NumPy, SciPy, the linear algebra, the system with its C library; features
        of the processor.
    """
    import scipy.linalg  # noqa: F401  (with its own linear algebra, which is then listed wherever this is asked)
    from threadpoolctl import threadpool_info

    every = [found for found in threadpool_info() if found.get("user_api") == "blas"]
    # A program may have loaded others, of which results do not depend.
    own = [found for found in every if re.search(r"[/\\](numpy|scipy)(\.libs)?[/\\]", found.get("filepath", ""))]
    keys = ("internal_api", "version", "architecture")
    libraries = {" ".join(str(found.get(key) or "") for key in keys).strip() for found in own or every}
    release = platform.release() if sys.platform == "darwin" else ""  # with which its linear algebra comes
    return {
        "scssim": version("scssim"),
        "code": fingerprint(hashes()),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "linear algebra": ", ".join(sorted(libraries)),
        "system": " ".join(filter(None, (sys.platform, platform.machine(), release, *platform.libc_ver()))),
        "CPU features": " ".join(cpu_features()["found"]),
    }


def unlike(there: Mapping[str, object], here: Mapping[str, object]) -> list[str]:
    """What differs between two descriptions, in words."""
    return [
        _unlike(name, there.get(name), here.get(name))
        for name in dict.fromkeys([*there, *here])
        if there.get(name) != here.get(name)
    ]


def _unlike(name: str, there: object, here: object) -> str:
    if isinstance(there, str) and isinstance(here, str) and name == "CPU features":
        sets = set(there.split()), set(here.split())
        only = [" ".join(sorted(one - other)) or "none" for one, other in (sets, sets[::-1])]
        return f"{name}: only there {only[0]}; only here {only[1]}"
    return f"{name}: {there} there, {here} here"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
