"""Looks of the cells of formulas, as properties of XlsxWriter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Look = Mapping[str, Any]

PLAIN: Look = {}
MONEY: Look = {"num_format": "#,##0"}
EFFECT: Look = {"num_format": "#,##0.0000"}
SHARE: Look = {"num_format": "0.0%"}
LABEL: Look = {"text_wrap": True, "valign": "top"}
SIDE: Look = {"align": "left", "indent": 1}
FAINT: Look = {"font_color": "#595959"}
TITLE: Look = {"bold": True, "font_size": 14}
HEADING: Look = {"bold": True, "font_size": 12}
STRONG: Look = {"bold": True}
