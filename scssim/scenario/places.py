"""Where the files lie that a scenario names: in its folder and below it, unless its user says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scssim.errors import Problem, ScenarioError
from scssim.scenario.yamlfile import Node

TABLES = (("population", "file"), ("population", "mortality", "life_table"))
"""Values that name a file."""
SETS = (("analyses", "variants"), ("analyses", "extrapolation", "cases"))
"""Where values are set by dotted path."""


class Places:
    """Where files may lie.

    Parameters
    ----------
    folder
        The folder; None: anywhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else Path(os.path.realpath(folder))

    def hold(self, path: Path) -> bool:
        """Whether a file lies there, wherever links on the way to it lead; it need not exist."""
        if self.folder is None or "\0" in str(path):  # no file is called so
            return True
        return Path(os.path.realpath(path)).is_relative_to(self.folder)

    def check(self, path: Path, text: str, where: str, key: str) -> None:
        """Refuse a file elsewhere, without a look at it: not even whether it exists is told.

        Parameters
        ----------
        path
            The file, as it will be opened.
        text
            What the scenario calls it.
        where, key
            Place that names it, for the message.

        Raises
        ------
        ScenarioError
            If it lies elsewhere.
        """
        if not self.hold(path):
            what = f"{text[:60]!r} leads out of the folder of the scenario"
            allowed = "files in it or below it; copy the file there, or give --allow-outside if you trust the scenario"
            raise ScenarioError(Problem(where, key, what, allowed))


ANYWHERE = Places(None)


def tables(root: Node) -> Iterator[tuple[str, Node]]:
    """Values of a scenario file that name another file, with their dotted paths; those that variants set, too."""
    yield from _tables(root, "")
    for place in SETS:
        found, depth = root.find(place)
        variants = found.value if depth == len(place) and isinstance(found.value, dict) else {}
        for name, variant in variants.items():
            values = variant.value
            if isinstance(values, dict) and "set" in values:
                values = values["set"].value
            for path, node in values.items() if isinstance(values, dict) else ():
                for step in reversed(path.strip().split(".")):
                    node = Node({step: node}, node.file)
                yield from _tables(node, ".".join((*place, name, "")))


def _tables(root: Node, before: str) -> Iterator[tuple[str, Node]]:
    for path in TABLES:
        node, depth = root.find(path)
        text = node.value
        if depth < len(path) or not isinstance(text, str) or not text or "\0" in text:
            continue
        if path[-1] != "life_table" or text.lower().endswith(".csv"):
            yield before + ".".join(path), node
