"""The command line: the main job, chunks, exit codes, and one clear line for bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.cli.main import main
from vimatte.output.exr_file import read_layers

WIDTH, HEIGHT = 96, 64
FRAMES = range(1001, 1005)


def write_exr(path: Path, pixels: np.ndarray, **windows: int) -> None:
    buffer = oiio.ImageBuf(np.ascontiguousarray(pixels, dtype=np.float32))
    spec = buffer.specmod()
    for name, value in windows.items():
        setattr(spec, name, value)
    assert buffer.write(str(path), oiio.HALF), buffer.geterror()


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A plate of four frames, and the masks of two people in it."""
    rng = np.random.default_rng(0)
    (tmp_path / "plate").mkdir()
    for frame in FRAMES:
        pixels = rng.random((HEIGHT, WIDTH, 3), dtype=np.float32) * 0.2
        for index, name in enumerate(("anna", "bert")):
            folder = tmp_path / "masks" / name
            folder.mkdir(parents=True, exist_ok=True)
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.circle(mask, (28 + 40 * index + frame - 1001, 32), 14, 255, -1)
            pixels[mask > 0] += 0.5
            cv2.imwrite(str(folder / f"m.{frame}.png"), mask)
        write_exr(tmp_path / "plate" / f"sh.{frame}.exr", pixels)
    return tmp_path


def matte(shot: Path, out: str = "out", *more: str) -> int:
    plate = str(shot / "plate" / "sh.####.exr")
    masks = f"masks:{shot / 'masks'}"
    return main(["matte", plate, "-o", str(shot / out), "--guidance", masks, *more])


def alphas(shot: Path, out: str, frame: int) -> dict[str, np.ndarray]:
    channels, _, _ = read_layers(shot / out / "v001" / "exr" / f"sh.{frame}.exr")
    return channels


def test_the_main_job(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot) == 0
    said = capsys.readouterr().out
    assert "Progress: 100%" in said
    assert "anna" in said
    for frame in FRAMES:
        channels = alphas(shot, "out", frame)
        assert set(channels) == {"R", "G", "B", "A", "anna.A", "bert.A"}
        assert channels["anna.A"][32, 28] > 0.5
        assert channels["bert.A"][32, 28] < 0.5
    assert (shot / "out" / "v001" / "qc.html").exists()
    assert main(["verify", str(shot / "out")]) == 0
    assert main(["plan", str(shot / "out")]) == 0
    assert "1001-1004" in capsys.readouterr().out
    assert matte(shot) == 0
    assert "0 computed" in capsys.readouterr().out
    assert [p.name for p in (shot / "out").glob("v*")] == ["v001"]


def test_chunks_equal_a_single_run(shot: Path) -> None:
    assert matte(shot, "single") == 0
    plate, masks = str(shot / "plate" / "sh.####.exr"), f"masks:{shot / 'masks'}"
    out = str(shot / "chunks")
    assert main(["guide", plate, "-o", out, "--guidance", masks]) == 0
    for part in ("1003-1004", "1001-1002"):
        assert main(["matte", out, "--frames", part]) == 0
    assert main(["verify", out]) == 0
    for frame in FRAMES:
        single, chunked = alphas(shot, "single", frame), alphas(shot, "chunks", frame)
        for name, pixels in single.items():
            np.testing.assert_array_equal(pixels, chunked[name])


def test_names_and_json(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot, "out", "--names", "lead,extra", "--json", "--no-qc") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"instance", "progress", "published"} <= {line["type"] for line in lines}
    assert "lead.A" in alphas(shot, "out", 1001)


@pytest.mark.parametrize("command", [["models"], ["guidance"], ["weights", "ls"]])
def test_listings(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert capsys.readouterr().out


def test_cache_commands(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot, "out", "--no-qc") == 0
    cache = str(shot / "out" / "cache")
    assert main(["cache", "ls", cache]) == 0
    assert main(["cache", "verify", cache]) == 0
    victim = next((shot / "out" / "cache").glob("*/mattes-*/*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:100])
    assert main(["cache", "verify", cache]) == 9
    assert main(["cache", "prune", cache]) == 4
    assert main(["cache", "prune", cache, "--limit", "0"]) == 0
    assert not list((shot / "out" / "cache").glob("*/mattes-*/*.safetensors"))


BAD = [
    (["--frames", "1001-1009"], 3, "not in the plate"),
    (["--frames", "10-x"], 3, "10-x"),
    (["--colorspace", "Fuchsia"], 3, "Fuchsia"),
    (["--model", "nonsense"], 4, "nonsense"),
    (["--compression", "zap"], 4, "zap"),
    (["--names", "a,b,c"], 4, "names"),
    (["--names", "rgb"], 6, "rgb"),
    (["--order", "nobody"], 4, "nobody"),
]


@pytest.mark.parametrize(("more", "code", "said"), BAD)
def test_bad_settings_are_one_clear_line(
    shot: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, said: str
) -> None:
    assert matte(shot, "out", *more) == code
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error
    assert len([line for line in error.splitlines() if line.startswith("vimatte:")]) == 1


def test_a_pattern_that_matches_nothing(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plate = str(shot / "plate" / "other.####.exr")
    assert main(["matte", plate, "-o", str(shot / "out")]) == 3
    assert "other" in capsys.readouterr().err


def test_an_output_that_cannot_be_written(shot: Path) -> None:
    (shot / "file").write_text("")
    assert matte(shot, "file/out") in (5, 6)


def test_a_truncated_frame_keeps_what_is_finished(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shot / "plate" / "sh.1003.exr"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    assert matte(shot) == 3
    assert "1003" in capsys.readouterr().err
    broken.write_bytes(whole)
    assert matte(shot) == 0
    assert main(["verify", str(shot / "out")]) == 0


def test_a_mask_of_the_wrong_size(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(shot / "masks" / "anna" / "m.1002.png"), np.zeros((9, 9), np.uint8))
    assert matte(shot) == 3
    assert "9x9" in capsys.readouterr().err


def test_nan_and_infinity_are_cleaned(shot: Path) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    pixels[10:20] = np.nan
    pixels[30, 5] = np.inf
    write_exr(shot / "plate" / "sh.1002.exr", pixels)
    assert matte(shot, "out", "--no-qc") == 0
    assert all(np.isfinite(plane).all() for plane in alphas(shot, "out", 1002).values())


def test_a_missing_frame_in_the_middle(shot: Path) -> None:
    (shot / "plate" / "sh.1002.exr").unlink()
    assert matte(shot, "out", "--no-qc") == 0
    names = sorted(p.name for p in (shot / "out" / "v001" / "exr").iterdir())
    assert names == ["sh.1001.exr", "sh.1003.exr", "sh.1004.exr"]


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


def test_a_malformed_command_line_ends_with_two() -> None:
    with pytest.raises(SystemExit) as info:
        main(["matte"])
    assert info.value.code == 2
    assert sys.exc_info()[0] is None
