from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numbered_movies import SIZE, number_of, numbered, set_display_matrix, write_movie

from vimatte.errors import FrameReadError
from vimatte.frames.open_plate import open_plate
from vimatte.frames.window import Window

FOOTAGE = Path(__file__).parents[3] / "shared" / "data"

LONG_GOP = {"g": "12", "bf": "3", "preset": "fast", "crf": "20"}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "mp4-b-frames": ("a.mp4", {"options": {**LONG_GOP, "b-pyramid": "normal"}}),
    "mp4-open-gop": ("a.mp4", {"options": {**LONG_GOP, "x264-params": "open-gop=1:b-adapt=0"}}),
    "mp4-one-key": ("a.mp4", {"options": {"g": "1000", "bf": "2"}}),
    "mov-intra": ("a.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}),
    "mpeg4": ("a.mp4", {"codec": "mpeg4", "options": {"g": "10", "bf": "2", "b": "2000000"}}),
    "avi": ("a.avi", {"codec": "mpeg4", "options": {"g": "10", "b": "2000000"}}),
    "mkv": ("a.mkv", {"options": LONG_GOP}),
    "webm-vp8": ("a.webm", {"codec": "libvpx", "options": {"g": "15", "auto-alt-ref": "1",
                 "lag-in-frames": "8", "b": "1000000"}}),
    "webm-vp9": ("a.webm", {"codec": "libvpx-vp9", "options": {"g": "15", "cpu-used": "8",
                 "deadline": "realtime", "b": "1000000"}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_is_one_frame_in_any_order(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    plate = open_plate(write_movie(tmp_path / name, **options))
    assert str(plate.frames) == "1-40"
    assert plate.rate == pytest.approx(25, rel=1e-3)
    straight = {frame: plate.read(frame) for frame in plate.frames}
    assert [number_of(read.pixels) for read in straight.values()] == list(range(40))
    order = np.random.default_rng(0).permutation(40)[:20] + 1
    fresh = open_plate(tmp_path / name)
    for frame in [40, *(int(f) for f in order), 1]:
        for source in (plate, fresh):
            read = source.read(frame)
            assert read.frame == frame
            np.testing.assert_array_equal(read.pixels, straight[frame].pixels)
    plate.close()
    fresh.close()


def test_start_frame_and_header(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "sh 010.mp4", 5)
    plate = open_plate(path, start_frame=1001)
    assert (str(plate.frames), plate.name, plate.encoding) == ("1001-1005", "sh_010", "srgb")
    header = plate.header(1003)
    assert header.data_window == header.display_window == Window(0, 0, SIZE, SIZE)
    assert header.pixel_aspect == 1.0
    assert header.metadata == {"FramesPerSecond": (25, 1)}
    assert plate.read(1003).header == header
    for missing in (1000, 1006):
        with pytest.raises(FrameReadError, match="it has 1001-1005") as caught:
            plate.read(missing)
        assert caught.value.frame == missing


def test_varying_rate_is_held_and_skipped(tmp_path: Path) -> None:
    # 25 pictures in 2 seconds: a burst at 100 a second, then one held for more than a second.
    times = [*range(0, 240, 40), *range(240, 330, 10), 1600, *range(1640, 2000, 40)]
    path = write_movie(tmp_path / "a.mkv", len(times), times=times, options={"bf": "2"})
    plate = open_plate(path)
    assert plate.rate is not None
    step = 1000 / plate.rate
    for frame in plate.frames:
        on_screen = max(at for at, time in enumerate(times) if time <= (frame - 0.5) * step)
        assert number_of(plate.read(frame).pixels) == on_screen
    shown = [number_of(plate.read(frame).pixels) for frame in plate.frames]
    assert len(shown) == pytest.approx(2 * plate.rate, abs=2)
    assert shown.count(times.index(1600) - 1) > 10
    held = [frame for frame, number in zip(plate.frames, shown, strict=True) if number == 14]
    assert plate.digest(held[0]) == plate.digest(held[1])


def test_ordinary_jitter_changes_nothing(tmp_path: Path) -> None:
    times = [round(at * 1000 / 30) + (at % 3) * 4 for at in range(30)]
    path = write_movie(tmp_path / "a.mkv", 30, times=times, rate=30)
    plate = open_plate(path)
    assert [number_of(plate.read(frame).pixels) for frame in plate.frames] == list(range(30))


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_rotation_is_honoured(tmp_path: Path, rotation: int) -> None:
    def wide(stream: Any) -> None:
        stream.width = SIZE * 2
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    plain = open_plate(write_movie(tmp_path / "a.mp4", 2, prepare=wide))
    turned = open_plate(write_movie(tmp_path / "b.mp4", 2, prepare=wide, rotation=rotation))
    assert (plain.turns, turned.turns) == (0, rotation // 90 % 4)
    header = turned.header(1)
    sideways = abs(rotation) == 90
    shape = (SIZE * 2, SIZE) if sideways else (SIZE, SIZE * 2)
    assert header.data_window.shape == shape
    assert header.pixel_aspect == (0.5 if sideways else 2.0)
    np.testing.assert_array_equal(
        turned.read(1).pixels, np.rot90(plain.read(1).pixels, rotation // 90)
    )


# What FFmpeg's own autorotate makes of each display matrix: its filters, as numpy has them.
DISPLAY_MATRICES: dict[str, tuple[tuple[int, int, int, int], Callable[[Any], Any]]] = {
    "hflip": ((-1, 0, 0, 1), np.fliplr),
    "vflip": ((1, 0, 0, -1), np.flipud),
    "hflip,vflip": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "transpose=clock": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "transpose=cclock": ((0, -1, 1, 0), np.rot90),
    "transpose=cclock_flip": ((0, 1, 1, 0), lambda p: np.swapaxes(p, 0, 1)),
    "transpose=clock_flip": ((0, -1, -1, 0), lambda p: np.rot90(np.swapaxes(p, 0, 1), 2)),
    "as stored": ((1, 0, 0, 1), lambda p: p),
    "zeros": ((0, 0, 0, 0), lambda p: p),
}


@pytest.mark.parametrize("filters", DISPLAY_MATRICES)
def test_display_matrix_is_what_ffmpeg_makes_of_it(tmp_path: Path, filters: str) -> None:
    def wide(stream: Any) -> None:
        stream.width = SIZE * 2

    matrix, expected = DISPLAY_MATRICES[filters]
    path = write_movie(tmp_path / "a.mp4", 3, prepare=wide)
    plain = open_plate(path)
    pixels = [plain.read(frame).pixels for frame in plain.frames]
    digest = plain.digest(2)
    set_display_matrix(path, *matrix)
    turned = open_plate(path)
    for frame in (2, 3):
        read = turned.read(frame)
        np.testing.assert_array_equal(read.pixels, expected(pixels[frame - 1]))
        assert read.header.data_window.shape == read.pixels.shape[:2]
    flipped = matrix[0] * matrix[3] - matrix[1] * matrix[2] < 0
    assert turned.mirrored is flipped
    assert [notice.code for notice in turned.notices] == ["mirrored"] * flipped
    assert turned.digest(2) != digest or matrix == (1, 0, 0, 1)


def test_odd_angle_is_refused(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", 2)
    half = 0.5**0.5
    set_display_matrix(path, half, half, -half, half)
    with pytest.raises(FrameReadError, match="no multiple of 90 degrees") as caught:
        open_plate(path)
    assert "ffmpeg -i a.mp4" in str(caught.value.hint)


@pytest.mark.parametrize(("matrix", "weights"), [(1, (0.2126, 0.0722)), (6, (0.299, 0.114))])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p", "yuv422p10le"])
def test_matrix_and_range(
    tmp_path: Path, matrix: int, weights: tuple[float, float], full: bool, pixel_format: str
) -> None:
    rgb = np.array([0.8, 0.3, 0.1])
    red, blue = weights
    luma = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2]
    chroma = [(rgb[2] - luma) / (2 * (1 - blue)), (rgb[0] - luma) / (2 * (1 - red))]
    unit = 4 if "10" in pixel_format else 1
    top = 256 * unit - 1
    values = [luma * top if full else (16 + 219 * luma) * unit]
    values += [128 * unit + c * (top if full else 224 * unit) for c in chroma]
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pixel_format
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1
        picture = av.VideoFrame(32, 16, pixel_format)
        for plane, value in zip(picture.planes, values, strict=True):
            kind = np.uint8 if unit == 1 else np.uint16
            plane.update(np.full(plane.buffer_size // kind().itemsize, round(value), kind))
        picture.colorspace, picture.color_range = matrix, 2 if full else 1
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    read = open_plate(path).read(1).pixels
    assert read.shape == (16, 32, 3)
    np.testing.assert_allclose(read, np.broadcast_to(rgb, read.shape), atol=0.006)
    assert np.ptp(read, axis=(0, 1)).max() < 1e-6


def test_rgb_movie_is_exact(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mov", 3, codec="qtrle", pixel_format="rgb24")
    plate = open_plate(path)
    for frame in plate.frames:
        expected = numbered(frame - 1) / np.float32(255)
        np.testing.assert_array_equal(plate.read(frame).pixels, expected)


def test_deep_movie_that_does_not_say_is_not_guessed(tmp_path: Path) -> None:
    options: dict[str, Any] = {"codec": "ffv1", "pixel_format": "yuv422p10le"}
    assert open_plate(write_movie(tmp_path / "a.mkv", 2, **options)).encoding == "unknown"

    def pq(stream: Any) -> None:
        stream.codec_context.color_trc = 16

    def rec709(stream: Any) -> None:
        stream.codec_context.color_trc = 1

    assert open_plate(write_movie(tmp_path / "b.mkv", 2, prepare=pq)).encoding == "unknown"
    path = write_movie(tmp_path / "c.mkv", 2, prepare=rec709, **options)
    assert open_plate(path).encoding == "srgb"


def test_timecode_of_each_frame(tmp_path: Path) -> None:
    def stamp(stream: Any) -> None:
        stream.metadata["timecode"] = "01:00:00:23"

    plate = open_plate(write_movie(tmp_path / "a.mov", 4, rate=24, prepare=stamp))
    assert plate.header(1).metadata["smpte:TimeCode"] == (0x01000023, 0)
    assert plate.header(2).metadata["smpte:TimeCode"] == (0x01000100, 0)


def test_digest_is_that_of_content_and_picture(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", 5)
    (tmp_path / "b.mp4").write_bytes(path.read_bytes())
    one, other = open_plate(path), open_plate(tmp_path / "b.mp4", start_frame=101)
    digests = [one.digest(frame) for frame in one.frames]
    assert len(set(digests)) == 5
    assert digests == [other.digest(frame) for frame in other.frames]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.mkv", "a.avi"])
def test_not_a_movie(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(FrameReadError, match="no such file"):
        open_plate(path)
    for content in (b"", b"no movie at all", bytes(range(256)) * 64):
        path.write_bytes(content)
        with pytest.raises(FrameReadError) as caught:
            open_plate(path)
        assert caught.value.path == str(path)


def test_a_playlist_opens_nothing_else(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "real.mp4", 2)
    (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n")
    (tmp_path / "b.mp4").write_text(f"ffconcat version 1.0\nfile {path.name}\n")
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(FrameReadError):
            open_plate(tmp_path / name)


def test_truncated_movie(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FrameReadError, match="cannot open the movie"):
        open_plate(path)


def test_truncated_movie_with_its_table_up_front(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", container_options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for at in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(at), "rgb24")))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(FrameReadError, match="cut short"):
        open_plate(path)


def test_damaged_picture(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", codec="mpeg4", options={"g": "1", "b": "4000000"})
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    at, size = packets[20]
    content[at : at + size] = b"\xff" * size
    path.write_bytes(content)
    plate = open_plate(path)
    good = [frame for frame in plate.frames if frame != 21]
    assert [number_of(plate.read(frame).pixels) for frame in good] == [f - 1 for f in good]
    with pytest.raises(FrameReadError, match="frame 21"):
        plate.read(21)
    assert number_of(plate.read(22).pixels) == 21


def test_views_and_layers_are_refused(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", 2)
    for options in ({"view": "left"}, {"layer": "rgba"}):
        with pytest.raises(FrameReadError, match="neither views nor layers"):
            open_plate(path, **options)


def test_threads_take_turns_without_seeking_back(tmp_path: Path) -> None:
    plate = open_plate(write_movie(tmp_path / "a.mp4", options={"g": "1000", "bf": "2"}))
    wrong: list[int] = []

    def check(offset: int) -> None:
        for frame in range(1 + offset, 41, 3):
            wrong.extend([frame] * (number_of(plate.read(frame).pixels) != frame - 1))

    threads = [threading.Thread(target=check, args=(offset,)) for offset in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    plate.close()
    plate.close()
    with pytest.raises(FrameReadError, match="closed"):
        plate.read(1)


@pytest.mark.parametrize(
    ("name", "frames", "rate", "shape"),
    [
        ("bedroom.mp4", 200, 30, (540, 960)),
        ("corridor.mp4", 1394, 10, (432, 768)),
        ("dancer1.webm", 1886, 30, (360, 640)),
        ("talker_green.mp4", 145, 25, (512, 480)),
    ],
)
def test_real_footage(name: str, frames: int, rate: float, shape: tuple[int, int]) -> None:
    path = FOOTAGE / name
    if not path.exists():
        pytest.skip(f"no footage at {path}")
    plate = open_plate(path)
    assert len(plate.frames) == frames
    assert plate.rate == pytest.approx(rate, rel=1e-3)
    straight = [plate.read(frame).pixels for frame in range(1, 13)]
    assert straight[0].shape == (*shape, 3)
    assert 0.02 < straight[0].mean() < 0.98
    for frame in (12, 3, 7, 1):
        np.testing.assert_array_equal(plate.read(frame).pixels, straight[frame - 1])
    assert plate.read(frames).pixels.shape == (*shape, 3)
    plate.close()
