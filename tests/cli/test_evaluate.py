"""``vimatte evaluate`` on tiny mattes: tables, files, and what it says of bad input."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_support import FRAMES, HEIGHT, WIDTH, matte, write_exr

from vimatte.cli.main import main


def write_masks(folder: Path, shift: int = 0, frames: range = FRAMES, value: int = 255) -> Path:
    """Write two discs a frame."""
    for index, name in enumerate(("anna", "bert")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for frame in frames:
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.circle(mask, (28 + 40 * index + frame - 1001 + shift, 32), 14, value, -1)
            cv2.imwrite(str(folder / name / f"{frame}.png"), mask)
    return folder


def test_the_truth_is_perfect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = write_masks(tmp_path / "gt")
    assert main(["evaluate", str(truth), str(truth), "-o", str(tmp_path / "report")]) == 0
    assert "VIMQ" in capsys.readouterr().out
    report = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    figures = report["clips"]["gt"]["instances"]["bert"]["figures"]
    assert figures["mad"] == figures["dtssd"] == figures["messddt"] == figures["conn"] == 0
    assert report["quality"]["vimq"]["mad"] == report["imq"]["imq"]["mad"] == 1
    page = (tmp_path / "report" / "evaluation.html").read_text()
    assert page.count("<svg") == 2
    assert "anna" in page


def test_negative_frames_are_not_their_mirror(tmp_path: Path) -> None:
    """``m_-0002`` is frame -2; behind a letter or a digit a hyphen parts the name from it."""
    for folder, names in {
        "signed": ("m_-0002", "m_-0001", "m_0000", "m_0001"),
        "c": ("-002", "-001", "0000", "0001"),
        "parted": ("m-0000", "m-0001", "m-0002", "m-0003"),
    }.items():
        (tmp_path / folder / "anna").mkdir(parents=True)
        for index, name in enumerate(names):
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.circle(mask, (28 + 5 * index, 32), 14, 255, -1)
            cv2.imwrite(str(tmp_path / folder / "anna" / f"{name}.png"), mask)
    signed = str(tmp_path / "signed")
    report = tmp_path / "report"
    assert main(["evaluate", signed, str(tmp_path / "c"), "--quick", "-o", str(report)]) == 0
    said = json.loads((report / "evaluation.json").read_text())
    assert next(iter(said["clips"].values()))["instances"]["anna"]["figures"]["mad"] == 0
    assert main(["evaluate", signed, str(tmp_path / "parted"), "--quick"]) == 3


def test_figures_by_hand_and_in_other_scales(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = write_masks(tmp_path / "gt")
    faint = write_masks(tmp_path / "faint", value=204)
    area = np.count_nonzero(cv2.imread(str(truth / "anna" / "1001.png"), 0)) / (HEIGHT * WIDTH)
    capsys.readouterr()
    got = {}
    for convention in ("paper", "vim", "maggie", "rvm"):
        command = ["evaluate", str(faint), str(truth), "--convention", convention, "--json"]
        assert main([*command, "--quick"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        got[convention] = next(line for line in lines if line["type"] == "evaluation")
    assert got["paper"]["figures"]["mad"] == pytest.approx(200 * area, rel=1e-3)
    assert got["rvm"]["figures"]["mad"] == pytest.approx(200 * area, rel=1e-3)
    assert got["vim"]["figures"]["mad"] == pytest.approx(0.2 * area, rel=1e-3)
    assert got["maggie"]["figures"]["mad"] == pytest.approx(2e9 * area / (HEIGHT * WIDTH), rel=1e-3)
    assert got["paper"]["figures"]["grad"] is None


def test_layouts_of_sets_are_paired_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for clip in ("a", "b"):
        write_masks(tmp_path / "gt" / clip / "pha")
        write_masks(tmp_path / "out" / clip, shift=2)
    command = ["evaluate", str(tmp_path / "out"), str(tmp_path / "gt"), "--quick"]
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(report["clips"]) == ["a", "b"]
    assert report["quality"]["instances"] == 4
    (tmp_path / "gt" / "b").rename(tmp_path / "gt" / "c")
    assert main(command) == 3
    assert "no prediction for the clip 'c'" in capsys.readouterr().err


def test_other_names_are_matched_by_their_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = write_masks(tmp_path / "gt")
    out = write_masks(tmp_path / "out")
    (out / "anna").rename(out / "zoe")  # sorted behind bert now
    write_masks(tmp_path / "more", shift=20)
    (tmp_path / "more" / "anna").rename(out / "other")
    assert main(["evaluate", str(out), str(truth), "--json", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    report = json.loads(lines[-1])
    instances = report["clips"]["gt"]["instances"]
    assert instances["anna"]["prediction"] == "zoe"
    assert instances["anna"]["figures"]["mad"] == 0
    assert report["clips"]["gt"]["surplus"] == ["other"]
    assert report["quality"]["accuracy"] == pytest.approx(2 / 3)


def test_a_published_version_against_masks(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot) == 0
    truth = write_masks(shot / "gt")
    for predicted in (shot / "out", shot / "out" / "v001"):
        capsys.readouterr()
        assert main(["evaluate", str(predicted), str(truth), "--json", "--quick"]) == 0
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert 0 <= report["figures"]["mad"] < 200
        assert set(report["clips"]["gt"]["instances"]) == {"anna", "bert"}


def test_exr_mattes_with_a_data_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "gt" / "1"
    out = tmp_path / "out" / "1"
    truth.mkdir(parents=True)
    out.mkdir(parents=True)
    plane = np.zeros((8, 10), np.float32)
    plane[2:5, 3:7] = 1
    write_exr(truth / "f.0001.exr", plane[..., None])
    cut = plane[2:5, 3:7, None]
    write_exr(out / "0001.exr", cut, x=3, y=2, full_x=0, full_y=0, full_width=10, full_height=8)
    assert main(["evaluate", str(tmp_path / "out"), str(tmp_path / "gt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]["mad"] == 0


def test_bad_input_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = write_masks(tmp_path / "gt")

    def refused(*arguments: object) -> str:
        capsys.readouterr()
        assert main(["evaluate", *map(str, arguments), "--quick"]) == 3
        return capsys.readouterr().err

    assert "no such folder" in refused(tmp_path / "nothing", truth)
    (tmp_path / "empty").mkdir()
    assert "no mattes" in refused(tmp_path / "empty", truth)
    assert "no truth" in refused(truth)
    assert "takes no GT" in refused(truth, truth, "--no-truth", "x.exr")
    assert "is for --no-truth" in refused(truth, truth, "--guidance", truth)
    short = write_masks(tmp_path / "short", frames=range(1001, 1003))
    assert "2 of 4 frames" in refused(short, truth)
    holed = write_masks(tmp_path / "holed")
    (holed / "anna" / "1003.png").unlink()
    assert "frame 1003" in refused(holed, truth)
    small = write_masks(tmp_path / "small")
    cv2.imwrite(str(small / "anna" / "1002.png"), np.zeros((5, 7), np.uint8))
    assert "7x5, the truth is 96x64 | frame 1002" in refused(small, truth)
    (small / "anna" / "1002.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert "frame 1002" in refused(small, truth)
    (holed / "anna" / "x1002.png").write_bytes(b"")
    assert "two files of one frame" in refused(holed, truth)
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(truth), str(truth), "--convention", "mine"])
    assert stopped.value.code == 2


def test_a_session_brings_its_plate_and_its_guidance(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert matte(shot) == 0
    capsys.readouterr()
    assert main(["evaluate", str(shot / "out"), "--no-truth", str(shot / "out"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(report["instances"]) == {"anna", "bert"}
    assert report["difference"] > 0
    assert report["guidance"] > 0
    # The masks themselves, given as the mattes, are exactly their own guidance.
    command = ["evaluate", str(shot / "masks"), "--no-truth", str(shot / "out"), "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ratio"] == pytest.approx(1)


def test_without_a_truth(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plate = str(shot / "plate" / "sh.####.exr")
    command = ["evaluate", str(shot / "masks"), "--no-truth", plate]
    report_at = shot / "report"
    assert main([*command, "--guidance", str(shot / "masks"), "-o", str(report_at)]) == 0
    assert "guidance / mattes" in capsys.readouterr().out
    report = json.loads((report_at / "evaluation.json").read_text())
    assert report["ratio"] == pytest.approx(1)
    anna = report["instances"]["anna"]
    assert anna["curve"][0] is None
    assert all(math.isfinite(value) for value in anna["curve"][1:])
    assert "<svg" in (report_at / "evaluation.html").read_text()
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["guidance"] is None
    cv2.imwrite(str(shot / "masks" / "anna" / "m.1002.png"), np.zeros((5, 7), np.uint8))
    assert main(command) == 3
    assert "the plate is 96x64" in capsys.readouterr().err


def test_one_empty_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side in ("gt", "out"):
        (tmp_path / side / "anna").mkdir(parents=True)
        cv2.imwrite(str(tmp_path / side / "anna" / "1.png"), np.zeros((6, 8), np.uint8))
    command = ["evaluate", str(tmp_path / "out"), str(tmp_path / "gt")]
    assert main([*command, "-o", str(tmp_path / "report")]) == 0
    assert "anna" in capsys.readouterr().out
    report = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert report["figures"]["mad"] == 0
    # Nothing is there to be wrong about: no change, no outline, no instance in a picture.
    for figure in ("dtssd", "messddt", "mad_unknown", "mad_foreground"):
        assert report["figures"][figure] is None
    assert report["imq"]["rq"] is None
    assert report["quality"]["vimq"]["mad"] == 1
    cv2.imwrite(str(tmp_path / "out" / "anna" / "1.png"), np.full((6, 8), 255, np.uint8))
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["figures"]["mad"] == 1000
    assert report["quality"]["vimq"]["mad"] == report["quality"]["recall"] == 0
