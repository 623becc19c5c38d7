"""The benchmark built from a made-up talker, photographs and cut-outs, then read and scored."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vimatte.cli.main import main
from vimatte.errors import FrameReadError, InputError
from vimatte.evaluate import clips, items, score, stills
from vimatte.evaluate.tally import Tally, TallyBuilder

FRAMES = 4


def write_movie(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("mpeg4", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for pixels in frames:
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        movie.mux(stream.encode())


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a talker, both movies, every photograph and every cut-out; all tiny."""
    root = tmp_path_factory.mktemp("sources")
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:128, :120]
    talker = []
    for t in range(6):
        body = np.hypot((x - 60 - t) / 1.2, y - 110) < 60
        talker.append(np.where(body[..., None], [90, 60, 50], [0, 252, 0]).astype(np.uint8))
    write_movie(root / "talker.mp4", talker)
    noise = rng.integers(0, 255, (24, 40, 3)).astype(np.uint8)
    scene = cv2.resize(noise, (800, 560))
    for name in ("juggle", "corridor"):
        write_movie(root / f"{name}.mp4", [scene] * (64 if name == "juggle" else 12))
    for name in stills.PHOTOGRAPHS:
        cv2.imwrite(str(root / f"{name}.png"), cv2.resize(noise, (640, 600)))
    for name in stills.STAMPS:
        path = root / "stamps" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = np.zeros((90, 70, 4), np.uint8)
        cv2.circle(cut, (35, 45), 30, (40, 90, 200, 255), -1, cv2.LINE_AA)
        cv2.imwrite(str(path), cut)
    return root


