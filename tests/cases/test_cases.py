"""Inputs taken from public bug reports: each folder here is one, with what must be said and made.

A folder holds the input as a user would have it, and a ``case.json``::

    {"why": "what goes wrong with such input elsewhere",
     "runs": [{"args": ["matte", "plate/sh.####.png", "-o", "OUT", "--guidance", "masks:masks"],
               "exit": 0,
               "says": ["words that must stand on the console"],
               "says_not": ["words that must not"],
               "frames": "1001-1003",
               "contains": {"OUT/v001/qc.html": ["words that must stand in a file"]},
               "truth": {"anna": "masks/anna"}}]}

``exit`` is 0 unless given. ``frames`` are those published in OUT. ``truth`` names, for instances,
the folder of pictures that their mattes must match, in order (IoU of at least ``iou``, 0.95 unless
given; `TRUTH_THRESHOLD` of a picture's brightest value is inside). ``empty`` lists instances whose
mattes are 0 everywhere. Runs are made one after another in one copy of the folder, the current
folder. A case that ``needs`` ``people`` is skipped where the networks that find people cannot be
fetched.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vimatte.cli.main import main
from vimatte.errors import CheckpointError
from vimatte.frames.frame_range import FrameRange
from vimatte.models.store import WeightsStore
from vimatte.output.exr_file import read_layers
from vimatte.output.version import Manifest, versions_of

HERE = Path(__file__).parent
TRUTH_THRESHOLD = 0.5
CASES = sorted(path.parent for path in HERE.glob("*/case.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(
    case: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = json.loads((case / "case.json").read_text())
    if "people" in told.get("needs", ()):
        _skip_without_people()
    work = tmp_path / "work"
    shutil.copytree(case, work)
    monkeypatch.chdir(work)
    for run in told["runs"]:
        _run(run, work, capsys)


def _run(run: dict[str, Any], work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.relative_to(work) for path in work.rglob("*")}
    code = _exit_code(run["args"])
    said = " ".join(" ".join(capsys.readouterr()).split())
    assert code == run.get("exit", 0), said
    assert "Traceback" not in said
    for words in run.get("says", ()):
        assert words in said, said
    for words in run.get("says_not", ()):
        assert words not in said, said
    for name, lines in run.get("contains", {}).items():
        text = " ".join((work / name).read_text(encoding="utf-8").split())
        for words in lines:
            assert words in text
    if code:
        after = {path.relative_to(work) for path in work.rglob("*.exr")}
        assert after <= before, "a refused run published something"
    if {"frames", "truth", "empty"} & run.keys():
        _check_published(run, work)


def _skip_without_people() -> None:
    try:
        WeightsStore().fetch("people")
    except CheckpointError as error:
        pytest.skip(f"the people networks cannot be fetched: {error}")
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")


def _exit_code(args: list[str]) -> int:
    try:
        return main(args)
    except SystemExit as stop:  # argparse
        return int(stop.code or 0)


def _check_published(run: dict[str, Any], work: Path) -> None:
    out = work / run["args"][run["args"].index("-o") + 1]
    version = next(iter(versions_of(out)))
    stem = Manifest.read(version).plate
    if "frames" in run:
        numbers = [int(path.name.split(".")[-2]) for path in (version / "exr").glob("*.exr")]
        assert FrameRange.of(numbers) == FrameRange.parse(run["frames"])
    files = sorted(
        (version / "exr").glob(f"{stem}.*.exr"), key=lambda path: int(path.name.split(".")[-2])
    )
    for name in run.get("empty", ()):
        for file in files:
            assert not read_layers(file)[0][f"{name}.A"].any(), f"{file.name}, {name}"
    for name, folder in run.get("truth", {}).items():
        pictures = sorted(path for path in (work / folder).iterdir() if path.is_file())
        assert len(pictures) == len(files)
        for picture, file in zip(pictures, files, strict=True):
            truth = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
            assert truth is not None, picture
            truth = (truth if truth.ndim == 2 else truth[..., :3].max(axis=2)).astype(float)
            truth = truth > TRUTH_THRESHOLD * max(truth.max(), 1)
            alpha = read_layers(file)[0][f"{name}.A"] > 0.5
            iou = np.count_nonzero(alpha & truth) / max(1, np.count_nonzero(alpha | truth))
            assert iou >= run.get("iou", 0.95), f"{file.name}, {name}: IoU {iou:.2f}"
