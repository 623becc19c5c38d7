"""Masks in one sequence and in folders: how they are read, and what beside them is said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mask_support import (
    ALL,
    DAVIS,
    FRAMES,
    GREYS,
    HEIGHT,
    TWO,
    WIDTH,
    block,
    codes,
    grey,
    made,
    palette,
    read,
    said,
    save,
    soft,
    write_parts,
)
from PIL import Image

from vimatte.errors import GuidanceError
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import load_guidance

__all__ = ["read"]


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (palette(block(2, 2, 1) + block(24, 6, 2), DAVIS), TWO),
        (palette(block(2, 2, 1) + block(24, 6, 2), GREYS), TWO),
        (palette(block(2, 2, 1) + block(24, 6, 2), [0, 0, 0, 90, 90, 90, 255, 255, 255]), TWO),
        (grey(block(2, 2, 1) + block(24, 6, 2)), TWO),
        (block(2, 2, 1) + block(24, 6, 2), TWO),
        (grey(block(2, 2, 1)), {1: TWO[1]}),
        (grey(block(2, 2, 2)), {2: TWO[1]}),
        (grey(block(2, 2, 38) + block(24, 6, 75)), {38: TWO[1], 75: TWO[2]}),
        (grey(block(2, 2, 128) + block(24, 6, 255)), {128: TWO[1], 255: TWO[2]}),
        (cv2.merge([grey(block(2, 2, 1) + block(24, 6, 2))] * 3), TWO),
    ],
    ids=["davis", "grey-ramp", "three-greys", "L", "16-bit", "0-1", "0-2", "davis-as-grey",
         "two-greys", "rgb"],
)  # fmt: skip
def test_index_maps(read, tmp_path: Path, picture, found: dict[int, Window]) -> None:
    result = read(save(tmp_path / "m", picture))
    masks = load_guidance(result.store, 1002).masks
    assert {key: mask.window for key, mask in masks.items()} == found
    assert [info.name for info in result.instances] == [f"object{key:02d}" for key in found]
    told = not isinstance(picture, Image.Image) and len(found) > 1
    assert ("read as an index map" in " ".join(map(str, result.notices))) is told


AA = soft((12, 16), (34, 16))


@pytest.mark.parametrize(
    "picture",
    [
        grey(block(2, 2)),
        block(2, 2, 65535),
        Image.fromarray(block(2, 2) > 0),
        palette(block(2, 2, 1), [0, 0, 0, 255, 255, 255]),
        palette(block(2, 2, 1) == 0, [255, 255, 255, 0, 0, 0]),
        cv2.merge([grey(block(2, 2))] * 3),
        cv2.merge([grey(block(2, 2))] * 4),
        cv2.merge([np.full((HEIGHT, WIDTH), 255, np.uint8)] * 3 + [grey(block(2, 2))]),
        cv2.merge([np.full((HEIGHT, WIDTH), v, np.uint8) for v in (20, 90, 30)]
                  + [grey(block(2, 2))]),
        Image.fromarray(np.dstack([grey(block(2, 2)), grey(block(0, 0, 255, 99))]), "LA"),
    ],
    ids=["0-255", "16-bit", "bilevel", "black-white", "white-black", "rgb", "rgba", "alpha",
         "cut-out", "grey-alpha"],
)  # fmt: skip
def test_hard_mattes_are_one_instance(read, tmp_path: Path, picture) -> None:
    for masks in (save(tmp_path / "m", picture), save(tmp_path / "f" / "anna", picture).parent):
        result = read(masks)
        assert [info.id for info in result.instances] == [1]
        assert load_guidance(result.store, 1002).masks[1].window == ALL
    assert codes(read(tmp_path / "f")) == []


@pytest.mark.parametrize(
    "picture",
    [
        AA,
        AA.astype(np.uint16) * 257,
        cv2.GaussianBlur(AA, (0, 0), 2),
        cv2.merge([AA] * 3),
        palette(AA, GREYS),
        cv2.merge([np.full((HEIGHT, WIDTH), 255, np.uint8)] * 3 + [AA]),
    ],
    ids=["8-bit", "16-bit", "blurred", "rgb", "palette", "alpha"],
)
def test_soft_mattes_are_one_instance(read, tmp_path: Path, picture) -> None:
    result = read(save(tmp_path / "m", picture))
    assert [(info.id, info.name) for info in result.instances] == [(1, "object01")]
    mask = load_guidance(result.store, 1002).masks[1]
    inside = np.zeros((HEIGHT, WIDTH), np.bool_)
    inside[mask.window.y : mask.window.bottom, mask.window.x : mask.window.right] = mask.mask
    assert np.mean(inside == (AA >= 128)) > 0.97
    assert "the matte of one instance" in said(result, "mask-reading")


def test_the_reading_is_the_shots_not_the_frames(read, tmp_path: Path) -> None:
    """A hard frame among soft ones is read as they are."""
    save(tmp_path / "m", grey(block(2, 2, 128) + block(24, 6)), [1001])
    save(tmp_path / "m", AA, [1002, 1003])
    result = read(tmp_path / "m")
    assert [info.id for info in result.instances] == [1]
    assert len(result.instances) == 1
    assert result.instances[0].frames == 3


def test_jpegs_and_tiffs_in_one_sequence_are_a_matte(read, tmp_path: Path) -> None:
    for frame in FRAMES:
        Image.fromarray(AA).save(made(tmp_path / "m") / f"m.{frame}.jpg", quality=80)
    result = read(tmp_path / "m" / "m.####.jpg")
    assert [info.name for info in result.instances] == ["object01"]


def test_indices_in_a_folder_are_inside_however_dark(read, tmp_path: Path) -> None:
    dark = [0, 0, 0, *([64, 0, 0] * 8)]
    save(tmp_path / "f" / "anna", palette(block(2, 2, 8), dark))
    assert load_guidance(read(tmp_path / "f").store, 1001).masks[1].window == ALL


@pytest.mark.parametrize("value", [1, 2, 32])
def test_masks_of_small_values_in_a_folder(read, tmp_path: Path, value: int) -> None:
    """A mask of 0 and 1, or of an object's number, would all be outside as a matte."""
    save(tmp_path / "f" / "anna", grey(block(0, 0, 0)), [1001])
    save(tmp_path / "f" / "anna", grey(block(2, 2, value)), [1002])
    save(tmp_path / "f" / "anna", block(2, 2, value), [1003])
    save(tmp_path / "f" / "bert", grey(block(2, 2, value) + block(24, 6)))
    for _ in range(2):
        result = read(tmp_path / "f")
        masks = load_guidance(result.store, 1002).masks
        assert {key: mask.window for key, mask in masks.items()} == {1: ALL, 2: TWO[2]}
        assert "anna have no value above 32" in said(result, "mask-reading")


