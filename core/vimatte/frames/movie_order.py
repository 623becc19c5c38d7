"""In which order a movie's pictures are shown, where its time stamps do not tell: by decoding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vimatte.errors import FrameReadError
from vimatte.frames.movie_index import MovieIndex, counted_index
from vimatte.frames.movie_kinds import rewrap_line
from vimatte.frames.movie_packets import Packets, Trust, may_be_of_fields

#: A decoder that has not yet seen how far pictures are reordered gives some this much too late.
LATE = 16
# So many pictures at the start show whether doubtful time stamps are in the order of pictures.
_PROBED = 120
# Their packets may be references that are never shown.
_HIDDEN = ("vp8", "libvpx")
# Of the time stamps of an ordinary movie, at least this share belong to a picture.
_WHOLE = 0.75


def look_into(
    trust: Trust, index: MovieIndex, container: InputContainer, stream: VideoStream
) -> Trust:
    """Compare a movie's first pictures with their time stamps, where those may not fit.

    Like everything here, it begins where the container stands: at the start of the file.
    """
    # Transport streams may have a packet a field: half of the stamps are then no picture's.
    if trust == "full" and not may_be_of_fields(container, stream):
        return trust
    came = [index.position(one.pts) for one in _pictures(container, stream, _PROBED)]
    known = [at for at in came if at is not None]
    if len(known) < len(came) or any(a >= b for a, b in pairwise(known)):
        return "none"
    if known and len(known) < (known[-1] - known[0] + 1) * _WHOLE:
        return "none"
    return trust


def undecodable(index: MovieIndex, container: InputContainer, stream: VideoStream) -> int:
    """Count the pictures before the first key picture that never come out of the decoder."""
    key = int(index.keys[0])
    whole = [one for one in _pictures(container, stream, key + LATE) if not one.is_corrupt]
    came = {index.position(picture.pts) for picture in whole}
    return next((at for at in range(key) if came.issuperset(range(at, key))), key)


def left_out_of(index: MovieIndex, packets: Packets, stream: VideoStream) -> int:
    """Count the pictures at the start of a counted movie that do not come out of the decoder."""
    came = sorted(int(number) for number in index.stamps)
    # Those before the first that comes, and those after it that are shown before it.
    missing = came[0] if len(came) == 1 or stream.codec_context.name in _HIDDEN else came[1] - 1
    if len(came) * 2 <= packets.count + 1:
        missing //= 2  # a packet is a field
    return max(0, missing - packets.hidden)


def count_pictures(
    packets: Packets, container: InputContainer, stream: VideoStream, path: Path
) -> MovieIndex:
    """Decode a whole movie once to learn the order of its pictures.

    Raises
    ------
    FrameReadError
        When a picture is damaged, or cannot be told from others.
    """
    numbers: list[int] = []
    try:
        for packet in numbered_packets(container, stream):
            numbers += [-1 if one.pts is None else one.pts for one in packet.decode()]
    except av.FFmpegError as error:
        raise _no_order(f"picture {len(numbers) + 1}: {reason(error)}", path) from None
    if not numbers:
        raise FrameReadError("the movie holds no picture", path=path)
    if min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise _no_order("several pictures share a packet", path)
    return counted_index(numbers, packets, container, stream, str(path))


def numbered_packets(
    container: InputContainer, stream: VideoStream
) -> Iterator[Packet[VideoStream]]:
    """Yield the packets with their number in the file as their time."""
    for number, packet in enumerate(container.demux(stream)):
        if packet.size:
            packet.pts = packet.dts = number
        yield packet


def reason(error: Exception) -> str:
    """Return what FFmpeg says of an error, in one line."""
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0]


def _pictures(container: InputContainer, stream: VideoStream, count: int) -> Iterator[VideoFrame]:
    """Yield so many pictures, without those that cannot be decoded."""
    for packet in container.demux(stream):
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            continue  # reported where it is asked for
        yield from pictures
        count -= len(pictures)
        if count <= 0:
            return


def _no_order(why: str, path: Path) -> FrameReadError:
    return FrameReadError(
        f"the movie has no usable time stamps, and its pictures cannot be counted ({why})",
        path=path,
        hint=rewrap_line(path),
    )
