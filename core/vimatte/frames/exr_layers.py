"""Layers and views of an EXR file: which part and channels are the picture asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vimatte.errors import FrameReadError

_COLOUR = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B"}
# What renderers call the finished picture where the file has no unnamed layer.
_BEAUTY = {"rgba", "rgb", "combined", "beauty", "color", "colour"}


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
        By default the unnamed layer, then one called rgba, Combined or beauty, then the only one.

    Raises
    ------
    FrameReadError
        When there is no such view or layer, or several could be meant. Its hint lists them.
    """
    layers = [found for at, part in enumerate(parts) for found in _layers_of(at, part)]
    chosen_view = _choose_view(_views(parts), view)
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


def _views(parts: Sequence[Part]) -> list[str]:
    views: dict[str, None] = {}
    for part in parts:
        views.update(dict.fromkeys(part.multi_view))
        if part.view:
            views[part.view] = None
    return list(views)


def _choose_view(views: list[str], wanted: str | None) -> str:
    if wanted is None:
        return views[0] if views else ""
    spelled = {"l": "left", "r": "right"}.get(wanted.lower(), wanted.lower())
    for view in views:
        if view == wanted or view.lower() in (wanted.lower(), spelled):
            return view
    has = f"its views are {', '.join(views)}" if views else "the file names no view"
    raise FrameReadError(f"there is no view {wanted!r}", hint=has)


def _default(layers: list[Layer]) -> Layer:
    colour = [layer for layer in layers if len(layer.channels) == 3]
    unnamed = [layer for layer in colour if not layer.name]
    grey = [layer for layer in layers if not layer.name and "Y" in layer.components]
    beauty = [layer for layer in colour if layer.name.rpartition(".")[2].lower() in _BEAUTY]
    for found in (unnamed, [layer for layer in grey if layer.channels], beauty):
        if found:
            return found[0]
    if len(colour) == 1:
        return colour[0]
    raise FrameReadError(
        "the file has no unnamed RGB layer" if colour else "the file has no RGB layer",
        hint=_list(layers),
    )


def _named(layers: list[Layer], wanted: str) -> Layer:
    for fold in (str, str.lower):
        for layer in layers:
            names = [layer.name, "" if layer.name else layer.alias]
            if fold(wanted) not in [fold(name) for name in names]:
                continue
            if layer.channels:
                return layer
            raise FrameReadError(
                f"layer {wanted!r} has channels {', '.join(layer.components)}, not R, G, B",
                hint=_list(layers),
            )
    if wanted.lower() in _BEAUTY:
        return _default([layer for layer in layers if not layer.name])
    raise FrameReadError(f"there is no layer {wanted!r}", hint=_list(layers))


def _list(layers: list[Layer]) -> str:
    names = dict.fromkeys(
        layer.name or layer.alias or "the unnamed one" for layer in layers if layer.channels
    )
    return f"layers that can be read: {', '.join(names)}" if names else "it has none"
