from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from vimatte.errors import ColorSpaceError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.open_plate import open_plate
from vimatte.frames.types import Plate

MakePlate = Callable[..., Plate]

CONFIG = """ocio_profile_version: 2
name: studio
search_path: luts
roles: {default: raw, scene_linear: lin, aces_interchange: ap0}
file_rules:
  - !<Rule> {name: film, pattern: "*film*", extension: "*", colorspace: gam}
  - !<Rule> {name: raws, pattern: "*utility*", extension: "*", colorspace: raw}
  - !<Rule> {name: Default, colorspace: default}
displays:
  d: [!<View> {name: v, colorspace: raw}]
colorspaces:
  - !<ColorSpace> {name: raw, isdata: true}
  - !<ColorSpace> {name: ap0}
  - !<ColorSpace>
    name: lin
    to_scene_reference: !<MatrixTransform>
      matrix: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]
  - !<ColorSpace>
    name: gam
    to_scene_reference: !<ExponentTransform> {value: [2, 2, 2, 1]}
  - !<ColorSpace>
    name: cube
    to_scene_reference: !<FileTransform> {src: look.spi1d}
"""
LUT = "Version 1\nFrom 0.0 1.0\nLength 2\nComponents 1\n{\n0.0\n%s\n}\n"


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    """A studio's own config, without a linear Rec.709 space."""
    path = tmp_path / "config" / "config.ocio"
    (path.parent / "luts").mkdir(parents=True)
    path.write_text(CONFIG)
    (path.parent / "luts" / "look.spi1d").write_text(LUT % "1.0")
    return path


@pytest.fixture(autouse=True)
def no_config_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture
def plate(write_image: Callable[..., Path]) -> MakePlate:
    def make(name: str = "a.exr", kind: str = "half") -> Plate:
        return open_plate(write_image(name, np.zeros((2, 2, 3), np.float32), kind))

    return make


def grey(*values: float) -> NDArray[np.float32]:
    return np.repeat(np.array(values, np.float32)[None, :, None], 3, axis=2)


