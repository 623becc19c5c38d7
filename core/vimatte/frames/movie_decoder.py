"""Decode any picture of a movie, exactly, and neighbouring ones without seeking again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vimatte.errors import FrameReadError
from vimatte.frames.movie_index import MovieIndex, timed_index, without_first
from vimatte.frames.movie_kinds import rewrap_line
from vimatte.frames.movie_order import (
    LATE,
    count_pictures,
    left_out_of,
    look_into,
    numbered_packets,
    reason,
    undecodable,
)
from vimatte.frames.movie_packets import read_packets, trust_in

# A picture this near is reached by decoding on, even where a key picture lies between.
_NEAR = 8
# Pictures kept after decoding: threads that read ahead ask for neighbours in any order.
_KEPT = 4
# What a movie may be, and that it may point at nothing outside its own file.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mxf,mpegts,mpeg,asf,flv,ogg,"
    "yuv4mpegpipe,dv,gif,apng",
}


class MovieDecoder:
    """One open movie. Calls from several threads take turns.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    index : MovieIndex
    left_out : int
        How many pictures at the start cannot be decoded and are not in the index: the movie was
        cut between key pictures.
    hidden : int
        How many pictures its edit list hides.

    Raises
    ------
    FrameReadError
        When it is no movie, holds no picture, or its pictures cannot be put into order.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._careful = False
        self._recent: OrderedDict[int, VideoFrame] = OrderedDict()
        self._pictures: Iterator[VideoFrame] | None = None
        self._next = self._floor = 0
        self._closed = False
        self.left_out = self.hidden = 0
        self._doubtful = False
        self._container, self._stream = self._open()
        try:
            self.index: MovieIndex = self._read_index()
        except av.FFmpegError as error:
            self._container.close()
            raise FrameReadError(f"cannot read the movie: {reason(error)}", path=path) from None
        except BaseException:
            self._container.close()
            raise

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
        except av.ArgumentError:  # of the list of formats
            raise FrameReadError(
                "cannot open the movie: it is of a kind that is not read",
                path=self._path,
                hint=rewrap_line(self._path),
            ) from None
        except (av.FFmpegError, OSError) as error:
            raise FrameReadError(
                f"cannot open the movie: {reason(error)}", path=self._path
            ) from None
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            container.close()
            raise FrameReadError(
                "the file holds no video",
                path=self._path,
                hint="it holds sound only, or is cut short: then copy it again",
            )
        if getattr(stream, "codec_context", None) is None:
            container.close()
            raise FrameReadError(
                "the movie's codec is unknown here, or its header is damaged",
                path=self._path,
                hint="export it anew as ProRes 422 or 4444, DNxHR or H.264, or as pictures",
            )
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 1 if self._careful else min(4, os.cpu_count() or 1)
        return container, stream

    def _reopen(self) -> None:
        """Go back to the start of the file, where every container can be read from."""
        self._pictures = None
        self._recent.clear()
        self._container.close()
        self._container, self._stream = self._open()

    def _read_index(self) -> MovieIndex:
        packets = read_packets(self._container, self._stream, str(self._path))
        trust = trust_in(packets, self._container, self._stream)
        if trust != "none":
            index = timed_index(packets, self._container, self._stream, str(self._path))
            self._reopen()
            trust = look_into(trust, index, self._container, self._stream)
        if trust == "none":
            self._reopen()
            index = count_pictures(packets, self._container, self._stream, self._path)
            self.left_out = left_out_of(index, packets, self._stream)
        self._doubtful = trust == "doubtful"
        self.hidden = packets.hidden
        if trust != "none" and index.keys[0] > 0:
            self._reopen()
            self.left_out = undecodable(index, self._container, self._stream)
            if self.left_out:
                index = without_first(index, self.left_out, self._stream, str(self._path))
        self._reopen()
        return index

    def _decode(self, position: int) -> VideoFrame:
        try:
            return self._find(position)
        except av.FFmpegError as error:
            self._pictures = None
            if self._careful:
                raise FrameReadError(
                    f"cannot decode the picture: {reason(error)}", path=self._path
                ) from None
        # With several threads the decoder reports damage at some neighbour of the damaged picture.
        # From now on one thread decodes, and only the damaged ones are lost.
        self._careful = True
        self._reopen()
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
        self._recent.clear()
        self._next = self._floor = int(self.index.keys[key]) if key else 0
        if key == 0:
            self._reopen()
            self._pictures = self._decoded(None)
            return
        start = int(self.index.seeks[key])
        self._container.seek(start, stream=self._stream, backward=True)
        self._pictures = self._decoded(key)

    def _packets(self, key: int | None) -> Iterator[Packet[VideoStream]]:
        """Yield packets from a key picture's on; from the first one where none is given."""
        if self.index.counted:
            yield from numbered_packets(self._container, self._stream)
            return
        waiting = None if key is None else int(self.index.stamps[self.index.keys[key]])
        for packet in self._container.demux(self._stream):
            if waiting is not None:
                if packet.pts == waiting:
                    waiting = None
                elif packet.is_keyframe and (packet.pts or 0) > waiting:
                    return  # the container went too far
                else:
                    continue
            yield packet

    def _decoded(self, key: int | None) -> Iterator[VideoFrame]:
        """Yield pictures as they are shown, from where the container stands."""
        for packet in self._packets(key):
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
        late = 0
        for picture in self._pictures:
            at = self.index.position(picture.pts)
            if at is None or at < self._floor:
                continue  # shown before the key picture: it may refer to what was not decoded
            first = at if first is None else first
            self._refuse_disorder(at)
            self._next = max(self._next, at + 1)
            self._recent[at] = picture
            while len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
            if at == position:
                return picture, first
            late += at > position
            if late > LATE:
                return None, first
        self._pictures = None
        return None, first

    def _refuse_disorder(self, at: int) -> None:
        if self._doubtful and not self.index.counted and at + 1 < self._next:
            raise FrameReadError(
                "the movie's time stamps contradict the order of its pictures",
                path=self._path,
                hint=rewrap_line(self._path),
            )
