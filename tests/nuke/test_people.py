"""People, found by the real networks through the node: rows, names, solo, colours, layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from nuke_support import planes, press, read, write_exr

from vimatte import MatteSession, Shot
from vimatte.errors import VimatteError
from vimatte.models.store import WeightsStore

DANCERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "dance_group.mp4"
FRAMES = (1001, 1002, 1003)


@pytest.fixture(scope="module", autouse=True)
def networks() -> None:
    """Fetch the networks that find people, once."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    try:
        WeightsStore().fetch("people")
    except VimatteError as error:
        pytest.skip(f"the people networks cannot be fetched: {error}")


def frames_of(movie: Path, first: int, width: int) -> list[np.ndarray]:
    """Return three frames of a movie, as light."""
    pictures = []
    with av.open(str(movie)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index >= first:
                height = 2 * round(frame.height * width / frame.width / 2)
                small = frame.reformat(width, height, "rgb24").to_ndarray().astype(np.float32)
                light = ((small / 255 + 0.055) / 1.055) ** 2.4
                pictures.append(np.where(small <= 10, small / (255 * 12.92), light))
            if len(pictures) == len(FRAMES):
                break
    return pictures


def plate_of(movie: Path, first: int, width: int, folder: Path) -> str:
    for frame, picture in zip(FRAMES, frames_of(movie, first, width), strict=True):
        colours = {c: picture[..., n] for n, c in enumerate("RGB")}
        write_exr(folder / f"plate.{frame}.exr", colours)  # with overscan
    return (folder / "plate.%04d.exr").as_posix()


@pytest.fixture
def dancers(tmp_path: Path) -> str:
    if not DANCERS.is_file():
        pytest.skip("../shared/data/dance_group.mp4 is not here")
    return plate_of(DANCERS, 30, 480, tmp_path / "dancers")


@pytest.fixture
def cyclist(tmp_path: Path) -> str:
    try:
        movie = WeightsStore().fetch("demo-clip") / "bikes.mp4"
    except VimatteError as error:
        pytest.skip(f"the demo clip cannot be fetched: {error}")
    return plate_of(movie, 118, 320, tmp_path / "bikes")


def found(start: Any, plate: str, script: Path) -> tuple[Any, Any]:
    """Return Nuke and a node whose people are found."""
    host = start(script=script)
    from vimatte_nuke import commands

    read(host, plate)
    node = commands.create()
    press(host, node, "find_people")
    return host, node


def core(plate: str, out: Path, names: tuple[str, ...]) -> Path:
    """Publish with the core alone."""
    shot = Shot(
        plate.replace("%04d", "####"),
        frames="1001-1003",
        colorspace="Linear Rec.709 (sRGB)",
        ocio="ocio://default",
    )
    with MatteSession(shot, guidance="people", cache=out / "cache") as session:
        for _ in session.guide(names):
            pass
        return session.publish(out, foreground=True, cryptomatte=True)


def test_dancers_are_found_named_matted_and_seen_alone(start, dancers, tmp_path):
    host, node = found(start, dancers, tmp_path / "dance.nk")
    from vimatte_nuke import knobs

    rows = knobs.rows(node)
    assert len(rows) >= 3, node["status"].value()
    assert node["status"].value() == f"{len(rows)} instances found"
    names = [node[f"name_{row}"].value() for row in rows]
    assert names == [f"person{row:02d}" for row in rows]
    assert len({tuple(node[f"colour_{row}"].value()) for row in rows}) == len(rows)
    one = rows[0]
    node[f"name_{one}"].setValue("lead")
    node["foreground"].setValue(True)
    node["cryptomatte"].setValue(True)
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    assert node[f"name_{one}"].value() == "lead"

    layers = host.see(node, 1002)
    version = core(dancers, tmp_path / "core", ("lead",))
    wanted = planes(version / "exr" / "plate.1002.exr")
    for name in ["lead", *names[1:]]:
        for short, long in (("R", "red"), ("G", "green"), ("B", "blue"), ("A", "alpha")):
            seen = layers.channels[f"{name}.{long}"]
            np.testing.assert_array_equal(seen, wanted[f"{name}.{short}"])
    assert layers.channels["lead.alpha"].max() > 0.9
    ids = planes(version / "cryptomatte" / "plate.1002.exr")
    for short, long in (("R", "red"), ("G", "green")):
        seen = layers.channels[f"VideoInstanceMatte00.{long}"]
        np.testing.assert_array_equal(seen, ids[f"VideoInstanceMatte00.{short}"])
    manifests = [v for k, v in layers.metadata.items() if k.endswith("/manifest")]
    assert len(manifests) == 1 and '"lead"' in manifests[0]

    node[f"solo_{one}"].setValue(True)
    node["matte_view"].setValue("alpha")
    alone = host.see(node, 1002).channels["rgba.red"]
    np.testing.assert_array_equal(alone, layers.channels["lead.alpha"])
    node[f"colour_{one}"].setValue([0.0, 0.0, 1.0])
    node["matte_view"].setValue("overlay")
    tinted, matte = host.see(node, 1002).channels, layers.channels["lead.alpha"]
    for name, gain in (("red", 0.0), ("green", 0.0), ("blue", 0.5)):
        before = layers.channels["rgba." + name]
        np.testing.assert_allclose(tinted["rgba." + name], before + gain * matte, atol=1e-6)
    node["matte_view"].setValue("layers")
    node[f"on_{one}"].setValue(False)
    assert not any(c.startswith("lead.") for c in host.see(node, 1002).channels)


def test_one_cyclist(start, cyclist, tmp_path):
    host, node = found(start, cyclist, tmp_path / "bikes.nk")
    assert node["status"].value() == "1 instances found"
    press(host, node, "matte")
    alpha = host.see(node, 1002).channels["person01.alpha"]
    assert alpha.max() > 0.9 and 0.02 < alpha.mean() < 0.3


def test_nobody(start, tmp_path):
    rng = np.random.default_rng(1)
    for frame in FRAMES:
        noise = {c: 0.2 + 0.01 * rng.random((96, 160)) for c in "RGB"}
        write_exr(tmp_path / "empty" / f"plate.{frame}.exr", noise)
    plate = (tmp_path / "empty" / "plate.%04d.exr").as_posix()
    host, node = found(start, plate, tmp_path / "empty.nk")
    assert "no person was found" in node["status"].value()
    assert node["tile_color"].value() != 0
    press(host, node, "matte")
    assert node["status"].value().startswith("3 frames matted; no person was found")
    assert set(host.see(node, 1001).channels) == {"rgba.red", "rgba.green", "rgba.blue"}
