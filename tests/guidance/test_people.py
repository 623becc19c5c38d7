"""Finding people, with the real networks on a few frames of the demo clip."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimatte.errors import CheckpointError
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import load_guidance
from vimatte.guidance.people import PeopleGuidance
from vimatte.guidance.person_scan import scan
from vimatte.guidance.picture import Picture
from vimatte.guidance.pose_nets import PoseNets
from vimatte.models.assets import asset
from vimatte.models.store import WeightsStore

CYCLIST = "118-121"


class OutOfReach(WeightsStore):
    """A store that must not be asked: everything is in the cache."""

    def fetch(self, name: str, progress: Any = None, *, from_file: Any = None) -> Path:
        raise AssertionError(f"{name} was fetched")


def contents(root: Path, *kinds: str) -> dict[str, bytes]:
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for kind in kinds
        for path in sorted(root.glob(f"*/{kind}-*/*.safetensors"))
    }


@pytest.fixture(scope="module")
def provider(people_weights: WeightsStore) -> PeopleGuidance:
    return PeopleGuidance(weights=people_weights)


@pytest.fixture(scope="module")
def cyclist(provider, source_of, finish, bikes, tmp_path_factory):
    """One undisturbed run over a few frames with one person in them."""
    root = tmp_path_factory.mktemp("whole")
    result, steps = finish(provider.run(source_of(bikes, CYCLIST), root, "bikes"))
    return root, result, steps


def test_the_scan_finds_the_cyclist_once(nets: PoseNets, source_of: Callable, bikes: Path):
    picture = Picture(source_of(bikes).read(120))
    found = scan(nets, picture, (1, 2))
    assert found[0].score > 0.9
    assert found[0].body.presence > 0.9
    assert sum(c.score > 0.8 for c in found) == 1
    # the middle of the body, in a picture of 640 x 272
    assert 390 < found[0].body.region.x < 450
    assert 80 < found[0].body.region.y < 190


def test_one_person_has_one_clean_mask_in_every_frame(cyclist):
    _, result, _ = cyclist
    assert [(i.id, i.name, i.first, i.last, i.frames) for i in result.instances] == [
        (1, "person01", 118, 121, 4)
    ]
    assert result.cuts == ()
    assert result.overlapping is False
    masks = [load_guidance(result.store, frame).masks[1] for frame in range(118, 122)]
    for mask in masks:
        assert 9000 < mask.area < 16000
        assert 320 < mask.window.x < mask.window.right < 510
    for one, other in itertools.pairwise(masks):
        shared = one.window.intersect(other.window)
        both = one.mask[shared.slices_in(one.window)] & other.mask[shared.slices_in(other.window)]
        assert both.sum() > 0.85 * max(one.area, other.area)


def test_progress_counts_every_frame_of_every_sweep(cyclist):
    _, _, steps = cyclist
    assert [step.done for step in steps] == list(range(1, 17))
    assert {step.total for step in steps} == {16}
    assert len({step.stage for step in steps}) == 4


def test_a_second_run_needs_no_network_and_gives_the_same(cyclist, source_of, finish, bikes):
    root, result, _ = cyclist
    before = contents(root, "guidance", "tracks", "detections")
    again, steps = finish(
        PeopleGuidance(weights=OutOfReach()).run(source_of(bikes, CYCLIST), root, "bikes")
    )
    assert steps == []
    assert again.instances == result.instances
    assert again.cuts == result.cuts
    assert contents(root, "guidance", "tracks", "detections") == before


@pytest.mark.parametrize("after", [2, 5, 9, 14])
def test_stopped_anywhere_and_resumed_gives_equal_bytes(
    provider, cyclist, source_of, finish, bikes, tmp_path, after
):
    root, result, _ = cyclist
    # The scans are the slow part, and independent of each other: start from the whole run's.
    for path in root.glob("*/detections-*/*"):
        target = tmp_path / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    source = source_of(bikes, CYCLIST)
    run = provider.run(source, tmp_path, "bikes")
    for _ in range(after):
        next(run)
    run.close()
    resumed, _ = finish(provider.run(source, tmp_path, "bikes"))
    assert resumed.instances == result.instances
    kinds = ("guidance", "tracks", "backtracks", "people")
    assert contents(tmp_path, *kinds) == contents(root, *kinds)


def test_a_corrupt_file_is_made_again(provider, cyclist, source_of, finish, bikes):
    root, result, _ = cyclist
    kinds = ("guidance", "tracks", "backtracks", "detections")
    before = contents(root, *kinds)
    for kind in kinds:
        path = sorted(root.glob(f"*/{kind}-*/*.safetensors"))[2]
        content = bytearray(path.read_bytes())
        content[-1] ^= 0xFF
        path.write_bytes(content)
    again, _ = finish(provider.run(source_of(bikes, CYCLIST), root, "bikes"))
    assert again.instances == result.instances
    assert contents(root, *kinds) == before


def test_nobody_is_found_where_nobody_is(provider, source_of, finish, bikes, tmp_path):
    result, _ = finish(provider.run(source_of(bikes, "10-12"), tmp_path, "bikes"))
    assert result.instances == ()
    assert load_guidance(result.store, 11).masks == {}


def test_a_still_and_an_anamorphic_plate_have_their_person(
    provider, source_of, finish, bikes, tmp_path, write_image
):
    pixels = np.uint8(source_of(bikes).read(120).pixels * 255)
    still = write_image(tmp_path / "still.png", pixels)
    result, _ = finish(provider.run(source_of(still), tmp_path / "cache", "still"))
    assert [(i.id, i.first, i.frames) for i in result.instances] == [(1, 1, 1)]
    squeezed = write_image(
        tmp_path / "squeezed.0007.exr",
        (pixels[:, ::2] / 255.0) ** 2.2,
        aspect=2.0,
        at=(0, 0),
    )
    wide, _ = finish(provider.run(source_of(squeezed), tmp_path / "cache", "squeezed"))
    assert [(i.id, i.first) for i in wide.instances] == [(1, 7)]
    one = load_guidance(result.store, 1).masks[1]
    other = load_guidance(wide.store, 7).masks[1]
    shared = one.window.intersect(other.window)
    both = one.mask[shared.slices_in(one.window)] & other.mask[shared.slices_in(other.window)]
    assert both.sum() > 0.85 * max(one.area, other.area)


def test_two_people_have_two_masks_that_share_nothing(
    provider, source_of, finish, bikes, tmp_path, write_image
):
    """The cyclist, pasted twice so close that the second stands behind the first."""
    pixels = np.uint8(source_of(bikes).read(120).pixels * 255)
    both = np.concatenate([pixels[:, 330:490], pixels[:, 380:560], pixels[:, 340:640]], axis=1)
    still = write_image(tmp_path / "two.png", both)
    result, _ = finish(provider.run(source_of(still), tmp_path / "cache", "two"))
    assert len(result.instances) >= 2
    masks = load_guidance(result.store, 1).masks
    total = np.zeros(both.shape[:2], int)
    for mask in masks.values():
        total[mask.window.slices_in(Window(0, 0, both.shape[1], both.shape[0]))] += mask.mask
    assert total.max() == 1
    # numbered from left to right
    middles = [m.window.x + m.window.width / 2 for _, m in sorted(masks.items())]
    assert middles == sorted(middles)


def test_a_1x1_plate_has_nobody(provider, source_of, finish, tmp_path, write_image):
    plate = write_image(tmp_path / "dot.png", np.zeros((1, 1, 3)))
    result, _ = finish(provider.run(source_of(plate), tmp_path / "cache", "dot"))
    assert result.instances == ()


def test_settings_name_the_networks_by_content(provider):
    networks = provider.settings()["networks"]
    assert set(networks.values()) == {m.sha256 for m in asset("people").members}


def test_networks_that_cannot_be_had_are_an_error_of_their_own(
    source_of, finish, bikes, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("in the way")
    broken = PeopleGuidance(weights=WeightsStore(tmp_path / "file" / "weights"))
    with pytest.raises(CheckpointError, match="VIMATTE_WEIGHTS"):
        finish(broken.run(source_of(bikes, "10-10"), tmp_path / "cache", "bikes"))
