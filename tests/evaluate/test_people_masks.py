"""Guidance by the people provider, with its real networks, on a person who was filmed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimatte.errors import VimatteError
from vimatte.evaluate.backgrounds import procedural_backgrounds
from vimatte.evaluate.foregrounds import find_foregrounds
from vimatte.evaluate.items import read_item
from vimatte.evaluate.synthetic import SyntheticOptions, build_set
from vimatte.models.store import WeightsStore

TALKER = Path(__file__).parents[3] / "shared" / "data" / "talker_green.mp4"


@pytest.mark.skipif(not TALKER.exists(), reason="the footage is not here")
def test_who_is_found_gets_the_id_of_the_instance(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    try:
        WeightsStore().fetch("people")
    except VimatteError as error:
        pytest.skip(f"the people networks cannot be fetched: {error}")
    options = SyntheticOptions(seed=3, frames=3, size=(480, 270), guidance="people")
    talkers = find_foregrounds([TALKER]) * 2
    list(build_set(tmp_path, "easy", 1, talkers, procedural_backgrounds(1, 1), options))
    item = read_item(tmp_path / "easy" / "01")
    assert list(item.truth) == [1, 2]
    assert set(item.masks) >= {1, 2}
    found = 0
    for instance, truth in item.truth.items():
        mask, inside = item.masks[instance][1], truth[1] > 0.5
        assert mask.shape == inside.shape
        if mask.any():
            found += 1
            assert np.count_nonzero(mask & inside) > 0.4 * np.count_nonzero(mask | inside)
    assert found >= 1
    assert not (tmp_path / "easy" / "01" / ".people").exists()
