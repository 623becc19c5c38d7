"""Plates that are movies: mp4, mov, webm and their kin, through PyAV."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from vimatte.errors import FrameReadError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.file_pattern import legal_stem
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.image_file import MAX_PIXELS
from vimatte.frames.metadata import TypedTuple
from vimatte.frames.movie_decoder import MovieDecoder
from vimatte.frames.movie_kinds import rewrap_line
from vimatte.frames.movie_notices import movie_notices
from vimatte.frames.orientation import Orientation
from vimatte.frames.timecode import packed_timecode
from vimatte.frames.transfer import DISPLAY_CURVES
from vimatte.frames.types import Encoding, FrameHeader, PlateFrame
from vimatte.frames.window import Window
from vimatte.frames.yuv import reading_of, to_rgb
from vimatte.notices import Notice

_UNSPECIFIED = 2


class Movie:
    """A movie as a plate. Implements `vimatte.frames.types.Plate`.

    Frames lie at a constant rate (the movie's average): each shows the picture that is on screen
    half a frame after its time, so every picture of an ordinary movie is one frame. Where the time
    stamps cannot be trusted, every picture is a frame, in the order they are decoded to. Pictures
    are turned and mirrored as the movie asks; alpha is ignored; interlaced ones stay so.

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
            self._header, self._orientation = self._describe()
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
        ordinary = curve in DISPLAY_CURVES or (curve == _UNSPECIFIED and not deep)
        return "srgb" if ordinary else "unknown"

    @property
    def transfer(self) -> int | None:
        """Its transfer curve's number in ISO/IEC 23091-4, where it states one."""
        curve = int(self._decoder.stream.codec_context.color_trc)
        return None if curve == _UNSPECIFIED else curve

    @property
    def turns(self) -> int:
        """Quarter turns to the left by which frames are turned, as the movie asks; 0 to 3."""
        return self._orientation.turns

    @property
    def mirrored(self) -> bool:
        """Whether frames are mirrored, left to right and before they are turned."""
        return self._orientation.mirrored

    @property
    def frames(self) -> FrameRange:
        """Every frame, without holes."""
        return self._frames

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know of it: a varying rate, interlacing, mirroring, ..."""
        return self._notices

    @property
    def rate(self) -> float | None:
        """Frames a second."""
        return float(self._decoder.index.rate)

    def read(self, frame: int) -> PlateFrame:
        """Return one frame. Raises FrameReadError when it cannot be decoded."""
        header = self.header(frame)
        picture = self._picture(frame)
        return PlateFrame(frame, self._orientation.apply(to_rgb(picture)), header)

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
        content = f"{self._digests.digest(self._path)} {position}{self._reading}".encode()
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
        if frame != self._frames.first and _orientation_of(picture, self._orientation) != (
            self._orientation
        ):
            raise FrameReadError(
                "the movie asks for this picture to be turned otherwise than the first one",
                frame=frame,
                path=self._path,
                hint="split the movie there",
            )
        return picture

    def _describe(self) -> tuple[FrameHeader, Orientation]:
        """Return the header that all frames share, and how they lie."""
        picture = self._picture(self._frames.first)
        orientation = _orientation_of(picture)
        if orientation is None:
            raise FrameReadError(
                "the movie asks to be turned by an angle that is no multiple of 90 degrees",
                path=self._path,
                hint=rewrap_line(self._path),
            )
        width, height = self._coded_size
        aspect = _pixel_aspect(self._decoder.stream.sample_aspect_ratio)
        if orientation.turns % 2:
            width, height, aspect = height, width, 1 / aspect
        index = self._decoder.index
        rate = index.rate.limit_denominator(1 << 20)
        metadata: dict[str, Any] = {
            "FramesPerSecond": TypedTuple.of((rate.numerator, rate.denominator), "rational")
        }
        window = Window(0, 0, width, height)
        # What makes the pictures others than those of older versions of vimatte, for digests.
        mirrored = " mirrored" if orientation.mirrored else ""
        counted = " counted" if index.counted else ""
        left_out = f" without {self._decoder.left_out}" if self._decoder.left_out else ""
        try:
            reading = reading_of(picture)
        except FrameReadError as error:
            raise FrameReadError(error.message, path=self._path, hint=error.hint) from None
        self._reading = f"{reading}{mirrored}{counted}{left_out}"
        self._notices = movie_notices(
            self._path, self._decoder, self._frames, orientation, picture.interlaced_frame
        )
        return FrameHeader(window, window, float(aspect), metadata), orientation

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


def _orientation_of(picture: VideoFrame, silent: Orientation | None = None) -> Orientation | None:
    """Return how a picture lies; `silent` where it does not say, None at an odd angle."""
    matrix = picture.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, SideData):
        return silent or Orientation()
    return Orientation.of_matrix(bytes(matrix))


def _pixel_aspect(ratio: Fraction | None) -> Fraction:
    return ratio if ratio and Fraction(1, 8) <= ratio <= 8 else Fraction(1)
