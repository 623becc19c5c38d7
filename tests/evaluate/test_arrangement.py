"""Where instances stand: in front of each other as much as the set asks for."""

from __future__ import annotations

import numpy as np
import pytest

from vimatte.errors import InputError
from vimatte.evaluate import arrangement
from vimatte.evaluate.arrangement import Subject, arrange, describe


def block(width: int, height: int) -> Subject:
    """Return a solid block that stands in the middle of frames of 200 x 200."""
    frame = np.zeros((200, 200, 4), np.uint8)
    frame[195 - height : 195, 100 - width // 2 : 100 + width // 2] = 255
    return describe([frame] * 5, drawn=False)


def test_the_order_is_kept_where_it_can_be() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        order, placed = arrange([block(80, 150), block(80, 150)], (320, 240), "hard", rng)
        assert order == [0, 1]
        assert len(placed) == 2


def test_who_is_too_small_to_hide_another_goes_behind() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        order, placed = arrange([block(12, 150), block(120, 150)], (320, 240), "hard", rng)
        assert order == [1, 0]
        assert placed[0].x == pytest.approx(160, abs=40)  # the front one stands about the middle


def test_who_goes_behind_stays_as_large() -> None:
    for seed in (4, 5):
        subjects = [block(2, 150), block(120, 150)]
        rng = np.random.default_rng(seed)
        order, placed = arrange(subjects, (854, 480), "vim50", rng)
        heights = [
            p.scale * (subjects[k].box[3] - subjects[k].box[1])
            for k, p in zip(order, placed, strict=True)
        ]
        assert min(heights) > 480 / 8


def test_what_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrangement, "_ATTEMPTS", 1)  # chance finds nearly everything in time
    sticks = [block(2, 190)] * 2  # each sways by many times its width
    with pytest.raises(InputError, match="no arrangement of 2 instances hides 50% to 85%"):
        arrange(sticks, (640, 240), "hard", np.random.default_rng(0))
