"""What the values and layers of a mask mean: mattes of floating-point numbers, cut-outs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vimatte.errors import GuidanceError
from vimatte.guidance.mask_files import MaskFileGuidance
from vimatte.guidance.masks_io import load_guidance

WIDTH, HEIGHT = 48, 32
FRAMES = range(1001, 1004)


@pytest.fixture
def read(tmp_path: Path, source_of, finish, write_image):
    """Run the provider over a plate of three frames and return its result."""
    for frame in FRAMES:
        write_image(tmp_path / "plate" / f"sh.{frame}.png", np.full((HEIGHT, WIDTH, 3), 100))

    def run(masks: Path):
        source = source_of(tmp_path / "plate" / "sh.####.png")
        provider = MaskFileGuidance(folder=masks)
        return finish(provider.run(source, tmp_path / "cache", "sh"))[0]

    return run


def test_floating_point_mattes_are_no_indices(read, tmp_path: Path) -> None:
    """All of a float TIFF is at most 1; its inside begins at 0.5 as everywhere."""
    hard = np.zeros((HEIGHT, WIDTH), np.float32)
    hard[8:18, 8:18] = 1
    soft = cv2.GaussianBlur(hard, (0, 0), 3)
    (tmp_path / "f" / "anna").mkdir(parents=True)
    for frame in FRAMES:
        cv2.imwrite(str(tmp_path / "f" / "anna" / f"m.{frame}.tif"), soft)
    for masks in ("f", "f/anna", "f/anna/m.####.tif"):
        result = read(tmp_path / masks)
        (mask,) = load_guidance(result.store, 1002).masks.values()
        assert mask.area == np.count_nonzero(soft >= 0.5) < np.count_nonzero(soft > 0)
        assert not result.notices


def test_a_picture_is_no_layer_but_a_matte_in_a_folder(read, tmp_path, write_image) -> None:
    for frame in FRAMES:
        write_image(tmp_path / "f" / "anna" / f"m.{frame}.exr", np.ones((HEIGHT, WIDTH, 4)))
    with pytest.raises(GuidanceError, match=r"they hold R/G/B/A.*masks/NAME/mask.1001.exr"):
        read(tmp_path / "f" / "anna")
    assert [info.name for info in read(tmp_path / "f").instances] == ["anna"]
