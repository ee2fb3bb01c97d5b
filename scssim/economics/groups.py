"""Groups of parameters whose value of information is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from scssim.economics.sample import SampleError

Names = str | Sequence[str]
"""A parameter, or several."""

Groups = Sequence[Names] | Mapping[str, Names]
"""Groups in order; a mapping gives them labels, otherwise the label is the names joined by commas."""


@dataclass(frozen=True)
class Group:
    """Some parameters under a label.

    Attributes
    ----------
    label
        What the table calls it.
    names
        Parameters in the order given, at least one, none twice.
    """

    label: str
    names: tuple[str, ...]


def read(groups: Groups, known: Sequence[str]) -> list[Group]:
    """Check groups against the parameters that there are.

    Raises
    ------
    SampleError
        For no groups, an empty group, a parameter that does not exist or stands twice, two groups of one label.
    """
    if isinstance(groups, str):
        raise SampleError(f'the groups are the text `{groups}`; a list is needed, as in ["{groups}"]')
    given = list(groups.items()) if isinstance(groups, Mapping) else [(None, names) for names in groups]
    found: list[Group] = []
    for label, names in given:
        several = isinstance(names, Iterable) and not isinstance(names, str)
        members = tuple(str(name) for name in names) if several else (str(names),)
        group = Group(",".join(members) if label is None else str(label), members)
        if not members:
            where = f"number {len(found) + 1}" if label is None else f"`{label}`"
            raise SampleError(f"group {where} is empty; at least one parameter is needed")
        for name in members:
            if name not in known:
                raise SampleError(f"there is no parameter `{name}` (group `{group.label}`){_near(name, known)}")
            if members.count(name) > 1:
                raise SampleError(f"group `{group.label}` names `{name}` twice")
        if any(other.label == group.label for other in found):
            raise SampleError(f"two groups are called `{group.label}`")
        found.append(group)
    if not found:
        raise SampleError("the list of groups is empty; at least one is needed")
    return found


def _near(name: str, known: Sequence[str]) -> str:
    """What may have been meant."""
    near = get_close_matches(name, known, n=3)
    if near:
        return f"; near it {'is' if len(near) == 1 else 'are'} {', '.join(f'`{n}`' for n in near)}"
    return f"; there are {', '.join(known)}" if len(known) <= 10 else f"; there are {len(known)} others"
