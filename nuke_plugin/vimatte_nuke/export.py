"""What is connected becomes files: the plate's own, or half float EXR that Nuke renders."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import nuke
from vimatte_nuke import cryptomatte, knobs, upstream
from vimatte_nuke import frames as ranges
from vimatte_nuke.group import inside
from vimatte_nuke.problem import Problem

# Nuke writes what begins with exr/ without it, and reads it with it again.
STAMP = "exr/vimatte/upstream"


def plate_files(node: nuke.Group, frames: list[int], view: str, out: Path) -> str:
    """Return the pattern of the plate's frames; those that are missing are rendered.

    Raises
    ------
    Problem
        When nothing is connected, what is connected has no colour, or it does not render.
    """
    source = upstream.colour_of(node.input(0))
    if source is None:
        raise Problem("connect a plate to the first input")
    if not {"rgba.red", "rgba.green", "rgba.blue"} <= set(source.channels()):
        raise Problem(f"{source.name()} gives no red, green and blue to the first input")
    direct = upstream.direct_files(source, frames, view)
    if direct is not None:
        return direct
    digest = upstream.digest(source)
    pattern = out / f"plate-{digest}" / "plate.####.exr"
    return _rendered(node, "plate", digest, frames, view, pattern)


def guidance_fields(node: nuke.Group, frames: list[int], view: str, out: Path) -> dict[str, str]:
    """Return ``guidance`` and ``masks`` of a request; masks of the second input are rendered.

    Raises
    ------
    Problem
    """
    mode = str(node["guidance_mode"].value())
    if mode == knobs.GUIDANCE[0]:
        return {"guidance": "people"}
    if mode == knobs.GUIDANCE[3]:
        path = str(node["masks"].value()).strip()
        if not path:
            raise Problem("name the mask files")
        return {"guidance": "masks", "masks": path}
    source = node.input(1)
    if source is None:
        raise Problem(f"connect masks to the second input: the guidance is {mode!r}")
    if mode == knobs.GUIDANCE[4]:
        return _objects(node, source, frames, view, out)
    channels = set(source.channels())
    if mode == knobs.GUIDANCE[2]:
        if cryptomatte.has_any(source):
            raise Problem(
                f"{source.name()} has a Cryptomatte: choose {knobs.GUIDANCE[4]!r}, or remove its"
                " layers"
            )
        if not any(not name.startswith("rgba.") for name in channels):
            raise Problem(f"{source.name()} has no layer beside rgba for the guidance")
        direct = upstream.direct_files(source, frames, view)
        if direct is not None:
            return {"guidance": "masks", "masks": direct}
        digest = upstream.digest(source)
        inside(node, "export_guidance")["channels"].setValue("all")
        pattern = out / f"layers-{digest}" / "layers.####.exr"
        path = _rendered(node, "guidance", digest, frames, view, pattern)
        return {"guidance": "masks", "masks": path}
    if "rgba.alpha" not in channels:
        raise Problem(f"{source.name()} has no alpha for the guidance")
    # A folder an instance: a file with nothing but an alpha is one mask.
    digest = upstream.digest(source)
    inside(node, "export_guidance")["channels"].setValue("alpha")
    folder = out / f"alpha-{digest}"
    pattern = folder / "object01" / "mask.####.exr"
    _rendered(node, "guidance", digest, frames, view, pattern)
    return {"guidance": "masks", "masks": folder.as_posix()}


def _objects(
    node: nuke.Group, source: nuke.Node, frames: list[int], view: str, out: Path
) -> dict[str, str]:
    """Render a mask of every chosen object of a Cryptomatte, a folder each."""
    objects = cryptomatte.chosen(source, names(node))
    digest = upstream.digest(source)
    # Other objects need another folder: everything in it is an instance.
    which = hashlib.sha256(",".join(sorted(objects)).encode()).hexdigest()[:8]
    folder = out / f"cryptomatte-{digest}-{which}"
    inside(node, "export_guidance")["channels"].setValue("alpha")
    pick = inside(node, "crypto_pick")
    try:
        pick["disable"].setValue(False)
        for name, expression in objects.items():
            pick["expr3"].setValue(expression)
            pattern = folder / name / "mask.####.exr"
            _rendered(node, "guidance", digest, frames, view, pattern)
    finally:
        pick["disable"].setValue(True)
    return {"guidance": "masks", "masks": folder.as_posix()}


def names(node: nuke.Group) -> list[str]:
    """Return what the knob `names` lists."""
    return [n.strip() for n in str(node["names"].value()).split(",") if n.strip()]


def _rendered(
    node: nuke.Group, what: str, digest: str, frames: list[int], view: str, pattern: Path
) -> str:
    """Render what is missing; return the pattern.

    Its folder carries the digest of everything upstream: after a change there the frames are
    others, and none of the old ones is taken for them. Every file has it as the attribute
    ``vimatte/upstream``, too.
    """
    text = pattern.as_posix()
    missing = [f for f in frames if not Path(ranges.file_of(text, f)).is_file()]
    if missing:
        source, write = node.input(0 if what == "plate" else 1), inside(node, "export_" + what)
        name = source.name() if source is not None else what
        stamp = f"{{set {STAMP} {digest}}}"
        # Nuke's own padding; a space or another alphabet in a path needs no quoting here.
        write["file"].setValue(text.replace("####", "%04d"))
        with _ready_to_render(write):
            inside(node, "stamp_" + what)["metadata"].fromScript(stamp)
            for first, last in ranges.spans(missing):
                try:
                    nuke.execute(write, first, last, 1, [view or nuke.views()[0]])
                except RuntimeError as error:
                    if "cancel" in str(error).lower():
                        raise Problem("cancelled; exported frames are kept") from error
                    raise Problem(f"{name} does not render: {error}") from error
    return text


@contextlib.contextmanager
def _ready_to_render(write: nuke.Node) -> Iterator[None]:
    """Turn a Write on and proxies off, and put both back."""
    proxy = nuke.root()["proxy"]
    was = proxy.value()
    nuke.Undo.disable()
    try:
        proxy.setValue(False)
        write["disable"].setValue(False)
        yield
    finally:
        write["disable"].setValue(True)
        proxy.setValue(was)
        nuke.Undo.enable()
