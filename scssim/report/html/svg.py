"""Drawings of Matplotlib made fit to stand in a page: ids of their own, colours that follow the page, a description."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_COLOUR = re.compile(r"(?<=: )#([0-9a-f]{6})\b")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")

# From linear sRGB to the cone responses of Oklab, and from their roots to Oklab (Ottosson 2020): a space in
# which equal steps look equal, so that lightness can be turned over and the hue kept.
_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip

NEUTRAL = 0.03
"""Chroma below which a colour counts as grey."""

PALE, BRIGHT = 0.85, 0.68
"""Lightness above which a colour is a tint of the paper; least lightness of others on dark paper."""


def inline(svg: str, name: str, description: str) -> str:
    """A drawing as an element of a page.

    Parameters
    ----------
    svg
        What Matplotlib wrote.
    name
        Prefix that makes ids differ from those of other drawings; those that nothing refers to are left out.
    description
        What somebody who cannot see it should know.

    Returns
    -------
    str
        The ``svg`` element. Its colours are the variables of `stylesheet`; coordinates are rounded to hundredths of a
        point.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)  # the page has the style of lines
    meant = set(re.findall(r"url\(#([^)]+)\)", body)) | set(re.findall(r'xlink:href="#([^"]+)"', body))

    def fitted(tag: str) -> str:
        tag = _COLOUR.sub(lambda match: f"var(--c-{match[1]})", tag)
        tag = re.sub(r'\sid="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in meant else "", tag)
        tag = re.sub(r"url\(#", f"url(#{name}-", tag)
        tag = re.sub(r'xlink:href="#', f'href="#{name}-', tag)
        return re.sub(r'(?<= d=")[^"]*', lambda match: _NUMBER.sub(_rounded, match[0]), tag)

    body = re.sub(r"<[^>]+>", lambda match: fitted(match[0]), body)  # words between tags stay as they are
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None, "Matplotlib writes a viewBox"
    width = float(box[1].split()[2])
    said = html.escape(description, quote=True)
    start = f'<svg viewBox="{box[1]}" role="img" aria-label="{said}" style="--width: {width * 4 / 3:.0f}px"'
    return f"{start}>{rest}".strip()


def _rounded(match: re.Match[str]) -> str:
    return f"{round(float(match[0]), 2) + 0.0:g}"


def colours(svgs: Iterable[str]) -> list[str]:
    """Colours that some drawings use (six hexadecimal digits), in order."""
    return sorted({found for svg in svgs for found in re.findall(r"var\(--c-([0-9a-f]{6})\)", svg)})


def stylesheet(found: Iterable[str]) -> tuple[str, str]:
    """Values of the variables of colours on white and on dark paper, as declarations of CSS."""
    used = list(found)
    light = " ".join(f"--c-{colour}: #{colour};" for colour in used)
    dark = " ".join(f"--c-{colour}: #{on_dark(colour)};" for colour in used)
    return light, dark


def on_dark(colour: str) -> str:
    """What a colour on white paper becomes on dark paper: ink and tints turned over, colours bright enough to see.

    Parameters
    ----------
    colour
        Six hexadecimal digits.

    Returns
    -------
    str
        Six hexadecimal digits.
    """
    rgb = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lightness, a, b = _TO_LAB @ np.cbrt(_TO_CONES @ linear)
    if np.hypot(a, b) < NEUTRAL or lightness > PALE:
        lightness = 0.95 - 0.74 * lightness**1.3  # the greys of words stay far enough from the paper
    else:
        lightness = max(lightness, BRIGHT)
    return _hexadecimal(np.array([lightness, a, b]))


def _hexadecimal(lab: NDArray[np.float64]) -> str:
    linear = np.linalg.solve(_TO_CONES, np.linalg.solve(_TO_LAB, lab) ** 3).clip(0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "".join(f"{round(255 * float(part)):02x}" for part in rgb.clip(0, 1))
