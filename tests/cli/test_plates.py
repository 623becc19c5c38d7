"""Plates as they come: ACEScg with overscan, squeezed, in two views, with layers; mapped paths."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from cli_support import FRAMES, HEIGHT, WIDTH, alphas, matte, write_exr

from vimatte.cli.main import main
from vimatte.errors import VerifyError
from vimatte.output.cryptomatte import extract, layer_channels
from vimatte.output.exr_file import read_layers


def test_overscan_stays_where_it_is(shot: Path) -> None:
    for frame in FRAMES:
        pixels = np.full((HEIGHT + 8, WIDTH + 16, 3), 0.2, np.float32)
        windows = {"x": -8, "y": -4, "full_x": 0, "full_y": 0}
        windows |= {"full_width": WIDTH, "full_height": HEIGHT}
        write_exr(shot / "plate" / f"sh.{frame}.exr", pixels, **windows)
    assert matte(shot, "out", "--colorspace", "ACEScg", "--no-qc") == 0
    _, header, _ = read_layers(shot / "out" / "v001" / "exr" / "sh.1001.exr")
    assert (header.data_window.x, header.data_window.width) == (-8, WIDTH + 16)
    assert (header.display_window.width, header.display_window.height) == (WIDTH, HEIGHT)


def test_a_plate_squeezed_two_to_one(shot: Path) -> None:
    assert matte(shot, "square", "--no-qc") == 0
    for frame in FRAMES:
        path = shot / "plate" / f"sh.{frame}.exr"
        pixels = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)[:, ::2]
        image = oiio.ImageBuf(np.ascontiguousarray(pixels))
        image.specmod().attribute("PixelAspectRatio", 2.0)
        assert image.write(str(path), oiio.HALF)
        for name in ("anna", "bert"):
            at = str(shot / "masks" / name / f"m.{frame}.png")
            mask = np.ascontiguousarray(cv2.imread(at, cv2.IMREAD_GRAYSCALE)[:, ::2])
            cv2.imwrite(at, mask)
    assert matte(shot, "out", "--colorspace", "ACEScg", "--no-qc") == 0
    channels, header, _ = read_layers(shot / "out" / "v001" / "exr" / "sh.1001.exr")
    assert header.pixel_aspect == 2.0
    assert channels["anna.A"].shape == (HEIGHT, WIDTH // 2)
    # The circle is the same person as in the square plate, half as wide.
    wide = alphas(shot, "square", 1001)["anna.A"]
    narrow = channels["anna.A"]
    assert narrow[32, 14] > 0.5
    assert narrow.sum() == pytest.approx(wide.sum() / 2, rel=0.15)


@pytest.fixture
def stereo(shot: Path) -> Path:
    """Two views in folders; anna stands 20 pixels further right in the right one."""
    for side, shift in (("left", 0), ("right", 20)):
        (shot / side).mkdir()
        for frame in FRAMES:
            pixels = oiio.ImageBuf(str(shot / "plate" / f"sh.{frame}.exr")).get_pixels(oiio.FLOAT)
            write_exr(shot / side / f"sh.{frame}.exr", np.roll(pixels, shift, axis=1))
            for name in ("anna", "bert"):
                mask = cv2.imread(str(shot / "masks" / name / f"m.{frame}.png"), 0)
                folder = shot / f"masks_{side}" / name
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f"m.{frame}.png"), np.roll(mask, shift, axis=1))
    return shot


def test_two_views(stereo: Path) -> None:
    pattern = str(stereo / "%V" / "sh.####.exr")
    for side in ("left", "right"):
        masks = f"masks:{stereo / f'masks_{side}'}"
        out = str(stereo / f"out_{side}")
        more = ["--guidance", masks, "--view", side, "--colorspace", "ACEScg", "--no-qc"]
        assert main(["matte", pattern, "-o", out, *more]) == 0
    left = alphas(stereo, "out_left", 1001)["anna.A"]
    right = alphas(stereo, "out_right", 1001)["anna.A"]
    assert left[32, 28] > 0.5 > left[32, 48 + 12]
    assert right[32, 48] > 0.5
    assert right[32, 28] < 0.5


def test_views_without_a_view_are_refused(stereo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = str(stereo / "%V" / "sh.####.exr")
    masks = f"masks:{stereo / 'masks'}"
    assert main(["matte", pattern, "-o", str(stereo / "o"), "--guidance", masks]) == 3
    assert "--view" in capsys.readouterr().err


def test_a_layer_of_a_plate(shot: Path) -> None:
    assert matte(shot, "plain", "--no-qc") == 0
    for frame in FRAMES:
        path = shot / "plate" / f"sh.{frame}.exr"
        pixels = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)
        image = oiio.ImageBuf(np.concatenate([pixels * 0, pixels], axis=2))
        image.specmod().channelnames = ("R", "G", "B", "comp.R", "comp.G", "comp.B")
        assert image.write(str(path), oiio.HALF)
    assert matte(shot, "out", "--layer", "comp", "--no-qc") == 0
    for name in ("anna.A", "bert.A"):
        plain, layer = alphas(shot, "plain", 1002)[name], alphas(shot, "out", 1002)[name]
        np.testing.assert_array_equal(plain, layer)


def test_a_region_of_interest(shot: Path) -> None:
    assert matte(shot, "out", "--roi", "0,0,48,64", "--no-qc") == 0
    channels, header, _ = read_layers(shot / "out" / "v001" / "exr" / "sh.1001.exr")
    assert header.data_window.width == WIDTH
    assert channels["anna.A"][32, 28] > 0.5
    assert channels["A"][:, 48:].max() == 0


def test_garbage_and_core(shot: Path) -> None:
    for kind, shade in (("garbage", 255), ("core", 255)):
        folder = shot / kind / "anna"
        folder.mkdir(parents=True)
        for frame in FRAMES:
            picture = np.zeros((HEIGHT, WIDTH), np.uint8)
            columns = slice(0, 28) if kind == "garbage" else slice(0, 4)
            picture[:, columns] = shade
            cv2.imwrite(str(folder / f"g.{frame}.png"), picture)
    more = ["--garbage", str(shot / "garbage"), "--core", str(shot / "core"), "--no-qc"]
    assert matte(shot, "out", *more) == 0
    anna = alphas(shot, "out", 1002)["anna.A"]
    assert anna[:, 28:].max() == 0
    assert anna[:, :4].min() == 1
    assert anna[32, 24] > 0.5


def test_a_mask_within_another_keeps_its_pixels(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for frame in FRAMES:
        anna = cv2.imread(str(shot / "masks" / "anna" / f"m.{frame}.png"), 0)
        path = shot / "masks" / "bert" / f"m.{frame}.png"
        cv2.imwrite(str(path), np.maximum(anna, cv2.imread(str(path), 0)))
    assert matte(shot, "out", "--no-qc") == 0
    assert "--order bert,anna says the opposite" in capsys.readouterr().out
    assert matte(shot, "said", "--order", "anna,bert", "--no-qc") == 0
    for out in ("out", "said"):
        channels = alphas(shot, out, 1001)
        assert channels["anna.A"][32, 28] > 0.5
        assert channels["bert.A"][32, 28] < 0.5


def test_a_session_opens_where_its_plates_lie_elsewhere(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plate, masks = str(shot / "plate" / "sh.####.exr"), f"masks:{shot / 'masks'}"
    assert main(["guide", plate, "-o", str(shot / "out"), "--guidance", masks]) == 0
    moved = shot / "elsewhere"
    moved.mkdir()
    for name in ("plate", "masks"):
        shutil.move(shot / name, moved / name)
    session = str(shot / "out" / "session.json")
    assert main(["matte", session]) == 3
    assert "--path-map" in capsys.readouterr().err
    assert main(["matte", session, "--path-map", f"{shot}={moved}", "--no-qc"]) == 0
    assert main(["verify", str(shot / "out")]) == 0


def test_two_processes_share_a_cache(shot: Path) -> None:

    assert matte(shot, "single", "--no-qc") == 0
    plate, masks = str(shot / "plate" / "sh.####.exr"), f"masks:{shot / 'masks'}"
    command = [sys.executable, "-m", "vimatte", "matte", plate, "--guidance", masks, "--no-qc"]
    both = [
        subprocess.Popen(
            [*command, "-o", str(shot / out), "--cache", str(shot / "cache")],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for out in ("one", "two")
    ]  # fmt: skip
    for process in both:
        assert process.communicate(timeout=120)[1] == b""
        assert process.returncode == 0
    assert main(["cache", "verify", str(shot / "cache")]) == 0
    for frame in FRAMES:
        for out in ("one", "two"):
            for name, pixels in alphas(shot, "single", frame).items():
                np.testing.assert_array_equal(pixels, alphas(shot, out, frame)[name])


def test_processes_side_by_side_share_the_work(shot: Path) -> None:
    """What one computes the other reads: together they compute each frame once."""
    plate, masks = str(shot / "plate" / "sh.####.exr"), f"masks:{shot / 'masks'}"
    command = [sys.executable, "-m", "vimatte", "matte", plate, "--guidance", masks, "--no-qc"]
    both = [
        subprocess.Popen(
            [*command, "-o", str(shot / out), "--cache", str(shot / "cache"), "--json"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for out in ("one", "two")
    ]
    computed = []
    for process in both:
        said = [json.loads(line) for line in process.communicate(timeout=120)[0].splitlines()]
        computed += [row["computed"] for row in said if row["type"] == "frames"]
    assert sum(computed) == len(FRAMES)


def test_colour_cutouts_and_cryptomatte(shot: Path) -> None:
    also = ("--foreground", "--cutout", "--cryptomatte", "--no-qc")
    assert matte(shot, "out", *also) == 0
    assert main(["verify", str(shot / "out")]) == 0
    version = shot / "out" / "v001"
    layers = alphas(shot, "out", 1002)
    assert {"anna.R", "anna.G", "anna.B", "anna.A", "bert.R"} <= set(layers)
    plate, _, _ = read_layers(shot / "plate" / "sh.1002.exr")
    solid = layers["anna.A"] == 1
    assert solid.sum() > 100
    np.testing.assert_array_equal(layers["anna.R"][solid], plate["R"][solid])
    assert not layers["anna.R"][layers["anna.A"] == 0].any()
    cutout, _, _ = read_layers(version / "cutout" / "anna" / "1002.exr")
    for channel in "RGBA":
        np.testing.assert_array_equal(cutout[channel], layers[f"anna.{channel}"])
    ids, _, attributes = read_layers(version / "cryptomatte" / "sh.1002.exr", single=True)
    picked = np.stack([ids[name] for name in layer_channels(2)], axis=2)
    for name in ("anna", "bert"):
        np.testing.assert_array_equal(extract(picked, name), layers[f"{name}.A"])
    assert any(key.startswith("cryptomatte/") for key in attributes)
    # Without colour it is another version, from the same mattes.
    assert matte(shot, "out", "--no-qc") == 0
    assert set(read_layers(shot / "out" / "v002" / "exr" / "sh.1002.exr")[0]) == {
        "R", "G", "B", "A", "anna.A", "bert.A",
    }  # fmt: skip


def test_what_is_verified_is_the_sessions_own_version(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(shot / "out")
    assert main(["verify", out]) != 0  # there is no session yet
    assert matte(shot, "out", "--no-qc") == 0
    assert matte(shot, "out", "--no-qc", "--exposure", "0.5") == 0
    assert main(["verify", out]) == 0
    assert "v002" in capsys.readouterr().out
    assert matte(shot, "out", "--no-qc") == 0  # the first settings again: v001 is theirs
    assert main(["verify", out, "--qc"]) == 0
    assert "v001" in capsys.readouterr().out.splitlines()[-1]
    assert (shot / "out" / "v001" / "qc.html").exists()
    assert not (shot / "out" / "v002" / "qc.html").exists()
    assert main(["verify", out, "--published", "v002"]) == 0
    shutil.rmtree(shot / "out" / "v001")
    assert main(["verify", out]) == VerifyError.exit_code
    assert "as it is now" in capsys.readouterr().err
