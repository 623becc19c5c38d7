from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import cv2
import torch

from vimatte.training.journal import SIDE, Journal


def test_curves_are_a_picture_of_the_log(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.curves()
    assert not (tmp_path / "curves.svg").exists()
    for step in (20, 40, 60):
        journal.note({"stage": 0, "step": step, "done": step, "pace": 1.0, "loss": 1 / step})
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"stage": 0, "st')  # what a kill leaves
    journal.curves()
    root = ElementTree.parse(tmp_path / "curves.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 1
    assert len(lines[0].attrib["points"].split()) == 3


def test_steps_that_are_repeated_after_a_kill_count_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for done, loss in ((20, 1.0), (40, 9.0), (40, 0.5), (60, 0.4)):
        journal.note({"stage": 0, "step": done, "done": done, "loss": loss})
    assert [e["loss"] for e in journal._entries()] == [1.0, 0.5, 0.4]


def test_samples_show_plate_mask_matte_and_truth(tmp_path: Path) -> None:
    plate = torch.zeros(2, 3, 3, 64, 64)
    plate[:, -1, 0] = 1
    two = torch.zeros(2, 3, 2, 64, 64)
    masks, truth = two.clone(), two.clone()
    masks[:, -1, 0] = 1
    truth[:, -1, 1] = 1
    Journal(tmp_path).samples(plate, masks, two, truth)
    picture = cv2.imread(str(tmp_path / "samples.jpg"))
    assert picture.shape == (2 * SIDE, 4 * SIDE, 3)
    middle = [picture[SIDE // 2, SIDE // 2 + n * SIDE].tolist() for n in range(4)]
    wanted = [[0, 0, 255], [255, 255, 255], [0, 0, 0], [255, 0, 0]]  # blue, green, red
    for got, want in zip(middle, wanted, strict=True):
        assert max(abs(a - b) for a, b in zip(got, want, strict=True)) < 10
