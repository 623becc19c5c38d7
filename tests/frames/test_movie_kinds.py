"""Every kind of movie that can be written here: any order of reading gives the right picture."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_movies import number_of, numbered, write_movie
from PIL import Image

from vimatte.errors import FrameReadError
from vimatte.frames.frame_range import FrameRange
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


def test_a_movie_whose_times_are_all_too_early_is_counted(tmp_path: Path) -> None:
    """B-frames with decoding times for presentation times, as careless muxers write them."""
    source = write_movie(tmp_path / "a.mp4", COUNT, options=B_FRAMES)
    path = tmp_path / "b.mkv"
    with av.open(str(source)) as read, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(read.streams.video[0])
        for at, packet in enumerate(p for p in read.demux(video=0) if p.size):
            packet.time_base = Fraction(1, 25)
            packet.pts = packet.dts = at
            packet.stream = stream
            container.mux(packet)
    plate = open_plate(path)
    for frame in (4, 23, 5, 40, 1, *range(1, COUNT + 1)):
        assert number_of(plate.read(frame).pixels) == frame - 1
    # Its pictures are others than before, so its digests must be, too.
    assert len({plate.digest(frame) for frame in plate.frames}) == COUNT


@pytest.mark.parametrize("shift", ["twice", "backwards"])
def test_times_that_repeat_or_go_back_are_counted(tmp_path: Path, shift: str) -> None:
    """Two clips one after the other, with the times of each."""
    first = write_movie(tmp_path / "a.ts", 20, options={"g": "5", "bf": "2"})
    content = first.read_bytes()
    if shift == "backwards":
        write_movie(tmp_path / "b.ts", 30, options={"g": "5", "bf": "2"})
        content = (tmp_path / "b.ts").read_bytes() + content
    else:
        content += content
    path = tmp_path / "c.ts"
    path.write_bytes(content)
    try:
        plate = open_plate(path)
    except FrameReadError as error:
        assert "rewrap it: ffmpeg -i c.ts" in str(error)
        return
    numbers = [number_of(plate.read(frame).pixels) for frame in plate.frames]
    with av.open(str(path)) as container:
        decoded = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    straight = [number_of(np.asarray(picture, np.float32) / 255) for picture in decoded]
    assert numbers == straight
    for frame in (30, 3, 25, 11):
        assert number_of(plate.read(frame).pixels) == numbers[frame - 1]


def test_a_stream_that_was_cut_between_key_pictures(tmp_path: Path) -> None:
    whole = write_movie(tmp_path / "a.ts", COUNT, options=OPEN_GOP)
    with av.open(str(whole)) as read:
        at = [packet.pos for packet in read.demux(video=0) if packet.size][5]
    path = tmp_path / "b.ts"
    content = whole.read_bytes()
    path.write_bytes(content[: 188 * 3] + content[at - at % 188 :])
    plate = open_plate(path)
    numbers = [number_of(plate.read(frame).pixels) for frame in plate.frames]
    assert numbers == list(range(numbers[0], COUNT))
    assert 5 < numbers[0] <= 12
    (notice,) = plate.notices
    assert notice.code == "movie-cut"
    assert "cannot be decoded and are left out; frame 1 is the first that can" in notice.message
    for frame in (len(numbers), 3, 1, 9):
        assert number_of(plate.read(frame).pixels) == numbers[frame - 1]


def test_varying_rate_is_said_with_its_frames(tmp_path: Path) -> None:
    times = [*range(0, 400, 40), *range(400, 440, 10), *range(600, 1000, 40)]
    plate = open_plate(write_movie(tmp_path / "a b.mkv", len(times), times=times))
    shown = [number_of(plate.read(frame).pixels) for frame in plate.frames]
    (notice,) = plate.notices
    assert notice.code == "variable-frame-rate"
    skipped = len(times) - len(set(shown))
    held = len(shown) - len(set(shown))
    assert skipped
    assert held
    assert f"variable frame rate: {skipped} picture" in notice.message
    assert f" skipped, {held} held; skipped before " in notice.message
    doubled = [f for f in plate.frames if f > 1 and shown[f - 1] == shown[f - 2]]
    jumps = [f for f in plate.frames if f > 1 and shown[f - 1] > shown[f - 2] + 1]
    assert notice.frames == str(FrameRange.of(sorted({*doubled, *jumps})))
    assert "ffmpeg -i 'a b.mkv' -fps_mode passthrough 'a b.%04d.png'" in str(notice.hint)


def test_a_constant_rate_says_nothing(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts", "a.avi", "a.flv", "a.mpg", "a.mxf"):
        path = write_movie(tmp_path / name, 30, rate=Fraction(30000, 1001), options=B_FRAMES)
        assert open_plate(path).notices == ()


@pytest.mark.parametrize(("suffix", "codec"), [("mts", "libx264"), ("mpg", "mpeg2video")])
def test_interlaced_pictures_are_said(tmp_path: Path, suffix: str, codec: str) -> None:
    options = {"flags": "+ildct+ilme", "b": "3000000"}
    if codec == "libx264":
        options = {"x264-params": "interlaced=1"}
    plate = open_plate(write_movie(tmp_path / f"a.{suffix}", 12, codec=codec, options=options))
    (notice,) = plate.notices
    assert notice.code == "interlaced"
    assert f"ffmpeg -i a.{suffix} -vf bwdif" in str(notice.hint)


def animation(path: Path, delays: list[int]) -> Path:
    pictures = [Image.fromarray(numbered(at)) for at in range(len(delays))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=delays, loop=0)
    return path


@pytest.mark.parametrize("name", ["a.gif", "a.apng", "a.png"])
def test_an_animation_is_a_movie(tmp_path: Path, name: str) -> None:
    made = animation(tmp_path / ("a.gif" if name == "a.gif" else "b.png"), [40] * 9)
    plate = open_plate(made.rename(tmp_path / name))
    assert str(plate.frames) == "1-9"
    for frame in (9, 1, 5, 4, 7):
        assert number_of(plate.read(frame).pixels) == frame - 1


def test_delays_of_an_animation_vary(tmp_path: Path) -> None:
    plate = open_plate(animation(tmp_path / "a.gif", [100, 100, 300, 100]))
    shown = [number_of(plate.read(frame).pixels) for frame in plate.frames]
    assert shown[0] == 0
    assert shown[-1] == 3
    assert [notice.code for notice in plate.notices] == ["variable-frame-rate"]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_an_animation_is_never_one_silent_picture(tmp_path: Path, name: str) -> None:
    path = animation(tmp_path / name, [40] * 3)
    (tmp_path / f"plate.0001{path.suffix}").write_bytes(path.read_bytes())
    asked = [tmp_path / f"plate.####{path.suffix}"]
    if name == "a.webp":
        asked.append(path)
    for plate in asked:
        with pytest.raises(FrameReadError, match="holds an animation") as caught:
            open_plate(plate)
        assert "-coalesce" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_one_picture_is_a_still(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(numbered(7)).save(tmp_path / name, **options)
    plate = open_plate(tmp_path / name)
    assert str(plate.frames) == "1"
    assert plate.notices == ()
    assert number_of(plate.read(1).pixels) == 7


@pytest.mark.parametrize("name", ["a.h264", "a.RMVB", "a.nut", "a b.wtv"])
def test_other_movies_are_refused_with_the_line_that_helps(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x" * 500)
    with pytest.raises(FrameReadError, match=r"movies of this kind .* are not read") as caught:
        open_plate(tmp_path / name)
    assert re.search(r"rewrap it: ffmpeg -i '?a.* -c:v prores_ks ", str(caught.value.hint))


def test_a_kind_that_is_not_read_under_another_name(tmp_path: Path) -> None:
    write_movie(tmp_path / "a.nut", 3, codec="mpeg4")
    (tmp_path / "a.nut").rename(tmp_path / "a.mp4")
    with pytest.raises(FrameReadError, match="kind that is not read") as caught:
        open_plate(tmp_path / "a.mp4")
    assert "rewrap it" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["a.r3d", "a.braw", "a.ari"])
def test_camera_raw_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x" * 500)
    with pytest.raises(FrameReadError, match="camera raw"):
        open_plate(tmp_path / name)


@pytest.mark.parametrize("suffix", ["ts", "mpg", "wmv", "flv", "y4m", "gif", "avi", "mp4", "dv"])
def test_damaged_files_are_an_error_or_pictures(tmp_path: Path, suffix: str) -> None:
    codecs = {"wmv": "wmv2", "flv": "flv", "y4m": "rawvideo", "gif": "gif", "mpg": "mpeg2video"}
    path = tmp_path / f"a.{suffix}"
    if suffix == "dv":
        path.write_bytes(bytes(range(256)) * 40)
    else:
        codec = codecs.get(suffix, "libx264")
        pixel_format = "rgb8" if suffix == "gif" else "yuv420p"
        write_movie(path, 12, codec=codec, pixel_format=pixel_format)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(12):
        damaged = bytearray(content)
        if trial % 3 == 0:
            del damaged[int(rng.integers(len(damaged))) :]
        for at in rng.integers(0, len(content), 8):
            if at < len(damaged):
                damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            plate = open_plate(path)
        except FrameReadError:
            continue
        for frame in list(plate.frames)[:12]:
            try:
                read = plate.read(frame)
            except FrameReadError:
                continue
            assert read.pixels.shape[:2] == read.header.data_window.shape
        plate.close()


def test_pictures_at_even_times_are_a_frame_each_whatever_rate_is_stated(tmp_path: Path) -> None:
    """FLV's header, Matroska's default duration and GIF's average may say something else."""
    even = [0, 33, 67, 100, 133, 167, 200, 233, 267, 300]
    plates = [open_plate(write_movie(tmp_path / "a.mkv", 10, times=even))]
    plates.append(open_plate(write_movie(tmp_path / "a.flv", 10, times=even)))
    plates.append(open_plate(animation(tmp_path / "a.gif", [0] * 10)))
    for plate, rate in zip(plates, (30, 30, 10), strict=True):
        assert plate.notices == ()
        assert [number_of(plate.read(frame).pixels) for frame in plate.frames] == [*range(10)]
        assert plate.rate == pytest.approx(rate, rel=0.01)


