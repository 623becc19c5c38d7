"""Transfer curves that files are tagged with: read as they say, or named with what reads them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.errors import ColorSpaceError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.open_plate import open_plate
from vimatte.frames.types import Plate

MakePlate = Callable[..., Plate]


def tagged_movie(path: Path, curve: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv422p10le"
        stream.codec_context.color_trc = curve
        picture = av.VideoFrame(32, 16, "yuv422p10le")
        for plane in picture.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("curve", "name", "options"),
    [
        (18, "HLG", '--ocio ocio://studio-config-latest --colorspace "Rec.2100-HLG - Display"'),
        (16, "PQ", '--colorspace "Rec.2100-PQ - Display"'),
        (8, "linear", '--colorspace "Linear Rec.709 (sRGB)"'),
        (9, "logarithmic", "--colorspace ACEScct"),
        (17, "SMPTE 428", "--colorspace ACEScct"),
    ],
)
def test_tagged_movies_name_the_options_that_read_them(
    tmp_path: Path, curve: int, name: str, options: str
) -> None:
    plate = open_plate(tagged_movie(tmp_path / "a.mkv", curve))
    with pytest.raises(ColorSpaceError, match=f"tagged as {name}") as caught:
        NetworkColour(None, plate=plate)
    assert options in str(caught.value.hint)
    # The options are words of a shell, and they work.
    words = shlex.split(str(caught.value.hint).removeprefix("e.g. ").partition(" or ")[0])
    given = dict(zip(words[::2], words[1::2], strict=True))
    colour = NetworkColour(given["--colorspace"], plate=plate, ocio=given.get("--ocio"))
    assert colour.to_network(np.full((1, 1, 3), 0.5, np.float32)).shape == (1, 1, 3)


def test_a_chosen_config_that_knows_the_tag_is_named_alone(tmp_path: Path) -> None:
    plate = open_plate(tagged_movie(tmp_path / "a.mkv", 18))
    with pytest.raises(ColorSpaceError) as caught:
        NetworkColour(None, plate=plate, ocio="ocio://studio-config-latest")
    assert caught.value.hint == '--colorspace "Rec.2100-HLG - Display"'


@pytest.mark.parametrize("curve", [1, 6, 7, 11, 13, 14, 15])
def test_curves_like_srgb_are_read_as_it(tmp_path: Path, curve: int) -> None:
    plate = open_plate(tagged_movie(tmp_path / "a.mkv", curve))
    assert NetworkColour(None, plate=plate).colorspace == "sRGB"


def tagged_png(path: Path, curve: int, depth: str = "uint8") -> Path:
    spec = oiio.ImageSpec(8, 8, 3, depth)
    spec.attribute("CICP", oiio.TypeDesc("int[4]"), (9, curve, 0, 1))
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(np.full((8, 8, 3), 0.5, np.float32))
    output.close()
    return path


@pytest.mark.parametrize(
    ("curve", "name"), [(16, "PQ"), (18, "HLG"), (8, "linear"), (9, "logarithmic")]
)
def test_a_png_whose_tag_is_not_like_srgb_is_not_guessed(
    tmp_path: Path, curve: int, name: str
) -> None:
    with pytest.raises(ColorSpaceError, match=f"tagged as {name}"):
        NetworkColour(None, plate=open_plate(tagged_png(tmp_path / "a.png", curve)))


@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_a_png_whose_tag_is_like_srgb_is_read_as_it(tmp_path: Path, depth: str) -> None:
    plate = open_plate(tagged_png(tmp_path / "a.png", 13, depth))
    assert NetworkColour(None, plate=plate).colorspace == "sRGB"
    silent = open_plate(tagged_png(tmp_path / "b.png", 2, depth))
    assert silent.encoding == ("srgb" if depth == "uint8" else "unknown")
