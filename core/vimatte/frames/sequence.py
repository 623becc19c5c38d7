"""Plates that are one picture file a frame, or a single still."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from vimatte.errors import FrameReadError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.file_pattern import FilePattern
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.image_file import ImageFile, read_header, read_pixels
from vimatte.frames.picture_notices import picture_notices
from vimatte.frames.sequence_files import look_for
from vimatte.frames.sequence_notices import notices_of
from vimatte.frames.transfer import DISPLAY_CURVES
from vimatte.frames.types import Encoding, FrameHeader, PlateFrame
from vimatte.notices import Notice


class ImageSequence:
    """A plate of picture files. Implements `vimatte.frames.types.Plate`.

    Every call opens its file anew, so calls from several threads never meet. Pictures are turned
    and mirrored as their orientation tags ask.

    Parameters
    ----------
    pattern : FilePattern
    view, layer : str, optional
        Which picture of each EXR is meant.
    view_in_path : bool
        The view was chosen by the path: a file that names no views is then fine.
    digests : DigestCache, optional

    Raises
    ------
    FrameReadError
        When no file matches, or not one of them can be read.
    """

    def __init__(
        self,
        pattern: FilePattern,
        *,
        view: str | None = None,
        layer: str | None = None,
        view_in_path: bool = False,
        digests: DigestCache | None = None,
    ) -> None:
        self._pattern = pattern
        self._view = view
        self._layer = layer
        self._view_in_path = view_in_path
        self._digests = digests or DigestCache()
        self._files = look_for(pattern)
        self._first = self._first_readable()

    @property
    def name(self) -> str:
        """A legal file stem, e.g. ``sh010`` for sh010.####.exr."""
        return self._pattern.name

    @property
    def path(self) -> Path:
        """The pattern, with ``#`` for the digits of the frame number; or the still."""
        return self._pattern.folder / self._pattern.text

    @property
    def encoding(self) -> Encoding:
        """Scene-linear for EXR; what a file's tag says; sRGB for 8-bit files, otherwise unknown."""
        if self._first.format in ("openexr", "hdr"):
            return "scene-linear"
        if self._first.transfer is not None:
            return "srgb" if self._first.transfer in DISPLAY_CURVES else "unknown"
        if self._first.depth == "uint8" and self._first.format not in ("dpx", "cineon"):
            return "srgb"
        return "unknown"

    @property
    def transfer(self) -> int | None:
        """The transfer curve's number in ISO/IEC 23091-4, where the first file states one."""
        return self._first.transfer

    @property
    def turns(self) -> int:
        """Quarter turns to the left by which pictures are turned, as their tags ask; 0 to 3."""
        return self._first.orientation.turns

    @property
    def mirrored(self) -> bool:
        """Whether pictures are mirrored, left to right and before they are turned."""
        return self._first.orientation.mirrored

    @property
    def frames(self) -> FrameRange:
        """The frames whose files exist and are not empty."""
        return self._files.frames

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know of its files; see `vimatte.frames.sequence_notices`."""
        of_pictures = picture_notices(self._first, self.path, view=self._view)
        if self._pattern.still is not None:
            return of_pictures
        return (*notices_of(self._pattern, self._files), *of_pictures)

    @property
    def rate(self) -> float | None:
        """Frames a second, where the first file says so."""
        return self._first.rate

    def read(self, frame: int) -> PlateFrame:
        """Return one frame.

        Raises
        ------
        FrameReadError
            When the frame is missing, truncated, corrupt, or of another size than the plate.
        """
        path = self._file(frame)
        try:
            image, pixels, bad = read_pixels(path, view=self._view_of(path), layer=self._layer)
        except FrameReadError as error:
            raise _at(frame, error) from None
        self._refuse_other_size(frame, image)
        return PlateFrame(frame, pixels, image.header, bad)

    def header(self, frame: int) -> FrameHeader:
        """Return what `read` would give as the header. Decodes no pixels."""
        image = self._read_header(frame)
        self._refuse_other_size(frame, image)
        return image.header

    def digest(self, frame: int) -> str:
        """Return a digest of the file's content, and of the view and layer where they are named."""
        try:
            content = self._digests.digest(self._file(frame))
        except FrameReadError as error:
            raise _at(frame, error) from None
        laid = self._first.orientation
        if self._view is None and self._layer is None and laid.as_stored:
            return content
        chosen = repr((content, self._view, self._layer)).encode()
        chosen += b"" if laid.as_stored else str(laid).encode()
        return hashlib.blake2b(chosen, digest_size=16).hexdigest()

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _file(self, frame: int) -> Path:
        if frame in self._files.empty:
            raise FrameReadError(
                "the file is empty (0 bytes)",
                frame=frame,
                path=self._pattern.path(frame),
                hint="it was not written to the end: render it again",
            )
        if frame not in self.frames:
            raise FrameReadError(
                "the plate has no such frame",
                frame=frame,
                path=self.path,
                hint=f"it has {_shortened(str(self.frames))}",
            )
        return self._pattern.path(frame)

    def _view_of(self, path: Path) -> str | None:
        if self._view is None or not self._view_in_path:
            return self._view
        return self._view if read_header(path, layer=self._layer).views else None

    def _read_header(self, frame: int) -> ImageFile:
        path = self._file(frame)
        try:
            return read_header(path, view=self._view_of(path), layer=self._layer)
        except FrameReadError as error:
            raise _at(frame, error) from None

    def _first_readable(self) -> ImageFile:
        """Return the first frame that can be opened: it sets the size the others must have."""
        trouble: list[FrameReadError] = []
        for frame in self.frames:
            try:
                return self._read_header(frame)
            except FrameReadError as error:  # noqa: PERF203 - rarely more than one round
                trouble = trouble or [error]
        raise trouble[0]

    def _refuse_other_size(self, frame: int, image: ImageFile) -> None:
        mine, first = image.header, self._first.header
        if image.orientation != self._first.orientation:
            raise FrameReadError(
                "the frame's orientation tag is another one than the first frame's",
                frame=frame,
                path=self._pattern.path(frame),
                hint="turn the pictures themselves, e.g. by magick mogrify -auto-orient",
            )
        if mine.display_window != first.display_window:
            raise FrameReadError(
                f"the frame is {_size(mine)}, the plate is {_size(first)}",
                frame=frame,
                path=self._pattern.path(frame),
                hint="every frame of a plate has one size; an EXR's data window may vary",
            )
        if abs(mine.pixel_aspect - first.pixel_aspect) > 1e-4:
            raise FrameReadError(
                f"the frame's pixel aspect is {mine.pixel_aspect:g}, "
                f"the plate's is {first.pixel_aspect:g}",
                frame=frame,
                path=self._pattern.path(frame),
            )


def _at(frame: int, error: FrameReadError) -> FrameReadError:
    return FrameReadError(error.message, frame=frame, path=error.path, hint=error.hint)


def _size(header: FrameHeader) -> str:
    window = header.display_window
    at = f" at {window.x},{window.y}" if (window.x, window.y) != (0, 0) else ""
    return f"{window.width} x {window.height}{at}"


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
