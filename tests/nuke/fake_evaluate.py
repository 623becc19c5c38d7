"""A tiny renderer for the fake: real EXR files in, real EXR files out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

SHORT = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
LONG = {long: short for short, long in SHORT.items()}
COLOUR = ("rgba.red", "rgba.green", "rgba.blue")


@dataclass(frozen=True)
class Context:
    frame: int
    view: str
    host: Any


@dataclass(frozen=True)
class Image:
    """Channels over a bounding box, in a format; y goes down, as in files."""

    channels: dict[str, np.ndarray]
    box: tuple[int, int, int, int]
    format: tuple[int, int, int, int]
    aspect: float = 1.0
    metadata: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> np.ndarray:
        if name in self.channels:
            return self.channels[name]
        return np.zeros((self.box[3], self.box[2]), np.float32)

    def over(self, box: tuple[int, int, int, int]) -> Image:
        """Return the same picture over another box; black where there was none."""
        if box == self.box:
            return self
        x, y, w, h = box
        out = {}
        for name, plane in self.channels.items():
            new = np.zeros((h, w), np.float32)
            left, top = max(x, self.box[0]), max(y, self.box[1])
            right = min(x + w, self.box[0] + self.box[2])
            bottom = min(y + h, self.box[1] + self.box[3])
            if right > left and bottom > top:
                new[top - y : bottom - y, left - x : right - x] = plane[
                    top - self.box[1] : bottom - self.box[1],
                    left - self.box[0] : right - self.box[0],
                ]
            out[name] = new
        return replace(self, channels=out, box=box)


def layer_name(text: str) -> str:
    """Return a file's channel as Nuke's reader names it."""
    parts = [re.sub(r"[^A-Za-z0-9]", "_", part.lstrip("0123456789")) for part in text.split(".")]
    last = SHORT.get(parts[-1], parts[-1])
    return f"{'_'.join(parts[:-1]) or 'rgba'}.{last}"


def evaluate(node: Any, context: Context) -> Image:
    """Return a node's picture. Raises RuntimeError where Nuke would show an error."""
    if node is None:
        return Image({}, (0, 0, 1, 1), (0, 0, 1, 1))
    if node["disable"].value() if node.knob("disable") else False:
        return evaluate(node.input(0), context)
    return _MAKERS[node.Class()](node, context)


def _group(node: Any, context: Context) -> Image:
    return evaluate(next(n for n in node.nodes() if n.Class() == "Output"), context)


def _input(node: Any, context: Context) -> Image:
    group = node._parent
    inputs = [n for n in group.nodes() if n.Class() == "Input"]
    return evaluate(group.input(inputs.index(node)), context)


def _pass(node: Any, context: Context) -> Image:
    return evaluate(node.input(0), context)


def _time_offset(node: Any, context: Context) -> Image:
    shift = node["time_offset"].value()
    return evaluate(node.input(0), replace(context, frame=context.frame - shift))


