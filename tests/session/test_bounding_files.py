"""Garbage and core mattes: whose they are, by name, number, size and channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vimatte.cache.store import FrameStore
from vimatte.errors import GuidanceError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.open_plate import open_plate
from vimatte.frames.window import Window
from vimatte.guidance.types import GuidanceResult, InstanceInfo
from vimatte.matting.loop import InstanceAlpha
from vimatte.session.bounds import Bounds
from vimatte.session.session_file import Instance

WIDTH, HEIGHT = 24, 16
FRAMES = range(1001, 1004)
CANVAS = Window(0, 0, WIDTH, HEIGHT)
LEFT = np.zeros((HEIGHT, WIDTH), np.uint8)
LEFT[:, : WIDTH // 2] = 255

Match = Callable[..., Bounds]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> NetworkSource:
    folder = tmp_path_factory.mktemp("plate")
    for frame in FRAMES:
        cv2.imwrite(str(folder / f"sh.{frame}.png"), np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    plate = open_plate(folder / "sh.####.png")
    return NetworkSource(plate, NetworkColour(None, plate=plate))


@pytest.fixture
def match(source: NetworkSource, tmp_path: Path) -> Match:
    """Match garbage mattes with instances that were called anna and bert by their masks."""

    def run(
        folder: Path,
        names: tuple[str, ...] = ("anna", "bert"),
        called: tuple[str, ...] = ("anna", "bert"),
        absent: tuple[str, ...] = (),
        offset: int | None = None,
        frames: str | None = None,
        kind: str = "garbage",
    ) -> Bounds:
        rows = [Instance(key, name, (0, 0, 0)) for key, name in enumerate(names, 1)]
        infos = [InstanceInfo(k, n, 1001, 1003, 3, (0, 0, 0)) for k, n in enumerate(called, 1)]
        store = FrameStore(tmp_path / "cache", "sh", "guidance", {})
        part = source
        if frames is not None:
            colour = NetworkColour(None, plate=source.plate)
            part = NetworkSource(source.plate, colour, frames=FrameRange.parse(frames))
        bounds = Bounds({kind: folder}, part, {} if offset is None else {kind: offset})
        bounds.match(rows, GuidanceResult(tuple(infos), (), store, False, absent=absent))
        return bounds

    return run


def save(folder: Path, picture: np.ndarray = LEFT, frames=FRAMES, suffix: str = "png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        assert cv2.imwrite(str(folder / f"g.{frame}.{suffix}"), picture)
    return folder


def save_exr(folder: Path, pixels: np.ndarray, names: list[str], at=(0, 0)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in FRAMES:
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), "half")
        spec.x, spec.y, spec.full_width, spec.full_height = *at, WIDTH, HEIGHT
        spec.channelnames = tuple(names)
        out = oiio.ImageOutput.create(str(folder / f"g.{frame}.exr"))
        assert out.open(str(folder / f"g.{frame}.exr"), spec)
        assert out.write_image(np.ascontiguousarray(pixels, np.float32))
        out.close()
    return folder


def bounded(bounds: Bounds, names: tuple[str, ...] = ("anna", "bert")) -> dict[str, str]:
    """Return for every instance which half its matte is left in: left, all or none."""
    rows = [Instance(key, name, (0, 0, 0)) for key, name in enumerate(names, 1)]
    full = np.full((HEIGHT, WIDTH), 0.4, np.float32)
    alphas = bounds.apply(1002, {row.id: InstanceAlpha(CANVAS, full) for row in rows}, rows)
    found = {}
    for row in rows:
        alpha = alphas[row.id].alpha
        left, right = bool(alpha[:, : WIDTH // 2].all()), bool(alpha[:, WIDTH // 2 :].any())
        found[row.name] = {(True, False): "left", (True, True): "all"}.get((left, right), "none")
    return found


def test_a_folder_bounds_its_instance(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "bert")
    bounds = match(tmp_path / "g")
    assert bounded(bounds) == {"anna": "all", "bert": "left"}
    assert bounds.notices == ()


def test_names_that_were_given_and_those_of_the_masks(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "bert")
    names = ("ann", "bob")
    assert bounded(match(tmp_path / "g", names), names) == {"ann": "all", "bob": "left"}
    save(tmp_path / "h" / "bob")
    assert bounded(match(tmp_path / "h", names), names) == {"ann": "all", "bob": "left"}
    save(tmp_path / "i" / "person 2")
    called = ("person 1", "person 2")
    for folder in ("person 2", "person_2"):
        save(tmp_path / folder / folder)
        found = bounded(match(tmp_path / folder, names, called), names)
        assert found == {"ann": "all", "bob": "left"}
    # Where names were swapped, the user's word counts.
    swapped = ("bert", "anna")
    assert bounded(match(tmp_path / "g", swapped), swapped) == {"bert": "left", "anna": "all"}


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("Bert", r"'Bert' of the garbage mattes is no instance's.*did you mean bert.*known: anna"),
        ("cleo", r"'cleo' of the garbage mattes is no instance's.*known: anna, bert"),
        ("1", r"'1' of the garbage mattes is no instance's"),
    ],
)
def test_a_folder_that_is_nobodys(match: Match, tmp_path: Path, folder: str, said: str) -> None:
    save(tmp_path / "g" / "anna")
    save(tmp_path / "g" / folder)
    with pytest.raises(GuidanceError, match=said):
        match(tmp_path / "g")


def test_an_instance_that_is_not_in_this_part_of_the_shot(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "cleo")
    bounds = match(tmp_path / "g", absent=("cleo",))
    assert bounded(bounds) == {"anna": "all", "bert": "all"}
    assert [notice.code for notice in bounds.notices] == ["garbage-not-in-shot"]


def test_a_sequence_for_all(match: Match, tmp_path: Path) -> None:
    flat = save(tmp_path / "g")
    both = {"anna": "left", "bert": "left"}
    for path in (flat, flat / "g.####.png", flat / "g.%04d.png"):
        assert bounded(match(path)) == both
    save(flat / "anna", np.full_like(LEFT, 255))
    assert bounded(match(flat)) == {"anna": "all", "bert": "left"}
    save(flat / "bert", np.full_like(LEFT, 255))
    bounds = match(flat)
    assert bounded(bounds) == {"anna": "all", "bert": "all"}
    assert "g.#.png (3 files)" in str(bounds.notices[0])


@pytest.mark.parametrize("name", [".DS_Store", "@eaDir", "__MACOSX", "Thumbs.db"])
def test_systems_folders_are_nobodys(match: Match, tmp_path: Path, name: str) -> None:
    save(tmp_path / "g" / "bert")
    (tmp_path / "g" / name).mkdir()
    assert match(tmp_path / "g").notices == ()


def test_what_lies_beside_is_said(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "bert")
    (tmp_path / "g" / "notes.txt").touch()
    (tmp_path / "g" / "still.png").touch()
    (tmp_path / "g" / "bert" / "old.json").touch()
    (notice,) = match(tmp_path / "g").notices
    assert notice.code == "garbage-files-unused"
    for name in ("notes.txt", "still.png", "bert/old.json"):
        assert name in str(notice)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (range(3), r"0-2, the shot has 1001-1003: none in common.*--garbage-offset 1001 makes"),
        (range(1000, 1003), r"shifted by 1.*--garbage-offset 1 "),
        (range(1001, 1003), r"has no picture for frame 1003 .*it has 1001-1002"),
        ([1001, 1003], r"no garbage matte for frame 1002 .*all white takes nothing away"),
    ],
)
def test_numbers_that_do_not_match(match: Match, tmp_path: Path, frames, said: str) -> None:
    for folder in (tmp_path / "g", tmp_path / "h" / "bert"):
        save(folder, frames=frames)
    for folder in ("g", "h"):
        with pytest.raises(GuidanceError, match=said):
            match(tmp_path / folder)


def test_an_offset_moves_them(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "bert", frames=range(3))
    assert bounded(match(tmp_path / "g", offset=1001)) == {"anna": "all", "bert": "left"}
    with pytest.raises(GuidanceError, match="none in common"):
        match(tmp_path / "g", offset=0)


def test_a_part_of_the_plate_and_more_than_the_plate(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "bert")
    assert match(tmp_path / "g", frames="1002").notices == ()
    save(tmp_path / "g" / "bert", frames=[1004])
    (notice,) = match(tmp_path / "g", frames="1002").notices
    assert notice.code == "garbage-frames-unused"
    assert "numbered 1004" in str(notice)


def test_folders_that_hold_nothing_or_too_much(match: Match, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(GuidanceError, match=r"holds no core mattes.*DIR/NAME/core"):
        match(tmp_path / "none", kind="core")
    with pytest.raises(GuidanceError, match="neither a folder nor a sequence"):
        match(tmp_path / "gone")
    (tmp_path / "empty" / "bert").mkdir(parents=True)
    with pytest.raises(GuidanceError, match="one numbered sequence"):
        match(tmp_path / "empty")
    save(tmp_path / "two" / "bert")
    (tmp_path / "two" / "bert" / "other.1001.png").touch()
    with pytest.raises(GuidanceError, match=r"g\.#\.png, other\.#\.png"):
        match(tmp_path / "two")


def test_sizes_are_compared_before_anything_is_computed(match: Match, tmp_path: Path) -> None:
    save(tmp_path / "g" / "bert", LEFT[:8])
    with pytest.raises(GuidanceError, match="garbage matte of bert is 24x8, expected 24x16"):
        match(tmp_path / "g")
    (tmp_path / "h" / "bert").mkdir(parents=True)
    for frame in FRAMES:
        (tmp_path / "h" / "bert" / f"g.{frame}.png").write_bytes(b"no picture")
    with pytest.raises(GuidanceError, match="cannot be opened"):
        match(tmp_path / "h")


@pytest.mark.parametrize("last", [LEFT[:8], None])
def test_every_frame_is_looked_at_before_anything_is_computed(
    match: Match, tmp_path: Path, last: np.ndarray | None
) -> None:
    save(tmp_path / "g")
    if last is None:
        (tmp_path / "g" / "g.1003.png").write_bytes(b"")
    else:
        save(tmp_path / "g", last, frames=[1003])
    with pytest.raises(GuidanceError, match=r"the garbage matte (is 24x8|cannot be)") as info:
        match(tmp_path / "g")
    assert info.value.frame == 1003


def test_a_file_of_layers_says_where_it_belongs(match: Match, tmp_path: Path) -> None:
    save_exr(tmp_path / "g", np.ones((HEIGHT, WIDTH, 2)), ["anna.A", "bert.A"])
    with pytest.raises(GuidanceError, match=r"could be the garbage matte: anna, bert") as info:
        match(tmp_path / "g")
    assert info.value.hint == "write one layer a file, in a folder an instance"


WHITE, BLACK = np.full_like(LEFT, 255), np.zeros_like(LEFT)
RIGHT = 255 - LEFT


@pytest.mark.parametrize(
    "channels",
    [
        [LEFT], [LEFT] * 3, [LEFT] * 4, [BLACK, LEFT, BLACK], [BLACK] * 3 + [LEFT],
        [WHITE] * 3 + [LEFT], [LEFT] * 3 + [WHITE], [BLACK + 20, BLACK + 80, BLACK + 30, LEFT],
    ],
    ids=["grey", "rgb", "rgba", "green", "black-alpha", "white-alpha", "opaque", "cut-out"],
)  # fmt: skip
def test_channels(match: Match, tmp_path: Path, channels: list[np.ndarray]) -> None:
    save(tmp_path / "g", cv2.merge(channels))
    assert bounded(match(tmp_path / "g")) == {"anna": "left", "bert": "left"}


def test_mattes_of_0_and_1(match: Match, tmp_path: Path) -> None:
    bounds = match(save(tmp_path / "g", LEFT // 255))
    assert bounded(bounds) == {"anna": "left", "bert": "left"}
    assert "no value above 32" in str(bounds.notices[0])
    assert bounded(match(save(tmp_path / "h", LEFT * 0))) == {"anna": "none", "bert": "none"}


@pytest.mark.parametrize(
    "names", [["Y"], ["A"], ["R", "G", "B"], ["mask.A"], ["R", "G", "B", "A", "other.A"]]
)
def test_an_exr_with_its_own_window(match: Match, tmp_path: Path, names: list[str]) -> None:
    save_exr(tmp_path / "g", np.ones((HEIGHT, WIDTH // 2, len(names))), names)
    bounds = match(tmp_path / "g")
    assert bounded(bounds) == {"anna": "left", "bert": "left"}
    assert bool(bounds.notices) == (len(names) == 5)
    save_exr(tmp_path / "h", np.ones((HEIGHT, WIDTH // 2, len(names))), names, (WIDTH // 2, 0))
    assert bounded(match(tmp_path / "h")) == {"anna": "none", "bert": "none"}


def test_the_identity_of_a_frame(match: Match, tmp_path: Path) -> None:
    rows = [Instance(1, "anna", (0, 0, 0)), Instance(2, "bert", (0, 0, 0))]
    save(tmp_path / "g" / "bert")
    first = match(tmp_path / "g").digest(1002, rows)
    assert first.startswith("2garbage")
    flat = match(save(tmp_path / "flat"))
    assert flat.digest(1002, rows) == f"{first.replace('2', '1', 1)}.{first}"
    save(tmp_path / "g" / "bert", RIGHT)
    assert match(tmp_path / "g").digest(1002, rows) != first


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    folders=st.sets(
        st.sampled_from(["anna", "bert", "Anna", "ann", "bob", "cleo", "1", "@eaDir", "object01"]),
        max_size=4,
    ),
    flat=st.booleans(),
    first=st.sampled_from([0, 1000, 1001, 1002]),
    count=st.integers(1, 4),
    named=st.booleans(),
)
def test_every_folder_and_file_is_used_or_named(
    match: Match,
    tmp_path_factory: pytest.TempPathFactory,
    folders: set[str],
    flat: bool,
    first: int,
    count: int,
    named: bool,
) -> None:
    root = tmp_path_factory.mktemp("garbage")
    numbers = range(first, first + count)
    for folder in folders:
        save(root / folder, frames=numbers)
    if flat:
        save(root, frames=numbers)
    names = ("ann", "bob") if named else ("anna", "bert")
    try:
        bounds = match(root, names)
    except GuidanceError as error:
        assert str(root) in str(error)
        assert error.hint
        return
    said = " ".join(map(str, bounds.notices))
    assert set(numbers) >= set(FRAMES)
    assert set(numbers) == set(FRAMES) or "numbered" in said
    owners = {"anna": names[0], "bert": names[1], **{name: name for name in names}}
    effect = bounded(bounds, names)
    mine = folders - {"@eaDir"}
    assert all(effect[owners[folder]] == "left" for folder in mine)
    if flat:
        assert set(effect.values()) == {"left"}
        assert len(mine) < 2 or "g.#.png" in said
