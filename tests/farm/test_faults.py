"""The fault campaign, ten cases of it: nothing is lost, nothing differs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).parents[2] / "scripts" / "faults"


def test_ten_cases_lose_nothing(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("no unshare: a full disk cannot be made here")
    counts = {"kills": 4, "truncations": 2, "flips": 2, "full": 1, "together": 1}
    more = [f"--{name}={count}" for name, count in counts.items()]
    out = tmp_path / "faults.json"
    command = [sys.executable, str(CAMPAIGN), *more, "--frames", "9", "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    table = json.loads(out.read_text())["table"]
    assert sum(row["cases"] for row in table.values()) == 10
    assert not [kind for kind, row in table.items() if row["wrong"]]
