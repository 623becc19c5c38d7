"""Tiny plates with overscan and their masks, and what tests do to a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

WIDTH, HEIGHT, OVERSCAN = 160, 96, 8
FRAMES = (1001, 1002, 1003)


def write_exr(
    path: Path,
    planes: dict[str, np.ndarray],
    *,
    overscan: int = OVERSCAN,
    aspect: float = 1.0,
    attributes: dict[str, str] | None = None,
    kind: str = "half",
) -> Path:
    """Write planes whose display window is smaller by `overscan` on every side."""
    height, width = next(iter(planes.values())).shape
    spec = oiio.ImageSpec(width, height, len(planes), kind)
    spec.channelnames = tuple(planes)
    spec.x = spec.y = -overscan
    spec.full_x = spec.full_y = 0
    spec.full_width, spec.full_height = width - 2 * overscan, height - 2 * overscan
    spec.attribute("PixelAspectRatio", aspect)
    spec.attribute("compression", "zip")
    for name, value in (attributes or {}).items():
        spec.attribute(name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.stack([p.astype(np.float32) for p in planes.values()], -1))
    output.close()
    return path


def planes(path: Path) -> dict[str, np.ndarray]:
    """Return every channel of an EXR file."""
    source = oiio.ImageInput.open(str(path))
    pixels, names = source.read_image(oiio.FLOAT), source.spec().channelnames
    source.close()
    return {name: pixels[..., i] for i, name in enumerate(names)}


def discs(frame: int, width: int = WIDTH, height: int = HEIGHT) -> dict[str, np.ndarray]:
    """Return where two things are in a frame, overscan included."""
    rows, columns = np.mgrid[:height, :width]
    step = 3 * (frame - FRAMES[0])
    return {
        "anna": (rows - 48) ** 2 + (columns - 45 - step) ** 2 <= 20**2,
        "ben": (rows - 50) ** 2 + (columns - 115 + step) ** 2 <= 22**2,
    }


def picture(frame: int, width: int = WIDTH, height: int = HEIGHT) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(frame)
    planes = {c: 0.3 * rng.random((height, width)) for c in "RGB"}
    for disc in discs(frame, width, height).values():
        for plane in planes.values():
            plane[disc] += 0.4
    return planes


def read(host: Any, pattern: str, **values: Any) -> Any:
    """Make a Read of a sequence and select it, so that the next node is connected to it."""
    node = host.module.nodes.Read(file=pattern, first=FRAMES[0], last=FRAMES[-1], raw=True)
    for name, value in values.items():
        node[name].setValue(value)
    host.selected = node
    return node


def press(host: Any, node: Any, button: str) -> None:
    """Press a button and wait until the node is idle."""
    node[button].execute()
    host.pump(lambda: node["run_token"].value() == "")


def with_masks(host: Any, plate: str, masks: str, **values: Any) -> Any:
    """Return a node with a plate and masks of the second input."""
    from vimatte_nuke import commands

    guidance = read(host, masks)
    read(host, plate, **values)
    node = commands.create()
    node.setInput(1, guidance)
    node["guidance_mode"].setValue("layers of guidance")
    return node


def publish(
    out: Path,
    names: list[str],
    plate: str,
    *,
    frames: tuple[int, ...] = FRAMES,
    number: int = 1,
    colour: bool = False,
    cryptomatte: bool = False,
) -> Path:
    """Write a published version by hand: constant alphas, one a name."""
    folder = out / f"v{number:03d}"
    for frame in frames:
        alphas = {f"{n}.A": np.full((96, 160), (i + 1) / 8) for i, n in enumerate(names)}
        total = sum(alphas.values())
        planes = {**dict.fromkeys("RGBA", total)}
        for name, alpha in alphas.items():
            if colour:
                planes.update({f"{name[:-1]}{c}": alpha / 2 for c in "RGB"})
            planes[name] = alpha
        write_exr(folder / "exr" / f"sh010.{frame}.exr", planes)
        if cryptomatte:
            layer = {f"VideoInstanceMatte00.{c}": np.full((96, 160), 0.5) for c in "RGBA"}
            path = folder / "cryptomatte" / f"sh010.{frame}.exr"
            write_exr(path, layer, attributes={"cryptomatte/c96a0d4/name": "VideoInstanceMatte"})
    rows = [{"id": i, "name": n, "colour": [1, 0, 0]} for i, n in enumerate(names, 1)]
    manifest = {
        "schema": 1,
        "plate": "sh010",
        "frames": f"{frames[0]}-{frames[-1]}",
        "instances": rows,
        "foreground": colour,
        "cryptomatte": cryptomatte,
    }
    (folder / "version.json").write_text(json.dumps(manifest))
    return folder
