"""Training material on disk: photographs, cut-out clips and procedural mattes, ready to map.

::

    MATERIAL/
      backgrounds/NNNN.npy     uint8 (H, W, 3)     photographs, long side at most 1280
      videos/NAME.npy          uint8 (T, H, W, 3)  moving backgrounds; may be absent
      clips/NAME.npy           uint8 (T, H, W, 4)  straight colour, extended outwards, and alpha
      rendered/NAME.npy        the same, rendered by scripts/render_subjects; may be absent
      shapes.npy               uint8 (N, S, S, 2)  procedural alpha, and shade * 100
      sources.json                                 what each came from, and its licence
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import FrameReadError, InputError
from vimatte.training.outlines import Outlines
from vimatte.training.strands import make_matte

LONG_SIDE = 1280
SHAPE_SIZE = 384
VIDEO_LONG_SIDE, VIDEO_FRAMES = 960, 150

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Material:
    """Memory-mapped training material; cheap to open in every worker.

    Attributes
    ----------
    backgrounds : sequence of ndarray of uint8, shape (H, W, 3)
    clips, rendered : sequence of ndarray of uint8, shape (T, H, W, 4)
    shapes : ndarray of uint8, shape (N, S, S, 2)
    videos : sequence of ndarray of uint8, shape (T, H, W, 3)
    outlines : Outlines
        Where the clips are not empty and the mattes are soft.
    """

    backgrounds: Sequence[Bytes]
    clips: Sequence[Bytes]
    shapes: Bytes
    rendered: Sequence[Bytes] = ()
    videos: Sequence[Bytes] = ()
    outlines: Outlines = field(init=False, default_factory=Outlines, repr=False, compare=False)

    @classmethod
    def open(cls, folder: Path) -> Material:
        """Map what the ``prepare`` functions wrote.

        Raises
        ------
        InputError
            When a part is missing.
        """
        backgrounds = [np.load(p, mmap_mode="r") for p in sorted(folder.glob("backgrounds/*.npy"))]
        clips = [np.load(p, mmap_mode="r") for p in sorted(folder.glob("clips/*.npy"))]
        shapes = folder / "shapes.npy"
        if not backgrounds or not clips or not shapes.exists():
            raise InputError(
                "the training material is not complete",
                path=folder,
                hint="run scripts/prepare_material",
            )
        rendered = [np.load(p, mmap_mode="r") for p in sorted(folder.glob("rendered/*.npy"))]
        videos = [np.load(p, mmap_mode="r") for p in sorted(folder.glob("videos/*.npy"))]
        return cls(backgrounds, clips, np.load(shapes, mmap_mode="r"), rendered, videos)


def prepare_backgrounds(files: Iterable[Path], folder: Path) -> int:
    """Write photographs as arrays; pictures smaller than 400 pixels are left out.

    Returns
    -------
    int
        How many were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in files:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None or min(picture.shape[:2]) < 400:
            continue
        factor = min(1.0, LONG_SIDE / max(picture.shape[:2]))
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        np.save(folder / f"{count:04d}.npy", np.ascontiguousarray(picture[:, :, ::-1]))
        count += 1
    return count


def prepare_video(path: Path, target: Path, most: int = VIDEO_FRAMES) -> int:
    """Write the first frames of a movie as a moving background, at most 960 pixels long.

    Whoever is seen in it is nobody's instance: a matte must leave them out.

    Returns
    -------
    int
        How many frames were written.

    Raises
    ------
    InputError
        When it has no frames.
    """
    frames = []
    with av.open(str(path)) as container:
        for picture in islice(container.decode(video=0), most):
            rgb = picture.to_ndarray(format="rgb24")
            factor = min(1.0, VIDEO_LONG_SIDE / max(rgb.shape[:2]))
            frames.append(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
    if not frames:
        raise InputError("the movie has no frames", path=path)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, np.stack(frames))
    return len(frames)


