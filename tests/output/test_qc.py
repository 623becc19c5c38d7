from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimatte.frames.types import NetworkFrame
from vimatte.frames.window import Window
from vimatte.output.qc import QCPage

WINDOW = Window(0, 0, 64, 48)


def frame(number: int, window: Window = WINDOW) -> NetworkFrame:
    return NetworkFrame(number, np.full((*window.shape, 3), 0.5, np.float32), window)


def alphas(value: float = 1.0) -> dict[int, tuple[Window, np.ndarray]]:
    part = Window(10, 10, 20, 20)
    return {1: (part, np.full(part.shape, value, np.float32))}


@pytest.fixture
def page(rows: list[Any]) -> QCPage:
    made = QCPage("sh<010>", rows, {"model": "msgvim-lite", "frames": "1001-1040"})
    for number in range(1001, 1041):
        here = {} if number == 1020 else alphas()
        made.statistics.add(number, 64 * 48, here, cut=number == 1031)
    return made


def test_the_frames_to_show_are_spread_and_hold_the_noted_one(page: QCPage) -> None:
    picked = page.pick(5)
    assert picked == [1001, 1011, 1020, 1021, 1030, 1040]
    assert page.pick(1000) == list(range(1001, 1041))


def test_the_page_needs_nothing_else(page: QCPage, tmp_path: Path) -> None:
    for number in page.pick(4):
        page.show(frame(number), alphas(), alphas())
    page.show(frame(1002, Window(0, 0, 0, 0)), {}, {})
    page.write(tmp_path / "qc.html")
    text = (tmp_path / "qc.html").read_text()
    assert "sh&lt;010&gt;" in text
    assert "person01" in text
    assert "is gone for 1 frame" in text
    assert text.count("data:image/jpeg") == 4 * len(page.pick(4))
    assert text.count("<svg") == 2
    assert 'href="#f1020"' in text
    assert 'id="f1020"' in text
    assert "http" not in re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]*|http-equiv", "", text)
    assert [p.name for p in tmp_path.iterdir()] == ["qc.html"]


def test_a_note_without_pictures_is_no_link(page: QCPage, tmp_path: Path) -> None:
    page.write(tmp_path / "qc.html")
    text = (tmp_path / "qc.html").read_text()
    assert "1020" in text
    assert 'href="#f' not in text
    assert "There is no picture to show" in text


def test_nobody_and_nothing(tmp_path: Path) -> None:
    page = QCPage("sh010", [], {})
    assert page.pick(12) == []
    page.write(tmp_path / "qc.html")
    assert "No instance was found" in (tmp_path / "qc.html").read_text()
    for number in (1, 2, 3):
        page.statistics.add(number, 100, {}, cut=False)
    assert page.pick(2) == [1, 3]


def test_a_line_reads_on_light_and_on_dark(page: QCPage, tmp_path: Path) -> None:
    page.write(tmp_path / "qc.html")
    text = (tmp_path / "qc.html").read_text()
    found = re.findall(r"\.i1 \{ color: rgb\((\d+),(\d+),(\d+)\); \}", text)
    assert len(found) == 2
