from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from vimatte.errors import ConfigError, OutputError, VerifyError
from vimatte.frames.frame_range import FrameRange
from vimatte.output import version
from vimatte.output.version import (
    MANIFEST,
    Manifest,
    VersionInstance,
    begin_version,
    expected_files,
    find_version,
    frame_number,
    latest_version,
)

FRAMES = FrameRange.parse("1001-1100,1200-1300x2")
ROWS = [VersionInstance(1, "bob", (1.0, 0.2, 0.1)), VersionInstance(3, "ann", (0.3, 0.2, 1 / 3))]


def manifest(fingerprint: str = "f", **more: Any) -> Manifest:
    return Manifest.of("sh010", FRAMES, ROWS, fingerprint, **more)


def test_a_manifest_reads_back_equal(tmp_path: Path) -> None:
    made = manifest(vse=True, compression="piz")
    folder = begin_version(tmp_path / "deep" / "out", made)
    assert folder == tmp_path / "deep" / "out" / "v001"
    assert Manifest.read(folder) == made
    data = json.loads((folder / MANIFEST).read_text())
    assert data["channels"] == ["R", "G", "B", "A", "bob.A", "ann.A"]
    assert data["schema"] == 1
    assert sorted(p.name for p in folder.parent.iterdir()) == ["v001"]


def test_other_manifests_are_other_versions(tmp_path: Path) -> None:
    first = begin_version(tmp_path, manifest())
    others = [
        manifest("g"),
        manifest(compression="piz"),
        manifest(vse=True),
        Manifest.of("sh010", FRAMES, ROWS[:1], "f"),
        Manifest.of("sh010", FrameRange.parse("1001-1100"), ROWS, "f"),
        Manifest.of("sh011", FRAMES, ROWS, "f"),
    ]
    for number, other in enumerate(others, 2):
        assert find_version(tmp_path, other) is None
        assert begin_version(tmp_path, other).name == f"v{number:03d}"
    assert find_version(tmp_path, manifest()) == first
    assert begin_version(tmp_path, manifest()) == first
    latest = latest_version(tmp_path)
    assert latest is not None
    assert latest.name == "v007"


def test_what_lies_in_the_folder_already(tmp_path: Path) -> None:
    assert latest_version(tmp_path / "missing") is None
    assert latest_version(tmp_path) is None
    for name in ("v7", "vx", "v0003.bak", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "v004").write_text("a file")
    (tmp_path / "v009").mkdir()  # somebody's, with no manifest
    (tmp_path / "v009" / "picture").write_text("")
    assert find_version(tmp_path, manifest()) is None
    assert begin_version(tmp_path, manifest()).name == "v010"
    assert find_version(tmp_path, manifest()) == tmp_path / "v010"


def test_versions_beyond_999(tmp_path: Path) -> None:
    (tmp_path / "v999").mkdir()
    assert begin_version(tmp_path, manifest()).name == "v1000"
    assert latest_version(tmp_path) == tmp_path / "v1000"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2}, {"plate": "../../etc"}, {"plate": ""}, {"frames": "abc"},
        {"instances": [{"id": 1, "name": "../x", "colour": [0, 0, 0]}]},
        {"instances": [{"id": 1, "name": "bob", "colour": [0, 0]}]},
        {"instances": "bob"}, {"instances": None}, {"compression": "zap"}, {"frames": None},
    ],
)  # fmt: skip
def test_nothing_in_a_manifest_is_trusted(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = begin_version(tmp_path, manifest())
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    if change == {"frames": None}:
        assert not Manifest.read(folder).frames
        return
    with pytest.raises(VerifyError):
        Manifest.read(folder)
    assert begin_version(tmp_path, manifest()).name == "v002"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff"])
def test_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    folder = begin_version(tmp_path, manifest())
    (folder / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(VerifyError, match="cannot be read"):
        Manifest.read(folder)
    with pytest.raises(VerifyError, match="not a published version"):
        Manifest.read(tmp_path)


def test_what_is_given_is_checked() -> None:
    with pytest.raises(ConfigError, match="view"):
        manifest(views=["Ann"])
    with pytest.raises(OutputError, match="share an id"):
        Manifest.of("a", FRAMES, [ROWS[0], VersionInstance(1, "ann", (0, 0, 0))], "f")
    with pytest.raises(ConfigError, match="zap"):
        manifest(compression="zap")
    assert Manifest.of("../a b", FRAMES, ROWS, "f").plate == "a_b"


def test_frame_numbers_and_files() -> None:
    assert [frame_number(n) for n in (7, 1001, 123456, -3)] == ["0007", "1001", "123456", "-0003"]
    assert expected_files(manifest(), -3) == ["exr/sh010.-0003.exr"]
    assert expected_files(manifest(vse=True, preview=True), 12) == [
        "exr/sh010.0012.exr",
        "vse/bob/0012.exr",
        "vse/ann/0012.exr",
        "preview/0012.png",
    ]


def test_an_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as info:
        begin_version(tmp_path / "file" / "out", manifest())
    assert info.value.hint


def _begin(out: str, fingerprint: str, barrier: Any) -> None:
    barrier.wait(60)
    folder = begin_version(Path(out), manifest(fingerprint))
    (Path(out) / f"pid{os.getpid()}").write_text(f"{fingerprint} {folder.name}")


def test_processes_that_begin_together_share_a_version(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    workers = [
        context.Process(target=_begin, args=(str(tmp_path), fingerprint, barrier))
        for fingerprint in "aabb"
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    found = sorted(p.read_text() for p in tmp_path.glob("pid*"))
    assert found in (
        ["a v001", "a v001", "b v002", "b v002"],
        ["a v002", "a v002", "b v001", "b v001"],
    )
    assert not list(tmp_path.glob(".*"))


def test_a_version_made_while_we_look_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = version._versions
    looks = 0

    def looked(out: Path) -> list[Path]:
        nonlocal looks
        looks += 1
        found = look(out)
        if looks == 1:  # another process is faster
            begin_version(out, manifest())
        return found

    monkeypatch.setattr(version, "_versions", looked)
    assert begin_version(tmp_path, manifest()).name == "v001"
    assert [path.name for path in look(tmp_path)] == ["v001"]