def _read(node: Any, context: Context) -> Image:
    if not node["file"].value():
        raise RuntimeError(f"{node.name()}: no file name")
    if not node["first"].value() <= context.frame <= node["last"].value():
        key = "before" if context.frame < node["first"].value() else "after"
        if node[key].value() == "black":
            return _black(node, context)
        assert node[key].value() == "hold", "only these two are made here"
        end = node["first" if key == "before" else "last"].value()
        context = replace(context, frame=end)
    path = file_at(node["file"].value(), context)
    if not path.is_file():
        if node["on_error"].value() == "black":
            return _black(node, context)
        if node["on_error"].value() == "checkerboard":
            return _checker(node, context)
        raise RuntimeError(f"{node.name()}: {path}: No such file or directory")
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise RuntimeError(f"{node.name()}: {oiio.geterror()}")
    spec = source.spec()
    pixels = source.read_image(oiio.FLOAT)
    source.close()
    pixels = np.asarray(pixels).reshape(spec.height, spec.width, spec.nchannels)
    channels = {layer_name(n): pixels[..., i] for i, n in enumerate(spec.channelnames)}
    for name in channels:
        layer = name.partition(".")[0]
        if layer not in context.host.layer_table:
            context.host.layer_table[layer] = []
        if name not in context.host.layer_table[layer]:
            context.host.layer_table[layer].append(name)
    return Image(
        channels,
        (spec.x, spec.y, spec.width, spec.height),
        (spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        float(spec.getattribute("PixelAspectRatio") or 1.0),
        {f"exr/{a.name}": a.value for a in spec.extra_attribs},
    )


def file_at(pattern: str, context: Context) -> Path:
    text = pattern.replace("%V", context.view).replace("%v", context.view[:1])
    text = re.sub(r"#+", lambda m: f"{context.frame:0{len(m[0])}d}", text)
    return Path(re.sub(r"%(0\d+)d", lambda m: f"{context.frame:{m[1]}d}", text))


def _black(node: Any, context: Context) -> Image:
    return Image(
        {name: np.zeros((1, 1), np.float32) for name in (*COLOUR, "rgba.alpha")},
        (0, 0, 1, 1),
        (0, 0, 1, 1),
    )


def _wanted(mask: str, names: Any) -> list[str]:
    if mask == "all":
        return list(names)
    if mask == "none":
        return []
    if mask == "rgb":
        return [n for n in names if n in COLOUR]
    if mask == "alpha":
        return [n for n in names if n == "rgba.alpha"]
    return [n for n in names if n == mask or n.partition(".")[0] == mask]


def _both(first: Image, second: Image) -> tuple[Image, Image]:
    a, b = first.box, second.box
    x, y = min(a[0], b[0]), min(a[1], b[1])
    right, bottom = max(a[0] + a[2], b[0] + b[2]), max(a[1] + a[3], b[1] + b[3])
    box = (x, y, right - x, bottom - y)
    return first.over(box), second.over(box)


def _copy(node: Any, context: Context) -> Image:
    under, given = _both(evaluate(node.input(0), context), evaluate(node.input(1), context))
    channels = dict(under.channels)
    for name in _wanted(node["channels"].value(), given.channels):
        channels[name] = given.channels[name]
    if node["from0"].value() != "none":
        channels[node["to0"].value()] = given.get(node["from0"].value())
    return replace(under, channels=channels)


def _remove(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    named = set()
    for knob in ("channels", "channels2", "channels3"):
        named.update(_wanted(node[knob].value(), image.channels))
    keep = node["operation"].value() == "keep"
    return replace(
        image, channels={n: p for n, p in image.channels.items() if (n in named) == keep}
    )


def _shuffle(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    layer, channels = node["in"].value(), dict(image.channels)
    for name in ("red", "green", "blue", "alpha"):
        chosen = node[name].value()
        plane = np.full((image.box[3], image.box[2]), float(chosen == "white"), np.float32)
        if chosen not in ("white", "black"):
            plane = image.get(f"{layer}.{chosen}")
        channels[f"rgba.{name}"] = plane
    return replace(image, channels=channels)


def _switch(node: Any, context: Context) -> Image:
    which = int(node["which"].value())
    return evaluate(node.input(min(which, node.inputs() - 1)), context)


def _adjust_box(node: Any, context: Context) -> Image:
    image, more = evaluate(node.input(0), context), int(node["numpixels"].value())
    x, y, w, h = image.box
    return image.over((x - more, y - more, w + 2 * more, h + 2 * more))


def _premult(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    alpha = image.get("rgba.alpha")
    return replace(image, channels={**image.channels, **{n: image.get(n) * alpha for n in COLOUR}})


def _multiply(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    value = node["value"].value()
    values = value if isinstance(value, list) else [value] * 4
    channels = dict(image.channels)
    for name in _wanted(node["channels"].value(), image.channels):
        channels[name] = channels[name] * values[(*COLOUR, "rgba.alpha").index(name)]
    return replace(image, channels=channels)


def _merge(node: Any, context: Context) -> Image:
    under, over = _both(evaluate(node.input(0), context), evaluate(node.input(1), context))
    kind, channels = node["operation"].value(), dict(under.channels)
    for name in _wanted(node["output"].value(), (*COLOUR, "rgba.alpha")):
        a, b = over.get(name), under.get(name)
        made = {"plus": a + b, "minus": a - b, "over": a + b * (1 - over.get("rgba.alpha"))}
        channels[name] = made[kind]
    image = replace(under, channels=channels)
    box = node["bbox"].value()
    assert box in ("union", "B")
    return image.over(evaluate(node.input(0), context).box) if box == "B" else image


def _modify_metadata(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    return replace(image, metadata={**image.metadata, **node["metadata"].entries()})


def _copy_metadata(node: Any, context: Context) -> Image:
    image, given = evaluate(node.input(0), context), evaluate(node.input(1), context)
    return replace(image, metadata={**image.metadata, **given.metadata})


_PICK = re.compile(r"\(\((\w+\.\w+) == ([-+.e\d]+)\) \? (\w+\.\w+) : 0\)")


def _expression(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    assert [node[f"expr{n}"].value() for n in range(3)] == ["r", "g", "b"]
    text, total = node["expr3"].value(), np.zeros((image.box[3], image.box[2]), np.float32)
    assert _PICK.sub("", text).replace(" + ", "") == "", f"not understood: {text}"
    for key, value, cover in _PICK.findall(text):
        total += np.where(image.get(key) == np.float32(value), image.get(cover), 0)
    colours = {name: image.get(name) for name in COLOUR}
    return replace(image, channels={**image.channels, **colours, "rgba.alpha": total})


def _crop(node: Any, context: Context) -> Image:
    image = evaluate(node.input(0), context)
    x, y, right, top = (int(v) for v in node["box"].value())
    assert node["reformat"].value() and x == 0 and y == 0, "only from the lower left corner"
    above = image.format[3] - top
    moved = replace(image, box=(image.box[0], image.box[1] - above, *image.box[2:]))
    return replace(moved.over((0, 0, right, top)), format=(0, 0, right, top))


def _checker(node: Any, context: Context) -> Image:
    return Image({n: np.full((8, 8), 0.5, np.float32) for n in COLOUR}, (0, 0, 8, 8), (0, 0, 8, 8))


_MAKERS = {
    "Group": _group,
    "Input": _input,
    "Output": _pass,
    "Dot": _pass,
    "NoOp": _pass,
    "FrameRange": _pass,
    "Write": _pass,
    "TimeOffset": _time_offset,
    "Read": _read,
    "Copy": _copy,
    "Remove": _remove,
    "AdjBBox": _adjust_box,
    "Shuffle": _shuffle,
    "Switch": _switch,
    "Premult": _premult,
    "Multiply": _multiply,
    "ModifyMetaData": _modify_metadata,
    "CopyMetaData": _copy_metadata,
    "Crop": _crop,
    "Expression": _expression,
    "Merge2": _merge,
    "CheckerBoard2": _checker,
}


def write(node: Any, context: Context) -> None:
    """Write one frame of a Write, whole, as Nuke does."""
    image = evaluate(node.input(0), context)
    path = file_at(node["file"].value(), context)
    assert node["file_type"].value() == "exr"
    if not path.parent.is_dir():
        if not node["create_directories"].value():
            raise RuntimeError(f"{path.parent}: no such folder")
        path.parent.mkdir(parents=True)
    names = _wanted(node["channels"].value(), image.channels)
    if not names:
        raise RuntimeError(f"{node.name()}: no channels to write")
    scale = 2 if context.host.root()["proxy"].value() else 1
    planes = [image.channels[n][::scale, ::scale] for n in names]
    height, width = planes[0].shape
    spec = oiio.ImageSpec(width, height, len(names), oiio.HALF)
    if node["datatype"].value() != "16 bit half":
        spec.set_format(oiio.FLOAT)
    spec.channelnames = tuple(_file_channel(n) for n in names)
    spec.x, spec.y = image.box[0], image.box[1]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = image.format
    spec.attribute("PixelAspectRatio", image.aspect)
    spec.attribute("compression", "zips")
    assert node["metadata"].value() == "all metadata except input/*"
    for key, value in image.metadata.items():
        if key.startswith("exr/") and "/" in key[4:] and isinstance(value, str):
            spec.attribute(key[4:], value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.stack(planes, axis=-1)), output.geterror()
    output.close()


def _file_channel(name: str) -> str:
    layer, _, channel = name.partition(".")
    short = LONG.get(channel, channel)
    return short if layer == "rgba" else f"{layer}.{short}"
