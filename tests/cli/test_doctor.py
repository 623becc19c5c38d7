"""The doctor finds what is broken, and says how to mend it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vimatte.cli import health
from vimatte.cli.main import main


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict]]:
    code = main(["doctor", "--json", *arguments])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {row["what"]: row for row in rows if "what" in row}


def test_a_sound_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = findings(capsys, str(tmp_path / "not" / "yet"))
    assert code == 0
    assert rows["torch"]["state"] == "ok"
    assert rows["weights of msgvim-lite"]["found"].endswith("MIT")
    assert rows["OCIO config"]["state"] == "ok"
    assert f"disk of {tmp_path}" in rows


def test_what_is_wrong_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    monkeypatch.setattr(health, "LITTLE_SPACE", 1 << 60)
    monkeypatch.setattr(health, "NEEDED", ("numpy", "a-package-nobody-has"))
    code, rows = findings(capsys, str(tmp_path))
    assert code == 4
    assert rows["OCIO config"]["state"] == "wrong"
    assert rows["a-package-nobody-has"]["mend"] == "python3 install.py"
    assert rows[f"disk of {tmp_path}"]["state"] == "wrong"


def test_a_check_that_breaks_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("half installed")

    monkeypatch.setattr(health, "packaged_weights", lambda _: broken())
    code, rows = findings(capsys)
    assert code == 4
    assert "half installed" in rows["weights"]["found"]
    assert rows["numpy"]["state"] == "ok"