def hidden_by_its_edit_list(path: Path, count: int, early: int) -> Path:
    """A movie whose first pictures have times before 0, as trimming without encoding leaves."""
    whole = write_movie(path.with_name("whole.mp4"), count, options={**B_FRAMES, "x264-params": ""})
    with (
        av.open(str(whole)) as read,
        av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container,
    ):
        stream = container.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:
                shift = round(Fraction(early, 25) / packet.time_base)
                packet.pts -= shift
                packet.dts -= shift
                packet.stream = stream
                container.mux(packet)
    return path


def test_pictures_that_an_edit_list_hides_are_said(tmp_path: Path) -> None:
    plate = open_plate(hidden_by_its_edit_list(tmp_path / "a.mp4", 24, early=2))
    assert [number_of(plate.read(frame).pixels) for frame in plate.frames] == [*range(2, 24)]
    (notice,) = plate.notices
    assert notice.code == "movie-trimmed"
    assert notice.message.startswith("the movie's edit list hides 2 pictures")
    far = open_plate(hidden_by_its_edit_list(tmp_path / "c.mp4", 40, early=27))
    assert [number_of(far.read(frame).pixels) for frame in far.frames] == [*range(27, 40)]
    assert far.notices[0].message.startswith("the movie's edit list hides 27 pictures")
    none = hidden_by_its_edit_list(tmp_path / "b.mp4", 24, early=50)
    with pytest.raises(FrameReadError, match="edit list hides all of its 24 pictures"):
        open_plate(none)