def test_what_lies_beside_masks_is_said(read, tmp_path: Path) -> None:
    root = tmp_path / "m"
    save(root / "anna", grey(block(2, 2)))
    save(root / "bert", grey(block(24, 6)))
    save(root, grey(block(2, 2)), name="over")
    (root / "notes.txt").touch()
    (root / "anna" / "still.png").touch()
    (root / "empty").mkdir()
    made(root / "bert" / "v001")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "anna/._m.1001.png", "anna/.DS_Store"):
        (root / name).touch()
    for name in ("@eaDir", "__MACOSX", "lost+found", ".AppleDouble"):
        save(root / name, grey(block(2, 2)))
    result = read(root)
    assert [(info.id, info.name) for info in result.instances] == [(1, "anna"), (2, "bert")]
    assert said(result, "mask-folder-empty").count("empty")
    text = said(result, "mask-files-unused")
    for name in ("over.#.png (3 files)", "notes.txt", "anna/still.png", "bert/v001"):
        assert name in text
    assert "DS_Store" not in text


def test_folders_of_folders_say_where_masks_belong(read, tmp_path: Path) -> None:
    save(tmp_path / "m" / "anna" / "v001", grey(block(2, 2)))
    with pytest.raises(GuidanceError, match=r"no folder in it holds masks.*not anna/v001"):
        read(tmp_path / "m")


