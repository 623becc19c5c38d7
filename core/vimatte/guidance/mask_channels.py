"""Which channels of a picture file are masks, and which are something else."""

from __future__ import annotations

from dataclasses import dataclass, field

from vimatte.frames.window import Window

# Layers of one channel that renderers write and that are no masks.
_CONFUSING = frozenset(("z", "id", "depth"))
_PASSES = frozenset(("depth", "z", "mist", "id", "indexob", "indexma"))
#: What layers and parts that hold the whole picture are called.
PICTURE_NAMES = frozenset(("rgba", "rgb", "combined", "beauty", "color", "colour"))
_PLAIN = {
    **{name: name for name in ("r", "g", "b", "a", "y", "ry", "by")},
    **{"red": "r", "green": "g", "blue": "b", "alpha": "a"},
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a picture file.

    Attributes
    ----------
    part, index : int
    window, display : Window
        Of its part: the pixels it holds and the picture they are part of.
    whole : bool
        Whether its values are whole numbers of 32 bits, as those of object ids are.
    real : bool
        Whether its values are floating-point numbers, of which 1 is white.
    """

    part: int
    index: int
    window: Window
    display: Window
    whole: bool = False
    real: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """What a picture file says of its size and channels.

    Attributes
    ----------
    window, display : Window
        Of the first part: the pixels it holds and the picture they are part of; equal but for EXR.
    channels : dict of str to Channel
        By full name; channels of a named part are called ``part.channel``.
    cryptomattes : frozenset of str
        The names of the Cryptomattes in it, e.g. ``CryptoObject``.
    unread : tuple of str
        What cannot be told apart or read: channels of one name, deep parts.
    """

    window: Window
    display: Window
    channels: dict[str, Channel]
    cryptomattes: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatteChannels:
    """The channels of a picture that is one mask.

    Attributes
    ----------
    colour : tuple of Channel
        Red, green and blue, or a single one.
    alpha : Channel or None
    unused : tuple of str
        Layers beside it.
    """

    colour: tuple[Channel, ...]
    alpha: Channel | None
    unused: tuple[str, ...] = ()


@dataclass
class _Layer:
    """The channels of one layer by component, lower-case."""

    channels: dict[str, Channel] = field(default_factory=dict)

    @property
    def alpha(self) -> Channel | None:
        return self.channels.get("a") or self.channels.get("alpha")


def mask_layers(layout: Layout) -> dict[str, Channel]:
    """Return the layers of an EXR that are masks: ``name.A``, or any layer of one channel.

    The unnamed layer is none, but for a file with nothing beside a single unnamed channel: its
    name is empty. Depth, object numbers, Cryptomattes and the picture (``rgba``, ``Combined``)
    are none.
    """
    layers = _layers(layout)
    out = {}
    for name, layer in layers.items():
        if not name or _is_pass(name, layer, layout):
            continue
        channel = next(iter(layer.channels.values())) if len(layer.channels) == 1 else layer.alpha
        if channel is not None and not channel.whole:
            out[name] = channel
    lone = layers.get("")
    if not out and lone is not None and len(lone.channels) == 1:
        channel = next(iter(lone.channels.values()))
        return {} if channel.whole else {"": channel}
    return out


def unused_layers(layout: Layout) -> tuple[str, ...]:
    """Return what else than mask layers a file holds, by name."""
    used = mask_layers(layout)
    names = []
    for name, layer in _layers(layout).items():
        if name not in used:
            label = name or "/".join(key.upper() for key in layer.channels)
            whole = any(channel.whole for channel in layer.channels.values())
            names.append(f"{label} (object numbers)" if whole else label)
    return (*names, *layout.unread)


def matte_channels(layout: Layout) -> MatteChannels | None:
    """Return the channels of a picture that is one mask; None where several layers could be it.

    The unnamed layer is it, else the only layer that is a mask, else the only one.
    """
    layers = _layers(layout)
    masks = [name for name in mask_layers(layout) if name]
    if "" in layers:
        chosen = ""
    elif len(masks) == 1:
        chosen = masks[0]
    elif len(layers) == 1:
        chosen = next(iter(layers))
    else:
        return None
    layer = layers[chosen]
    plain = {_PLAIN.get(key, key): channel for key, channel in layer.channels.items()}
    colour = [plain[key] for key in ("r", "g", "b") if key in plain] or [
        plain[key] for key in ("y",) if key in plain
    ]
    alpha = plain.get("a")
    if not colour:
        colour = [alpha] if alpha is not None else list(plain.values())[:1]
        alpha = None
    if alpha is not None and alpha.window != colour[0].window:
        return None
    others = tuple(name or "the unnamed one" for name in layers if name != chosen)
    return MatteChannels(tuple(colour), alpha, (*others, *layout.unread))


def _layers(layout: Layout) -> dict[str, _Layer]:
    """Return the channels by layer; a bare channel that is no part of a colour is its own."""
    layers: dict[str, _Layer] = {}
    for name, channel in layout.channels.items():
        layer, _, component = name.rpartition(".")
        if not layer and component.lower() not in {*_PLAIN, *_CONFUSING}:
            layer, component = component, ""
        layers.setdefault(layer, _Layer()).channels[component.lower()] = channel
    return layers


def _is_pass(name: str, layer: _Layer, layout: Layout) -> bool:
    last = name.rpartition(".")[2].casefold()
    if last in _PASSES or (len(layer.channels) == 1 and _CONFUSING & layer.channels.keys()):
        return True
    if last in PICTURE_NAMES and len(layer.channels) >= 3:
        return True
    stem = name[:-2] if name[-2:].isdigit() else name
    if name in layout.cryptomattes or stem in layout.cryptomattes:
        return True
    # Some programs lose the metadata that name a Cryptomatte.
    lower = {_PLAIN.get(key) for key in layer.channels}
    ranked = stem != name and {"r", "g", "b", "a"} <= lower
    return ranked and stem.rpartition(".")[2].casefold().startswith("crypto")
