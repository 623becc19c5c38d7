"""Layers and views of an EXR file: which part and channels are the picture asked for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from vimatte.errors import FrameReadError

_COLOUR = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B"}
# What renderers and compositors call the finished picture where it is no unnamed layer: Nuke and
# Arnold, Blender, V-Ray and most others, Karma and Mantra, RenderMan, Unreal.
_BEAUTY = {"rgba", "rgb", "combined", "beauty", "color", "colour", "c", "ci", "finalimage"}
# Beside its view layers Blender writes what its compositor made of them: that is its picture.
_COMPOSED = "Composite.Combined"
# Names of objects in numbers that look like colours; never a picture by default.
_CRYPTOMATTE = re.compile(r"crypto\w*\d\d$", re.IGNORECASE)
# Layers that an error lists.
_MOST_NAMES = 30


@dataclass(frozen=True, slots=True)
class Part:
    """What a part (subimage) of the file says of itself.

    Attributes
    ----------
    name, view : str
        The part's name and view; empty where it has none.
    multi_view : tuple of str
        Views kept in one part by channel names, the default one first.
    channels : tuple of str
        Full channel names in file order.
    """

    name: str
    view: str
    multi_view: tuple[str, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Channels that belong together.

    Attributes
    ----------
    part : int
    view : str
        Empty where the channels belong to no view, that is to all of them.
    name : str
        Empty for the unnamed layer.
    alias : str
        The part's name, by which an unnamed layer of a part may be called too.
    channels : tuple of int
        Indices of R, G, B, or of one grey channel; empty when the layer is neither.
    components : tuple of str
        What the file calls its channels, e.g. ``("u", "v")``.
    """

    part: int
    view: str
    name: str
    alias: str
    channels: tuple[int, ...]
    components: tuple[str, ...]


def find_layer(parts: Sequence[Part], *, view: str | None, layer: str | None) -> Layer:
    """Choose the layer to read.

    Parameters
    ----------
    parts : sequence of Part
    view : str, optional
        By default the file's first view.
    layer : str, optional
        A layer's full name, e.g. ``ViewLayer.Combined``; its part's name; ``rgba`` for the unnamed
        layer, or its channel's name where it has one only; or the end or beginning of a name, where
        that leaves one layer. By default the unnamed layer, then what Blender's compositor made,
        then the one called rgba, Combined, beauty and the like, then the only one. The order in the
        file counts for nothing.

    Raises
    ------
    FrameReadError
        When there is no such view or layer, or several could be meant. Its hint lists them.
    """
    layers = [found for at, part in enumerate(parts) for found in _layers_of(at, part)]
    chosen_view = _choose_view(views_of(parts), view)
    layers = [found for found in layers if found.view in (chosen_view, "")]
    layers.sort(key=lambda found: found.view != chosen_view)
    return _default(layers) if layer is None else _named(layers, layer)


def _layers_of(at: int, part: Part) -> list[Layer]:
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for index, channel in enumerate(part.channels):
        *path, component = channel.split(".")
        view = part.view
        if part.multi_view:
            named = [piece for piece in path if piece in part.multi_view]
            if named:
                view = named[-1]
                path.remove(view)
            elif not path:
                view = part.multi_view[0]
        groups.setdefault((view, ".".join(path)), {})[component] = index
    alias = part.name
    for separator in "._":
        alias = alias.removesuffix(separator + part.view) if part.view else alias
    return [
        Layer(at, view, name, alias, _picture(components), tuple(components))
        for (view, name), components in groups.items()
    ]


def _picture(components: dict[str, int]) -> tuple[int, ...]:
    colour = {_COLOUR.get(name.lower()): index for name, index in components.items()}
    if all(key in colour for key in "RGB"):
        return tuple(colour[key] for key in "RGB")
    if "Y" in components and not {"RY", "BY"} & set(components):
        return (components["Y"],)
    return tuple(components.values()) if len(components) == 1 else ()


