"""Clips of one subject with alpha: where the synthetic benchmark takes its instances from.

A folder given as foregrounds holds any of

- folders of RGBA pictures, one a frame (PNG: straight; EXR: scene-linear and premultiplied);
- movies with an alpha channel (VP8 or VP9 alpha in WebM, ProRes 4444, PNG or QuickTime RLE);
- movies of one subject before pure green, which are keyed;
- single RGBA pictures, which then move without changing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vimatte.errors import FrameReadError, InputError
from vimatte.evaluate.keying import green_excess, key_green
from vimatte.evaluate.procedural import ProceduralSubject
from vimatte.frames.movie_kinds import MOVIE_SUFFIXES
from vimatte.output.exr_file import MAX_VALUES
from vimatte.training.material import extend_colour

Bytes = NDArray[np.uint8]

_PICTURES = frozenset({".png", ".exr", ".tif", ".tiff"})
_WITH_ALPHA = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")
_PURE_GREEN = 0.4  # excess of green in the top rows from which a movie is keyed


@dataclass(frozen=True)
class Foreground:
    """A subject; its frames are read when a clip needs them.

    Attributes
    ----------
    name : str
        For the manifest.
    length : int
        Frames there are; 0 for as many as one likes.
    read : callable
        Gives frames `start` to `start + count`: straight 8-bit sRGB and alpha, shape (H, W, 4).
    drawn : bool
        It may be enlarged: it was drawn, not filmed.
    """

    name: str
    length: int
    read: Callable[[int, int], Sequence[Bytes]]
    drawn: bool = False

    def frames(self, start: int, count: int) -> list[Bytes]:
        """Return `count` frames from `start`; a shorter clip is played to and fro.

        Raises
        ------
        FrameReadError
            A file cannot be read, or nothing of the subject is in it.
        """
        if not self.length or start + count <= self.length:
            frames = list(self.read(start, count))
        else:
            whole = list(self.read(0, self.length))
            turn = max(1, 2 * (len(whole) - 1))
            at = [(start + t) % turn for t in range(count)]
            frames = [whole[min(t, turn - t) if len(whole) > 1 else 0] for t in at]
        if not any((frame[..., 3] > 127).any() for frame in frames):
            raise FrameReadError(f"the foreground {self.name} is empty from frame {start} on")
        return frames


def procedural_foregrounds(seed: int, count: int, size: int) -> list[Foreground]:
    """Return subjects drawn from a seed; `size` is their side in pixels."""

    def subject(number: int) -> Foreground:
        def read(start: int, frames: int) -> list[Bytes]:
            drawn = ProceduralSubject(size, [seed, 40, number])
            return [drawn.frame(start + t) for t in range(frames)]

        return Foreground(f"procedural {number}", 0, read, drawn=True)

    return [subject(number) for number in range(count)]


def find_foregrounds(places: Sequence[Path]) -> list[Foreground]:
    """Return the subjects in folders or files, sorted by name within each place.

    Raises
    ------
    InputError
        A place does not exist or holds no subject.
    FrameReadError
        A movie cannot be decoded.
    """
    found = []
    for place in places:
        if not place.exists():
            raise InputError("no such file or folder", path=place)
        mine = list(_in_place(place))
        if not mine:
            raise InputError(
                "no foregrounds with alpha here",
                path=place,
                hint="RGBA picture sequences in folders, or movies with alpha or before green",
            )
        found += mine
    return found


def _in_place(place: Path) -> Iterator[Foreground]:
    if place.is_file():
        if place.suffix.lower() in MOVIE_SUFFIXES:
            yield _movie(place)
        elif place.suffix.lower() in _PICTURES:
            yield _pictures(place.stem, [place])
        return
    files = _files_of(place)
    if files and all(path.stem[-1:].isdecimal() for path in files):
        yield _pictures(place.name, files)
        return
    for child in sorted(place.iterdir()):
        if child.is_dir():
            if inner := _files_of(child):
                yield _pictures(child.name, inner)
        elif child.suffix.lower() in MOVIE_SUFFIXES | _PICTURES:
            yield from _in_place(child)


def _files_of(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.suffix.lower() in _PICTURES and p.is_file()]


def _pictures(name: str, files: list[Path]) -> Foreground:
    def read(start: int, count: int) -> list[Bytes]:
        return [read_rgba(path) for path in files[start : start + count]]

    return Foreground(name, len(files), read)


def _movie(path: Path) -> Foreground:
    length, alpha = 0, False
    for frame in _decoded(path):
        alpha = alpha or frame.shape[2] == 4
        length += 1
        if length == 1 and not alpha and not _before_green(frame):
            raise InputError(
                "the movie has neither an alpha channel nor pure green behind its subject",
                path=path,
            )

    def read(start: int, count: int) -> list[Bytes]:
        frames = []
        for number, frame in enumerate(_decoded(path)):
            if number >= start + count:
                break
            if number >= start:
                frames.append(extend_colour(frame) if alpha else _keyed(frame))
        return frames

    return Foreground(path.stem, length, read)


def read_rgba(path: Path) -> Bytes:
    """Read a picture with alpha as straight 8-bit sRGB, shape (H, W, 4). Raises FrameReadError."""
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        oiio.geterror()
        raise FrameReadError("not a picture", path=path)
    try:
        spec = source.spec()
        if spec.width * spec.height * spec.nchannels > MAX_VALUES:
            raise FrameReadError("the picture is too large", path=path)
        names = [spec.channelnames.index(n) for n in "RGBA" if n in spec.channelnames]
        if len(names) != 4:
            raise FrameReadError("a foreground needs R, G, B and A", path=path)
        pixels = source.read_image(0, 0, 0, spec.nchannels, oiio.FLOAT)
        if pixels is None:
            raise FrameReadError(f"the picture is damaged: {source.geterror()}", path=path)
    finally:
        source.close()
    rgba = np.nan_to_num(np.asarray(pixels, np.float32)[..., names])
    if path.suffix.lower() == ".exr":
        straight = rgba[..., :3] / np.maximum(rgba[..., 3:], 1e-4)
        rgba = np.dstack([np.clip(straight, 0, 1) ** np.float32(1 / 2.2), rgba[..., 3]])
    return np.round(np.clip(rgba, 0, 1) * 255).astype(np.uint8)


def _decoded(path: Path) -> Iterator[Bytes]:
    """Yield frames as RGBA where the movie has alpha, else as RGB."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            decoder: Any = stream.codec_context
            if decoder.name in ("vp8", "vp9"):
                # FFmpeg's own decoders of these leave the alpha out.
                name = "libvpx" if decoder.name == "vp8" else "libvpx-vp9"
                own = av.CodecContext.create(name, "r")
                own.extradata = decoder.extradata
                decoder = own
            for packet in container.demux(stream):
                for picture in decoder.decode(packet):
                    alpha = str(picture.format.name).startswith(_WITH_ALPHA)
                    form = "rgba" if alpha else "rgb24"
                    yield np.asarray(picture.to_ndarray(format=form), np.uint8)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise FrameReadError(f"cannot decode the movie: {error}", path=path) from error


def _before_green(frame: Bytes) -> bool:
    top = frame[:4].astype(np.float32) / np.float32(255)
    return float(np.median(green_excess(top))) > _PURE_GREEN


def _keyed(frame: Bytes) -> Bytes:
    colour, alpha = key_green(frame.astype(np.float32) / np.float32(255))
    return np.round(np.clip(np.dstack([colour, alpha]), 0, 1) * 255).astype(np.uint8)
