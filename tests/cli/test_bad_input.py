"""Bad input on the command line: one clear line, a documented exit code, nothing finished lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_support import FRAMES, HEIGHT, WIDTH, alphas, matte, write_exr

from vimatte.cli.main import main
from vimatte.errors import CheckpointError
from vimatte.models import registry
from vimatte.models.store import WeightsStore

BAD = [
    (["--frames", "1001-1009"], 3, "not in the plate"),
    (["--frames", "10-x"], 3, "10-x"),
    (["--colorspace", "Fuchsia"], 3, "Fuchsia"),
    (["--model", "nonsense"], 4, "nonsense"),
    (["--compression", "zap"], 4, "zap"),
    (["--names", "a,b,c"], 4, "names"),
    (["--names", "rgb"], 4, "rgb"),
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


def test_a_malformed_command_line_ends_with_two() -> None:
    with pytest.raises(SystemExit) as info:
        main(["matte"])
    assert info.value.code == 2
    assert sys.exc_info()[0] is None


def one_line(error: str) -> bool:
    lines = [line for line in error.splitlines() if line.startswith("vimatte:")]
    return len(lines) == 1 and "Traceback" not in error


def test_a_fault_of_our_own_is_one_line_too(
    shot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr("vimatte.session.segment_runner.step_frame", fails)
    assert matte(shot) == 1
    error = capsys.readouterr().err
    assert one_line(error)
    assert "what nobody thought of" in error
    assert "--debug" in error
    assert matte(shot, "out", "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_mask_that_is_empty_throughout(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for frame in FRAMES:
        path = shot / "masks" / "anna" / f"m.{frame}.png"
        cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH), np.uint8))
    assert matte(shot) == 0
    assert "the masks of anna are empty in every frame" in capsys.readouterr().out
    channels = alphas(shot, "out", 1001)
    assert "anna.A" not in channels
    assert channels["bert.A"].max() > 0.5


def test_one_empty_mask_in_the_middle_is_held_over(shot: Path) -> None:
    path = shot / "masks" / "anna" / "m.1002.png"
    cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH), np.uint8))
    assert matte(shot, "out", "--no-qc") == 0
    assert alphas(shot, "out", 1002)["anna.A"].max() > 0.5


def test_weights_with_a_wrong_checksum(
    shot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = registry.MODELS[0]
    changed = shot / "changed.safetensors"
    data = bytearray(registry.packaged_weights(row).read_bytes())
    data[-1] ^= 1
    changed.write_bytes(bytes(data))
    monkeypatch.setattr("vimatte.models.checkpoint.packaged_weights", lambda _: changed)
    assert matte(shot) == CheckpointError.exit_code
    error = capsys.readouterr().err
    assert one_line(error)
    assert "checksum" in error
    assert str(changed) in error


def test_a_plate_of_one_pixel(shot: Path) -> None:
    write_exr(shot / "plate" / "dot.1.exr", np.full((1, 1, 3), 0.5, np.float32))
    (shot / "dots" / "dot").mkdir(parents=True)
    cv2.imwrite(str(shot / "dots" / "dot" / "m.1.png"), np.full((1, 1), 255, np.uint8))
    plate, masks = str(shot / "plate" / "dot.1.exr"), f"masks:{shot / 'dots'}"
    assert main(["matte", plate, "-o", str(shot / "out"), "--guidance", masks]) == 0
    assert main(["verify", str(shot / "out")]) == 0


def test_a_shot_of_one_frame(shot: Path) -> None:
    assert matte(shot, "out", "--frames", "1003") == 0
    assert [p.name for p in (shot / "out" / "v001" / "exr").iterdir()] == ["sh.1003.exr"]


def test_a_frame_of_another_size(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_exr(shot / "plate" / "sh.1003.exr", np.full((40, 50, 3), 0.3, np.float32))
    assert matte(shot) == 3
    error = capsys.readouterr().err
    assert one_line(error)
    assert "1003" in error


def test_nobody_in_the_plate(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        WeightsStore().fetch("people")
    except CheckpointError as error:
        pytest.skip(f"the people networks cannot be fetched: {error}")
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    plate = str(shot / "plate" / "sh.####.exr")
    assert main(["matte", plate, "-o", str(shot / "out")]) == 0
    assert "no person was found" in capsys.readouterr().out
    channels = alphas(shot, "out", 1001)
    assert set(channels) == {"R", "G", "B", "A"}
    assert channels["A"].max() == 0


# A file system of its own, so small that it fills up, in a name space of its own: no root needed.
ON_A_SMALL_DISK = """
mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"
"""


def on_a_small_disk(
    size: str, folder: Path, command: list[str]
) -> subprocess.CompletedProcess[str]:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare: a full disk cannot be made here")
    can = subprocess.run(
        [unshare, "-rm", "mount", "-t", "tmpfs", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if can.returncode:
        pytest.skip(f"a full disk cannot be made here: {can.stderr.strip()}")
    arguments = [unshare, "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", size, str(folder), *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("full", ["out", "cache"])
def test_a_full_disk_keeps_what_is_finished(shot: Path, full: str) -> None:
    (shot / "small").mkdir()
    rng = np.random.default_rng(1)  # noise that no compression makes small
    for frame in FRAMES:
        pixels = rng.random((HEIGHT * 3, WIDTH * 3, 3), dtype=np.float32)
        write_exr(shot / "plate" / f"sh.{frame}.exr", pixels)
        for name in ("anna", "bert"):
            path = shot / "masks" / name / f"m.{frame}.png"
            mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            cv2.imwrite(str(path), cv2.resize(mask, (WIDTH * 3, HEIGHT * 3)))
    places = {"out": shot / "out", "cache": shot / "cache"}
    places[full] = shot / "small" / full
    command = [
        sys.executable, "-m", "vimatte", "matte", str(shot / "plate" / "sh.####.exr"),
        "-o", str(places["out"]), "--cache", str(places["cache"]),
        "--guidance", f"masks:{shot / 'masks'}",
    ]  # fmt: skip
    size = {"out": "48k", "cache": "256k"}[full]
    ended = on_a_small_disk(size, shot / "small", command)
    assert ended.returncode == {"out": 6, "cache": 5}[full], ended.stderr
    assert one_line(ended.stderr)
    assert "No space left" in ended.stderr
    # With room again, what the other disk kept is used, and the rest is done.
    places[full].mkdir(parents=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert main(["verify", str(places["out"])]) == 0
    if full == "out":
        assert "4 computed" not in done.stdout
