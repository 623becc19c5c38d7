"""Decode any picture of a movie, exactly, and neighbouring ones without seeking again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vimatte.errors import FrameReadError
from vimatte.frames.movie_index import MovieIndex, read_index

# A picture this near is reached by decoding on, even where a key picture lies between.
_NEAR = 8
# Pictures kept after decoding: threads that read ahead ask for neighbours in any order.
_KEPT = 4
# What a movie may be, and that it may point at nothing outside its own file.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mxf",
}


class MovieDecoder:
    """One open movie. Calls from several threads take turns.

    Parameters
    ----------
    path : Path

    Raises
    ------
    FrameReadError
        When it is no movie, or holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._careful = False
        self._container, self._stream = self._open()
        try:
            self.index: MovieIndex = read_index(self._container, self._stream, str(path))
        except av.FFmpegError as error:
            self._container.close()
            raise FrameReadError(f"cannot read the movie: {_reason(error)}", path=path) from None
        except FrameReadError:
            self._container.close()
            raise
        self._recent: OrderedDict[int, VideoFrame] = OrderedDict()
        self._pictures: Iterator[VideoFrame] | None = None
        self._next = 0
        self._closed = False

    @property
    def stream(self) -> VideoStream:
        """The video stream, for what it says of itself."""
        return self._stream

    @property
    def container(self) -> InputContainer:
        """The container, for what it says of itself."""
        return self._container

    def picture(self, position: int) -> VideoFrame:
        """Return the picture at a position of the index, as it was coded.

        Raises
        ------
        FrameReadError
            When it cannot be decoded.
        """
        with self._lock:
            if self._closed:
                raise FrameReadError("the movie is closed", path=self._path)
            found = self._recent.get(position)
            if found is not None:
                return found
            found = self._decode(position)
        if found.is_corrupt:
            raise FrameReadError("the picture is damaged", path=self._path)
        return found

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._pictures = None
                self._recent.clear()
                self._container.close()

    def _open(self) -> tuple[InputContainer, VideoStream]:
        if not self._path.is_file():
            raise FrameReadError("no such file", path=self._path)
        try:
            # "file:" so that no part of a file name is taken for a protocol.
            container = av.open(
                f"file:{self._path}", container_options=_OPTIONS, metadata_errors="replace"
            )
        except (av.FFmpegError, OSError) as error:
            raise FrameReadError(
                f"cannot open the movie: {_reason(error)}", path=self._path
            ) from None
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            container.close()
            raise FrameReadError("the file holds no video", path=self._path)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 1 if self._careful else min(4, os.cpu_count() or 1)
        return container, stream

    def _decode(self, position: int) -> VideoFrame:
        try:
            return self._find(position)
        except av.FFmpegError as error:
            self._pictures = None
            if self._careful:
                raise FrameReadError(
                    f"cannot decode the picture: {_reason(error)}", path=self._path
                ) from None
        # With several threads the decoder reports damage at some neighbour of the damaged picture.
        # From now on one thread decodes, and only the damaged ones are lost.
        self._careful = True
        self._container.close()
        self._container, self._stream = self._open()
        self._recent.clear()
        return self._decode(position)

    def _find(self, position: int) -> VideoFrame:
        key = self.index.key_before(position)
        ahead = position - self._next
        if self._pictures is not None and (
            0 <= ahead <= _NEAR or 0 <= ahead <= position - self.index.keys[key]
        ):
            found, _ = self._forward(position)
            if found is not None:
                return found
        step = 1
        while True:
            self._seek(key)
            found, first = self._forward(position)
            if found is not None:
                return found
            # A container's seek may land late: then start earlier.
            if key == 0 or (first is not None and first <= position):
                raise FrameReadError("the picture cannot be decoded", path=self._path)
            key = max(0, key - step)
            step *= 2

    def _seek(self, key: int) -> None:
        self._pictures = None
        start = int(self.index.seeks[key])
        self._container.seek(start, stream=self._stream, backward=True)
        self._pictures = self._decoded()
        self._recent.clear()

    def _decoded(self) -> Iterator[VideoFrame]:
        """Yield pictures as they are shown, from where the container stands."""
        for packet in self._container.demux(self._stream):
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                if not self._careful:
                    raise
                continue  # the picture is missing, and reported where it is asked for
            yield from (picture for picture in pictures if isinstance(picture, VideoFrame))

    def _forward(self, position: int) -> tuple[VideoFrame | None, int | None]:
        """Decode up to a picture; None when it does not come. Also: the first that came."""
        assert self._pictures is not None
        first: int | None = None
        for picture in self._pictures:
            at = self.index.position(picture.pts)
            if at is None:
                continue
            first = at if first is None else first
            self._next = at + 1
            self._recent[at] = picture
            while len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
            if at >= position:
                return (picture if at == position else None), first
        self._pictures = None
        return None, first


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]
