"""When each picture of a movie is shown, and which of them stands for each frame of the plate."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import MAX_FRAMES

# These containers keep no presentation times: what stands for them is wrong with B-frames. Their
# decoding times are the slots in which pictures are shown, one after the other.
_WITHOUT_TIMES = frozenset({"asf", "avi"})
# Where it reorders at all, FFmpeg knows these codecs well enough to make good the times in an AVI.
_MADE_GOOD = frozenset({"avi"})
# How near to 2 twice a rate is; an average leaves out the duration of one picture.
_TWICE = 0.06
# Their presentation times are as good as the codec's own order needs them.
_WITH_TIMES = ("mp4", "matroska", "flv", "mpegts")
# Their demuxers name no key pictures that decoding could start from.
_WITHOUT_KEYS = frozenset({"gif", "apng"})


@dataclass(frozen=True)
class MovieIndex:
    """The pictures of one video stream, in the order they are shown.

    Attributes
    ----------
    stamps : ndarray of int64, shape (pictures,)
        What a decoded picture says of itself: its presentation time in the stream's time base,
        strictly ascending. Where `counted`, the number of its packet in the file instead.
    keys : ndarray of int64, shape (key pictures,)
        Positions in `stamps` of pictures where decoding can start.
    seeks : ndarray of int64, shape (key pictures,)
        The time to seek to for each of them.
    samples : ndarray of int64, shape (frames,)
        For each frame of the plate, the position in `stamps` of the picture it shows.
    rate : Fraction
        Frames of the plate a second.
    counted : bool
        The time stamps were no use: pictures are known by their packets and decoded from the start.
    """

    stamps: NDArray[np.int64]
    keys: NDArray[np.int64]
    seeks: NDArray[np.int64]
    samples: NDArray[np.int64]
    rate: Fraction
    counted: bool = False
    _order: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_order", np.argsort(self.stamps, kind="stable"))

    def position(self, stamp: int | None) -> int | None:
        """Return the position of the picture with a stamp; None when there is none."""
        if stamp is None:
            return None
        at = int(np.searchsorted(self.stamps, stamp, sorter=self._order))
        if at == len(self.stamps):
            return None
        position = int(self._order[at])
        return position if self.stamps[position] == stamp else None

    def key_before(self, position: int) -> int:
        """Return which key picture (an index into `keys`) decoding of a picture starts from."""
        return max(0, int(np.searchsorted(self.keys, position, side="right")) - 1)

    @property
    def skipped(self) -> NDArray[np.int64]:
        """Positions of pictures that no frame shows."""
        return np.setdiff1d(np.arange(len(self.stamps)), self.samples)

    @property
    def held(self) -> NDArray[np.int64]:
        """Frames, counted from 0, that show the picture of the frame before again."""
        return np.flatnonzero(np.diff(self.samples) == 0) + 1


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
    """

    times: dict[int, tuple[bool, int]]
    count: int
    slots: list[int]
    usable: bool
    in_order: bool


def read_packets(container: InputContainer, stream: VideoStream, path: str) -> Packets:
    """Read every packet of a movie; decodes nothing.

    Raises
    ------
    FrameReadError
        When there is no picture, or the file is cut short.
    """
    shown: dict[int, tuple[bool, int]] = {}
    slots: list[int] = []
    count = 0
    usable = in_order = True
    last_pts: int | None = None
    last_dts: int | None = None
    reorders = bool(stream.codec_context.has_b_frames)
    for packet in container.demux(stream):
        if packet.size == 0 or packet.is_discard or _is_hidden(packet, stream):
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
    if not count:
        raise FrameReadError("the movie holds no picture", path=path)
    return Packets(shown, count, slots, usable, in_order)


def trust_in(packets: Packets, container: InputContainer, stream: VideoStream) -> Trust:
    """Say whether the time stamps tell the order in which pictures are shown.

    Only pictures that are decoded in another order than they are shown are ever in doubt. Codecs
    of which FFmpeg says that they reorder mostly do not in phones' movies, whose times then ascend
    from packet to packet; so they do in broken files, and a look at the first pictures tells.
    """
    name = container.format.name
    if not packets.usable or name in _WITHOUT_KEYS:
        return "none"
    if not stream.codec_context.has_b_frames:
        return "full"
    if name in _WITHOUT_TIMES and (packets.in_order or name not in _MADE_GOOD):
        return "none"
    known = any(word in name for word in _WITH_TIMES)
    return "full" if known and not packets.in_order else "doubtful"


