"""Sets built from drawn and filmed material: counts, occlusion, guidance, the same bytes again."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.errors import FrameReadError, InputError
from vimatte.evaluate.arrangement import OCCLUSION, hidden_share
from vimatte.evaluate.backgrounds import find_backgrounds, procedural_backgrounds
from vimatte.evaluate.degrade import salt_and_pepper
from vimatte.evaluate.foregrounds import find_foregrounds, procedural_foregrounds
from vimatte.evaluate.items import read_item
from vimatte.evaluate.synthetic import SyntheticOptions, build_set, instance_counts

OPTIONS = SyntheticOptions(frames=3, size=(160, 96))


def build(out: Path, kind: str = "vim50", clips: int = 1, **changes: object) -> list[dict]:
    options = SyntheticOptions(**{**_fields(OPTIONS), **changes})
    subjects, places = procedural_foregrounds(1, 6, 96), procedural_backgrounds(1, 2)
    return list(build_set(out, kind, clips, subjects, places, options))


def _fields(options: SyntheticOptions) -> dict[str, object]:
    return {name: getattr(options, name) for name in options.__dataclass_fields__}


def test_the_counts_have_the_ratio_of_vim50() -> None:
    counts = instance_counts(50)
    assert [counts.count(n) for n in (2, 3, 4)] == [35, 10, 5]
    assert [instance_counts(10).count(n) for n in (2, 3, 4)] == [7, 2, 1]
    assert instance_counts(1) == [2]
    assert all(len(instance_counts(n)) == n for n in range(1, 40))


@pytest.mark.parametrize("kind", ["vim50", "easy", "medium", "hard"])
def test_as_much_is_hidden_as_the_set_asks_for(kind: str, tmp_path: Path) -> None:
    low, high = OCCLUSION[kind]
    for record in build(tmp_path, kind, 3):
        item = read_item(tmp_path / kind / record["name"])
        assert len(item.plates) == 3
        assert list(item.truth) == record["instances"]
        assert sum(alpha[0] for alpha in item.truth.values()).max() <= 1 + 2 / 65535
        assert record["hidden"][0] == 0
        for share in record["hidden"][1:]:
            # They were arranged on small pictures of the same clip.
            assert low - 0.03 <= share <= high + 0.03
        assert all(mask[0].any() for mask in item.masks.values())


def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build(tmp_path / name, seed=seed)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.png"))
    assert len(files) == 3 + 2 * 2 * 3
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    plate = files[0]
    assert (tmp_path / "a" / plate).read_bytes() != (tmp_path / "c" / plate).read_bytes()


def test_finished_clips_are_not_made_again(tmp_path: Path) -> None:
    first = build(tmp_path, clips=2)
    plate = tmp_path / "vim50" / "01" / "plate" / "0001.png"
    plate.write_bytes(b"mine")
    assert build(tmp_path, clips=2) == first
    assert plate.read_bytes() == b"mine"
    (tmp_path / "vim50" / "01" / "item.json").unlink()  # it was stopped before the end
    assert build(tmp_path, clips=2) == first
    assert plate.read_bytes() != b"mine"
    assert build(tmp_path, clips=2, strength=0.5) != first
    build(tmp_path, clips=2, frames=2)
    assert len(read_item(tmp_path / "vim50" / "01").plates) == 2


def test_guidance_with_salt_and_pepper(tmp_path: Path) -> None:
    build(tmp_path, guidance="noise", noise=0.2)
    item = read_item(tmp_path / "vim50" / "01")
    wrong = np.mean((item.truth[1][0] > 0.5) != item.masks[1][0])
    assert wrong == pytest.approx(0.1, abs=0.02)


def test_salt_and_pepper_by_count() -> None:
    mask = np.zeros((200, 200), bool)
    mask[:100] = True
    noisy = salt_and_pepper(mask, 0.25, 3, 7)
    assert (~noisy[:100]).mean() == pytest.approx(0.125, abs=0.01)
    assert noisy[100:].mean() == pytest.approx(0.125, abs=0.01)
    assert np.array_equal(noisy, salt_and_pepper(mask, 0.25, 3, 7))
    assert not np.array_equal(noisy, salt_and_pepper(mask, 0.25, 3, 8))
    assert np.array_equal(salt_and_pepper(mask, 0, 3, 7), mask)


def test_hidden_share_by_hand() -> None:
    assert hidden_share([10, 30], [10, 10]) == 0.5
    assert hidden_share([0], [0]) == 0


def test_options_that_no_set_can_have(tmp_path: Path) -> None:
    for changes, said in (
        ({"frames": 0}, "at least one frame"),
        ({"size": (8, 8)}, "cannot be 8x8"),
        ({"size": (100_000, 96)}, "cannot be 100000x96"),
        ({"noise": 0.5}, "0 to 0.25"),
        ({"seed": -1}, "seed"),
        ({"guidance": "oracle"}, "oracle"),
    ):
        with pytest.raises(InputError, match=said):
            build(tmp_path, **changes)
    with pytest.raises(InputError, match="at least one clip"):
        build(tmp_path, clips=0)


def disc(shade: int, width: int = 60, height: int = 80) -> np.ndarray:
    rgba = np.zeros((height, width, 4), np.uint8)
    cv2.circle(rgba, (width // 2, height // 2), 25, (40, 90, shade, 255), -1, cv2.LINE_AA)
    return rgba


def write_alpha_movie(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("png", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "rgba"
        for pixels in frames:
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
        movie.mux(stream.encode())


@pytest.fixture
def filmed(tmp_path: Path) -> Path:
    """A sequence of PNGs, one of EXRs, a movie with alpha, one before green, and a picture."""
    root = tmp_path / "filmed"
    for name in ("png", "exr"):
        (root / name).mkdir(parents=True)
    for frame in range(3):
        cv2.imwrite(str(root / "png" / f"a.{frame:04d}.png"), disc(200))
        alpha = disc(0)[..., 3:].astype(np.float32) / 255
        pixels = np.concatenate([alpha * [0.25, 0.5, 0.04], alpha], axis=2).astype(np.float32)
        spec = oiio.ImageSpec(60, 80, 4, oiio.HALF)
        file = oiio.ImageOutput.create(str(root / "exr" / f"{frame:04d}.exr"))
        assert file.open(str(root / "exr" / f"{frame:04d}.exr"), spec)
        assert file.write_image(np.ascontiguousarray(pixels))
        file.close()
    write_alpha_movie(root / "alpha.mov", [disc(shade)[..., [2, 1, 0, 3]] for shade in (90, 120)])
    y, x = np.mgrid[:128, :120]
    person = np.hypot((x - 60) / 1.2, y - 110) < 60
    green = np.where(person[..., None], [90, 60, 50], [0, 252, 0]).astype(np.uint8)
    with av.open(str(root / "green.mp4"), "w") as movie:
        stream = movie.add_stream("mpeg4", rate=25)
        stream.height, stream.width = 128, 120
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for _ in range(2):
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(green, format="rgb24")))
        movie.mux(stream.encode())
    cv2.imwrite(str(root / "still.png"), disc(10))
    return root


def test_every_kind_of_foreground_is_read(filmed: Path) -> None:
    found = {f.name: f for f in find_foregrounds([filmed])}
    assert {name: f.length for name, f in found.items()} == {
        "alpha": 2, "exr": 3, "green": 2, "png": 3, "still": 1,
    }  # fmt: skip
    for name, colour in (
        ("png", (200, 90, 40)),
        ("exr", (136, 186, 59)),  # 0.25, 0.5 and 0.04 of light, as 2.2 encodes them
        ("alpha", (90, 90, 40)),
        ("still", (10, 90, 40)),
        ("green", (90, 60, 50)),
    ):
        frames = found[name].frames(0, 4)  # longer than any: to and fro
        assert len(frames) == 4
        height, width = frames[0].shape[:2]
        middle = frames[0][height // 2 + 20, width // 2]
        assert middle[3] == 255, name
        assert np.abs(middle[:3].astype(int) - colour).max() <= 8, (name, middle)
        assert frames[0][0, 0, 3] == 0


def test_a_set_from_filmed_material(filmed: Path, tmp_path: Path) -> None:
    places = tmp_path / "places"
    places.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    cv2.imwrite(str(places / "place.jpg"), cv2.resize(noise, (360, 240)))
    made = list(
        build_set(
            tmp_path / "bench", "medium", 2,
            find_foregrounds([filmed]),
            find_backgrounds([places, filmed / "green.mp4"]),
            SyntheticOptions(frames=3, size=(128, 96), strength=0.5),
        )
    )  # fmt: skip
    assert {name for record in made for name in record["foregrounds"]} <= {
        "alpha", "exr", "green", "png", "still",
    }  # fmt: skip
    item = read_item(tmp_path / "bench" / "medium" / "02")
    assert len(item.plates) == 3
    stored = json.loads((tmp_path / "bench" / "medium" / "02" / "item.json").read_text())
    assert stored == made[1]


def test_material_that_is_none(filmed: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for find in (find_foregrounds, find_backgrounds):
        with pytest.raises(InputError, match="no such"):
            find([tmp_path / "nowhere"])
        with pytest.raises(InputError, match="here"):
            find([tmp_path / "empty"])
    cv2.imwrite(str(tmp_path / "solid.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(FrameReadError, match="R, G, B and A"):
        find_foregrounds([tmp_path / "solid.png"])[0].frames(0, 1)
    cv2.imwrite(str(tmp_path / "void.png"), np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(FrameReadError, match="empty"):
        find_foregrounds([tmp_path / "void.png"])[0].frames(0, 1)
    (tmp_path / "broken.mp4").write_bytes(b"no movie")
    with pytest.raises(FrameReadError, match="cannot decode"):
        find_foregrounds([tmp_path / "broken.mp4"])
    grey = [np.full((32, 32, 3), 90, np.uint8)] * 2
    with av.open(str(tmp_path / "grey.mp4"), "w") as movie:
        stream = movie.add_stream("mpeg4", rate=25)
        stream.height = stream.width = 32
        stream.pix_fmt = "yuv420p"
        for pixels in grey:
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        movie.mux(stream.encode())
    with pytest.raises(InputError, match="neither an alpha channel nor pure green"):
        find_foregrounds([tmp_path / "grey.mp4"])
