"""Plates that are movies: mp4, mov, webm and their kin, through PyAV."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from vimatte.errors import FrameReadError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.file_pattern import legal_stem
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.image_file import MAX_PIXELS
from vimatte.frames.metadata import TypedTuple
from vimatte.frames.movie_decoder import MovieDecoder
from vimatte.frames.timecode import packed_timecode
from vimatte.frames.types import Encoding, FrameHeader, PlateFrame
from vimatte.frames.window import Window
from vimatte.frames.yuv import to_rgb
from vimatte.notices import Notice

# Transfer curves that are near enough to sRGB to be shown as it, by their ISO/IEC 23091-4 numbers:
# BT.709, gamma 2.2 and 2.8, SMPTE 170M, sRGB, BT.2020 at 10 and 12 bits.
_DISPLAY_CURVES = frozenset({1, 4, 5, 6, 13, 14, 15})
_UNSPECIFIED = 2


class Movie:
    """A movie as a plate. Implements `vimatte.frames.types.Plate`.

    Frames lie at a constant rate (the movie's average): each shows the picture that is on screen
    half a frame after its time, so every picture of an ordinary movie is one frame. Pictures are
    rotated as the movie asks (mirrored ones are not); alpha is ignored; interlaced ones stay so.

    Parameters
    ----------
    path : Path
    start_frame : int
        The number of the first frame.
    digests : DigestCache, optional

    Raises
    ------
    FrameReadError
        When it is no movie, is cut short, or holds no picture that can be decoded.
    """

    def __init__(
        self, path: Path, *, start_frame: int = 1, digests: DigestCache | None = None
    ) -> None:
        self._path = path
        self._digests = digests or DigestCache()
        self._decoder = MovieDecoder(path)
        try:
            count = len(self._decoder.index.samples)
            self._frames = FrameRange.span(start_frame, start_frame + count - 1)
            self._coded_size = _coded_size(self._decoder, path)
            self._header, self._turns = self._describe()
        except BaseException:
            self._decoder.close()
            raise

    @property
    def name(self) -> str:
        """A legal file stem taken from the movie's name."""
        return legal_stem(self._path.stem)

    @property
    def path(self) -> Path:
        """The movie's file."""
        return self._path

    @property
    def encoding(self) -> Encoding:
        """What its transfer curve says: sRGB, or unknown for HDR and for silent deep movies."""
        context = self._decoder.stream.codec_context
        curve = int(context.color_trc)
        # Without a pixel format nothing could have been decoded.
        components = context.format.components if context.format else ()
        deep = any(component.bits > 8 for component in components)
        ordinary = curve in _DISPLAY_CURVES or (curve == _UNSPECIFIED and not deep)
        return "srgb" if ordinary else "unknown"

    @property
    def turns(self) -> int:
        """Quarter turns to the left by which frames are turned, as the movie asks; 0 to 3."""
        return self._turns

    @property
    def frames(self) -> FrameRange:
        """Every frame, without holes."""
        return self._frames

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know of its files."""
        return ()

    @property
    def rate(self) -> float | None:
        """Frames a second."""
        return float(self._decoder.index.rate)

    def read(self, frame: int) -> PlateFrame:
        """Return one frame. Raises FrameReadError when it cannot be decoded."""
        header = self.header(frame)
        picture = self._picture(frame)
        pixels = np.rot90(to_rgb(picture), self._turns)
        return PlateFrame(frame, np.ascontiguousarray(pixels), header)

    def header(self, frame: int) -> FrameHeader:
        """Return what `read` would give as the header. Decodes nothing."""
        index = self._index(frame)
        timecode = packed_timecode(self._start_timecode(), self._decoder.index.rate, index)
        if timecode is None:
            return self._header
        metadata = {
            **self._header.metadata,
            "smpte:TimeCode": TypedTuple.of(timecode, "timecode"),
        }
        header = self._header
        return FrameHeader(header.data_window, header.display_window, header.pixel_aspect, metadata)

    def digest(self, frame: int) -> str:
        """Return a digest of the movie's content and of which picture the frame shows."""
        position = int(self._decoder.index.samples[self._index(frame)])
        content = f"{self._digests.digest(self._path)} {position}".encode()
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._decoder.close()

    def _index(self, frame: int) -> int:
        if frame not in self._frames:
            raise FrameReadError(
                "the plate has no such frame",
                frame=frame,
                path=self._path,
                hint=f"it has {self._frames}",
            )
        return frame - self._frames.first

    def _picture(self, frame: int) -> VideoFrame:
        position = int(self._decoder.index.samples[self._index(frame)])
        try:
            picture = self._decoder.picture(position)
        except FrameReadError as error:
            raise FrameReadError(
                error.message, frame=frame, path=self._path, hint=error.hint
            ) from None
        if (picture.width, picture.height) != self._coded_size:
            raise FrameReadError(
                f"the frame is {picture.width} x {picture.height}, "
                f"the movie is {self._coded_size[0]} x {self._coded_size[1]}",
                frame=frame,
                path=self._path,
            )
        return picture

    def _describe(self) -> tuple[FrameHeader, int]:
        """Return the header that all frames share, and their quarter turns to the left."""
        picture = self._picture(self._frames.first)
        turns = round(picture.rotation / 90) % 4
        width, height = self._coded_size
        aspect = _pixel_aspect(self._decoder.stream.sample_aspect_ratio)
        if turns % 2:
            width, height, aspect = height, width, 1 / aspect
        rate = self._decoder.index.rate.limit_denominator(1 << 20)
        metadata: dict[str, Any] = {
            "FramesPerSecond": TypedTuple.of((rate.numerator, rate.denominator), "rational")
        }
        window = Window(0, 0, width, height)
        return FrameHeader(window, window, float(aspect), metadata), turns

    def _start_timecode(self) -> str:
        container = self._decoder.container
        for source in (self._decoder.stream, container, *container.streams):
            found = source.metadata.get("timecode")
            if found:
                return str(found)
        return ""


def _coded_size(decoder: MovieDecoder, path: Path) -> tuple[int, int]:
    context = decoder.stream.codec_context
    if context.width * context.height > MAX_PIXELS or min(context.width, context.height) < 1:
        raise FrameReadError(
            f"the movie claims {context.width} x {context.height} pixels",
            path=path,
            hint=f"at most {MAX_PIXELS} pixels are read",
        )
    return context.width, context.height


def _pixel_aspect(ratio: Fraction | None) -> Fraction:
    return ratio if ratio and Fraction(1, 8) <= ratio <= 8 else Fraction(1)
