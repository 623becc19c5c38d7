"""Decode any picture of a movie, exactly, and neighbouring ones without seeking again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vimatte.errors import FrameReadError
from vimatte.frames.movie_index import (
    MovieIndex,
    Packets,
    Trust,
    counted_index,
    read_packets,
    timed_index,
    trust_in,
    without_first,
)
from vimatte.frames.movie_kinds import rewrap_line

# A picture this near is reached by decoding on, even where a key picture lies between.
_NEAR = 8
# Pictures kept after decoding: threads that read ahead ask for neighbours in any order.
_KEPT = 4
# A decoder that has not yet seen how far pictures are reordered gives some too late.
_LATE = 16
# So many pictures at the start show whether doubtful time stamps are in the order of pictures.
_PROBED = 120
# Of the time stamps of an ordinary movie, at least this share belong to a picture.
_WHOLE = 0.75
_PROGRESSIVE = 1  # FFmpeg's field order; 0 is unknown
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
        self.left_out = 0
        self._doubtful = False
        self._container, self._stream = self._open()
        try:
            self.index: MovieIndex = self._read_index()
        except av.FFmpegError as error:
            self._container.close()
            raise FrameReadError(f"cannot read the movie: {_reason(error)}", path=path) from None
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
                f"cannot open the movie: {_reason(error)}", path=self._path
            ) from None
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            container.close()
            raise FrameReadError("the file holds no video", path=self._path)
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
            trust = self._looked_into(index, trust)
        if trust == "none":
            self._reopen()
            index = self._count(packets)
        self._doubtful = trust == "doubtful"
        if trust != "none" and index.keys[0] > 0:
            self.left_out = self._undecodable(index)
            if self.left_out:
                index = without_first(index, self.left_out, self._stream, str(self._path))
        self._reopen()
        return index

    def _looked_into(self, index: MovieIndex, trust: Trust) -> Trust:
        """Compare the first pictures with their time stamps, where those may not fit."""
        # Transport streams may have a packet a field: half of the stamps are then no picture's.
        if trust == "full" and self._stream.codec_context.field_order <= _PROGRESSIVE:
            return trust
        came = [index.position(picture.pts) for picture in self._first_pictures(_PROBED)]
        known = [at for at in came if at is not None]
        if len(known) < len(came) or any(a >= b for a, b in pairwise(known)):
            return "none"
        if known and len(known) < (known[-1] - known[0] + 1) * _WHOLE:
            return "none"
        return trust

    def _undecodable(self, index: MovieIndex) -> int:
        """Count the pictures before the first key picture that never come out of the decoder."""
        key = int(index.keys[0])
        whole = [one for one in self._first_pictures(key + _LATE) if not one.is_corrupt]
        came = {index.position(picture.pts) for picture in whole}
        return next((at for at in range(key) if came.issuperset(range(at, key))), key)

    def _first_pictures(self, count: int) -> Iterator[VideoFrame]:
        """Yield pictures from the start of the file, without those that cannot be decoded."""
        self._reopen()
        for packet in self._container.demux(self._stream):
            try:
                pictures = packet.decode()
            except av.FFmpegError:
                continue  # reported where it is asked for
            yield from pictures
            count -= len(pictures)
            if count <= 0:
                return

    def _count(self, packets: Packets) -> MovieIndex:
        """Decode the whole movie once to learn the order of its pictures."""
        numbers: list[int] = []
        try:
            for packet in self._numbered():
                numbers += [-1 if one.pts is None else one.pts for one in packet.decode()]
        except av.FFmpegError as error:
            raise self._no_order(f"picture {len(numbers) + 1}: {_reason(error)}") from None
        if not numbers:
            raise FrameReadError("the movie holds no picture", path=self._path)
        if min(numbers) < 0 or len(set(numbers)) < len(numbers):
            raise self._no_order("several pictures share a packet")
        return counted_index(numbers, packets, self._container, self._stream, str(self._path))

    def _no_order(self, why: str) -> FrameReadError:
        return FrameReadError(
            f"the movie has no usable time stamps, and its pictures cannot be counted ({why})",
            path=self._path,
            hint=rewrap_line(self._path),
        )

    def _numbered(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets with their number in the file as their time."""
        for number, packet in enumerate(self._container.demux(self._stream)):
            if packet.size:
                packet.pts = packet.dts = number
            yield packet

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
            yield from self._numbered()
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
            if late > _LATE:
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


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]