def test_a_cut_stream_that_is_counted_says_what_is_left_out(tmp_path: Path) -> None:
    whole = write_movie(tmp_path / "a.ts", 24, options={**B_FRAMES, "x264-params": "b-adapt=0"})
    path = tmp_path / "b.mpg"
    with av.open(str(whole)) as read, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(read.streams.video[0])
        for at, packet in enumerate(p for p in read.demux(video=0) if p.size):
            if at >= 3:
                packet.stream = stream
                container.mux(packet)
    plate = open_plate(path)
    numbers = [number_of(plate.read(frame).pixels) for frame in plate.frames]
    (notice,) = plate.notices
    assert notice.code == "movie-cut"
    assert f"its first {21 - len(numbers)} pictures cannot be decoded" in notice.message


@pytest.mark.parametrize("suffix", ["mov", "mkv", "ts"])
def test_the_video_stream_that_is_used_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (64, 128), strict=True):
            stream.width = stream.height = size
            stream.pix_fmt = "yuv420p"
        for at in range(6):
            picture = av.VideoFrame.from_ndarray(numbered(at), "rgb24")
            for stream in streams:
                size = stream.width
                scaled = picture.reformat(format="yuv420p", width=size, height=size)
                container.mux(stream.encode(scaled))
        for stream in streams:
            container.mux(stream.encode(None))
    (notice,) = open_plate(path).notices
    assert notice.code == "several-streams"
    assert notice.message == "the movie has 2 video streams; the one of 64 x 64 is used"
    assert f"ffmpeg -i a.{suffix} -map 0:1 -c copy" in str(notice.hint)


@pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv"])
def test_a_codec_that_is_not_known_is_one_line(tmp_path: Path, suffix: str) -> None:
    """ProRes RAW, say: FFmpeg opens the file and has no decoder for it."""
    path = write_movie(tmp_path / f"a.{suffix}", 5, options=B_FRAMES)
    known = b"V_MPEG4/ISO/AVC" if suffix == "mkv" else b"avc1"
    content = path.read_bytes()
    at = content.index(known, max(0, content.find(b"stsd")))
    unknown = b"V_MPEG4/ISO/XXX" if suffix == "mkv" else b"zzzz"
    path.write_bytes(content[:at] + unknown + content[at + len(known) :])
    with pytest.raises(FrameReadError, match="codec is unknown here") as caught:
        open_plate(path)
    assert "ProRes 422" in str(caught.value.hint)
