"""Regions, pictures, tracks and the table of people, without the networks."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from vimatte.errors import MissingDependencyError, ModelError
from vimatte.frames.types import InstanceMask, NetworkFrame
from vimatte.frames.window import Window
from vimatte.guidance.person_masks import clean, full_size, priors, shared_out
from vimatte.guidance.person_motion import Memory, expect
from vimatte.guidance.person_records import Scanned, Settled
from vimatte.guidance.person_scan import Candidate, tiles
from vimatte.guidance.person_table import Scene, numbered
from vimatte.guidance.person_track import LOOK_SIZE, Track, alike, appearance, moved_to
from vimatte.guidance.picture import Geometry, Picture, Tile
from vimatte.guidance.pose_nets import DETECTOR_FILE, Body, PoseNets, Region


def picture(width=400, height=200, x=0, y=0, seed=0) -> Picture:
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 10 + 1, width // 10 + 1, 3), np.float32)
    pixels = np.kron(coarse, np.ones((10, 10, 1), np.float32))[:height, :width]
    return Picture(NetworkFrame(1, pixels, Window(x, y, width, height)))


def disc(shape, cx, cy, radius):
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return (columns - cx) ** 2 + (rows - cy) ** 2 <= radius**2


def body(region: Region, radius=80) -> Body:
    inside = disc((256, 256), 127.5, 127.5, radius)
    return Body(1.0, np.where(inside, 255, 0).astype(np.uint8), region, region)


# Regions and pictures


def test_a_region_is_upright_with_the_rim_above_the_centre():
    region = Region.of_points(np.array([100.0, 100.0]), np.array([100.0, 60.0]))
    assert region == Region(100, 100, 100.0, 0.0)
    turned = Region.of_points(np.array([100.0, 100.0]), np.array([140.0, 100.0]))
    assert turned.angle == pytest.approx(math.pi / 2)
    # the crop's top edge is to the right of the picture's centre then
    top = turned.to_picture() @ [127.5, 0.0, 1.0]
    assert top[0] > 140
    assert top[1] == pytest.approx(99.5, abs=0.01)


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
def test_logits_land_where_the_region_is(angle):
    shot = picture()
    logits, window = shot.canvas_logits(
        body(Region(200, 100, 128, angle)).logits, Region(200, 100, 128, angle)
    )
    full = np.zeros((200, 400), np.bool_)
    full[window.slices_in(shot.window)] = logits > 0
    wanted = disc((200, 400), 199.5, 99.5, 40)
    assert np.count_nonzero(full ^ wanted) < 0.05 * wanted.sum()


def test_a_crop_shows_the_region_and_hides_what_is_painted():
    shot = picture()
    region = Region(200, 100, 256, 0.0)
    crop = shot.crop(region)
    # 28 rows of the region lie above the picture: black
    assert not crop[:28].any()
    np.testing.assert_array_equal(crop[28:228], shot.pixels[:, 72:328])
    hidden = np.zeros(shot.grid_shape, np.bool_)
    hidden[:, : shot.grid_shape[1] // 2] = True
    painted = shot.crop(region, hidden)
    assert np.unique(painted[60:200, 20:100]).size == 1
    np.testing.assert_array_equal(painted[40:200, 160:], crop[40:200, 160:])
    assert np.unique(shot.tile(Tile(0, 0, 100, 100), hidden)).size == 1


def test_large_frames_are_scaled_down_and_masks_come_back_at_full_size():
    big = Picture(NetworkFrame(1, np.zeros((2160, 300, 3), np.float32), Window(-10, 5, 300, 2160)))
    assert big.size == (300, 2160)
    huge = Picture(
        NetworkFrame(1, np.zeros((1500, 2400, 3), np.float32), Window(-10, 5, 2400, 1500))
    )
    assert huge.size == (1728, 1080)
    logits, window = huge.canvas_logits(
        body(Region(864, 540, 256, 0.0)).logits, Region(864, 540, 256, 0.0)
    )
    box = np.argwhere(logits > 0)
    assert window.x + box[:, 1].mean() == pytest.approx(-10 + 1199.5, abs=1)
    assert box[:, 0].max() - box[:, 0].min() == pytest.approx(160 * 1500 / 1080, abs=3)


def test_a_1x1_picture_can_be_looked_at():
    tiny = Picture(NetworkFrame(1, np.zeros((1, 1, 3), np.float32), Window(0, 0, 1, 1)))
    assert tiny.thumb.shape == (1, 1, 3)
    assert tiny.crop(Region(0.5, 0.5, 20, 0.0)).shape == (256, 256, 3)
    assert list(tiles(1, 1, 2)) == []


def test_tiles_cover_the_picture_and_overlap():
    for split in (1, 2, 4, 6):
        seen = np.zeros((360, 640), int)
        for tile in tiles(640, 360, split):
            seen[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
        assert seen.min() >= 1
    # a tile that would have to be enlarged to twice its size shows nothing more
    assert list(tiles(640, 270, 6)) == []
    assert sorted(t.x for t in tiles(1920, 1080, 2)) == [0, 420, 840]


# Masks


def test_nobody_shares_a_cell():
    a = np.full((4, 4), 1.0, np.float32)
    b = np.full((4, 4), -1.0, np.float32)
    b[:, 2:] = 3.0
    owned = shared_out({1: a, 2: b})
    np.testing.assert_array_equal(owned[1], ~owned[2])
    assert owned[2][:, 2:].all()
    assert shared_out({}) == {}


def test_the_frame_before_decides_where_two_are_equally_likely():
    left = np.zeros((4, 4), np.float32)
    left[:, :2] = 1
    prior = priors({1: left, 2: 1 - left})
    equal = np.full((4, 4), 2.0, np.float32)
    owned = shared_out({key: equal + prior[key] for key in prior})
    np.testing.assert_array_equal(owned[1], left > 0)


def test_full_size_masks_are_disjoint_and_spare_what_is_kept():
    shot = picture()
    bodies = {1: body(Region(180, 100, 160, 0.0)), 2: body(Region(240, 100, 160, 0.3))}
    taken = np.zeros((200, 400), np.bool_)
    taken[:60] = True
    masks = full_size(shot, bodies, {}, {9: taken})
    total = np.zeros((200, 400), int)
    for mask in masks.values():
        total[mask.window.slices_in(shot.window)] += mask.mask
    assert masks.keys() == {1, 2}
    assert total.max() == 1
    assert not total[:60].any()
    assert full_size(shot, {1: body(Region(-500, 100, 160, 0.0))}, {}, {}) == {}


def test_cleaning_keeps_the_body_and_sizeable_pieces_and_fills_pin_holes():
    mask = disc((200, 300), 100, 100, 60)
    mask[100, 100] = False  # a pin hole
    mask[60:90, 70:110] = False  # the gap of an arm
    mask |= disc((200, 300), 220, 100, 15)  # a hand beyond something
    mask[5, 5] = True  # a speck
    out = clean(mask)
    assert out[100, 100]
    assert not out[75, 90]
    assert out[100, 220]
    assert not out[5, 5]
    empty = np.zeros((5, 5), np.bool_)
    np.testing.assert_array_equal(clean(empty), empty)


# Tracks


def track(shape, **changes) -> Track:
    look = np.full(LOOK_SIZE, 1 / LOOK_SIZE, np.float32)
    fields = {
        "id": 1,
        "region": Region(60, 50, 80, 0.1),
        "mask": disc(shape, 50, 40, 20),
        "look": look,
    }
    return Track(**{**fields, **changes})


def test_appearance_tells_clothes_apart_but_not_a_shade():
    shape = (60, 40)
    mask = np.ones(shape, np.bool_)

    def dressed(top, bottom, light=1.0):
        pixels = np.zeros((*shape, 3), np.float32)
        pixels[:30], pixels[30:] = top, bottom
        noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
        return np.clip(pixels * light + noise, 0, 255).astype(np.uint8)

    one = appearance(dressed((200, 40, 40), (30, 30, 120)), mask)
    assert one.shape == (LOOK_SIZE,)
    assert one.sum() == pytest.approx(1, abs=1e-4)
    assert alike(one, appearance(dressed((200, 40, 40), (30, 30, 120), 0.95), mask)) > 0.7
    assert alike(one, appearance(dressed((30, 30, 120), (200, 40, 40)), mask)) < 0.3
    assert alike(one, appearance(dressed((40, 160, 60), (220, 220, 210)), mask)) < 0.3
    assert appearance(dressed((0, 0, 0), (9, 9, 9)), ~mask).sum() == pytest.approx(1, abs=1e-4)


def test_tracks_come_back_from_arrays_exactly():
    tracks = (
        track((80, 100)),
        track(
            (80, 100),
            id=7,
            missed=3,
            velocity=(1.25, -0.5),
            age=12,
            usual=345.6,
            region=Region(0.1, 2e3, 1 / 3, -3.0),
        ),
    )
    masks = {7: InstanceMask(Window(3, 4, 2, 2), np.eye(2, dtype=np.bool_))}
    settled = Settled(tracks, masks, {7: 0.7}, ((1, 7),), 9)
    back = Settled.of(5, settled.arrays(5))
    for one, other in zip(back.tracks, tracks, strict=True):
        assert (one.id, one.region, one.missed, one.velocity, one.age, one.usual) == (
            other.id,
            other.region,
            other.missed,
            other.velocity,
            other.age,
            other.usual,
        )
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_array_equal(one.look, other.look)
    assert back.masks.keys() == {7}
    assert back.scores == {7: 0.7}
    assert back.joined == ((1, 7),)
    assert back.next_id == 9
    assert Settled.of(5, Settled().arrays(5)) == Settled()


def test_candidates_come_back_from_arrays_exactly():
    found = Candidate(0.123456789, body(Region(1 / 3, 2 / 3, 99.9, 0.1)))
    scanned = Scanned((found,), np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    back = Scanned.of(scanned.arrays())
    assert back.candidates[0].score == found.score
    assert back.candidates[0].body.region == found.body.region
    np.testing.assert_array_equal(back.candidates[0].body.levels, found.body.levels)
    np.testing.assert_array_equal(back.thumb, scanned.thumb)


def test_people_are_expected_where_the_picture_moved_to():
    frame = picture(320, 160).frame
    still = picture(320, 160)
    rolled = np.roll(still.pixels, 6, axis=1).astype(np.float32) / 255
    moved = Picture(NetworkFrame(frame, rolled, Window(0, 0, 320, 160)))
    known = expect([track((160, 320), mask=disc((160, 320), 150, 80, 30))], Memory.of(still), moved)
    assert known[0].shift[0] == pytest.approx(6, abs=0.7)
    assert np.argwhere(known[0].mask)[:, 1].mean() == pytest.approx(156, abs=1)
    assert expect([], None, moved) == []


def test_tracks_stay_put_on_the_canvas_when_the_data_window_changes():
    old, new = Geometry(Window(0, 0, 320, 160)), Geometry(Window(-40, -20, 400, 200))
    before = track((160, 320), mask=disc((160, 320), 150, 80, 30), region=Region(150, 80, 100, 0.2))
    after = moved_to(before, old, new)
    # 400 pixels on 320 cells: 0.8 cells a pixel, from a corner that is 40 and 20 away
    rows, columns = np.nonzero(after.mask)
    assert columns.mean() == pytest.approx((150.5 + 40) * 0.8 - 0.5, abs=0.6)
    assert rows.mean() == pytest.approx((80.5 + 20) * 0.8 - 0.5, abs=0.6)
    assert (after.region.x, after.region.y) == pytest.approx((190, 100))
    assert after.region.side == pytest.approx(100)


# The table


def box(x, width=10) -> InstanceMask:
    return InstanceMask(Window(x, 0, width, 10), np.ones((10, width), np.bool_))


def scene(length: int, *lives: tuple[int, int, int, int, float], joined=()) -> Scene:
    """Make a scene of lives (id, first, last, x, score); half the frames were found by the scan."""
    out = Scene(length)
    for frame in range(length):
        masks, scores = {}, {}
        for key, first, last, x, score in lives:
            if first <= frame <= last:
                masks[key] = box(x)
                if frame % 2 == first % 2:
                    scores[key] = score
        out.add(frame, Settled((), masks, scores, joined if frame == 0 else ()))
    return out


def test_ids_go_by_appearance_then_from_left_to_right_through_all_scenes():
    first = scene(30, (1, 0, 29, 200, 0.9), (2, 0, 29, 10, 0.9), (3, 8, 29, 5, 0.95))
    second = scene(30, (1, 0, 29, 50, 0.9))
    assert numbered([first, second]) == [{2: 1, 1: 2, 3: 3}, {1: 4}]


def test_short_and_unsure_ghosts_are_dropped():
    ghosts = scene(
        60,
        (1, 0, 59, 0, 0.95),
        (2, 10, 14, 50, 0.99),  # five frames, found in three
        (3, 0, 59, 90, 0.7),  # long, but the scan is never sure
    )
    assert numbered([ghosts]) == [{1: 1}]


def test_one_frame_is_enough_in_a_shot_of_one_frame():
    assert numbered([scene(1, (1, 0, 0, 0, 0.75))]) == [{1: 1}]
    assert numbered([scene(1, (1, 0, 0, 0, 0.6))]) == [{}]


def test_tracks_that_turn_out_to_be_one_person_share_an_id():
    joined = scene(
        60, (1, 0, 20, 0, 0.9), (4, 30, 59, 0, 0.9), (5, 0, 59, 80, 0.9), joined=((1, 4),)
    )
    assert numbered([joined]) == [{1: 1, 4: 1, 5: 2}]


# Without what it needs


def test_a_missing_package_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'vimatte\[people\]'"):
        PoseNets(tmp_path)


def test_a_file_that_is_no_network_is_named(tmp_path):
    pytest.importorskip("ai_edge_litert")
    (tmp_path / DETECTOR_FILE).write_bytes(b"not a network")
    with pytest.raises(ModelError, match=DETECTOR_FILE):
        PoseNets(tmp_path)
