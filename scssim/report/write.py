"""Writing a result to a directory: tables, results.json, manifest.json."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scssim.build import cpu_features, fingerprint, hashes, installed
from scssim.errors import ScssimError
from scssim.files import half_written, made, replace, writing
from scssim.report.stress import stress_des
from scssim.report.study import best_row
from scssim.report.terminal import records
from scssim.result import TABLES, Result

FIGURES = (
    "vas_over_time", "vas_over_time_activation", "utility_over_time", "utility_over_time_activation",
    "responders", "responders_activation", "paresthesia", "occupancy", "cost_breakdown", "ce_plane", "ceac",
    "expected_loss", "evpi", "evppi", "tornado", "two_way", "two_way_*", "extrapolation", "budget",
    "queues", "utilisation", "waiting_times", "swimmer", "flows", "capacity", "targets",
)  # fmt: skip
"""Figures that a run can have (`*` is a name)."""

WORKBOOK = "results.xlsx"
"""Workbook of a run (`scssim.report.workbook` writes it)."""

DESCRIPTION = "stress-des.md"
"""Description of a run of discrete events, by the reporting guideline of that name."""

PAGE = "report.html"
"""The report of a run."""

CSV_ROWS = 100_000
"""Longest table that is written as CSV; longer ones are Parquet."""


@contextmanager
def prepared(out: Path) -> Iterator[None]:
    """Make a directory for results, and make sure before a run that it can be written to.

    Directories that were made here and are still empty when the block fails are removed again.

    Parameters
    ----------
    out
        The directory; it may exist, with the results of an earlier run.

    Raises
    ------
    ScssimError
        If the place is no directory or cannot be written to.
    """
    folder = out
    with ExitStack() as stack:
        try:
            places = [out, out / "tables", out / "figures", out / "cases"]
            for folder in places:
                if folder.exists() and not folder.is_dir():
                    raise ScssimError(f"cannot write results to {out}: {folder} is not a directory")
            folder = out
            stack.enter_context(made(out))
            for folder in filter(Path.exists, places):
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise ScssimError(f"cannot write results to {folder}: {error.strerror or error}") from None
        yield


def write(result: Result, out: Path, command: str) -> list[Path]:
    """Write everything that a run found, in tables and documents (`scssim.report.render` draws from them).

    Files of an earlier run are replaced one by one, each at once or not at all; those that this run
    does not have are removed, as are its figures, its page and its workbook. Other files are left alone. The manifest
    of an earlier run goes first and the new one comes last: a directory without one is not complete.

    Parameters
    ----------
    result
        What `scssim.run` returned.
    out
        Directory for the results; made if missing.
    command
        How the run was called, for the manifest.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ScssimError
        If a file cannot be written.
    """
    with writing(out):
        (out / "manifest.json").unlink(missing_ok=True)
        written = _write_tables(result, out / "tables")
        tables = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in written}
        written += [path for name, case in result.cases.items() for path in _write_case(case, out / "cases" / name)]
        written.append(replace(out / "results.json", _json(results(result))))
        if result.service is not None:
            written.append(replace(out / DESCRIPTION, stress_des(result.loaded, result.service).encode()))
        _remove_stale(out, written)
        written.append(replace(out / "manifest.json", _json(manifest(result, command, tables))))
    return written


def results(result: Result) -> dict[str, Any]:
    """Headline numbers of a run, as written to ``results.json``."""
    scenario = result.scenario
    outcomes: dict[str, dict[str, Any]] = {name: {} for name in scenario.strategies}
    for row in _plain(records(result.outcomes)):
        outcomes[row["strategy"]][row["outcome"]] = {"mean": row["mean"], "mcse": row["mcse"]}
    return {
        "scssim": result.version,
        "scenario": {"title": scenario.title, "sha256": result.loaded.sha256},
        "seed": result.seed,
        "patients": result.patients,
        "draws": result.draws,
        "engine": result.engine,
        "currency": scenario.settings.currency,
        "price_year": scenario.settings.price_year,
        "strategies": list(scenario.strategies),
        "outcomes": outcomes,
        "frontier": _plain(records(result.frontier)),
        "headline": headline(result),
        "targets": _plain(records(result.targets)),
        "assumed_share": result.assumed_share,
        "decision": decision(result),
        "service": result.service,
    }


def headline(result: Result) -> dict[str, Any]:
    """Strategy with the highest net monetary benefit at the first threshold, and its ICER on the frontier."""
    thresholds = result.scenario.settings.willingness_to_pay
    wtp = thresholds[0] if thresholds else None
    rows = result.frontier.dropna(subset=["cost", "qaly"])
    if wtp is None or rows.empty:
        return {"wtp": wtp, "best": None, "icer_vs_previous": None}
    best = _plain(best_row(rows, wtp).to_dict())
    return {"wtp": wtp, "best": best["strategy"], "icer_vs_previous": best["icer"]}


def decision(result: Result) -> list[dict[str, Any]] | None:
    """Best strategy, how sure that is, and what certainty would be worth, at each threshold; None without draws."""
    if result.ceac.empty:
        return None
    best = result.ceac[result.ceac["is_optimal"]].merge(result.evpi, on="wtp")
    rows = best[best["wtp"].isin(result.scenario.settings.willingness_to_pay)]
    columns = ["wtp", "strategy", "p_best", "evpi", "evpi_population"]
    found = _plain(records(rows[columns].rename(columns={"strategy": "best"})))
    for row in found:
        pairs = result.pairwise[result.pairwise["wtp"] == row["wtp"]].set_index("strategy")
        pairs = pairs[list(INTERVAL)].rename(columns=INTERVAL)
        row["inmb"] = {str(name): _plain(pair.to_dict()) for name, pair in pairs.iterrows()}
    return found


INTERVAL = {"inmb": "mean", "inmb_lower": "lower", "inmb_upper": "upper"}
"""Columns of `pairwise` as they are called in ``results.json``."""


def manifest(result: Result, command: str, tables: Mapping[str, str]) -> dict[str, Any]:
    """What is needed to repeat a run and to judge whether a repetition must agree to the last bit."""
    return {
        "scssim": result.version,
        "code": fingerprint(hashes()),
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in ("numpy", "scipy", "pandas")},
        "numpy_build": np.show_config(mode="dicts"),
        "cpu_features": cpu_features(),
        "platform": platform.platform(),
        "command": command,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": result.seconds,
        "seed": result.seed,
        "patients": result.patients,
        "draws": result.draws,
        "engine": result.engine,
        "warnings": list(result.warnings),
        "tables": dict(tables),
        "scenario": {
            "name": result.loaded.name,
            "title": result.scenario.title,
            "sha256": result.loaded.sha256,
            "resolved": result.loaded.resolved,
        },
    }


def _write_tables(result: Result, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in TABLES:
        table: pd.DataFrame | None = getattr(result, name, None)
        if table is None or not len(table.columns):
            continue
        if len(table) > CSV_ROWS:
            save = partial(table.to_parquet, engine="pyarrow", index=False)
            written.append(replace(folder / f"{name}.parquet", save))
        else:
            written.append(write_csv(table, folder / f"{name}.csv"))
    return written


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table, all at once or not at all."""
    return replace(path, table.to_csv(index=False, lineterminator="\n").encode())


