"""Every kind of movie that can be written here: any order of reading gives the right picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numbered_movies import number_of, write_movie

from vimatte.frames.open_plate import open_plate

COUNT = 40
B_FRAMES = {"g": "12", "bf": "2"}
X265 = {"x265-params": "keyint=12:bframes=3:log-level=none", "preset": "ultrafast"}
OPEN_GOP = {"g": "12", "bf": "2", "x264-params": "open-gop=1:b-adapt=0"}
REFRESH = {"g": "12", "bf": "0", "x264-params": "intra-refresh=1"}
INTERLACED = {"flags": "+ildct+ilme", "g": "12", "bf": "2"}
PHOTO = {"b": "3000000"}
REALTIME = {"deadline": "realtime", "cpu-used": "8", "g": "12", "b": "1000000"}

KINDS: list[tuple[str, str, str, dict[str, str]]] = [
    *((suffix, "libx264", "yuv420p", B_FRAMES) for suffix in (
        "avi", "mkv", "mp4", "mov", "ts", "mts", "m2ts", "mpg", "vob", "flv", "wmv", "mxf", "3gp")),
    *((suffix, "libx264", "yuv420p", OPEN_GOP) for suffix in ("ts", "mkv", "mp4", "flv", "avi")),
    *((suffix, "libx264", "yuv420p", REFRESH) for suffix in ("ts", "mkv", "mp4")),
    *((suffix, "libx264", "yuv420p", {"g": "12", "bf": "0"}) for suffix in (
        "ts", "avi", "mpg", "wmv")),
    *((suffix, "libx264", "yuv420p", {**INTERLACED, "x264-params": "interlaced=1"})
      for suffix in ("mts", "mp4")),
    *((suffix, "libx265", "yuv420p", X265) for suffix in ("mp4", "mkv", "ts", "mpg", "flv")),
    *((suffix, "mpeg2video", "yuv420p", {**B_FRAMES, **PHOTO}) for suffix in (
        "avi", "mkv", "mp4", "ts", "mpg", "vob", "wmv", "mxf")),
    ("mpg", "mpeg2video", "yuv420p", {**INTERLACED, **PHOTO}),
    *((suffix, "mpeg1video", "yuv420p", {**B_FRAMES, **PHOTO}) for suffix in (
        "avi", "mkv", "mpg", "wmv")),
    *((suffix, "mpeg4", "yuv420p", {**B_FRAMES, **PHOTO}) for suffix in (
        "avi", "mkv", "mp4", "ts", "mpg", "wmv")),
    *((suffix, "mjpeg", "yuvj420p", {}) for suffix in ("avi", "mov", "mkv", "wmv")),
    *((suffix, "wmv2", "yuv420p", PHOTO) for suffix in ("wmv", "avi")),
    *((suffix, "flv", "yuv420p", PHOTO) for suffix in ("flv", "avi")),
    *((suffix, "ffv1", "yuv420p", {"g": "4"}) for suffix in ("avi", "mkv", "mxf")),
    *((suffix, "prores_ks", "yuv422p10le", {}) for suffix in ("mov", "mxf")),
    *((suffix, "libvpx-vp9", "yuv420p", REALTIME) for suffix in ("webm", "mp4", "avi")),
    ("y4m", "rawvideo", "yuv420p", {}),
    ("gif", "gif", "rgb8", {}),
]  # fmt: skip


def _name(kind: tuple[str, str, str, dict[str, str]]) -> str:
    suffix, codec, _, options = kind
    return f"{suffix}-{codec}-{'-'.join(options.values()) or 'plain'}"


@pytest.mark.parametrize("kind", KINDS, ids=_name)
def test_any_order_gives_the_right_picture(
    tmp_path: Path, kind: tuple[str, str, str, dict[str, str]]
) -> None:
    suffix, codec, pixel_format, options = kind
    path = tmp_path / f"a.{suffix}"
    write_movie(path, COUNT, codec=codec, pixel_format=pixel_format, options=options)
    straight = open_plate(path)
    assert str(straight.frames) == f"1-{COUNT}"
    assert [number_of(straight.read(frame).pixels) for frame in straight.frames] == [*range(COUNT)]
    order = [int(at) + 1 for at in np.random.default_rng(1).permutation(COUNT)[:16]]
    jumps = [COUNT, *order, 2, 1, COUNT - 1, *range(20, 8, -1)]
    for plate in (straight, open_plate(path)):
        assert [number_of(plate.read(frame).pixels) for frame in jumps] == [f - 1 for f in jumps]
        plate.close()
    # Some frame alone, as a farm's task reads it.
    for frame in (5, 23):
        alone = open_plate(path)
        assert number_of(alone.read(frame).pixels) == frame - 1
        alone.close()