def prepare_clip(path: Path, target: Path) -> int:
    """Write a clip with an alpha channel (VP8 or VP9 alpha, ProRes 4444, ...) as one array.

    Its colour is extended outwards from the solid inside: what a keyer left of the old background
    at the edges would teach a network to look for fringes.

    Returns
    -------
    int
        How many frames were written.
    """
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder: Any = stream.codec_context
        if decoder.name in ("vp8", "vp9"):
            decoder = av.CodecContext.create(
                f"libvpx{'-vp9' if decoder.name == 'vp9' else ''}", "r"
            )
            decoder.extradata = stream.codec_context.extradata
        for packet in container.demux(stream):
            for picture in decoder.decode(packet):
                rgba = picture.to_ndarray(format="rgba")
                frames.append(extend_colour(np.asarray(rgba, np.uint8)))
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, np.stack(frames))
    return len(frames)


def prepare_rendered(folder: Path, target: Path) -> int:
    """Halve the frames of a rendered subject and write them as one array.

    Parameters
    ----------
    folder : Path
        Numbered EXR files: scene-linear, premultiplied, with alpha.
    target : Path

    Returns
    -------
    int
        How many frames were written; 0 where there are none.

    Raises
    ------
    FrameReadError
        When a frame cannot be read.
    """
    frames = []
    for path in sorted(folder.glob("[0-9]*.exr")):
        pixels = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)
        if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
            raise FrameReadError("not a rendered frame with alpha", path=path)
        small = cv2.resize(
            pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA
        )
        frames.append(_straight(np.asarray(small, np.float32)))
    if frames:
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, np.stack(frames))
    return len(frames)


def _straight(premultiplied: NDArray[np.float32]) -> Bytes:
    """Return sRGB-encoded straight colour and alpha; faint pixels take their neighbours' colour."""
    alpha = np.clip(premultiplied[:, :, 3:], 0, 1)
    light = np.clip(premultiplied[:, :, :3], 0, None)
    spread, mass = cv2.blur(light, (15, 15)), cv2.blur(alpha, (15, 15))[..., None]
    near = spread / np.maximum(mass, 1e-4)
    own = light / np.maximum(alpha, 1e-4)
    colour = np.where(alpha > 0.1, own, near)
    encoded = np.clip(colour, 0, 1) ** np.float32(1 / 2.2)
    return np.round(np.concatenate([encoded, alpha], axis=2) * 255).astype(np.uint8)


def extend_colour(rgba: Bytes, solid: int = 250) -> Bytes:
    """Fill every pixel below `solid` alpha with colour pulled from the solid ones nearby."""
    alpha = rgba[:, :, 3]
    weight = (cv2.erode(alpha, np.ones((3, 3), np.uint8)) >= solid).astype(np.float32)
    colour = rgba[:, :, :3].astype(np.float32) * weight[..., None]
    filled, known = colour.copy(), weight.copy()
    size = 3
    while size < max(rgba.shape[:2]) and (known < 1e-3).any():
        blurred = cv2.blur(colour, (size, size))
        mass = cv2.blur(weight, (size, size))
        new = (known < 1e-3) & (mass > 1e-4)
        filled[new] = blurred[new] / mass[new][:, None]
        known[new] = 1
        size = size * 2 + 1
    out = rgba.copy()
    out[:, :, :3] = np.clip(np.round(filled), 0, 255).astype(np.uint8)
    return out


def prepare_shapes(count: int, target: Path, seed: int = 1) -> None:
    """Draw `count` procedural mattes."""
    shapes = np.zeros((count, SHAPE_SIZE, SHAPE_SIZE, 2), np.uint8)
    for index in range(count):
        alpha, shade = make_matte(SHAPE_SIZE, np.random.default_rng([seed, index]))
        shapes[index, :, :, 0] = np.round(alpha * 255)
        shapes[index, :, :, 1] = np.round(np.clip(shade * 100, 0, 255))
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, shapes)


def write_sources(folder: Path, sources: Sequence[dict[str, str]]) -> None:
    """Write where the material came from, and under which licence, for the model card."""
    (folder / "sources.json").write_text(json.dumps(list(sources), indent=2) + "\n")
