"""Mattes that are empty where their masks are not, and masks that overlap, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_support import FRAMES, HEIGHT, WIDTH, alphas, matte, write_exr

from vimatte.cli.main import main
from vimatte.errors import VerifyError


def outline_nothing(shot: Path, frames: range) -> None:
    """Put anna's mask into a corner in which there is nobody."""
    for frame in frames:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[2:14, 2:22] = 255
        cv2.imwrite(str(shot / "masks" / "anna" / f"m.{frame}.png"), mask)


def test_a_matte_that_is_empty_where_its_mask_is_not(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outline_nothing(shot, FRAMES)
    assert matte(shot) == 0
    words = "anna: the mask has 240 pixels, the matte is empty (frames 1001-1004)"
    assert f"worth a look: frame 1001: {words}" in capsys.readouterr().out
    out = str(shot / "out")
    page = shot / "out" / "v001" / "qc.html"
    page.unlink()
    assert main(["verify", out, "--qc"]) == VerifyError.exit_code
    said = capsys.readouterr()
    assert "frames 1001-1004: the matte of anna is empty, its mask has up to 240" in said.out
    assert "mend these masks" in said.err
    assert "run vimatte matte again" not in said.err
    assert words.partition(": ")[2] in page.read_text()
    assert main(["qc", out, "--json"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    (note,) = json.loads(last)["notes"]
    assert (note["frame"], note["instance"]) == (1001, "anna")
    # A part of the shot is a part of the question; a garbage matte is an answer.
    assert main(["verify", out, "--frames", "1002"]) == VerifyError.exit_code
    assert "frame 1002: the matte of anna is empty" in capsys.readouterr().out
    folder = shot / "garbage" / "anna"
    folder.mkdir(parents=True)
    for frame in FRAMES:
        cv2.imwrite(str(folder / f"g.{frame}.png"), np.zeros((HEIGHT, WIDTH), np.uint8))
    assert matte(shot, "meant", "--garbage", str(shot / "garbage")) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "worth a look" not in said
    assert "note: the garbage matte of anna is black wherever its mask is | frames 1001" in said
    assert main(["verify", str(shot / "meant")]) == 0


def test_core_and_garbage_that_cannot_both_be(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    white = np.full((HEIGHT, WIDTH), 255, np.uint8)
    half = white.copy()
    half[:, WIDTH // 2 :] = 0
    for kind, picture in (("core", white), ("garbage", half), ("all", white)):
        (shot / kind).mkdir()
        for frame in FRAMES:
            cv2.imwrite(str(shot / kind / f"c.{frame}.png"), picture)
    given = ("--no-qc", "--core", str(shot / "core"))
    assert matte(shot, "one", *given, "--garbage", str(shot / "garbage")) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the core matte of anna is white where its garbage matte is black | frames 1001" in said
    assert "one core matte for 2 instances: where it is white they share" in said
    assert matte(shot, "two", "--no-qc", "--garbage", str(shot / "all")) == 0
    assert "note:" not in capsys.readouterr().out


def test_verify_says_what_it_cannot_compare(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot) == 0
    outline_nothing(shot, FRAMES[:1])
    out = str(shot / "out")
    assert main(["verify", out, "--published", "v001"]) == 0
    said = capsys.readouterr().out
    assert "mattes are not compared with masks: the version is of other masks" in said
    assert "4 frames verified" in said
    (shot / "out" / "cache").rename(shot / "elsewhere")
    assert main(["verify", out, "--published", "v001"]) == 0
    assert "not compared with masks: they are not in the cache" in capsys.readouterr().out


def test_an_instance_that_is_off_is_not_missed(shot: Path) -> None:
    outline_nothing(shot, FRAMES)
    assert matte(shot) == 0
    session = shot / "out" / "session.json"
    data = json.loads(session.read_text())
    for row in data["instances"]:
        row["enabled"] = row["name"] != "anna"
    session.write_text(json.dumps(data))
    assert main(["matte", str(shot / "out")]) == 0
    assert main(["verify", str(shot / "out")]) == 0


@pytest.mark.parametrize("front", ["anna", "bert"])
def test_who_is_in_front_is_told(
    tmp_path: Path, front: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two discs that overlap; the masks are whole, the plate shows who is in front."""
    (tmp_path / "plate").mkdir()
    discs = {"anna": (40, (0.5, 0.08, 0.05)), "bert": (58, (0.05, 0.1, 0.5))}
    for frame in FRAMES:
        pixels = np.random.default_rng(frame).random((HEIGHT, WIDTH, 3), np.float32) * 0.1
        for name in sorted(discs, key=lambda name: name == front):
            x, colour = discs[name]
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.circle(mask, (x + frame - 1001, 32), 18, 255, -1)
            pixels[mask > 0] = colour
            folder = tmp_path / "masks" / name
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"m.{frame}.png"), mask)
        write_exr(tmp_path / "plate" / f"sh.{frame}.exr", pixels)
    assert matte(tmp_path) == 0
    behind = "bert" if front == "anna" else "anna"
    words = f"note: {front} is in front of {behind}, as the plate shows (sure) | frames 1001-1004"
    said = capsys.readouterr().out
    assert said.count("is in front of") == 1
    assert words in said
    channels = alphas(tmp_path, "out", 1002)
    assert channels[f"{front}.A"][32, 50] > 0.9
    assert channels[f"{behind}.A"][32, 50] < 0.1
    assert main(["verify", str(tmp_path / "out")]) == 0
    assert words in capsys.readouterr().out
    assert main(["plan", str(tmp_path / "out")]) == 0
    assert words in capsys.readouterr().out
    assert matte(tmp_path, "said", "--order", f"{behind},{front}") == 0
    assert "in front of" not in capsys.readouterr().out
    assert alphas(tmp_path, "said", 1002)[f"{behind}.A"][32, 50] > 0.5
