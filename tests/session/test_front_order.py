"""Masks that overlap: who is in front is told from the plate, unless the user says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests_session_support import Discs, disc, write_frame

from vimatte.errors import ConfigError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.contacts import Stretch
from vimatte.session import MatteSession
from vimatte.session.front_order import MOST_NOTICES, FrontOrder, in_front_order
from vimatte.session.session_file import Instance
from vimatte.session.settings import Settings

Make = Callable[..., MatteSession]
RED, BLUE = (0.6, 0.1, 0.1), (0.1, 0.1, 0.6)
# The discs are 100 pixels apart at 1000 and come nearer by 4 a frame.
TOUCHING = "1014-1018"


@dataclass(frozen=True)
class Crossing(Discs):
    overlapping: bool = True


def stretch(front: int, behind: int, frames: str, score: float = 3.0) -> Stretch:
    return Stretch(front, behind, tuple(FrameRange.parse(frames)), score, True)


def rows(count: int) -> tuple[Instance, ...]:
    return tuple(Instance(k, f"p{k}", (1, 0, 0)) for k in range(1, count + 1))


@pytest.fixture(params=[1, 2])
def crossing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[int, Path]:
    """A plate on which two discs cross, the one in front by its id."""
    front: int = request.param
    folder = tmp_path / "crossing"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for frame in range(1001, 1019):
        pixels = np.full((120, 200, 3), 0.3, np.float32) + rng.normal(0, 0.01, (120, 200, 3))
        for key in (3 - front, front):
            mask = disc(40 + 100 * (key - 1) + 2 * (frame - 1000) * (3 - 2 * key), 60, 25)
            inside = pixels[mask.window.slices_in(Window(0, 0, 200, 120))]
            inside[mask.mask] = RED if key == 1 else BLUE
        write_frame(folder / f"plate.{frame}.exr", pixels.astype(np.float32))
    return front, folder / "plate.####.exr"


def test_the_plate_says_who_is_in_front(make: Make, crossing: tuple[int, Path]) -> None:
    front, path = crossing
    session = make(path=path, provider=Crossing())
    session.ready()
    (notice,) = session.notices
    names = f"disc{front} is in front of disc{3 - front}"
    assert notice.code == "front-order"
    assert names in str(notice)
    assert "sure" in str(notice)
    assert f"frames {TOUCHING}" in str(notice)
    masks = session.guidance(1018).masks
    assert masks[front].area == disc(0, 0, 25).area
    assert masks[3 - front].area < disc(0, 0, 25).area


def test_what_is_told_is_kept_and_any_part_gives_the_same(
    make: Make, crossing: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = crossing
    whole = make("whole", path=path, provider=Crossing())
    assert [r.frame for r in whole.run()] == list(range(1001, 1019))
    for part in ("1017-1018", "1001-1016"):
        session = make("parts", path=path, provider=Crossing())
        list(session.run(FrameRange.parse(part)))

    def contents(cache: str, kind: str) -> dict[str, bytes]:
        files = (tmp_path / cache).glob(f"*/{kind}-*/*.safetensors")
        return {file.name: file.read_bytes() for file in files}

    for kind in ("mattes", "contacts"):
        assert contents("whole", kind) == contents("parts", kind) != {}
    again = make("whole", path=path, provider=Crossing())
    monkeypatch.setattr("vimatte.guidance.contacts.look", None)  # nothing is looked at again
    assert [step.stage for step in again.guide()] == ["discs"] * 18
    assert again.notices == whole.notices
    assert len(again.plan().cached) == 18


def test_the_order_given_overrules(make: Make, crossing: tuple[int, Path], tmp_path: Path) -> None:
    front, path = crossing
    behind = f"disc{3 - front}"
    for order in ((behind,), (behind, f"disc{front}")):
        settings = Settings(segment=6, preroll=3, order=order)
        session = make(f"said{len(order)}", path=path, provider=Crossing(), settings=settings)
        session.ready()
        assert session.notices == ()
        assert session.guidance(1018).masks[3 - front].area == disc(0, 0, 25).area
        assert not list((tmp_path / f"said{len(order)}").glob("*/contacts-*"))
    wrong = make("wrong", path=path, provider=Crossing(), settings=Settings(order=("nobody",)))
    with pytest.raises(ConfigError, match="nobody"):
        wrong.ready()


def test_a_decision_that_changes_makes_its_frames_stale(
    make: Make, crossing: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    front, path = crossing
    list(make(path=path, provider=Crossing()).run())
    turned = [stretch(3 - front, front, TOUCHING)]
    monkeypatch.setattr("vimatte.session.front_order.decide", lambda *_: turned)
    session = make(path=path, provider=Crossing())
    session.ready()
    assert str(session.plan().stale) == TOUCHING


def test_masks_that_do_not_overlap_are_not_looked_at(make: Make, tmp_path: Path) -> None:
    session = make()
    session.ready()
    assert session.notices == ()
    assert not list(tmp_path.glob("cache/*/contacts-*"))


def test_three_in_a_frame_have_one_order() -> None:
    told = [stretch(1, 2, "5"), stretch(2, 3, "5"), stretch(3, 1, "5", score=0.5)]
    assert FrontOrder(told=told).of(5) == (1, 2, 3)
    assert FrontOrder(told=told).of(6) == ()
    # What the user says comes first, and settles every pair with one of them.
    said = FrontOrder((3,), told)
    assert said.of(5) == (3, 1, 2)
    assert [n.message for n in said.notices(rows(3))] == [
        "p1 is in front of p2, as the plate shows (sure)"
    ]


def test_notices_name_frames_and_say_what_is_unsure_first() -> None:
    told = [stretch(1, 2, "1-9"), stretch(1, 2, "30-40"), stretch(2, 1, "12-20", score=0.5)]
    unsure, sure = FrontOrder(told=told).notices(rows(2))
    assert str(sure) == "p1 is in front of p2, as the plate shows (sure) | frames 1-9,30-40"
    assert "unsure" in unsure.message
    assert unsure.frames == "12-20"
    assert "--order p1,p2" in str(unsure.hint)


def test_many_pairs_share_a_line() -> None:
    told = [stretch(a, b, "7") for a in range(1, 8) for b in range(a + 1, 8)]
    notices = FrontOrder(told=told).notices(rows(7))
    assert len(notices) == MOST_NOTICES + 1
    assert f"{len(told) - MOST_NOTICES} more pairs" in notices[-1].message
    thin = Stretch(1, 2, (7,), 0.5, False)
    assert FrontOrder(told=[thin]).notices(rows(2)) == ()


def test_what_is_in_front_is_taken_from_what_is_behind() -> None:
    one = InstanceMask(Window(0, 0, 4, 4), np.ones((4, 4), bool))
    two = InstanceMask(Window(2, 2, 4, 4), np.ones((4, 4), bool))
    guidance = GuidanceFrame(1, {1: one, 2: two})
    assert in_front_order(guidance, ()) is guidance
    assert in_front_order(guidance, (2, 1)).masks[1].area == 12
    assert in_front_order(guidance, (1, 2)).masks[2].area == 12
    within = GuidanceFrame(1, {1: one, 2: InstanceMask(Window(1, 1, 2, 2), np.ones((2, 2), bool))})
    assert set(in_front_order(within, (1, 2)).masks) == {1}
