"""The page of a run: one file with everything in it, made from what stands in the directory of the run."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from scssim.report.html import svg
from scssim.report.html.captions import caption, data_of
from scssim.report.html.outline import outline
from scssim.report.html.parts import Picture
from scssim.report.read import Manifest
from scssim.result import TABLES, Result

_PATH = re.compile(r"\b[a-z]\w*[._]\w[\w.]{8,}")

MOST_ATTACHED = 400_000
"""Bytes, compressed, up to which a table is kept inside the page; longer ones are beside it only."""


@dataclass(frozen=True)
class Attached:
    """A table of the run: where its file is, seen from the page, and its content where that is kept in the page."""

    file: str
    kind: str
    content: str


@dataclass(frozen=True)
class Drawing:
    """A figure as it was drawn: SVG, its title and its subtitle."""

    svg: str
    title: str
    subtitle: str


def page(result: Result, manifest: Manifest, drawings: Mapping[str, Drawing], folder: Path) -> str:
    """The report of a run as HTML that needs no other file.

    Parameters
    ----------
    result, manifest
        What `scssim.report.read.read_result` returned.
    drawings
        Figures by name.
    folder
        Directory of the run, whose tables are attached.

    Returns
    -------
    str
        The page; the same for the same files and version.
    """
    pictures = {name: _picture(name, one, result) for name, one in drawings.items()}

    def named(name: str) -> Sequence[Picture]:
        family = [key for key in pictures if key == name or (name == "two_way" and key.startswith("two_way_"))]
        return [pictures[key] for key in family]

    light, dark = svg.stylesheet(svg.colours(one.svg for one in pictures.values()))
    here = files("scssim.report.html")
    environment = Environment(
        loader=PackageLoader("scssim.report", "html"), undefined=StrictUndefined, autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["breakable"] = _breakable
    return environment.get_template("page.html.j2").render(
        title=result.scenario.title,
        version=manifest.scssim,
        css=Markup(here.joinpath("page.css").read_text(encoding="utf-8")),
        js=Markup(here.joinpath("page.js").read_text(encoding="utf-8")),
        light=light,
        dark=dark,
        sections=outline(result, manifest, named),
        data=_attached(folder),
    )


def _breakable(text: str) -> Markup:
    """A text whose long paths may be broken after dots and underscores."""
    words = re.sub(r"(?<=[a-z0-9])([._])(?=[a-z0-9])", r"\1<wbr>", str(escape(text))) if _PATH.search(text) else None
    return escape(text) if words is None else Markup(words)


def _picture(name: str, drawing: Drawing, result: Result) -> Picture:
    said = caption(name, result)
    description = " ".join(f"{drawing.title}. {drawing.subtitle} {said}".split())
    return Picture(name, svg.inline(drawing.svg, name.replace("_", "-"), description), said, data_of(name))


def _attached(folder: Path) -> dict[str, Attached]:
    found = {}
    for name in TABLES:
        for kind in ("csv", "parquet"):
            path = folder / "tables" / f"{name}.{kind}"
            if path.exists():
                packed = gzip.compress(path.read_bytes(), mtime=0) if kind == "csv" else b""
                small = 0 < len(packed) <= MOST_ATTACHED
                content = base64.b64encode(packed).decode() if small else ""
                found[name] = Attached(f"tables/{path.name}", kind, content)
    return found
