"""When each picture of a movie is shown, and which of them stands for each frame of the plate."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import MAX_FRAMES
from vimatte.frames.movie_kinds import pictures_line
from vimatte.frames.movie_packets import WITHOUT_KEYS, WITHOUT_TIMES, Packets

# Fewer ticks between pictures than that cannot tell a missing picture from rounding.
_TICKS = 4
# How near to 2 twice a rate is; an average leaves out the duration of one picture.
_TWICE = 0.06


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
    if on_screen is None and container.format.name in WITHOUT_KEYS and packets.usable:
        # The pictures of an animation have times of their own, in their order.
        on_screen = np.array(sorted(packets.times), np.int64)
    if on_screen is None or len(on_screen) != len(stamps):
        rate = _rate(stream, stamps)
        return MovieIndex(stamps, zero, zero, np.arange(len(stamps), dtype=np.int64), rate, True)
    rate = _rate(stream, on_screen)
    return MovieIndex(stamps, zero, zero, _samples(on_screen, stream, rate, path), rate, True)


def _slots(packets: Packets, container: InputContainer, pictures: int) -> NDArray[np.int64] | None:
    if container.format.name not in WITHOUT_TIMES or len(packets.slots) != pictures:
        return None
    return np.array(packets.slots, np.int64)


def without_first(index: MovieIndex, dropped: int, stream: VideoStream, path: str) -> MovieIndex:
    """Return the index without its first pictures, which cannot be decoded."""
    times = index.stamps[dropped:]
    samples = _samples(times, stream, index.rate, path)
    keys = np.maximum(index.keys - dropped, 0)
    return MovieIndex(times, keys, index.seeks, samples, index.rate)


def _rate(stream: VideoStream, times: NDArray[np.int64]) -> Fraction:
    span = int(times[-1] - times[0]) * (stream.time_base or Fraction(1, 1000))
    even = Fraction(len(times) - 1) / span if span > 0 else Fraction(25)
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= 1000:
            stated = Fraction(rate) / (2 if _is_of_fields(rate, times, span, stream) else 1)
            # Times of one distance are a rate by themselves, whatever a header says.
            return even if _is_even(times) and not _fits(times, stated, stream) else stated
    return even


def _is_even(times: NDArray[np.int64]) -> bool:
    """Whether all times are as far apart as the rounding to ticks allows; no picture is missing."""
    step = float(times[-1] - times[0]) / max(1, len(times) - 1)
    if len(times) < 3 or step < _TICKS:
        return False
    return bool(np.abs(times - times[0] - np.arange(len(times)) * step).max() <= 1)


def _fits(times: NDArray[np.int64], rate: Fraction, stream: VideoStream) -> bool:
    """Whether each picture is on screen at its own frame's time."""
    ticks = float(1 / (rate * (stream.time_base or Fraction(1, 1000))))
    return bool(np.abs(times - times[0] - np.arange(len(times)) * ticks).max() < ticks / 2)


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
    if _fits(times, rate, stream):
        return np.arange(len(times), dtype=np.int64)
    ticks = 1 / (rate * (stream.time_base or Fraction(1, 1000)))
    offsets = times - times[0]
    count = round(float(offsets[-1]) / float(ticks)) + 1
    if count > MAX_FRAMES:
        raise FrameReadError(
            f"the movie claims {count} frames",
            path=path,
            hint=pictures_line(Path(path)),
        )
    asked = (np.arange(count) + 0.5) * float(ticks)
    return np.searchsorted(offsets, asked, side="right").astype(np.int64) - 1
