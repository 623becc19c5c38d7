"""Telling our groups from others, and finding what is inside of them."""

from __future__ import annotations

from typing import cast

import nuke
from vimatte_nuke import knobs
from vimatte_nuke.problem import Problem

# A Read answers for frames outside of its range by itself, silently. The strict one never does:
# a frame that was not matted has no file, and a render stops.
WIDEST = (-1000000, 1000000)


def inside(group: nuke.Group, name: str) -> nuke.Node:
    """Return a node inside of ours.

    Raises
    ------
    Problem
        When somebody has taken it out.
    """
    found = group.node(name)
    if found is None:
        raise Problem(f"{name} is missing inside {group.name()}: make a new node")
    return found


def is_ours(node: nuke.Node) -> bool:
    """Whether a node is a Video Instance Matte."""
    return node.Class() == "Group" and knobs.TAG in node.knobs()


def others(node: nuke.Group) -> list[nuke.Group]:
    """Return all other nodes of ours in the script."""
    found = nuke.allNodes("Group", nuke.root(), recurseGroups=True)
    name = node.fullName()
    return [cast("nuke.Group", n) for n in found if is_ours(n) and n.fullName() != name]
