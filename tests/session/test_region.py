"""A region of interest beside the plate: within it, partly, or nowhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.errors import ConfigError
from vimatte.frames.window import Window
from vimatte.session.region import region_notices
from vimatte.session.shot import Shot


def plate(folder: Path, windows: list[Window], aspect: float = 1.0) -> Path:
    """Write frames of 20 x 10 with these data windows."""
    for frame, window in enumerate(windows, 1):
        spec = oiio.ImageSpec(window.width, window.height, 3, "half")
        spec.x, spec.y, spec.full_width, spec.full_height = window.x, window.y, 20, 10
        spec.attribute("PixelAspectRatio", aspect)
        out = oiio.ImageOutput.create(str(folder / f"p.{frame}.exr"))
        assert out.open(str(folder / f"p.{frame}.exr"), spec)
        assert out.write_image(np.ones((window.height, window.width, 3), np.float32))
        out.close()
    return folder / "p.#.exr"


WHOLE = Window(0, 0, 20, 10)
OVERSCAN = Window(-4, -4, 28, 18)


@pytest.mark.parametrize(
    ("windows", "roi", "said"),
    [
        ([WHOLE], None, None),
        ([WHOLE], Window(2, 2, 5, 5), None),
        ([WHOLE], WHOLE, None),
        ([OVERSCAN], Window(-3, -3, 2, 2), None),
        ([Window(0, 0, 4, 4), Window(10, 5, 4, 4)], Window(11, 6, 2, 2), None),
        ([WHOLE], Window(15, 5, 50, 50), "5x5 at 15,5 is used"),
        ([WHOLE], Window(-5, 0, 10, 10), "5x10 at 0,0 is used"),
    ],
)
def test_regions(tmp_path: Path, windows: list[Window], roi: Window | None, said: str) -> None:
    shot = Shot(plate(tmp_path, windows), roi=roi)
    notices = region_notices(shot.open().source, roi)
    assert [said in str(notice) for notice in notices] == ([] if said is None else [True])


@pytest.mark.parametrize("roi", [Window(20, 0, 5, 5), Window(500, 9, 20, 20), Window(-9, 0, 9, 9)])
def test_a_region_that_meets_nothing(tmp_path: Path, roi: Window) -> None:
    shot = Shot(plate(tmp_path, [WHOLE] * 2), roi=roi)
    with pytest.raises(ConfigError, match="holds nothing of the plate") as info:
        region_notices(shot.open().source, roi)
    assert "20x10 pixels at 0,0" in str(info.value.hint)


def test_a_squeezed_plate_is_as_wide_as_it_is_seen(tmp_path: Path) -> None:
    roi = Window(30, 0, 10, 10)
    shot = Shot(plate(tmp_path, [WHOLE], aspect=2.0), roi=roi)
    assert region_notices(shot.open().source, roi) == ()
