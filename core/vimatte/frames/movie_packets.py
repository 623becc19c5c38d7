"""What the packets of a movie say of its pictures, and how far that is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from av.container import InputContainer
from av.video.stream import VideoStream

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import MAX_FRAMES
from vimatte.frames.movie_kinds import whole_line

#: These containers keep no presentation times: what stands for them is wrong with B-frames. Their
#: decoding times are the slots in which pictures are shown, one after the other.
WITHOUT_TIMES = frozenset({"asf", "avi"})
# Where it reorders at all, FFmpeg knows these codecs well enough to make good the times in an AVI.
_MADE_GOOD = frozenset({"avi"})
# Their presentation times are as good as the codec's own order needs them.
_WITH_TIMES = ("mp4", "matroska", "flv", "mpegts")
#: Their demuxers name no key pictures that decoding could start from.
WITHOUT_KEYS = frozenset({"gif", "apng"})
_STREAMS = ("mpegts", "mpeg")
_PROGRESSIVE = 1  # FFmpeg's field order; 0 is unknown

#: How far a movie's time stamps are believed: wholly, where the first pictures agree, or not.
Trust = Literal["full", "doubtful", "none"]


@dataclass(frozen=True)
class Packets:
    """What the packets of a video stream say, in file order.

    Attributes
    ----------
    times : dict of int to (bool, int)
        By presentation time: whether decoding can start there, and the time to seek to.
    count : int
        How many packets hold a picture.
    slots : list of int
        Decoding times, as far as they ascend.
    usable : bool
        Whether each has a time of its own, and decoding times never go back.
    in_order : bool
        Whether presentation times ascend from packet to packet.
    hidden : int
        How many pictures the file's edit list hides; they are not among the others.
    """

    times: dict[int, tuple[bool, int]]
    count: int
    slots: list[int]
    usable: bool
    in_order: bool
    hidden: int = 0


def read_packets(container: InputContainer, stream: VideoStream, path: str) -> Packets:
    """Read every packet of a movie; decodes nothing.

    Raises
    ------
    FrameReadError
        When there is no picture, or the file is cut short.
    """
    shown: dict[int, tuple[bool, int]] = {}
    slots: list[int] = []
    count = hidden = 0
    usable = in_order = True
    last_pts: int | None = None
    last_dts: int | None = None
    reorders = bool(stream.codec_context.has_b_frames)
    for packet in container.demux(stream):
        if packet.size == 0 or _is_hidden(packet, stream):
            continue
        if packet.is_discard:
            hidden += 1
            continue
        count += 1
        if count > MAX_FRAMES:
            raise FrameReadError("the movie holds too many pictures", path=path)
        time = packet.pts
        if time is None and not reorders:
            time = packet.dts  # shown in the order they are decoded
        if packet.dts is not None:
            usable = usable and (last_dts is None or packet.dts >= last_dts)
            if last_dts is None or packet.dts > last_dts:
                slots.append(packet.dts)
            last_dts = packet.dts
        if time is None or time in shown:
            usable = False
            continue
        in_order = in_order and (last_pts is None or time > last_pts)
        last_pts = time
        shown[time] = (packet.is_keyframe, time if packet.dts is None else packet.dts)
    _refuse_truncated(container, stream, path)
    if "mp4" in container.format.name:
        # Far from the pictures that are shown, they are not even listed.
        hidden += max(0, stream.frames - len(stream.index_entries)) if stream.frames else 0
    if not count and hidden:
        raise FrameReadError(
            f"the movie's edit list hides all of its {hidden} pictures",
            path=path,
            hint=whole_line(Path(path)),
        )
    if not count:
        raise FrameReadError("the movie holds no picture", path=path)
    return Packets(shown, count, slots, usable, in_order, hidden)


def trust_in(packets: Packets, container: InputContainer, stream: VideoStream) -> Trust:
    """Say whether the time stamps tell the order in which pictures are shown.

    Only pictures that are decoded in another order than they are shown are ever in doubt. Codecs
    of which FFmpeg says that they reorder mostly do not in phones' movies, whose times then ascend
    from packet to packet; so they do in broken files, and a look at the first pictures tells.
    """
    name = container.format.name
    if not packets.usable or name in WITHOUT_KEYS:
        return "none"
    if not stream.codec_context.has_b_frames:
        return "full"
    if name in WITHOUT_TIMES and (packets.in_order or name not in _MADE_GOOD):
        return "none"
    known = any(word in name for word in _WITH_TIMES)
    return "full" if known and not packets.in_order else "doubtful"


def _is_hidden(packet: Any, stream: VideoStream) -> bool:
    """Whether a VP8 packet is a reference that is never shown; it has a time all the same."""
    if stream.codec_context.name not in ("vp8", "libvpx") or packet.size == 0:
        return False
    return not memoryview(packet)[0] & 0x10


def _refuse_truncated(container: InputContainer, stream: VideoStream, path: str) -> None:
    """An MP4 lists its pictures up front; when the last ones lie past the end, it was cut."""
    entries = stream.index_entries
    if "mp4" not in container.format.name or not len(entries):
        return
    last = entries[len(entries) - 1]
    if last.pos + last.size > container.size > 0:
        raise FrameReadError(
            "the movie is cut short: its last pictures lie beyond the end of the file",
            path=path,
            hint="copy it again",
        )


def may_be_of_fields(container: InputContainer, stream: VideoStream) -> bool:
    """Whether a movie is interlaced by its own word; of streams that keep silent, maybe."""
    # PyAV tells from version 18 on.
    order: int | None = getattr(stream.codec_context, "field_order", None)
    if order is None:
        return container.format.name in _STREAMS
    return order > _PROGRESSIVE
