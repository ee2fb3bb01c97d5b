"""Parts of the page that need no browser."""

from __future__ import annotations

import re

import numpy as np
import pytest

from scssim.report.html import svg
from scssim.report.html.diagram import table, with_tables
from scssim.report.html.parts import Prose, spans, strong
from scssim.report.html.sheet import leading_number
from scssim.report.stress import stress_des
from scssim.scenario.load import load

DRAWING = """<?xml version="1.0"?>
<svg width="72pt" height="36pt" viewBox="0 0 72 36" version="1.1">
 <metadata>when</metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style></defs>
 <g id="figure_1"><path id="m1" d="M 1.234567 -0.000001 L 2 3.999999" style="fill: #0072b2; stroke: #ffffff"/>
 <use xlink:href="#m1"/><g clip-path="url(#p0072b2)"/></g>
 <clipPath id="p0072b2"/><text style="fill: #222222">Arm: #aabbcc id="x" url(#bar)</text>
</svg>"""


def test_a_drawing_stands_in_a_page() -> None:
    found = svg.inline(DRAWING, "a", 'Pain "of" <all>')
    assert found.startswith('<svg viewBox="0 0 72 36" role="img" aria-label="Pain &quot;of&quot; &lt;all&gt;"')
    assert "--width: 96px" in found
    assert 'd="M 1.23 0 L 2 4"' in found
    assert "fill: var(--c-0072b2); stroke: var(--c-ffffff)" in found
    assert 'id="a-m1"' in found and 'href="#a-m1"' in found and "url(#a-p0072b2)" in found
    assert "figure_1" not in found and "metadata" not in found and "<style" not in found
    assert '>Arm: #aabbcc id="x" url(#bar)</text>' in found
    assert svg.colours([found]) == ["0072b2", "222222", "ffffff"]


def lightness(colour: str) -> float:
    """Relative luminance of WCAG."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("colour", ["222222", "666666", "000000", "0072b2", "d55e00", "009e73", "aa3377", "332288"])
def test_ink_and_lines_can_be_seen_on_dark_paper(colour: str) -> None:
    paper, ink = lightness(svg.on_dark("ffffff")), lightness(svg.on_dark(colour))
    assert (ink + 0.05) / (paper + 0.05) > 4.5


def test_light_and_dark_name_the_same_colours() -> None:
    light, dark = svg.stylesheet(["222222", "e4e4e4"])
    assert re.findall(r"--c-\w+", light) == re.findall(r"--c-\w+", dark) == ["--c-222222", "--c-e4e4e4"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12,345", 12345), ("-475 to 2,145", -475), ("10.1 m", 10.1e6), ("1.2 bn", 1.2e9), ("5 %", 5), ("−3", -3),
        ("3/12/24", 3), ("1e-05", 1e-5), ("", None), ("nowhere", None), ("on the frontier", None),
    ],
)  # fmt: skip
def test_cells_are_sorted_by_the_number_they_begin_with(text: str, value: float | None) -> None:
    assert leading_number(text) == (value if value is None else pytest.approx(value))


def test_html_in_words_is_shown_as_it_stands() -> None:
    assert Prose("<b>x</b> **y** [z](javascript:alert(1))").html == (
        "<p>&lt;b&gt;x&lt;/b&gt; <strong>y</strong> [z](javascript:alert(1))</p>\n"
    )
    assert "<img" not in Prose("![x](http://example.org/x.png)").html
    assert Prose("a **b** <c>", plain=True).html == "<p>a **b** &lt;c&gt;</p>"
    words = "NHS* `care`\n* c ![x](http://example.org)"
    assert spans(f"{strong(words)} & *d*") == (
        "<strong>NHS* <code>care</code> * c ![x](http://example.org)</strong> &amp; *d*"
    )
    assert Prose("# Title\n\n## Part").html == "<h3>Title</h3>\n<h4>Part</h4>\n"


def test_a_chart_is_a_table_of_its_arrows() -> None:
    chart = 'flowchart TD\n a["First"] --> b{"Then?"}\n b -->|"yes"| c([" "]) --> a\n b -->|"no"| d[/"Queue: X, Y"/]\n'
    assert table(chart).splitlines()[2:] == [
        "| First |  | Then? |", "| Then? | yes |   |", "|   |  | First |", "| Then? | no | Queue: X, Y |",
    ]  # fmt: skip


def test_no_arrow_of_a_real_chart_is_lost() -> None:
    text = stress_des(load("pain_service"))
    (chart,) = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    rows = table(chart).splitlines()[2:]
    assert len(rows) == chart.count("-->")
    labels = set(re.findall(r'[\[({/]"([^"]*)"', chart))
    assert labels <= {cell.strip() for row in rows for cell in row.strip("|").split("|")}
    assert "mermaid" not in with_tables(text)