def _write_case(result: Result, folder: Path) -> list[Path]:
    """Everything about a variant or subgroup but its figures."""
    written = _write_tables(result, folder / "tables")
    written.append(replace(folder / "results.json", _json(results(result))))
    return written


def write_figures(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write Matplotlib figures by name, as SVG and as PNG; returns the files."""
    from scssim.report import style

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures.items():
        written.append(replace(folder / f"{name}.svg", partial(style.save, figure, kind="svg")))
        written.append(replace(folder / f"{name}.png", partial(style.save, figure, kind="png")))
    return written


def _remove_stale(out: Path, written: list[Path]) -> None:
    tables = [out / "tables", *out.glob("cases/*/tables")]
    ours = [folder / f"{name}.{kind}" for folder in tables for name in TABLES for kind in ("csv", "parquet")]
    ours += [out / DESCRIPTION, *out.glob("cases/*/results.json")]
    # The page, the workbook and all figures: those of this run are made anew afterwards.
    ours += [out / PAGE, out / WORKBOOK]
    ours += [path for name in FIGURES for kind in ("svg", "png") for path in (out / "figures").glob(f"{name}.{kind}")]
    for path in set(ours) - set(written):
        path.unlink(missing_ok=True)
    for folder in {out, out / "figures", *(path.parent for path in (*ours, *written))}:
        for path in half_written(folder):
            if folder / path.stem[1:] in {*ours, *written, out / "manifest.json"} or folder == out / "figures":
                path.unlink(missing_ok=True)
    for folder in [*out.glob("cases/*/tables"), *out.glob("cases/*"), out / "cases"]:
        with suppress(OSError):  # somebody's own files are left alone
            folder.rmdir()


def _plain(value: Any) -> Any:
    """The value as JSON can say it; what is not a finite number becomes None."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bool, int, str)):
        return value
    return str(value)


def _json(value: Any) -> bytes:
    return (json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
