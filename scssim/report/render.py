"""Figures and the page of a run, drawn from what stands in its directory."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scssim.files import replace, writing
from scssim.report.read import read_result
from scssim.report.write import PAGE, write_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scssim.report.style import Makers
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
    from scssim.report import style
    from scssim.report.html.page import Drawing, page

    result, manifest = read_result(out)
    figures = style.drawn(figure_makers(result))
    folder = out / "figures"
    with writing(out):
        write_figures(figures, folder)
        drawings = {
            name: Drawing((folder / f"{name}.svg").read_text(encoding="utf-8"), *_heading(figure))
            for name, figure in figures.items()
        }
        return replace(out / PAGE, page(result, manifest, drawings, out).encode())


def figure_makers(result: Result) -> Makers:
    """What draws each figure of a run, by name; some find nothing to draw."""
    from scssim.report import decision_figures, figures, service_figures, target_figure

    makers = {**figures.makers(result), **decision_figures.makers_of(result), **service_figures.makers(result)}
    return {**makers, "targets": partial(target_figure.targets, result)}


def _heading(figure: Figure) -> tuple[str, str]:
    """Title and subtitle, which are the first texts of every figure (see `scssim.report.style.Heading`)."""
    title, subtitle = (text.get_text().replace("\n", " ") for text in figure.texts[:2])
    return title, subtitle
