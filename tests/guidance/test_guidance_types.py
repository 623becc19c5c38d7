from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from vimatte.errors import UnknownModelError
from vimatte.guidance.registry import PROVIDERS, create
from vimatte.guidance.types import counted, instance_colour


def test_neighbouring_ids_have_colours_a_person_tells_apart():
    colours = [instance_colour(key) for key in range(1, 25)]
    assert len(set(colours)) == 24
    assert all(0 <= value <= 1 for colour in colours for value in colour)
    for one, other in itertools.pairwise(colours):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.4


def test_the_instance_table_is_ascending_by_id():
    table = counted({2: [5, 9, 4], 1: [1, 9, 9]}, {1: "a", 2: "b"})
    assert [(i.id, i.name, i.first, i.last, i.frames) for i in table] == [
        (1, "a", 1, 9, 9),
        (2, "b", 5, 9, 4),
    ]


def test_every_provider_can_be_made(tmp_path):
    assert {spec.name for spec in PROVIDERS} >= {"people", "masks"}
    assert create("people").name == "people"
    assert create("people").overlapping is False
    (tmp_path / "one").mkdir()
    masks = create("masks", folder=tmp_path)
    assert masks.name == "masks"
    assert masks.overlapping is True


def test_an_unknown_provider_lists_the_known_ones():
    with pytest.raises(UnknownModelError, match=r"animals.*people, masks"):
        create("animals")


def test_listing_imports_nothing_heavy():
    heavy = "'cv2', 'OpenImageIO', 'ai_edge_litert', 'scenedetect', 'torch', 'scipy'"
    code = (
        "import sys, vimatte.guidance.registry as r\n"
        f"assert r.PROVIDERS; print([m for m in ({heavy},) if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "core", "PATH": ""},
    )
    assert done.stdout.strip() == "[]"
