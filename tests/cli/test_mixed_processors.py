"""A shot that processors of several kinds computed is told as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import matte

from vimatte.cli.main import main
from vimatte.models.lite_runner import LiteRunner


def test_mattes_of_two_processors(
    shot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shot / "out"
    plate = str(shot / "plate" / "sh.####.exr")
    masks = f"masks:{shot / 'masks'}"
    assert main(["guide", plate, "-o", str(out), "--guidance", masks, "--segment", "2"]) == 0
    assert main(["matte", str(out), "--frames", "1001"]) == 0
    monkeypatch.setattr(LiteRunner, "processor", property(lambda _: "another"))
    assert main(["matte", str(out), "--frames", "1002-1004"]) == 0
    capsys.readouterr()
    assert main(["verify", str(out), "--qc"]) == 0
    words = "another: 1002-1004"
    assert words in capsys.readouterr().out
    assert words in (out / "v001" / "qc.html").read_text()
    assert main(["verify", str(out), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (notice,) = [line for line in lines if line.get("code") == "mixed-processors"]
    assert "--cpu-isa" in notice["hint"]
    assert matte(shot, "alone") == 0
    assert main(["verify", str(shot / "alone")]) == 0
    assert "processors of several kinds" not in capsys.readouterr().out
