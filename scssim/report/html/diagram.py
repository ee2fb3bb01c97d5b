"""The flow chart of a STRESS-DES page as a table, since a page that needs nothing else has no program that draws it."""

from __future__ import annotations

import re

_CHART = re.compile(r"```mermaid\n(.*?)```", re.DOTALL)
_NODE = re.compile(r"""(?P<id>\w+)(?:[\[({/]+"(?P<label>[^"]*)"[\])}/]+)?""")
_ARROW = re.compile(r'\s*-->(?:\|"(?P<when>[^"]*)"\|)?\s*')


def with_tables(markdown: str) -> str:
    """Markdown whose charts (``flowchart`` of Mermaid) are tables of their arrows: from, when, to."""
    return _CHART.sub(lambda chart: table(chart[1]), markdown)


def table(chart: str) -> str:
    """The arrows of a chart as a table in Markdown.

    Parameters
    ----------
    chart
        Lines of nodes such as ``trial["Screening trial"]`` and arrows such as ``trial -->|"fails"| step``; a node has
        its label wherever it is given.
    """
    labels: dict[str, str] = {}
    arrows: list[tuple[str, str, str]] = []
    for line in chart.splitlines()[1:]:
        place, before, when = 0, "", ""
        line = line.strip()
        while (node := _NODE.match(line, place)) is not None:
            if node["label"] is not None:
                labels[node["id"]] = node["label"]
            if before:
                arrows.append((before, when, node["id"]))
            arrow = _ARROW.match(line, node.end())
            if arrow is None:
                break
            before, when, place = node["id"], arrow["when"] or "", arrow.end()
    rows = [f"| {labels.get(a, a)} | {when} | {labels.get(b, b)} |" for a, when, b in arrows]
    return "\n".join(["| from | when | to |", "|---|---|---|", *rows]) + "\n"
