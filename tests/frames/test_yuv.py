"""Every way that samples lie in memory is converted by the tagged matrix and range."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from vimatte.errors import FrameReadError
from vimatte.frames.open_plate import open_plate
from vimatte.frames.yuv import reading_of, to_rgb

SIDE = 16
COLOUR = np.array([0.8, 0.3, 0.1])
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
# Each packed or semi-planar format by the planar one of the same samples.
TWINS = {
    "yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "nv12": "yuv420p",
    "nv21": "yuv420p", "nv16": "yuv422p", "nv24": "yuv444p", "p010le": "yuv420p10le",
    "p016le": "yuv420p16le", "p210le": "yuv422p10le", "p410le": "yuv444p10le",
    "y210le": "yuv422p10le", "xv30le": "yuv444p10le", "xv36le": "yuv444p12le",
    "ayuv64le": "yuv444p16le", "vuya": "yuv444p", "vuyx": "yuv444p", "ayuv": "yuv444p",
    "yuv420p10be": "yuv420p10le", "yuv422p12be": "yuv422p12le", "yuva444p10be": "yuv444p10le",
    "yuv411p": "yuv411p", "yuv410p": "yuv410p", "yuv440p": "yuv440p",
    "yuv440p10le": "yuv440p10le", "yuva420p": "yuv420p", "yuva444p12le": "yuv444p12le",
}  # fmt: skip


def coded(matrix: int, full: bool, bits: int) -> list[int]:
    red, blue = WEIGHTS[matrix]
    luma = red * COLOUR[0] + (1 - red - blue) * COLOUR[1] + blue * COLOUR[2]
    chroma = [(COLOUR[2] - luma) / (2 * (1 - blue)), (COLOUR[0] - luma) / (2 * (1 - red))]
    top, unit = 2**bits - 1, 2 ** (bits - 8)
    first = luma * top if full else (16 + 219 * luma) * unit
    return [round(first), *(round(128 * unit + c * (top if full else 224 * unit)) for c in chroma)]


def planar(name: str, values: list[int], matrix: int, full: bool) -> av.VideoFrame:
    made = av.VideoFrame(SIDE, SIDE, name)
    kind = np.uint8 if made.format.components[0].bits == 8 else np.uint16
    for plane, value in zip(made.planes, values, strict=False):
        plane.update(np.full(plane.buffer_size // kind().itemsize, value, kind))
    made.colorspace, made.color_range = matrix, 2 if full else 1
    return made


def relaid(
    picture: av.VideoFrame, name: str, width: int | None = None, height: int | None = None
) -> av.VideoFrame:
    """The same samples in another layout."""
    return picture.reformat(
        width,
        height,
        name,
        src_colorspace=1,
        dst_colorspace=1,
        src_color_range=2,
        dst_color_range=2,
        threads=1,
    )


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("name", TWINS)
def test_the_tagged_matrix_and_range(name: str, matrix: int, full: bool) -> None:
    twin = TWINS[name]
    bits = av.VideoFormat(twin, SIDE, SIDE).components[0].bits
    picture = planar(twin, coded(matrix, full, bits), matrix, full)
    if name != twin:
        tags = int(picture.colorspace), int(picture.color_range)
        picture = relaid(picture, name)
        picture.colorspace, picture.color_range = tags
    rgb = to_rgb(picture)
    assert rgb.shape == (SIDE, SIDE, 3)
    np.testing.assert_allclose(rgb, np.broadcast_to(COLOUR, rgb.shape), atol=0.006)


@pytest.mark.parametrize("order", ["yuyv422", "uyvy422"])
def test_packed_samples_are_where_they_belong(order: str) -> None:
    """By hand, so that two mistakes of one library cannot cancel."""
    picture = av.VideoFrame(SIDE, SIDE, order)
    luma, blue, red = coded(1, False, 8)
    pair = [luma, blue, luma, red] if order == "yuyv422" else [blue, luma, red, luma]
    picture.planes[0].update(np.tile(np.array(pair, np.uint8), picture.planes[0].buffer_size // 4))
    picture.colorspace, picture.color_range = 1, 1
    rgb = to_rgb(picture)
    np.testing.assert_allclose(rgb, np.broadcast_to(COLOUR, rgb.shape), atol=0.006)


@pytest.mark.parametrize(("size", "matrix"), [((720, 576), 6), ((1280, 720), 1), ((720, 1280), 1)])
@pytest.mark.parametrize("name", ["yuyv422", "nv12", "yuv420p"])
def test_without_a_tag_the_size_tells(name: str, size: tuple[int, int], matrix: int) -> None:
    values = coded(matrix, False, 8)
    twin = TWINS.get(name, name)
    picture = av.VideoFrame(*size, twin)
    for plane, value in zip(picture.planes, values, strict=True):
        plane.update(np.full(plane.buffer_size, value, np.uint8))
    if name != twin:
        picture = relaid(picture, name)
    picture.colorspace, picture.color_range = 2, 0
    rgb = to_rgb(picture)
    np.testing.assert_allclose(rgb, np.broadcast_to(COLOUR, rgb.shape), atol=0.006)


def test_ycgco() -> None:
    red, green, blue = COLOUR
    values = [green / 2 + (red + blue) / 4, green / 2 - (red + blue) / 4, (red - blue) / 2]
    stored = [round(values[0] * 255), *(round(128 + 255 * value) for value in values[1:])]
    rgb = to_rgb(planar("yuv444p", stored, 8, True))
    np.testing.assert_allclose(rgb, np.broadcast_to(COLOUR, rgb.shape), atol=0.01)


@pytest.mark.parametrize("matrix", [11, 13, 14, 15, 16, 17])
def test_what_no_matrix_can_convert_is_refused(matrix: int) -> None:
    picture = planar("yuv444p", [100, 100, 100], matrix, False)
    for look in (to_rgb, reading_of):
        with pytest.raises(FrameReadError, match="which is not read"):
            look(picture)


@pytest.mark.parametrize(
    ("name", "bits"), [("gray", 8), ("gray10le", 10), ("gray16be", 16), ("ya8", 8), ("ya16le", 16)]
)
def test_grey_is_full_unless_it_says_otherwise(name: str, bits: int) -> None:
    plain = "gray" if bits == 8 else f"gray{bits}le"
    for tag, low, high in ((0, 0, 2**bits - 1), (2, 0, 2**bits - 1),
                           (1, 16 << (bits - 8), 235 << (bits - 8))):  # fmt: skip
        for value, expected in ((low, 0), (high, 1)):
            picture = planar(plain, [value], 2, True)
            if name != plain:
                picture = relaid(picture, name)
            picture.color_range = tag
            np.testing.assert_allclose(to_rgb(picture), expected, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_white_of_planar_rgb_is_one(bits: int) -> None:
    name = "gbrp" if bits == 8 else f"gbrp{bits}le"
    green, blue, red = (round(value * (2**bits - 1)) for value in COLOUR[[1, 2, 0]])
    rgb = to_rgb(planar(name, [green, blue, red], 0, True))
    np.testing.assert_allclose(rgb, np.broadcast_to(COLOUR, rgb.shape), atol=0.5 / 255)
    top = 2**bits - 1
    np.testing.assert_array_equal(to_rgb(planar(name, [top, top, top], 0, True)), 1)


def ramp_movie(path: Path, codec: str, name: str) -> NDArray[np.float32]:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 32, name
        picture = planar("yuv422p", coded(9, False, 8), 9, False)
        picture = relaid(picture, name, 64, 32)
        picture.colorspace, picture.color_range = 9, 1
        stream.codec_context.colorspace, stream.codec_context.color_range = 9, 1
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return open_plate(path).read(1).pixels


@pytest.mark.parametrize(("codec", "name"), [("rawvideo", "uyvy422"), ("rawvideo", "yuyv422")])
def test_a_movie_of_packed_samples(tmp_path: Path, codec: str, name: str) -> None:
    pixels = ramp_movie(tmp_path / "a.mkv", codec, name)
    np.testing.assert_allclose(pixels, np.broadcast_to(COLOUR, pixels.shape), atol=0.006)


@pytest.mark.parametrize("name", ["rgb555", "bgr555", "rgb565", "bgr565", "rgb444", "bgr444"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_rgb_in_two_bytes(name: str, order: str) -> None:
    """Old QuickTime and game captures."""
    rows, columns = np.mgrid[:48, :80]
    colour = np.dstack([60 + columns, 90 + rows, 200 - columns]).astype(np.uint8)
    picture = av.VideoFrame.from_ndarray(colour, "rgb24").reformat(format=name + order)
    step = 1 / 15 if name.endswith("444") else 1 / 31
    assert np.abs(to_rgb(picture) - colour / np.float32(255)).max() <= step * 1.6  # FFmpeg dithers
