"""Rendered subjects become straight-colour clips that are used beside the others."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.errors import FrameReadError
from vimatte.training.layers import make_layer, photograph
from vimatte.training.material import Material, prepare_rendered, prepare_shapes, prepare_video
from vimatte.training.paint import draw_photograph
from vimatte.training.scene import draw_subject


def write_subject(folder: Path, frames: int) -> None:
    folder.mkdir(parents=True)
    for frame in range(1, frames + 1):
        premultiplied = np.zeros((64, 80, 4), np.float32)
        premultiplied[16:48, 20:60] = (0.5, 0.25, 0.0, 1.0)
        premultiplied[16:48, 60:64] = (0.25, 0.125, 0.0, 0.5)
        image = oiio.ImageBuf(premultiplied)
        assert image.write(str(folder / f"{frame:04d}.exr"), oiio.HALF)


def test_colour_is_straight_and_encoded(tmp_path: Path) -> None:
    write_subject(tmp_path / "subject_000", 3)
    assert prepare_rendered(tmp_path / "subject_000", tmp_path / "out.npy") == 3
    clip = np.load(tmp_path / "out.npy")
    assert clip.shape == (3, 32, 40, 4)
    assert clip[0, 16, 20, 3] == 255
    assert clip[0, 16, 30, 3] == 128
    encoded = round(255 * 0.5 ** (1 / 2.2))
    assert abs(int(clip[0, 16, 20, 0]) - encoded) <= 1
    assert abs(int(clip[0, 16, 30, 0]) - encoded) <= 1
    # Just outside, where alpha is 0, the colour goes on.
    assert abs(int(clip[0, 16, 33, 0]) - encoded) <= 3


def test_a_file_that_is_no_rendered_frame(tmp_path: Path) -> None:
    (tmp_path / "subject").mkdir()
    (tmp_path / "subject" / "0001.exr").write_bytes(b"not an EXR")
    with pytest.raises(FrameReadError, match="rendered frame"):
        prepare_rendered(tmp_path / "subject", tmp_path / "out.npy")


def test_a_short_rendered_clip_plays_there_and_back(tmp_path: Path) -> None:
    write_subject(tmp_path / "subject_000", 3)
    prepare_rendered(tmp_path / "subject_000", tmp_path / "m" / "rendered" / "s.npy")
    rng = np.random.default_rng(0)
    for name in ("backgrounds", "clips"):
        (tmp_path / "m" / name).mkdir()
    picture = rng.integers(0, 255, (420, 420, 3), dtype=np.uint8)
    np.save(tmp_path / "m" / "backgrounds" / "0000.npy", picture)
    blank = np.zeros((2, 40, 40, 4), np.uint8)
    blank[:, 10:30, 10:30] = 255
    np.save(tmp_path / "m" / "clips" / "c.npy", blank)
    prepare_shapes(2, tmp_path / "m" / "shapes.npy")
    material = Material.open(tmp_path / "m")
    assert len(material.rendered) == 1
    for seed in range(12):
        subject = draw_subject(material, 7, 96, 1.0, np.random.default_rng(seed))
        layer = make_layer(material, subject, 96)
        assert layer.alpha.shape == (7, 96, 96)
        assert np.isfinite(layer.colour).all()


def test_a_moving_background_moves(tmp_path: Path) -> None:
    movie = tmp_path / "street.mp4"
    with av.open(str(movie), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        for t in range(6):
            picture = np.full((128, 192, 3), 30 + 35 * t, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    target = tmp_path / "videos" / "street.npy"
    assert prepare_video(movie, target, most=5) == 5
    still = np.full((400, 400, 3), 100, np.uint8)
    shapes = np.zeros((1, 8, 8, 2), np.uint8)
    blank = np.zeros((1, 8, 8, 4), np.uint8)
    material = Material([still], [blank], shapes, videos=[np.load(target)])
    moving = 0
    for seed in range(40):
        piece = draw_photograph(material, 3, 64, np.random.default_rng(seed))
        frames = photograph(material, piece)
        levels = frames.mean(axis=(1, 2, 3))
        changed = np.abs(np.diff(levels)).min() > 0.05
        assert changed or np.abs(np.diff(levels)).max() < 0.02
        moving += bool(changed)
    assert 2 < moving < 20
