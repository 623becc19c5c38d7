"""When each picture of a movie is shown, and which of them stands for each frame of the plate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import MAX_FRAMES


@dataclass(frozen=True)
class MovieIndex:
    """The pictures of one video stream, in the order they are shown.

    Attributes
    ----------
    times : ndarray of int64, shape (pictures,)
        Presentation times in the stream's time base, strictly ascending.
    keys : ndarray of int64, shape (key pictures,)
        Positions in `times` of pictures where decoding can start.
    seeks : ndarray of int64, shape (key pictures,)
        The time to seek to for each of them.
    samples : ndarray of int64, shape (frames,)
        For each frame of the plate, the position in `times` of the picture it shows.
    rate : Fraction
        Frames of the plate a second.
    """

    times: NDArray[np.int64]
    keys: NDArray[np.int64]
    seeks: NDArray[np.int64]
    samples: NDArray[np.int64]
    rate: Fraction

    def position(self, time: int | None) -> int | None:
        """Return the position of the picture shown at a time; None when there is none."""
        if time is None:
            return None
        at = int(np.searchsorted(self.times, time))
        return at if at < len(self.times) and self.times[at] == time else None

    def key_before(self, position: int) -> int:
        """Return which key picture (an index into `keys`) decoding of a picture starts from."""
        return max(0, int(np.searchsorted(self.keys, position, side="right")) - 1)


def read_index(container: InputContainer, stream: VideoStream, path: str) -> MovieIndex:
    """List a movie's pictures by reading its packets; decodes nothing.

    Raises
    ------
    FrameReadError
        When there is no picture, or the file is cut short.
    """
    shown: dict[int, tuple[bool, int]] = {}
    for packet in container.demux(stream):
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None or packet.is_discard or _is_hidden(packet, stream):
            continue
        shown[time] = (packet.is_keyframe, time if packet.dts is None else packet.dts)
    _refuse_truncated(container, stream, path)
    if not shown:
        raise FrameReadError("the movie holds no picture", path=path)
    times = np.array(sorted(shown), np.int64)
    keys = np.array([at for at, time in enumerate(times) if shown[int(time)][0]], np.int64)
    if not len(keys):
        keys = np.zeros(1, np.int64)
    seeks = np.array([min(int(times[at]), shown[int(times[at])][1]) for at in keys], np.int64)
    rate = _rate(stream, times)
    return MovieIndex(times, keys, seeks, _samples(times, stream, rate, path), rate)


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
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    span = int(times[-1] - times[0]) * (stream.time_base or Fraction(1, 1000))
    if span > 0:
        return Fraction(len(times) - 1) / span
    return Fraction(25)


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