def views_of(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the views of a file, the default one first."""
    views: dict[str, None] = {}
    for part in parts:
        views.update(dict.fromkeys(part.multi_view))
        if part.view:
            views[part.view] = None
    return tuple(views)


def _choose_view(views: Sequence[str], wanted: str | None) -> str:
    if wanted is None:
        return views[0] if views else ""
    spelled = {"l": "left", "r": "right"}.get(wanted.lower(), wanted.lower())
    for view in views:
        if view == wanted or view.lower() in (wanted.lower(), spelled):
            return view
    has = f"its views are {', '.join(views)}" if views else "the file names no view"
    raise FrameReadError(f"there is no view {wanted!r}", hint=has)


def _default(layers: list[Layer]) -> Layer:
    colour = [layer for layer in layers if len(layer.channels) == 3 and not _is_cryptomatte(layer)]
    grey = [layer for layer in layers if not layer.name and "Y" in layer.components]
    # Every part of a file may have an unnamed layer: then the parts' names tell.
    for unnamed in (
        [layer for layer in colour if not layer.name],
        [layer for layer in grey if layer.channels],
    ):
        if len(unnamed) > 1:
            called = [layer for layer in unnamed if layer.alias.lower() in _BEAUTY]
            plain = [layer for layer in unnamed if not layer.alias]
            return _only(called or plain or unnamed, layers)
        if unnamed:
            return unnamed[0]
    beauty = [layer for layer in colour if _is_beauty(layer)]
    composed = [layer for layer in beauty if layer.name == _COMPOSED]
    if beauty or len(colour) == 1:
        return _only(composed or beauty or colour, layers)
    raise FrameReadError(
        "the file has no unnamed RGB layer" if colour else "the file has no RGB layer",
        hint=_list(layers),
    )


def _named(layers: list[Layer], wanted: str) -> Layer:
    readable = [layer for layer in layers if layer.channels]
    for fold in (str, str.lower):
        # A layer's own name, before that of a part whose layer has none; then both together.
        for names in (_own_name, _part_name, _both_names, _channel_name):
            found = [layer for layer in layers if fold(names(layer)) == fold(wanted)]
            picture = [layer for layer in found if layer.channels]
            if picture:
                return _only(picture, layers)
            if found:
                raise FrameReadError(
                    f"layer {wanted!r} has channels {', '.join(found[0].components)}, not R, G, B",
                    hint=_list(layers),
                )
    if wanted.lower() in _BEAUTY:
        unnamed = [layer for layer in readable if not layer.name]
        if unnamed:
            return _default(unnamed)
    end, beginning = f".{wanted}".lower(), f"{wanted}.".lower()
    ends = [layer for layer in readable if _both_names(layer).lower().endswith(end)]
    begins = [
        layer
        for layer in readable
        if _is_beauty(layer) and _both_names(layer).lower().startswith(beginning)
    ]
    if ends or begins:
        return _only(ends or begins, layers)
    raise FrameReadError(f"there is no layer {wanted!r}", hint=_list(layers))


def _own_name(layer: Layer) -> str:
    return layer.name


def _part_name(layer: Layer) -> str:
    return "" if layer.name else layer.alias


def _channel_name(layer: Layer) -> str:
    """Return what an unnamed layer of a single grey channel is called by."""
    if layer.name or layer.alias or len(layer.channels) != 1:
        return ""
    return "Y" if "Y" in layer.components else layer.components[0]


def _both_names(layer: Layer) -> str:
    return ".".join(name for name in (layer.alias, layer.name) if name)


def _is_cryptomatte(layer: Layer) -> bool:
    return bool(_CRYPTOMATTE.search(_both_names(layer)))


def _is_beauty(layer: Layer) -> bool:
    return layer.name.rpartition(".")[2].lower() in _BEAUTY


def _only(found: list[Layer], layers: list[Layer]) -> Layer:
    """Return the one layer found. Raises FrameReadError, which lists them, where there are more."""
    # Those of the view asked for come first; others belong to no view.
    mine = [layer for layer in found if layer.view == found[0].view]
    if len(mine) == 1:
        return mine[0]
    names = list(dict.fromkeys(_full_name(layer, layers) for layer in mine))
    raise FrameReadError(
        f"several layers may be meant: {_shortened(names)}",
        hint=f"choose one, e.g. --layer {shlex.quote(names[0])}",
    )


def _full_name(layer: Layer, layers: list[Layer]) -> str:
    """Return the shortest name that means this layer and no other."""
    name = layer.name or layer.alias
    alike = [other for other in layers if name and (other.name or other.alias) == name]
    if name:
        return name if len(alike) < 2 else _both_names(layer)
    return _channel_name(layer) or "rgba"


def _list(layers: list[Layer]) -> str:
    names = [_full_name(layer, layers) for layer in layers if layer.channels]
    return f"layers that can be read: {_shortened(names)}" if names else "it has none"


def _shortened(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
