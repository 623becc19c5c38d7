from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.open_plate import open_plate
from vimatte.frames.types import Plate
from vimatte.frames.window import Window

Ramp = Callable[..., NDArray[np.float32]]
Write = Callable[..., Path]


def opened(folder: Path, pattern: str = "a.####.exr", **options: Any) -> Plate:
    return open_plate(folder / pattern, **options)


def test_exr_sequence_with_a_hole(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    pictures = {frame: ramp(4, 6, 4, seed=frame) for frame in (1001, 1002, 1005)}
    for frame, pixels in pictures.items():
        write_image(f"a.{frame}.exr", pixels, attributes={"FramesPerSecond": ("rational", (25, 1))})
    plate = opened(tmp_path)
    assert str(plate.frames) == "1001-1002,1005"
    assert (plate.name, plate.rate, plate.encoding) == ("a", 25.0, "scene-linear")
    for frame, pixels in pictures.items():
        read = plate.read(frame)
        assert read.frame == frame
        assert read.nonfinite == 0
        assert read.pixels.dtype == np.float32
        np.testing.assert_array_equal(read.pixels, pixels[:, :, :3])
        assert read.header == plate.header(frame)
    for missing in (1003, 1, -5):
        with pytest.raises(FrameReadError, match=r"no such frame.*it has 1001-1002,1005") as caught:
            plate.read(missing)
        assert caught.value.frame == missing


def test_file_that_vanishes(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    for frame in (1, 2):
        write_image(f"a.{frame:04d}.exr", ramp(2, 2))
    plate = opened(tmp_path)
    (tmp_path / "a.0002.exr").unlink()
    for call in (plate.read, plate.header, plate.digest):
        with pytest.raises(FrameReadError, match=r"missing \| frame 2 \| .*a\.0002\.exr"):
            call(2)


@pytest.mark.parametrize(
    ("suffix", "kind", "levels", "encoding"),
    [
        ("png", "uint8", 255, "srgb"),
        ("png", "uint16", 65535, "unknown"),
        ("tif", "uint8", 255, "srgb"),
        ("tif", "uint16", 65535, "unknown"),
        ("tif", "float", None, "unknown"),
        ("dpx", "uint8", 255, "unknown"),
        ("dpx", "uint16", 65535, "unknown"),
        ("bmp", "uint8", 255, "srgb"),
        ("exr", "float", None, "scene-linear"),
    ],
)
def test_formats(
    tmp_path: Path, write_image: Write, suffix: str, kind: str, levels: int | None, encoding: str
) -> None:
    random = np.random.default_rng(1)
    if levels is None:
        stored: NDArray[Any] = random.random((5, 7, 3), np.float32)
        expected = stored
    else:
        stored = random.integers(0, levels + 1, (5, 7, 3)).astype(kind)
        expected = (stored / np.float64(levels)).astype(np.float32)
    write_image(f"a.0001.{suffix}", stored, kind)
    plate = opened(tmp_path, f"a.####.{suffix}")
    assert plate.encoding == encoding
    read = plate.read(1)
    np.testing.assert_allclose(read.pixels, expected, atol=1e-7)
    assert read.header.data_window == read.header.display_window == Window(0, 0, 7, 5)


def test_ten_bit_dpx_fills_the_range(tmp_path: Path, write_image: Write) -> None:
    codes = np.linspace(0, 1023, 12).round().reshape(2, 6, 1)
    pixels = np.repeat(codes / 1023, 3, axis=2).astype(np.float32)
    attributes = {"oiio:BitsPerSample": 10}
    write_image("a.0001.dpx", pixels, "uint16", attributes=attributes)
    np.testing.assert_allclose(opened(tmp_path, "a.####.dpx").read(1).pixels, pixels, atol=1e-4)


def test_jpeg(tmp_path: Path, write_image: Write) -> None:
    flat = np.full((16, 16, 3), 128, np.uint8)
    write_image("a.jpg", flat, "uint8")
    plate = opened(tmp_path, "a.jpg", start_frame=9)
    assert list(plate.frames) == [9]
    np.testing.assert_allclose(plate.read(9).pixels, 128 / 255, atol=0.01)


def test_grey_becomes_rgb(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    for name, kind in (("a.png", "uint16"), ("a.exr", "half")):
        grey = ramp(3, 4, 1)
        write_image(name, grey, kind, channels=["Y"])
        np.testing.assert_allclose(
            opened(tmp_path, name).read(1).pixels, np.repeat(grey, 3, axis=2), atol=1e-4
        )


def test_rgb_under_alpha_is_taken_as_stored(tmp_path: Path, write_image: Write) -> None:
    stored = np.full((2, 2, 4), 200, np.uint8)
    stored[..., 3] = 50
    # Tell the writer too that RGB is not premultiplied, so that it stores it unchanged.
    write_image("a.png", stored, "uint8", attributes={"oiio:UnassociatedAlpha": 1})
    np.testing.assert_allclose(opened(tmp_path, "a.png").read(1).pixels, 200 / 255, atol=1e-6)


def test_one_pixel(tmp_path: Path, write_image: Write) -> None:
    for name, kind in (("a.exr", "half"), ("a.png", "uint8")):
        write_image(name, np.ones((1, 1, 3), np.float32), kind)
        read = opened(tmp_path, name).read(1)
        assert read.pixels.shape == (1, 1, 3)
        assert read.pixels.min() == 1


@pytest.mark.parametrize("kind", ["half", "float"])
def test_nan_and_infinity_are_cleaned_and_counted(
    tmp_path: Path, write_image: Write, ramp: Ramp, kind: str
) -> None:
    pixels = ramp(4, 4)
    expected = pixels.copy()
    for at, value in {(0, 0, 0): np.nan, (1, 2, 1): np.inf, (3, 3, 2): -np.inf}.items():
        pixels[at] = value
        expected[at] = 0
    write_image("a.exr", pixels, kind)
    read = opened(tmp_path, "a.exr").read(1)
    np.testing.assert_array_equal(read.pixels, expected)
    assert read.nonfinite == 3


def test_values_beyond_the_unit_range_are_kept(tmp_path: Path, write_image: Write) -> None:
    pixels = np.array([[[-0.5, 2.0, 1000.0], [0.0, 1.0, -1e-3]]], np.float32)
    write_image("a.exr", pixels, "float")
    np.testing.assert_array_equal(opened(tmp_path, "a.exr").read(1).pixels, pixels)


@pytest.mark.parametrize(
    ("origin", "size"),
    [((-3, -2), (14, 16)), ((2, 3), (3, 2)), ((100, 100), (1, 1)), ((-5, 4), (2, 30))],
    ids=["larger", "smaller", "outside", "offset"],
)
def test_data_window_may_differ_and_vary(
    tmp_path: Path,
    write_image: Write,
    ramp: Ramp,
    origin: tuple[int, int],
    size: tuple[int, int],
) -> None:
    display = (0, 0, 10, 8)
    write_image("a.0001.exr", ramp(8, 10), display=display)
    pixels = ramp(*size)
    write_image("a.0002.exr", pixels, origin=origin, display=display)
    read = opened(tmp_path).read(2)
    assert read.header.data_window == Window(*origin, size[1], size[0])
    assert read.header.display_window == Window(*display)
    np.testing.assert_array_equal(read.pixels, pixels)


def test_display_window_with_an_origin(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    write_image("a.exr", ramp(4, 4), origin=(12, 22), display=(10, 20, 8, 8))
    header = opened(tmp_path, "a.exr").header(1)
    assert header.display_window == Window(10, 20, 8, 8)
    assert header.data_window == Window(12, 22, 4, 4)


def empty_window(path: Path) -> None:
    content = bytearray(path.read_bytes())
    mark = b"dataWindow\0box2i\0"
    at = content.index(mark) + len(mark) + 4
    struct.pack_into("<4i", content, at, 0, 0, -1, -1)
    path.write_bytes(content)


def test_empty_data_window(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    attributes = {"PixelAspectRatio": 2.0}
    for frame in (1, 2):
        write_image(f"a.{frame:04d}.exr", ramp(4, 6), attributes=attributes)
    empty_window(tmp_path / "a.0002.exr")
    read = opened(tmp_path).read(2)
    assert read.pixels.shape == (0, 0, 3)
    assert read.header.data_window.empty
    assert read.header.display_window == Window(0, 0, 6, 4)
    assert read.header.pixel_aspect == 2.0


def test_other_size_in_mid_shot(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    for suffix, kind in (("exr", "half"), ("png", "uint8")):
        write_image(f"a.0001.{suffix}", ramp(4, 6), kind)
        write_image(f"a.0002.{suffix}", ramp(4, 8), kind)
        write_image(f"a.0003.{suffix}", ramp(4, 6), kind)
        plate = opened(tmp_path, f"a.####.{suffix}")
        for call in (plate.read, plate.header):
            with pytest.raises(FrameReadError, match="the frame is 8 x 4, the plate is 6 x 4") as e:
                call(2)
            assert e.value.frame == 2
            assert e.value.path == str(tmp_path / f"a.0002.{suffix}")
        assert plate.read(3).pixels.shape == (4, 6, 3)


def test_other_pixel_aspect_in_mid_shot(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    for frame, aspect in ((1, 2.0), (2, 1.0)):
        write_image(f"a.{frame:04d}.exr", ramp(2, 2), attributes={"PixelAspectRatio": aspect})
    plate = opened(tmp_path)
    assert plate.header(1).pixel_aspect == 2.0
    with pytest.raises(FrameReadError, match="pixel aspect is 1, the plate's is 2"):
        plate.read(2)


@pytest.mark.parametrize("suffix", ["exr", "png", "jpg", "tif", "dpx"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_truncated_file(
    tmp_path: Path, write_image: Write, ramp: Ramp, suffix: str, share: float
) -> None:
    kind = "half" if suffix == "exr" else "uint8"
    for frame in (1, 2):
        path = write_image(f"a.{frame:04d}.{suffix}", ramp(64, 64), kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    plate = opened(tmp_path, f"a.####.{suffix}")
    with pytest.raises(FrameReadError, match="frame 2") as caught:
        plate.read(2)
    assert caught.value.path == str(path)
    assert plate.read(1).pixels.shape == (64, 64, 3)


def test_first_frame_may_be_the_broken_one(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    (tmp_path / "a.0001.exr").write_bytes(b"no picture")
    write_image("a.0002.exr", ramp(2, 2))
    plate = opened(tmp_path)
    assert plate.read(2).pixels.shape == (2, 2, 3)
    with pytest.raises(FrameReadError, match="frame 1"):
        plate.read(1)


def test_no_frame_can_be_read(tmp_path: Path) -> None:
    for frame in (1, 2):
        (tmp_path / f"a.000{frame}.exr").write_bytes(b"no picture")
    with pytest.raises(FrameReadError, match=r"cannot open the picture.*frame 1"):
        opened(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(FrameReadError, match="cannot open the picture"):
        opened(tmp_path, "notes.txt")


@pytest.mark.parametrize("box", [(0, 0, 2**30, 2**30), (0, 0, 60000, 60000), (0, 0, 2**31 - 1, 0)])
def test_implausible_size_is_refused_before_anything_is_allocated(
    tmp_path: Path, write_image: Write, ramp: Ramp, box: tuple[int, ...]
) -> None:
    path = write_image("a.exr", ramp(8, 8))
    content = bytearray(path.read_bytes())
    mark = b"dataWindow\0box2i\0"
    struct.pack_into("<4i", content, content.index(mark) + len(mark) + 4, *box)
    path.write_bytes(content)
    with pytest.raises(FrameReadError):
        opened(tmp_path, "a.exr").read(1)


def test_metadata(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    kept = {
        "smpte:TimeCode": ("timecode", (0x01020304, 7)),
        "FramesPerSecond": ("rational", (24000, 1001)),
        "worldToCamera": ("matrix", tuple(float(v) for v in range(16))),
        "camera": "A001",
        "ImageDescription": "a comment",
        "Copyright": "the owner",
        "isoSpeed": 800.0,
        "nuke/input/frame": "12",
    }
    lies = {
        "cryptomatte/0a1b2c3/name": "uCrypto",
        "cryptomatte/0a1b2c3/manifest": "{}",
        "view": "left",
        "chromaticities": ("float[8]", (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.31, 0.33)),
        "compression": "piz",
    }
    write_image("a.exr", ramp(4, 4), attributes={**kept, **lies})
    metadata = opened(tmp_path, "a.exr").header(1).metadata
    expected = {k: v[1] if isinstance(v, tuple) else v for k, v in kept.items()}
    extra = {"DateTime", "screenWindowCenter", "screenWindowWidth"}
    assert {k: v for k, v in metadata.items() if k not in extra} == expected


def test_bytes_that_are_no_text(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    attributes = {"ImageDescription": "caf~", "camera": "A001"}
    path = write_image("a.exr", ramp(4, 4), attributes=attributes)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"caf~", b"caf\xe9"))
    metadata = opened(tmp_path, "a.exr").read(1).header.metadata
    assert metadata["camera"] == "A001"
    assert "ImageDescription" not in metadata
    path.write_bytes(content.replace(b"channels\0chlist", b"channels\0chl\xe9st"))
    with pytest.raises(FrameReadError):
        opened(tmp_path, "a.exr")


@pytest.mark.parametrize(("suffix", "kind"), [("exr", "half"), ("png", "uint8"), ("tif", "uint16")])
def test_damaged_bytes_are_an_error_or_a_picture(
    tmp_path: Path, write_image: Write, ramp: Ramp, suffix: str, kind: str
) -> None:
    path = write_image(f"a.{suffix}", ramp(8, 8), kind)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = content.copy()
        damaged[random.integers(0, len(damaged), 4)] = random.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        try:
            read = opened(tmp_path, path.name).read(1)
        except FrameReadError as error:
            assert error.path == str(path)
        else:
            assert read.pixels.shape == (*read.header.data_window.shape, 3)
            assert np.isfinite(read.pixels).all()


def test_digest_is_that_of_the_content(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    for name in ("a.0001.exr", "b/other.0007.exr", "a.0002.exr"):
        path = write_image(name, ramp(2, 2, seed=name == "a.0002.exr"))
        path.write_bytes(path.read_bytes().replace(b"DateTime", b"DateTimx"))
    (tmp_path / "b" / "other.0007.exr").write_bytes((tmp_path / "a.0001.exr").read_bytes())
    first = opened(tmp_path)
    other = opened(tmp_path, "b/other.####.exr")
    assert first.digest(1) == other.digest(7)
    assert first.digest(1) != first.digest(2)
    os.utime(tmp_path / "a.0001.exr", (1, 1))
    assert first.digest(1) == other.digest(7)
    (tmp_path / "a.0001.exr").write_bytes((tmp_path / "a.0002.exr").read_bytes())
    assert first.digest(1) == first.digest(2)


def test_digest_tells_layers_apart(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    channels = ["R", "G", "B", "x.R", "x.G", "x.B"]
    write_image("a.exr", ramp(2, 2, 6), channels=channels)
    plain, layer = opened(tmp_path, "a.exr"), opened(tmp_path, "a.exr", layer="x")
    assert plain.digest(1) != layer.digest(1)


def test_given_digest_cache_is_used(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    path = write_image("a.exr", ramp(2, 2))
    os.utime(path, (1_000_000, 1_000_000))
    digests = DigestCache(tmp_path / "digests")
    made = opened(tmp_path, "a.exr", digest_cache=digests).digest(1)
    digests.save()
    assert made in (tmp_path / "digests").read_text()


def test_several_threads(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    pictures = {frame: ramp(16, 16, seed=frame) for frame in range(1, 9)}
    for frame, pixels in pictures.items():
        write_image(f"a.{frame:04d}.exr", pixels)
    plate = opened(tmp_path)
    wrong: list[int] = []

    def check(offset: int) -> None:
        for step in range(16):
            frame = 1 + (offset + step) % 8
            if not np.array_equal(plate.read(frame).pixels, pictures[frame]):
                wrong.append(frame)

    threads = [threading.Thread(target=check, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    plate.close()
    plate.close()


@pytest.mark.parametrize("name", ["a.heic", "a.cr2", "a.AVIF"])
def test_photos_that_are_not_read_say_what_to_write(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x" * 300)
    with pytest.raises(FrameReadError, match="cannot open the picture") as caught:
        open_plate(tmp_path / name)
    assert caught.value.hint == "write it as EXR, TIFF, PNG or JPEG"
