"""Masks of the objects of a Cryptomatte: expressions, as every picker has them.

After the Cryptomatte specification 1.2.0: a pixel of ``NAME00``, ``NAME01``, ... holds pairs of an
object's id, the bits of a float, and how much of the pixel it covers.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import Any

import nuke
from vimatte_nuke.problem import Problem

MOST_OBJECTS = 32
_KEY = re.compile(r"(?:exr/)?cryptomatte/([0-9A-Za-z]+)/(name|manifest|manif_file)")
_PAIRS = (("red", "green"), ("blue", "alpha"))
_MAX_MANIFEST = 16 << 20


@dataclass(frozen=True)
class Cryptomatte:
    """One of a stream's Cryptomattes: its layers, and its objects' ids."""

    layers: list[str]
    objects: dict[str, int]

    def expression(self, name: str) -> str:
        """Return what an object covers, for an Expression."""
        bits = self.objects[name]
        value = f"{struct.unpack('<f', struct.pack('<I', bits))[0]:.12g}"
        terms = (
            f"(({layer}.{key} == {value}) ? {layer}.{cover} : 0)"
            for layer in self.layers
            for key, cover in _PAIRS
        )
        return " + ".join(terms)


def chosen(source: nuke.Node, names: list[str]) -> dict[str, str]:
    """Return the expression of every chosen object, by the name of its instance.

    Parameters
    ----------
    source : Node
    names : list of str
        In the manifest; empty: all.

    Raises
    ------
    Problem
        When there is no Cryptomatte, none has these objects, or several could be meant.
    """
    found = _read(source)
    if not found:
        raise Problem(f"{source.name()} has no Cryptomatte with a manifest in its metadata")
    if not names and len(found) > 1:
        raise Problem(f"{source.name()} has several Cryptomattes: name the objects in 'names'")
    which = [one for one in found if set(names) <= set(one.objects)]
    if not which:
        every = {name for one in found for name in one.objects}
        gone = [name for name in names if name not in every] or names
        raise Problem(f"the Cryptomatte has no object {', '.join(gone)}")
    names = names or sorted(which[0].objects)
    if not 0 < len(names) <= MOST_OBJECTS:
        raise Problem(
            f"the Cryptomatte has {len(names)} objects: choose up to {MOST_OBJECTS} in 'names'"
        )
    made = {_legal(name): which[0].expression(name) for name in names}
    if len(made) < len(names):
        raise Problem("two objects would have the same layer: choose fewer in 'names'")
    return made


def has_any(source: nuke.Node) -> bool:
    """Whether a stream has a Cryptomatte that `chosen` reads."""
    return bool(_read(source))


def _read(source: nuke.Node) -> list[Cryptomatte]:
    entries: dict[str, dict[str, str]] = {}
    metadata: dict[str, Any] = source.metadata()
    for key, value in metadata.items():
        match = _KEY.fullmatch(key)
        if match is not None:
            entries.setdefault(match[1], {})[match[2]] = str(value)
    there = {name.partition(".")[0] for name in source.channels()}
    found = []
    for entry in entries.values():
        name = re.escape(re.sub(r"[^A-Za-z0-9]", "_", entry.get("name", "")))
        layers = sorted(layer for layer in there if re.fullmatch(name + r"[0-9]{2}", layer))
        objects = _objects(entry.get("manifest", ""))
        if layers and objects:
            found.append(Cryptomatte(layers, objects))
    return found


def _objects(manifest: str) -> dict[str, int]:
    try:
        data = json.loads(manifest[:_MAX_MANIFEST])
        objects = {str(name): int(value, 16) for name, value in data.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
    # The bits of an infinity are no id: the specification flips one of them.
    ids = (item for item in objects.items() if 0 <= item[1] < 1 << 32)
    return {name: value for name, value in ids if value >> 23 & 0xFF != 0xFF}


def _legal(name: str) -> str:
    """Return a layer's name for an object: its last part, in letters, digits and underlines."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name.rpartition("/")[2])
    return ("o_" + text if not text[:1].isalpha() else text)[:24]
