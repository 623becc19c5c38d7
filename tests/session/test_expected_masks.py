"""What mattes should keep to: the masks in front order, bounded as the mattes are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests_session_support import HEIGHT, WIDTH, disc, write_frame

from vimatte.session import MatteSession, Shot

Make = Callable[..., MatteSession]


def bound(folder: Path, name: str, columns: slice) -> None:
    """White in some columns."""
    (folder / name).mkdir(parents=True)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    pixels[:, columns] = 1
    write_frame(folder / name / "b.1001.exr", pixels)


def sizes(session: MatteSession) -> dict[int, int]:
    session.ready()
    return {key: item.area for key, item in session.expected(1001).items()}


def test_without_bounds_the_masks_of_those_that_are_on(make: Make, plate: Path) -> None:
    shot = Shot(plate, frames="1001")
    whole = disc(0, 0, 25).area
    session = make(shot=shot)
    assert sizes(session) == {1: whole, 2: whole}
    table = tuple(
        type(row)(row.id, row.name, row.colour, row.id == 2, row.order) for row in session.instances
    )
    assert sizes(make("off", shot=shot, instances=table)) == {2: whole}


@pytest.mark.parametrize(
    ("kind", "name", "columns", "expected"),
    [
        # The first disc reaches from column 17 to 67, the second from 113 to 163.
        ("garbage", "disc1", slice(0, 0), {2: 1}),
        ("garbage", "disc1", slice(42, None), {1: 0.5, 2: 1}),
        ("core", "disc1", slice(113, 164), {1: 2, 2: 0}),
        ("core", "disc2", slice(0, 100), {2: 2}),
    ],
)
def test_bounds_change_what_is_expected(
    make: Make,
    plate: Path,
    tmp_path: Path,
    kind: str,
    name: str,
    columns: slice,
    expected: dict[int, float],
) -> None:
    bound(tmp_path / kind, name, columns)
    session = make(shot=Shot(plate, frames="1001"), folders={kind: tmp_path / kind})
    found = sizes(session)
    assert set(found) == {key for key, share in expected.items() if share}
    whole = disc(0, 0, 25).area
    for key, share in expected.items():
        if share > 1:
            assert found[key] > 1.5 * whole
        elif share:
            assert found[key] == pytest.approx(share * whole, rel=0.05)
