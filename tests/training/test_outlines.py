"""Outlines are what looking at a frame gives, whether they are remembered or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vimatte.training.compose import SampleSettings, compose
from vimatte.training.material import Material
from vimatte.training.outlines import Outlines
from vimatte.training.scene import Shape, draw_subject


@pytest.mark.parametrize("kept", [1, 100])
def test_boxes_and_edges_are_those_of_the_frames(drawn_material: Material, kept: int) -> None:
    outlines = Outlines(kept)
    clip = drawn_material.clips[0]
    for frame in [0, 3, 0, 11, 3]:
        alpha = clip[frame, ..., 3]
        rows, columns = np.flatnonzero((alpha > 8).any(1)), np.flatnonzero((alpha > 8).any(0))
        box = outlines.box("clips", 0, clip, frame)
        assert box == (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)
        share = alpha.astype(np.float32) / 255
        soft = np.argwhere((share > 0.05) & (share < 0.95))
        assert len(soft) > 50
        np.testing.assert_array_equal(outlines.edge("clips", 0, clip, frame), soft)
        assert len(outlines._edges) <= kept


def test_other_clips_have_other_outlines(drawn_material: Material) -> None:
    first = drawn_material.outlines.box("clips", 0, drawn_material.clips[0], 0)
    turned = replace(drawn_material, clips=list(drawn_material.clips)[::-1])
    assert turned.outlines.box("clips", 0, turned.clips[0], 0) != first


def test_an_empty_clip_gives_way_to_a_shape(drawn_material: Material) -> None:
    empty = np.zeros((4, 40, 40, 4), np.uint8)
    material = replace(drawn_material, clips=[empty], rendered=())
    assert material.outlines.box("clips", 0, empty, 2) is None
    assert material.outlines.edge("clips", 0, empty, 2).shape == (0, 2)
    for seed in range(8):
        subject = draw_subject(material, 2, 64, 1.0, np.random.default_rng(seed))
        assert isinstance(subject.source, Shape)
    made = compose(material, SampleSettings(64, 2), np.random.default_rng(1))
    assert made.truth.max() > 0.5