def timed_index(
    packets: Packets, container: InputContainer, stream: VideoStream, path: str
) -> MovieIndex:
    """Return the index of a movie whose time stamps can be trusted."""
    shown = packets.times
    times = np.array(sorted(shown), np.int64)
    keys = np.array([at for at, time in enumerate(times) if shown[int(time)][0]], np.int64)
    if not len(keys):
        keys = np.zeros(1, np.int64)
    seeks = np.array([min(int(times[at]), shown[int(times[at])][1]) for at in keys], np.int64)
    rate = _rate(stream, times)
    on_screen = _slots(packets, container, len(times))
    samples = _samples(times if on_screen is None else on_screen, stream, rate, path)
    return MovieIndex(times, keys, seeks, samples, rate)


def counted_index(
    numbers: list[int],
    packets: Packets,
    container: InputContainer,
    stream: VideoStream,
    path: str,
) -> MovieIndex:
    """Return the index of a movie by the order in which its pictures came out of the decoder.

    Parameters
    ----------
    numbers : list of int
        The number of each picture's packet in the file.
    packets : Packets
    container, stream
        The open movie.
    path : str
    """
    stamps = np.array(numbers, np.int64)
    zero = np.zeros(1, np.int64)
    on_screen = _slots(packets, container, len(stamps))
    if on_screen is None and container.format.name in _WITHOUT_KEYS and packets.usable:
        # The pictures of an animation have times of their own, in their order.
        on_screen = np.array(sorted(packets.times), np.int64)
    if on_screen is None or len(on_screen) != len(stamps):
        rate = _rate(stream, stamps)
        return MovieIndex(stamps, zero, zero, np.arange(len(stamps), dtype=np.int64), rate, True)
    rate = _rate(stream, on_screen)
    return MovieIndex(stamps, zero, zero, _samples(on_screen, stream, rate, path), rate, True)


def _slots(packets: Packets, container: InputContainer, pictures: int) -> NDArray[np.int64] | None:
    if container.format.name not in _WITHOUT_TIMES or len(packets.slots) != pictures:
        return None
    return np.array(packets.slots, np.int64)


def without_first(index: MovieIndex, dropped: int, stream: VideoStream, path: str) -> MovieIndex:
    """Return the index without its first pictures, which cannot be decoded."""
    times = index.stamps[dropped:]
    samples = _samples(times, stream, index.rate, path)
    keys = np.maximum(index.keys - dropped, 0)
    return MovieIndex(times, keys, index.seeks, samples, index.rate)


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


def _rate(stream: VideoStream, times: NDArray[np.int64]) -> Fraction:
    span = int(times[-1] - times[0]) * (stream.time_base or Fraction(1, 1000))
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate) / (2 if _is_of_fields(rate, times, span, stream) else 1)
    if span > 0:
        return Fraction(len(times) - 1) / span
    return Fraction(25)


def _is_of_fields(
    rate: Fraction, times: NDArray[np.int64], span: Fraction, stream: VideoStream
) -> bool:
    """Whether what FFmpeg guessed from a stream is the rate of fields: twice that of pictures."""
    guessed = stream.container.format.name in ("mpegts", "mpeg", "asf", "avi")
    return guessed and len(times) > 1 and abs(rate * span / (len(times) - 1) - 2) < _TWICE


def _samples(
    times: NDArray[np.int64], stream: VideoStream, rate: Fraction, path: str
) -> NDArray[np.int64]:
    """Choose a picture for each frame: the last one shown by half a frame after the frame's time.

    With a constant rate that is each picture once, however times were rounded to the container's
    ticks; with a varying rate, pictures are held or skipped.
    """
    ticks = 1 / (rate * (stream.time_base or Fraction(1, 1000)))
    offsets = times - times[0]
    expected = np.arange(len(times)) * float(ticks)
    if np.abs(offsets - expected).max() < float(ticks) / 2:
        return np.arange(len(times), dtype=np.int64)
    count = round(float(offsets[-1]) / float(ticks)) + 1
    if count > MAX_FRAMES:
        raise FrameReadError(f"the movie claims {count} frames", path=path)
    asked = (np.arange(count) + 0.5) * float(ticks)
    return np.searchsorted(offsets, asked, side="right").astype(np.int64) - 1
