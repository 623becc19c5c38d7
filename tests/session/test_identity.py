"""Every setting that decides pixels is a part of their identity, and only those are."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from tests_session_support import write_plate

from vimatte.frames.window import Window
from vimatte.session.identity import deciding_settings
from vimatte.session.session_file import Instance, SessionFile
from vimatte.session.settings import Settings
from vimatte.session.shot import Shot

# Another value of every setting; a new setting that is missing here fails the test.
OTHER: dict[str, object] = {
    "model": "msgvim",
    "quality": "draft",
    "segment": 48,
    "preroll": 4,
    "keep_state": 24,
    "coupling": 0.25,
    "steadiness": 0.5,
    "order": ("second", "first"),
}
# Says how often states are kept, not what they are.
DECIDES_NOTHING = {"keep_state"}
SHOTS: dict[str, object] = {
    "exposure": 1.0,
    "colorspace": "ACEScct",
    "roi": Window(0, 0, 100, 100),
}


@pytest.fixture
def file(tmp_path: Path) -> SessionFile:
    plate = write_plate(tmp_path / "plate", range(1001, 1003))
    rows = tuple(
        Instance(key, name, (1.0, 0.0, 0.0)) for key, name in ((1, "first"), (2, "second"))
    )
    return SessionFile(Shot(plate), "people", {}, Settings(), rows)


def identity(file: SessionFile, weights: str = "0") -> dict[str, object]:
    shot = file.shot.open()
    try:
        return deciding_settings(file, weights, shot.source.settings())
    finally:
        shot.close()


@pytest.mark.parametrize("name", [item.name for item in fields(Settings)])
def test_a_setting_is_in_the_identity_if_it_decides_pixels(file: SessionFile, name: str) -> None:
    assert getattr(file.settings, name) != OTHER[name]
    changed = replace(file, settings=replace(file.settings, **{name: OTHER[name]}))
    assert (identity(changed) != identity(file)) == (name not in DECIDES_NOTHING)


@pytest.mark.parametrize("name", SHOTS)
def test_how_a_plate_is_read_is_in_the_identity(file: SessionFile, name: str) -> None:
    changed = replace(file, shot=replace(file.shot, **{name: SHOTS[name]}))
    assert identity(changed) != identity(file)


def test_what_else_decides(file: SessionFile) -> None:
    plain = identity(file)
    assert identity(file, weights="1") != plain
    first, second = file.instances
    assert identity(file.with_instances((first, replace(second, enabled=False)), ())) != plain
    for kind in ("garbage", "core"):
        assert identity(replace(file, folders={kind: Path("x")})) != plain
    # Names and colours are written, not computed.
    named = (replace(first, name="anna", colour=(0.0, 0.0, 1.0)), second)
    assert identity(file.with_instances(named, ())) == plain
