"""Figures and the page of a run, drawn from what stands in its directory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scssim.report.read import read_result
from scssim.report.write import PAGE, replace, write_figures, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scssim.result import Result


def render(out: Path) -> Path:
    """Draw the figures of a run and make its page, from its tables, ``results.json`` and ``manifest.json`` alone.

    Parameters
    ----------
    out
        Directory of a run.

    Returns
    -------
    Path
        The page. Made again from the same files by the same version, it has the same bytes.

    Raises
    ------
    ScssimError
        If the directory has no complete result, or cannot be written to.
    """
    from scssim.report.html.page import Drawing, page

    result, manifest = read_result(out)
    figures = all_figures(result)
    folder = out / "figures"
    with writing(out):
        write_figures(figures, folder)
        drawings = {
            name: Drawing((folder / f"{name}.svg").read_text(encoding="utf-8"), *_heading(figure))
            for name, figure in figures.items()
        }
        return replace(out / PAGE, page(result, manifest, drawings, out).encode())


def all_figures(result: Result) -> dict[str, Figure]:
    """Every figure that a run has, by name."""
    from scssim.report import figures
    from scssim.report.decision_figures import figures_of
    from scssim.report.service_figures import service_figures
    from scssim.report.style import NothingToDrawError
    from scssim.report.target_figure import targets

    found = {**figures.all_figures(result), **figures_of(result), **service_figures(result)}
    with suppress(NothingToDrawError):
        found["targets"] = targets(result)
    return found


def _heading(figure: Figure) -> tuple[str, str]:
    """Title and subtitle, which are the first texts of every figure (see `scssim.report.style.Heading`)."""
    title, subtitle = (text.get_text().replace("\n", " ") for text in figure.texts[:2])
    return title, subtitle