def test_two_files_of_one_number(read, tmp_path: Path) -> None:
    save(tmp_path / "m" / "anna", grey(block(2, 2)))
    save(tmp_path / "m" / "anna", grey(block(2, 2)), ["01001"])
    with pytest.raises(GuidanceError, match=r"two files have the number 1001"):
        read(tmp_path / "m")
    result = read(save(tmp_path / "n", grey(block(2, 2))) / "m.####.png")
    assert "mask-files-unused" not in codes(result)
    save(tmp_path / "n", grey(block(2, 2)), ["01001"])
    assert "m.01001.png" in said(read(tmp_path / "n" / "m.####.png"), "mask-files-unused")


def test_a_still_is_the_mask_of_a_single_frame(read, tmp_path: Path) -> None:
    folder = made(tmp_path / "m" / "anna")
    cv2.imwrite(str(folder / "mask.png"), grey(block(2, 2)))
    assert load_guidance(read(tmp_path / "m", "1002").store, 1002).masks[1].window == ALL
    with pytest.raises(GuidanceError, match="has no number"):
        read(tmp_path / "m")
    result = read(folder / "mask.png", "1002")
    assert [info.name for info in result.instances] == ["object01"]


def test_an_offset_moves_every_form(read, tmp_path: Path, write_image) -> None:
    shifted = range(3)
    save(tmp_path / "f" / "anna", grey(block(2, 2)), shifted)
    save(tmp_path / "p", palette(block(2, 2, 1), DAVIS), shifted)
    save(tmp_path / "s", AA, shifted)
    for frame in shifted:
        pixels = (block(2, 2) / 255)[:, :, None]
        write_image(tmp_path / "e" / f"m.{frame}.exr", pixels, names=["anna.A"])
        write_parts(tmp_path / "q" / f"m.{frame}.exr", [("anna", ["A"], Window(0, 0, 9, 9))])
    for form in "fpseq":
        with pytest.raises(GuidanceError, match=r"0-2, the shot has 1001-1003: none in common"):
            read(tmp_path / form)
        with pytest.raises(GuidanceError, match=r"--mask-offset 1001 makes them equal"):
            read(tmp_path / form, offset=0)
        with pytest.raises(GuidanceError, match=r"shifted by 1"):
            read(_shifted(tmp_path, form))
        result = read(tmp_path / form, offset=1001)
        assert result.instances[0].frames == 3
        assert set(codes(result)) <= {"mask-reading"}
        as_they_are = read(_shifted(tmp_path, form), offset=0)
        assert {"mask-frames-unused", "mask-frames-missing"} <= set(codes(as_they_are))
        assert as_they_are.instances[0].frames == 2


def _shifted(root: Path, form: str) -> Path:
    """Return the files of a form, numbered 1000 to 1002."""
    target = root / f"{form}-shifted"
    for path in (root / form).rglob("m.*"):
        stem, number, suffix = path.name.split(".")
        place = made(target / path.parent.relative_to(root / form))
        (place / f"{stem}.{int(number) + 1000}.{suffix}").write_bytes(path.read_bytes())
    return target


# How pixels are stored that an orientation tag (2 to 8) asks to be laid upright.
STORED = {
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.T, 6: np.rot90, 7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, -1),
}  # fmt: skip


@pytest.mark.parametrize("tag", STORED)
@pytest.mark.parametrize("form", ["png", "tif", "jpg", "palette"])
def test_masks_are_laid_as_their_tags_ask(read, tmp_path: Path, form: str, tag: int) -> None:
    """Tools that copy the plate's Exif write masks that are stored as the plate is."""
    values = {"palette": block(2, 2, 1) + block(24, 6, 2)}.get(form, block(2, 2))
    stored = np.ascontiguousarray(STORED[tag](grey(values)))
    picture = palette(stored, DAVIS) if form == "palette" else Image.fromarray(stored)
    exif = Image.Exif()
    exif[0x0112] = tag
    options = {"tiffinfo": {0x0112: tag}} if form == "tif" else {"exif": exif}
    folder = tmp_path / "m" if form == "palette" else tmp_path / "m" / "anna"
    folder.mkdir(parents=True)
    for frame in FRAMES:
        suffix = "png" if form == "palette" else form
        picture.save(folder / f"m.{frame}.{suffix}", **options)
    result = read(tmp_path / "m")
    masks = load_guidance(result.store, 1002).masks
    found = TWO if form == "palette" else {1: TWO[1]}
    assert {key: mask.window for key, mask in masks.items()} == found
