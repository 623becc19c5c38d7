"""The speed benchmark: it measures what runs, its report can be read, its time is bounded."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from vimatte.cli.main import main
from vimatte.errors import ConfigError
from vimatte.evaluate import speed_benchmark as bench
from vimatte.evaluate.speed_report import speed_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_report_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "speed"
    sizes = ["--sizes", "64x48,96x64", "--instances", "2", "--frames", "1", "--device", "cpu"]
    assert main(["benchmark", "speed", *sizes, "-o", str(out), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [m["done"] for m in said if m.get("type") == "progress"] == [0, 1, 2, 3, 4]
    data = json.loads((out / "speed.json").read_text())
    assert [(row["size"], row["instances"]) for row in data["measured"]] == [
        ([64, 48], 1), ([64, 48], 2), ([96, 64], 1), ([96, 64], 2)
    ]  # fmt: skip
    for row in data["measured"]:
        assert set(row["seconds"]) == {"read", "network", "publish"}
        assert all(spent > 0 for spent in row["seconds"].values())
        assert row["total"] == pytest.approx(sum(row["seconds"].values()))
    assert data["machine"]["device"] == "cpu"
    assert data["left_out"] == []
    root = ET.fromstring((out / "speed.svg").read_text())
    plots = root.findall(f"{SVG}svg")
    assert len(plots) == 2
    for plot in plots:
        assert len(plot.findall(f"{SVG}polyline")) == 4  # three stages and their sum
        scale = [t.text for t in plot.findall(f"{SVG}text") if t.get("class") == "y"]
        assert all(text is not None and text.endswith(" ms") for text in scale)


def test_time_is_bounded_and_what_is_missing_is_said() -> None:
    model = bench.load_default("cpu")
    report = bench.new_report(model)
    rows = list(
        bench.measure_speed(report, [(64, 48), (96, 64)], 2, model=model, frames=3, limit=1e-6)
    )
    assert [(row.width, row.instances, row.frames) for row in rows] == [(64, 1, 1)]
    assert report.left_out == [(64, 48, 2), (96, 64, 1), (96, 64, 2)]
    assert len(ET.fromstring(speed_svg(report)).findall(f"{SVG}svg")) == 1


@pytest.mark.parametrize(
    ("sizes", "instances", "frames"),
    [([(64, 48)], 0, 1), ([(64, 48)], 17, 1), ([(64, 48)], 1, 0), ([(8, 8)], 1, 1),
     ([(99999, 100)], 1, 1)],
)  # fmt: skip
def test_numbers_out_of_range(sizes: list[tuple[int, int]], instances: int, frames: int) -> None:
    model = bench.load_default("cpu")
    with pytest.raises(ConfigError):
        list(
            bench.measure_speed(
                bench.new_report(model), sizes, instances, model=model, frames=frames
            )
        )


def test_sizes_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["benchmark", "speed", "--sizes", "big"])
    assert "not a size such as" in capsys.readouterr().err
