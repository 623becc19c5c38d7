"""Masks from files: three forms, windows, squeezed plates, and everything that can be wrong."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from vimatte.errors import ConfigError, GuidanceError
from vimatte.frames.window import Window
from vimatte.guidance.mask_files import MaskFileGuidance
from vimatte.guidance.mask_folder import open_masks
from vimatte.guidance.mask_picture import read_layout
from vimatte.guidance.masks_io import load_guidance

WIDTH, HEIGHT = 48, 32


def square(x: int, y: int, size: int = 8, shape=(HEIGHT, WIDTH)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[y : y + size, x : x + size] = 255
    return mask


@pytest.fixture
def plate(tmp_path: Path, write_image) -> str:
    rng = np.random.default_rng(0)
    for frame in range(1001, 1005):
        write_image(
            tmp_path / "plate" / f"sh.{frame}.png", rng.integers(0, 9, (HEIGHT, WIDTH, 3)) + 100
        )
    return str(tmp_path / "plate" / "sh.####.png")


@pytest.fixture
def read(tmp_path: Path, source_of, finish):
    """Run the provider over a plate."""

    def run(plate, masks, **options):
        provider = MaskFileGuidance(folder=Path(masks))
        return finish(provider.run(source_of(plate, **options), tmp_path / "cache", "sh"))

    return run


@pytest.fixture
def folders(tmp_path: Path, write_image) -> Path:
    """Two people whose masks overlap; the second comes late and is hidden in frame 1003."""
    root = tmp_path / "masks"
    for frame in range(1001, 1005):
        write_image(root / "anna" / f"anna.{frame}.png", square(4 + frame - 1001, 4))
    for frame in (1002, 1003, 1004):
        size = 0 if frame == 1003 else 8
        write_image(root / "bob" / f"mask_{frame}.png", square(8, 8, size))
    return root


def test_a_folder_an_instance(plate, folders, read):
    result, steps = read(plate, folders)
    assert [(i.id, i.name, i.first, i.last, i.frames) for i in result.instances] == [
        (1, "anna", 1001, 1004, 4),
        (2, "bob", 1002, 1004, 2),
    ]
    assert result.overlapping is True
    assert result.cuts == ()
    assert [(s.frame, s.done, s.total) for s in steps] == [(1000 + i, i, 4) for i in range(1, 5)]
    masks = load_guidance(result.store, 1002).masks
    assert masks[1].window == Window(5, 4, 8, 8)
    assert masks[2].window == Window(8, 8, 8, 8)
    assert masks[1].mask.all()
    assert masks[2].mask.all()
    assert set(load_guidance(result.store, 1003).masks) == {1}


def test_a_second_run_reads_nothing_and_a_changed_mask_only_its_frame(
    plate, folders, read, write_image
):
    read(plate, folders)
    assert read(plate, folders)[1] == []
    write_image(folders / "bob" / "mask_1003.png", square(20, 20))
    result, steps = read(plate, folders)
    assert [s.frame for s in steps] == [1003]
    assert load_guidance(result.store, 1003).masks[2].window == Window(20, 20, 8, 8)


def test_a_corrupt_cache_file_is_read_again(plate, folders, read):
    result, _ = read(plate, folders)
    path = result.store.path(1002)
    path.write_bytes(path.read_bytes()[:-3])
    again, steps = read(plate, folders)
    assert [s.frame for s in steps] == [1002]
    assert set(load_guidance(again.store, 1002).masks) == {1, 2}


def test_a_hole_in_a_sequence_lists_the_frames(plate, folders, read):
    (folders / "anna" / "anna.1002.png").unlink()
    (folders / "anna" / "anna.1003.png").unlink()
    with pytest.raises(GuidanceError, match=r"no mask for frames 1002-1003.*anna") as caught:
        read(plate, folders)
    assert caught.value.frame == 1002


def test_a_mask_of_another_size_names_both_sizes(plate, folders, read, write_image):
    path = write_image(folders / "bob" / "mask_1004.png", square(1, 1, shape=(16, 24)))
    with pytest.raises(GuidanceError, match=r"24x16, expected 48x32") as caught:
        read(plate, folders)
    assert caught.value.frame == 1004
    assert caught.value.path == str(path)


def test_a_truncated_mask_is_named(plate, folders, read):
    path = folders / "anna" / "anna.1003.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(GuidanceError, match=r"frame 1003 .*anna\.1003\.png"):
        read(plate, folders)


@pytest.mark.parametrize(("value", "said"), [(0, ""), (100, "the brightest is 100 of 255")])
def test_masks_that_are_empty_throughout_are_told(plate, tmp_path, read, write_image, value, said):
    for frame in range(1001, 1005):
        write_image(tmp_path / "m" / "anna" / f"{frame}.png", square(4, 4) // 255 * value)
    for _ in range(2):  # read, and from the cache
        result, _ = read(plate, tmp_path / "m")
        assert result.instances == ()
        assert result.absent == ("anna",)
        assert [notice.code for notice in result.notices] == ["mask-empty"]
        assert "the masks of anna are empty in every frame" in str(result.notices[0])
        assert said in str(result.notices[0])


@pytest.mark.parametrize("name", ["2nd", "a-b", "über", "x" * 25])
def test_a_folder_may_have_any_name(plate, tmp_path, read, write_image, name):
    """The session makes it a legal one."""
    for frame in range(1001, 1005):
        write_image(tmp_path / "m" / name / f"{frame}.png", square(0, 0))
    result, _ = read(plate, tmp_path / "m")
    assert [info.name for info in result.instances] == [name]


def test_two_sequences_in_a_folder_are_ambiguous(plate, folders, read, write_image):
    write_image(folders / "anna" / "other.1001.png", square(0, 0))
    with pytest.raises(GuidanceError, match=r"one numbered sequence.*anna\.#\.png, other\.#\.png"):
        read(plate, folders)


def test_paths_that_are_no_masks(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GuidanceError, match="found none"):
        open_masks(tmp_path / "empty")
    with pytest.raises(GuidanceError, match="there are no masks"):
        open_masks(tmp_path / "gone" / "m.####.png")
    with pytest.raises(ConfigError, match="masks:PATH"):
        MaskFileGuidance()


@pytest.mark.parametrize(
    ("pixels", "inside"),
    [
        (np.dstack([square(4, 4)] * 3), True),
        (np.dstack([square(4, 4)] * 3 + [np.full((HEIGHT, WIDTH), 255)]), True),
        (np.dstack([np.full((HEIGHT, WIDTH), 255)] * 3 + [square(4, 4)]), True),
        (np.dstack([np.zeros((HEIGHT, WIDTH))] * 3 + [square(4, 4)]), True),
        (np.dstack([square(4, 4), square(0, 0, 0), square(0, 0, 0)]), True),
        (np.dstack([np.zeros((HEIGHT, WIDTH))] * 3 + [np.full((HEIGHT, WIDTH), 255)]), False),
        (square(4, 4) // 2, False),
    ],
    ids=["rgb", "opaque", "cut-out", "alpha-only", "red", "black", "under-half"],
)
def test_what_counts_as_inside(plate, tmp_path, read, write_image, pixels, inside):
    for frame in range(1001, 1005):
        write_image(tmp_path / "m" / "anna" / f"m.{frame}.png", pixels)
    result, _ = read(plate, tmp_path / "m")
    masks = load_guidance(result.store, 1001).masks
    assert {k: m.window for k, m in masks.items()} == ({1: Window(4, 4, 8, 8)} if inside else {})


def test_palette_pictures_have_an_instance_an_index(plate, tmp_path, read):
    for frame in range(1001, 1005):
        indices = (square(4, 4) > 0) * 1 + (square(20, 4) > 0) * 3
        if frame == 1002:
            indices = indices * 0
        picture = Image.fromarray(indices.astype(np.uint8))
        # two indices of one colour are still two instances
        picture.putpalette([0, 0, 0] + [200, 10, 10] * 5)
        (tmp_path / "m").mkdir(exist_ok=True)
        picture.save(tmp_path / "m" / f"ids.{frame}.png")
    result, _ = read(plate, tmp_path / "m" / "ids.####.png")
    assert [(i.id, i.name, i.frames) for i in result.instances] == [
        (1, "object01", 3),
        (3, "object03", 3),
    ]
    assert result.overlapping is False
    assert load_guidance(result.store, 1002).masks == {}
    assert load_guidance(result.store, 1004).masks[3].window == Window(20, 4, 8, 8)


def test_a_sequence_without_holes_that_ends_early_is_told(plate, tmp_path, read, write_image):
    for frame in (1001, 1003):
        write_image(tmp_path / "m" / f"{frame}.png", square(4, 4))
    with pytest.raises(GuidanceError, match="no mask for frame 1002"):
        read(plate, tmp_path / "m")
    write_image(tmp_path / "m" / "1002.png", square(4, 4))
    result, _ = read(plate, tmp_path / "m")
    (notice,) = (n for n in result.notices if n.code == "mask-frames-missing")
    assert notice.frames == "1004"
    assert load_guidance(result.store, 1004).masks == {}


def test_a_sequence_in_colour_needs_a_palette(plate, tmp_path, read, write_image):
    red_and_blue = np.dstack([square(4, 4), square(0, 0, 0), square(20, 4)])
    for frame in range(1001, 1005):
        write_image(tmp_path / "m" / f"{frame}.png", red_and_blue)
    with pytest.raises(GuidanceError, match="in colour, but have no palette"):
        read(plate, tmp_path / "m")


def test_exr_layers(plate, tmp_path, read, write_image):
    """``name.A`` and one-channel layers are masks; the picture, depth and cryptomatte are not."""
    anna, bob = square(4, 4) / 255.0, square(8, 8) / 255.0
    for frame in range(1001, 1005):
        names = ["R", "G", "B", "A", "anna.R", "anna.G", "anna.B", "anna.A", "bob.mask", "depth.Z"]
        planes = [anna + bob] * 4 + [anna * 0.3] * 3 + [anna, bob, anna + 5]
        names += [f"crypto00.{c}" for c in "RGBA"]
        planes += [bob] * 4
        write_image(tmp_path / "m" / f"m.{frame}.exr", np.dstack(planes), names=names)
    result, _ = read(plate, tmp_path / "m")
    assert [(i.id, i.name, i.frames) for i in result.instances] == [(1, "anna", 4), (2, "bob", 4)]
    assert result.overlapping is True
    masks = load_guidance(result.store, 1003).masks
    assert (masks[1].window, masks[2].window) == (Window(4, 4, 8, 8), Window(8, 8, 8, 8))


def test_exr_without_a_mask_layer_says_what_one_is(plate, tmp_path, read, write_image):
    for frame in range(1001, 1005):
        write_image(tmp_path / "m" / f"m.{frame}.exr", np.zeros((HEIGHT, WIDTH, 3)))
    with pytest.raises(GuidanceError, match=r"no mask layer.*name\.A"):
        read(plate, tmp_path / "m")


def test_masks_lie_in_the_display_window_whatever_the_data_windows(tmp_path, read, write_image):
    display = Window(0, 0, WIDTH, HEIGHT)
    pixels = np.full((24, 60, 3), 0.2)
    write_image(tmp_path / "p.0007.exr", pixels, display=display, at=(-6, 4))
    # an EXR with its own data window, a PNG of the display window's size, one of the data window's
    root = tmp_path / "m"
    write_image(
        root / "own" / "m.0007.exr", np.ones((8, 8, 1)), names="Y", display=display, at=(20, 10)
    )
    write_image(root / "whole" / "m.0007.png", square(20, 10))
    write_image(root / "data" / "m.0007.png", square(26, 6, shape=(24, 60)))
    write_image(root / "outside" / "m.0007.png", square(0, 0, 4))
    result, _ = read(tmp_path / "p.0007.exr", root)
    masks = load_guidance(result.store, 7).masks
    by_name = {info.name: masks[info.id].window for info in result.instances}
    # rows 0 to 3 of the display window are not in the plate's data window
    assert by_name == dict.fromkeys(("data", "own", "whole"), Window(20, 10, 8, 8))


def test_masks_of_a_squeezed_plate_are_unsqueezed_with_it(tmp_path, read, write_image):
    write_image(tmp_path / "p.0007.exr", np.full((HEIGHT, WIDTH, 3), 0.2), aspect=2.0)
    write_image(tmp_path / "m" / "anna" / "m.0007.png", square(10, 4))
    result, _ = read(tmp_path / "p.0007.exr", tmp_path / "m")
    mask = load_guidance(result.store, 7).masks[1]
    assert mask.window == Window(20, 4, 16, 8)
    assert mask.mask.all()


def test_masks_are_cut_to_the_region_of_interest(plate, folders, read):
    result, _ = read(plate, folders, roi=Window(0, 0, 10, 10))
    masks = load_guidance(result.store, 1002).masks
    assert (masks[1].window, masks[2].window) == (Window(5, 4, 5, 6), Window(8, 8, 2, 2))


def test_scene_cuts_come_from_the_plate(tmp_path, read, write_image):
    rng = np.random.default_rng(1)
    scenes = [rng.integers(0, 255, (HEIGHT, WIDTH, 3)) for _ in range(2)]
    for frame in range(12):
        write_image(tmp_path / "p" / f"p.{frame + 1}.png", scenes[frame // 6])
        write_image(tmp_path / "m" / "anna" / f"{frame + 1}.png", square(4, 4))
    result, _ = read(tmp_path / "p" / "p.#.png", tmp_path / "m")
    assert result.cuts == (7,)


def test_a_mask_that_claims_to_be_huge_is_refused_before_anything_is_allocated(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.1.exr"
    image = oiio.ImageBuf(np.zeros((48, 64, 1), np.float32))
    assert image.write(str(path), oiio.HALF)
    data = path.read_bytes()
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    path.write_bytes(data[:at] + struct.pack("<4i", 0, 0, 199_999, 99_999) + data[at + 16 :])
    with pytest.raises(GuidanceError) as info:
        read_layout(path, 1)
    assert "\n" not in str(info.value)


def test_a_mask_whose_damage_is_no_text(tmp_path: Path) -> None:
    """The library repeats the bytes in its own message."""
    path = tmp_path / "m.1.exr"
    image = oiio.ImageBuf(np.zeros((4, 4, 2), np.float32))
    image.specmod().channelnames = ("anna.A", "bert.A")
    assert image.write(str(path), oiio.HALF)
    path.write_bytes(path.read_bytes().replace(b"channels\0chlist", b"channels\0chl\x80st"))
    with pytest.raises(GuidanceError) as info:
        read_layout(path, 1)
    assert "\n" not in str(info.value)