@pytest.fixture(scope="module")
def bench(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench")
    made = {
        "clips": list(
            clips.build_clips(
                out, sources / "talker.mp4", [sources], seed=1, strength=1.0, frames=FRAMES
            )
        ),
        "stills": list(
            stills.build_stills(
                out,
                sources / "talker.mp4",
                sources / "stamps",
                [sources],
                seed=1,
                strength=1.0,
            )
        ),
    }
    items.write_manifest(out, {"seed": 1, "strength": 1.0, **made})
    return out


def test_every_item_is_there_and_whole(bench: Path) -> None:
    folders = items.item_folders(bench)
    assert [f.name for f in folders["clips"]] == [r.name for r in clips.RECIPES]
    assert len(folders["stills"]) == len(stills.STAMPS) + len(stills.TALKER_FRAMES)
    for kind, frames in (("clips", FRAMES), ("stills", 1)):
        for folder in folders[kind]:
            item = items.read_item(folder)
            assert len(item.plates) == frames
            for instance, truth in item.truth.items():
                assert len(truth) == len(item.masks[instance]) == frames
                assert truth[0].shape == item.plates[0].shape[:2]
                assert truth[0].dtype == np.float32
                assert all(a.max() > 0.9 for a in truth)
                assert all(m.any() for m in item.masks[instance])
            total = sum(truth[0] for truth in item.truth.values())
            assert total.max() <= 1 + 2 / 65535


def test_truth_is_what_the_plate_was_made_with(bench: Path) -> None:
    item = items.read_item(bench / "clips" / "park")
    alpha = item.truth[1][0]
    inside = item.plates[0][alpha == 1]
    assert np.abs(np.median(inside, axis=0) - np.array([90, 60, 50]) / 255).max() < 0.06
    # No green anywhere at the edge: the background is grey noise at most as green as here.
    moved = [np.flatnonzero((a > 0.5).any(axis=0))[0] for a in item.truth[1]]
    assert len(set(moved)) > 1, "the person stands still"


def test_the_front_instance_hides_the_one_behind() -> None:
    plate = np.zeros((1, 3, 3), np.float32)
    front = np.zeros((1, 3, 4), np.float32)
    front[0, 0] = 1
    front[0, 1] = 0.5
    back = np.ones((1, 3, 4), np.float32)
    _, (first, second) = clips.composite(plate, [front, back])
    assert first.tolist() == [[1, 0.5, 0]]
    assert second.tolist() == [[0, 0.5, 1]]


def test_a_second_build_gives_the_same_bytes(bench: Path, sources: Path, tmp_path: Path) -> None:
    made = clips.build_clips(
        tmp_path, sources / "talker.mp4", [sources], seed=1, strength=1.0, frames=FRAMES
    )
    next(made)
    made.close()
    files = [p.relative_to(tmp_path) for p in (tmp_path / "clips" / "park").rglob("*.png")]
    assert len(files) == 3 * FRAMES
    for name in files:
        assert (tmp_path / name).read_bytes() == (bench / name).read_bytes()


def tally_of(item: items.Item, alphas: dict[int, list[np.ndarray]], frames: list[int]) -> Tally:
    builder = TallyBuilder(len(item.truth), len(alphas))
    for t in frames:
        builder.add(t, [a[t] for a in alphas.values()], [a[t] for a in item.truth.values()])
    return builder.done()


def test_truth_scores_nothing_and_the_mask_something(bench: Path) -> None:
    item = items.read_item(bench / "clips" / "corridor")
    truth = {i: list(frames) for i, frames in item.truth.items()}
    perfect = score.score_tally(tally_of(item, truth, [0, 1, 2, 3]), [0, 1])
    assert perfect.mad == perfect.dtssd == perfect.sad == perfect.mse == 0
    masks = {i: [m.astype(np.float32) for m in ms] for i, ms in item.masks.items()}
    every = tally_of(item, masks, [0, 1, 2, 3])
    rough = score.score_tally(every, [0, 1], [0, 1, 3])
    assert rough.mad_unknown > rough.mad > 0
    assert rough.dtssd > 0
    # Measured on these frames alone it is the same.
    again = score.score_tally(tally_of(item, masks, [0, 1, 3]), [0, 1])
    assert again == rough


def test_pictures_are_read_when_they_are_asked_for(bench: Path) -> None:
    item = items.read_item(bench / "clips" / "park")
    assert len(item.plates[1:3]) == 2
    assert np.array_equal(item.plates[1:3][0], item.plates[1])
    assert item.truth[1][0].dtype == np.float32
    assert item.masks[1][0].dtype == bool


def test_pairs_are_spread_over_the_clip() -> None:
    assert score.spread_pairs(1, 12) == [0]
    assert score.spread_pairs(4, 12) == [0, 1, 2, 3]
    chosen = score.spread_pairs(40, 12)
    assert len(chosen) == 24
    assert chosen[:2] == [0, 1]
    assert chosen[-2:] == [38, 39]


def test_the_recipes_come_from_the_command_line_too(
    bench: Path, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["benchmark", "build", str(tmp_path), "--style", "quality", "--frames", str(FRAMES)]
    assert main(command) == 3
    assert "needs --talker" in capsys.readouterr().err
    command += ["--talker", str(sources / "talker.mp4"), "--backgrounds", str(sources)]
    command += ["--stamps", str(sources / "stamps")]
    assert main(command) == 0
    for name in ("clips/park/plate/0001.png", "stills/otter/masks/1/0001.png"):
        assert (tmp_path / name).read_bytes() == (bench / name).read_bytes()
    capsys.readouterr()
    command = ["benchmark", "run", str(tmp_path), "--no-model", "--baselines", "mask,blur"]
    assert main([*command, "--no-noise"]) == 0
    assert "clips (4), every frame" in capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["clips"]["every_frame"]["mask"]["park"]["mad"] > 0
    assert figures["stills"]["every_frame"]["mask"]["otter"]["dtssd"] is None


def test_missing_sources_are_named(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="juggle"):
        list(
            clips.build_clips(
                tmp_path,
                sources / "talker.mp4",
                [sources / "stamps"],
                seed=1,
                strength=1,
                frames=2,
            )
        )
    with pytest.raises(InputError, match="not a benchmark"):
        items.item_folders(tmp_path)
    with pytest.raises(FrameReadError):
        stills.read_cut_out(sources / f"{stills.PHOTOGRAPHS[0]}.png")
    with pytest.raises(FrameReadError):
        clips.Talker(sources / f"{stills.PHOTOGRAPHS[0]}.nothing")