def srgb(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def rolled(linear: float) -> float:
    encoded = srgb(linear)
    above = max(0.0, encoded - 0.8) / 0.2
    return min(encoded, 0.8) + 0.2 * above / (1 + above * above) ** 0.5


def test_eight_bit_srgb_reaches_the_network_bit_for_bit(plate: MakePlate) -> None:
    codes = (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(16, 16, 1)
    pixels = np.repeat(codes, 3, axis=2)
    for given_space in (None, "sRGB", "sRGB Encoded Rec.709 (sRGB)", "sRGB - Display"):
        colour = NetworkColour(given_space, plate=plate("a.png", "uint8"))
        made = colour.to_network(pixels)
        np.testing.assert_array_equal(made, pixels)
        assert made is not pixels
        assert colour.settings()["ocio"] == ""


def test_scene_linear_exr_follows_the_curve(plate: MakePlate) -> None:
    colour = NetworkColour(None, plate=plate())
    assert colour.colorspace == "ACEScg"
    values = [0, 1e-4, 0.002, 0.0031, 0.0032, 0.01, 0.18, 0.4, 0.6, 0.62, 0.8, 1, 2, 4, 16, 100]
    made = colour.to_network(grey(*values))
    np.testing.assert_allclose(made[0, :, 1], [rolled(v) for v in values], atol=3e-5)
    assert np.ptp(made, axis=2).max() < 1e-5


def test_highlights_never_wrap_and_stay_in_order(plate: MakePlate) -> None:
    for space in ("ACEScg", "Linear Rec.709 (sRGB)"):
        colour = NetworkColour(space, plate=plate())
        ramp = np.geomspace(0.01, 16, 4000, dtype=np.float32)
        made = colour.to_network(grey(*ramp))[0, :, 0]
        assert np.all(np.diff(made) > 0)
        far = colour.to_network(grey(*np.geomspace(16, 65504, 500)))[0, :, 0]
        assert np.all(np.diff(far) >= 0)
        assert 0.999 < far[0] <= far[-1] <= 1


def test_saturated_and_negative_colours(plate: MakePlate) -> None:
    colour = NetworkColour("Linear Rec.709 (sRGB)", plate=plate())
    made = colour.to_network(np.array([[[-0.5, 2.0, 1000.0], [-0.0, 0.18, -1e-8]]], np.float32))
    np.testing.assert_allclose(made[0, 0], [0, rolled(2), rolled(1000)], atol=1e-5)
    np.testing.assert_allclose(made[0, 1], [0, rolled(0.18), 0], atol=1e-5)


@pytest.mark.parametrize("space", ["ACEScg", "sRGB", "ACEScct", "Gamma 2.4 Encoded Rec.709"])
@pytest.mark.parametrize("exposure", [0.0, 3.0])
def test_any_value_lands_in_the_unit_range(plate: MakePlate, space: str, exposure: float) -> None:
    colour = NetworkColour(space, plate=plate(), exposure=exposure)

    @settings(max_examples=10, deadline=None)
    @given(arrays.arrays(np.float32, (3, 5, 3), elements=st.floats(width=32)))
    def check(pixels: NDArray[np.float32]) -> None:
        before = pixels.copy()
        made = colour.to_network(pixels)
        assert made.dtype == np.float32
        assert made.shape == pixels.shape
        assert np.all((made >= 0) & (made <= 1))
        np.testing.assert_array_equal(pixels, before)

    check()


def test_no_pixels(plate: MakePlate) -> None:
    for space in ("sRGB", "ACEScg", "ACEScct"):
        made = NetworkColour(space, plate=plate()).to_network(np.zeros((0, 0, 3), np.float32))
        assert made.shape == (0, 0, 3)


def test_primaries_are_converted(plate: MakePlate) -> None:
    # Pure Rec.709 red, as ACEScg has it.
    red = np.array([[[0.61309, 0.07019, 0.02062]]], np.float32)
    made = NetworkColour("ACEScg", plate=plate()).to_network(red)
    np.testing.assert_allclose(made[0, 0], [rolled(1), 0, 0], atol=0.004)


def test_log_and_gamma_spaces(plate: MakePlate) -> None:
    exr = plate()
    cct = NetworkColour("ACEScct", plate=exr)
    # ACEScct of 0.18 and of 1, by its definition.
    codes = [(np.log2(v) + 9.72) / 17.52 for v in (0.18, 1.0, 8.0)]
    expected = [rolled(v) for v in (0.18, 1.0, 8.0)]
    np.testing.assert_allclose(cct.to_network(grey(*codes))[0, :, 0], expected, atol=1e-3)
    gamma = NetworkColour("Gamma 2.4 Encoded Rec.709", plate=exr)
    expected = [srgb(v**2.4) for v in (0.2, 0.5, 1.0)]
    np.testing.assert_allclose(gamma.to_network(grey(0.2, 0.5, 1.0))[0, :, 0], expected, atol=1e-4)
    assert gamma.to_network(grey(1.5)).max() == 1


def test_exposure_is_in_stops_of_light(plate: MakePlate) -> None:
    for space, value in (("ACEScg", 0.1), ("sRGB", srgb(0.1)), ("ACEScct", 0.365247)):
        light = {"ACEScct": (2 ** (0.365247 * 17.52 - 9.72))}.get(space, 0.1)
        for stops in (-2.0, 1.0, 2.0):
            colour = NetworkColour(space, plate=plate(), exposure=stops)
            made = colour.to_network(grey(value))[0, 0, 0]
            assert made == pytest.approx(rolled(light * 2**stops), abs=2e-4)
    bright = NetworkColour("sRGB", plate=plate(), exposure=2).to_network(grey(0.5, 0.7, 0.9, 1))
    assert np.all(np.diff(bright[0, :, 0]) > 0)
    for stops in (float("nan"), float("inf"), 100.0):
        with pytest.raises(ColorSpaceError, match="exposure"):
            NetworkColour("sRGB", plate=plate(), exposure=stops)


def test_what_is_not_given(plate: MakePlate) -> None:
    assert NetworkColour(None, plate=plate("a.exr")).colorspace == "ACEScg"
    assert NetworkColour(None, plate=plate("a.png", "uint8")).colorspace == "sRGB"
    for name, kind in (("a.dpx", "uint16"), ("b.dpx", "uint8"), ("a.tif", "uint16"),
                       ("b.png", "uint16"), ("c.tif", "float")):  # fmt: skip
        unknown = plate(name, kind)
        with pytest.raises(ColorSpaceError, match=r"must be given.*--colorspace") as caught:
            NetworkColour(None, plate=unknown)
        assert caught.value.path == str(unknown.path)
        NetworkColour("ACEScct", plate=unknown)


def test_movies_are_srgb(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width = stream.height = 16
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    assert NetworkColour(None, plate=open_plate(path)).colorspace == "sRGB"


@pytest.mark.parametrize(
    ("name", "close"),
    [("ACESgc", "ACEScg"), ("rec2020", "Rec.2020"), ("sRBG", "sRGB"), ("zzzzzz", "it has")],
)
def test_unknown_space_lists_close_names(plate: MakePlate, name: str, close: str) -> None:
    with pytest.raises(ColorSpaceError, match=f"unknown colour space '{name}'.*{close}"):
        NetworkColour(name, plate=plate())


def test_data_is_no_colour(plate: MakePlate) -> None:
    with pytest.raises(ColorSpaceError, match="for data"):
        NetworkColour("Raw", plate=plate())


def test_aliases_and_roles_are_one_space(plate: MakePlate) -> None:
    made = [NetworkColour(name, plate=plate()) for name in ("ACEScg", "lin_ap1", "scene_linear")]
    assert {colour.colorspace for colour in made} == {"ACEScg"}
    assert all(colour.settings() == made[0].settings() for colour in made)


def test_studio_config(plate: MakePlate, studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linear = NetworkColour(None, plate=plate(), ocio=str(studio))
    assert linear.colorspace == "lin"
    # The space is ACES2065-1 at half the light.
    np.testing.assert_allclose(linear.to_network(grey(0.09))[0, 0], [rolled(0.18)] * 3, atol=2e-3)
    monkeypatch.setenv("OCIO", str(studio))
    from_environment = NetworkColour(None, plate=plate())
    assert from_environment.settings() == linear.settings()
    assert NetworkColour(None, plate=plate(), ocio="ocio://default").colorspace == "ACEScg"
    # 8-bit sRGB needs nothing of the config.
    assert NetworkColour(None, plate=plate("a.png", "uint8")).colorspace == "sRGB"
    assert NetworkColour("sRGB", plate=plate()).colorspace == "sRGB"


def test_file_rules(plate: MakePlate, studio: Path) -> None:
    for name, kind in (("film.exr", "half"), ("film.dpx", "uint16"), ("film.png", "uint8")):
        ruled = NetworkColour(None, plate=plate(name, kind), ocio=str(studio))
        assert ruled.colorspace == "gam"
    given_space = NetworkColour("lin", plate=plate("film.exr"), ocio=str(studio))
    assert given_space.colorspace == "lin"
    # A rule that says "data" says nothing about a plate.
    data = NetworkColour(None, plate=plate("utility.exr"), ocio=str(studio))
    assert data.colorspace == "lin"


def test_built_in_config_knows_names_in_paths(plate: MakePlate) -> None:
    assert NetworkColour(None, plate=plate("a_lin_rec709.exr")).colorspace.startswith("Linear Rec")


def test_settings_name_the_content_of_the_config(
    plate: MakePlate, studio: Path, tmp_path: Path
) -> None:
    def digest(config: Path) -> str:
        settings = NetworkColour("cube", plate=plate(), ocio=str(config)).settings()
        assert json.loads(json.dumps(settings)) == settings
        assert str(tmp_path) not in json.dumps(settings)
        return str(settings["ocio"])

    before = digest(studio)
    moved = studio.parent.rename(tmp_path / "elsewhere") / studio.name
    assert digest(moved) == before
    lut = moved.parent / "luts" / "look.spi1d"
    lut.write_text(LUT % "2.0")
    after = digest(moved)
    assert after != before
    moved.write_text(moved.read_text().replace("name: studio", "name: studio2"))
    assert digest(moved) not in (before, after)


def test_settings_tell_conversions_apart(plate: MakePlate) -> None:
    made = [
        NetworkColour("ACEScg", plate=plate()),
        NetworkColour("ACEScg", plate=plate(), exposure=0.5),
        NetworkColour("ACEScct", plate=plate()),
        NetworkColour("sRGB", plate=plate()),
    ]
    assert len({json.dumps(colour.settings()) for colour in made}) == len(made)


def test_bad_configs(plate: MakePlate, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ocio"
    broken.write_text("hello: [")
    for config in (str(tmp_path / "nope.ocio"), str(broken), "ocio://nope", str(tmp_path)):
        with pytest.raises(ColorSpaceError, match="OCIO config") as caught:
            NetworkColour("ACEScg", plate=plate(), ocio=config)
        assert caught.value.path == config


def test_config_without_a_way_to_rec709(plate: MakePlate, studio: Path) -> None:
    studio.write_text(CONFIG.replace(", aces_interchange: ap0", ""))
    with pytest.raises(ColorSpaceError, match="aces_interchange"):
        NetworkColour("lin", plate=plate(), ocio=str(studio))


def test_light_for_compositors_without_a_config(plate: MakePlate) -> None:
    pixels = grey(0.5, -0.1, 1.5)
    srgb_plate = NetworkColour(None, plate=plate("a.png", "uint8"))
    made = srgb_plate.to_scene_linear(pixels)
    assert made[0, 0, 0] == pytest.approx(0.21404, abs=1e-4)
    assert made[0, 1, 0] < 0
    assert made[0, 2, 0] > 2
    # An EXR nobody describes is light already, whatever the built-in config calls it.
    exr = NetworkColour(None, plate=plate())
    np.testing.assert_array_equal(exr.to_scene_linear(pixels), pixels)
    red = np.array([[[1, 0, 0]]], np.float32)
    aces = NetworkColour("ACES2065-1", plate=plate()).to_scene_linear(red)
    np.testing.assert_allclose(aces[0, 0], [2.5217, -0.2765, -0.0154], atol=2e-3)


def test_light_for_compositors_with_a_config(plate: MakePlate, studio: Path) -> None:
    pixels = grey(0.5, 1.0)
    gamma = NetworkColour("gam", plate=plate(), ocio=str(studio))
    np.testing.assert_allclose(gamma.to_scene_linear(pixels), grey(0.125, 0.5), rtol=1e-4)
    linear = NetworkColour("lin", plate=plate(), ocio=str(studio))
    np.testing.assert_array_equal(linear.to_scene_linear(pixels), pixels)
    found = [c.scene_linear_settings() for c in (gamma, linear)]
    assert found[0] != found[1]
    assert found[0]["ocio"]


def test_a_space_that_only_the_studio_config_has(plate: MakePlate) -> None:
    with pytest.raises(ColorSpaceError) as caught:
        NetworkColour("Rec.2100-HLG", plate=plate())
    assert "with --ocio ocio://studio-config-latest: Rec.2100-HLG - Display" in str(caught.value)
