"""Sessions: every way of running gives the same bytes, and nothing finished is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests_session_support import Discs, picture, write_frame, write_plate

from vimatte.errors import FrameNotReady, FrameRangeError, FrameReadError, GuidanceError
from vimatte.frames.frame_range import FrameRange
from vimatte.session import MatteSession, Shot
from vimatte.session.publishing import PublishOptions, open_publisher, publishing, write_qc
from vimatte.session.settings import Settings

Make = Callable[..., MatteSession]
FRAMES = FrameRange.parse("1001-1018")


def contents(folder: Path, kind: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob(f"*/{kind}-*/*.safetensors")}


def run(session: MatteSession, frames: str | None = None) -> list[int]:
    wanted = None if frames is None else FrameRange.parse(frames)
    return [r.frame for r in session.run(wanted) if not r.cached]


@pytest.fixture
def whole(make: Make, tmp_path: Path) -> dict[str, bytes]:
    """The mattes of one undisturbed run."""
    assert run(make("whole")) == list(FRAMES)
    return contents(tmp_path / "whole", "mattes")


def test_a_second_run_computes_nothing(make: Make, whole: dict[str, bytes]) -> None:
    session = make("whole")
    results = list(session.run())
    assert [r.frame for r in results] == list(FRAMES)
    assert all(r.cached for r in results)
    assert set(results[0].alphas) == {1, 2}
    assert not session._network.loaded  # a cached run loads no network


def test_any_order_of_ranges_equals_the_whole(
    make: Make, whole: dict[str, bytes], tmp_path: Path
) -> None:
    for part in ("1009-1011", "1018", "1001-1004", "1015", "1001-1018"):
        run(make("parts"), part)
    assert contents(tmp_path / "parts", "mattes") == whole


def test_stopping_anywhere_and_resuming_equals_the_whole(
    make: Make, whole: dict[str, bytes], tmp_path: Path
) -> None:
    for count in (1, 4, 2, 5, 3):
        steps = make("stopped").run()
        computed = 0
        for result in steps:
            computed += not result.cached
            if computed == count:
                break
        steps.close()  # type: ignore[attr-defined]
    run(make("stopped"))
    assert contents(tmp_path / "stopped", "mattes") == whole


def test_one_chain_equals_itself_in_parts(make: Make, tmp_path: Path) -> None:
    settings = Settings(segment=0, preroll=0, keep_state=4)
    run(make("chain", settings=settings))
    run(make("links", settings=settings), "1001-1007")
    run(make("links", settings=settings), "1008-1018")
    assert contents(tmp_path / "chain", "mattes") == contents(tmp_path / "links", "mattes")


def test_segments_do_not_see_each_other(make: Make, tmp_path: Path) -> None:
    """A frame far from a change upstream keeps its bytes; one that depends on it does not."""
    folder = tmp_path / "plates"
    path = write_plate(folder, range(1001, 1019))
    session = make("edited", path)
    run(session)
    session.close()
    before = contents(tmp_path / "edited", "mattes")
    write_frame(folder / "plate.1009.exr", picture(1009, seed=5))
    session = make("edited", path)
    plan = session.plan() if session.instances else None
    assert plan is None
    session.ready()
    plan = session.plan()
    # Segments of six: 1008-1013 from 1009 on, and 1014-1019 through its preroll 1011-1013? No:
    # the preroll starts after the change, so the next segment stays.
    assert list(plan.stale) == [1009, 1010, 1011, 1012, 1013]
    assert len(plan.missing) == 0
    assert run(session) == [1009, 1010, 1011, 1012, 1013]
    after = contents(tmp_path / "edited", "mattes")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{n:08d}.safetensors" for n in range(1009, 1014)} & changed
    assert "00001009.safetensors" in changed


def test_a_cut_ends_the_state(make: Make, tmp_path: Path) -> None:
    provider = Discs(cuts=(1011,))
    run(make("cut", provider=provider))
    part = make("after", shot=None, provider=provider)
    run(part, "1011-1013")
    first, second = contents(tmp_path / "cut", "mattes"), contents(tmp_path / "after", "mattes")
    assert second
    for name, content in second.items():
        assert content == first[name]


def test_corrupt_frames_and_states_are_computed_again(
    make: Make, whole: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    files = sorted((tmp_path / "whole").glob("*/*/*.safetensors"))
    files = [p for p in files if "guidance" not in p.parent.name]
    for path in rng.choice(np.array(files, dtype=object), 8, replace=False):
        path.write_bytes(path.read_bytes()[: int(rng.integers(0, 200))])
    run(make("whole"))
    assert contents(tmp_path / "whole", "mattes") == whole
    assert "corrupt" in caplog.text


def test_alphas_sum_to_at_most_one_and_are_half_floats(make: Make) -> None:
    for result in make().run(FrameRange.parse("1001-1006")):
        for item in result.alphas.values():
            assert np.array_equal(item.alpha, item.alpha.astype(np.float16).astype(np.float32))


def test_matte_never_computes(make: Make) -> None:
    session = make()
    with pytest.raises(FrameNotReady) as info:
        session.matte(1003)
    assert info.value.frame == 1003
    run(session, "1003")
    assert set(session.matte(1003)) == {"disc1", "disc2"}
    with pytest.raises(FrameNotReady):
        session.matte(1009)


def test_plan(make: Make) -> None:
    session = make()
    assert not session.plan().guided
    run(session, "1001-1006")
    plan = session.plan()
    assert plan.guided
    assert str(plan.cached) == "1001-1006"
    assert str(plan.missing) == "1007-1018"


def test_publishing_twice_writes_nothing_the_second_time(make: Make, tmp_path: Path) -> None:
    session = make()
    session.ready()
    publisher = open_publisher(session, tmp_path / "out", PublishOptions(vse=True, preview=True))
    assert len(list(publishing(session, publisher))) == len(FRAMES)
    stamps = {p: p.stat().st_mtime_ns for p in publisher.folder.rglob("*") if p.is_file()}
    assert len([p for p in stamps if p.parent.name == "exr"]) == len(FRAMES)
    assert len([p for p in stamps if p.parent.name == "preview"]) == len(FRAMES)
    again = make()
    again.ready()
    same = open_publisher(again, tmp_path / "out", PublishOptions(vse=True, preview=True))
    assert same.folder == publisher.folder
    assert not any(r.written or not r.cached for r in publishing(again, same))
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
    damaged = same.exr(1005)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    assert [r.frame for r in publishing(again, same) if r.written] == [1005]
    assert damaged.read_bytes() == whole


def test_a_frame_that_was_rendered_again_is_published_in_a_new_version(
    make: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "plates"
    path = write_plate(folder, range(1001, 1005))
    with make("again", path) as session:
        first = session.publish(tmp_path / "out")
    with make("again", path) as session:
        assert session.publish(tmp_path / "out") == first
    old = (first / "exr" / "plate.1003.exr").read_bytes()
    write_frame(folder / "plate.1003.exr", picture(1003, seed=5))
    with make("again", path) as session:
        second = session.publish(tmp_path / "out")
    assert second.name == "v002"
    assert (first / "exr" / "plate.1003.exr").read_bytes() == old
    assert (second / "exr" / "plate.1003.exr").read_bytes() != old
    assert (second / "exr" / "plate.1001.exr").read_bytes() == (
        first / "exr" / "plate.1001.exr"
    ).read_bytes()


def test_publish_is_one_call(make: Make, tmp_path: Path, plate: Path) -> None:
    session = make(shot=Shot(plate, frames="1001-1002"))
    folder = session.publish(tmp_path / "mattes", compression="piz")
    assert folder == tmp_path / "mattes" / "v001"
    assert [p.name for p in sorted((folder / "exr").iterdir())] == [
        "plate.1001.exr",
        "plate.1002.exr",
    ]


def test_the_qc_page_is_one_file_that_needs_nothing_else(make: Make, tmp_path: Path) -> None:
    session = make()
    session.ready()
    page = write_qc(session, tmp_path / "qc.html")
    text = page.read_text()
    assert "disc1" in text
    assert text.count("data:image/jpeg") >= 4 * 12
    assert "<svg" in text
    for outside in ("http://", "https://", 'src="/', "@import"):
        found = text.replace("http://www.w3.org", "").replace("https://www.w3.org", "")
        found = found.replace("http://purl.org", "").replace("http://creativecommons.org", "")
        assert outside not in found.replace("https://matplotlib.org", "")


def test_nobody_in_the_shot(make: Make, tmp_path: Path) -> None:
    session = make(provider=Discs(count=0))
    session.ready()
    publisher = open_publisher(session, tmp_path / "out", PublishOptions())
    assert all(not r.alphas for r in session.run())
    assert len(list(publishing(session, publisher))) == len(FRAMES)
    assert not session._network.loaded
    write_qc(session, tmp_path / "qc.html")


def test_frames_outside_of_the_plate(make: Make, plate: Path) -> None:
    with pytest.raises(FrameRangeError, match="not in the plate"):
        make(shot=Shot(plate, frames="1010-1030"))


def test_a_missing_frame_in_the_middle_breaks_the_chain_only(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "holed"
    path = write_plate(folder, range(1001, 1013))
    (folder / "plate.1005.exr").unlink()
    assert run(make(path=path)) == [f for f in range(1001, 1013) if f != 1005]


def test_a_truncated_frame_keeps_what_came_before(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "short"
    path = write_plate(folder, range(1001, 1013))
    broken = folder / "plate.1008.exr"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    session = make(path=path)
    done: list[int] = []
    with pytest.raises(FrameReadError) as info:
        done += (r.frame for r in session.run())
    assert info.value.frame == 1008
    assert str(session.plan().cached) == "1001-1007"
    session.close()
    broken.write_bytes(whole)
    assert run(make(path=path)) == list(range(1008, 1013))


def test_instances_that_are_off_are_not_written(make: Make) -> None:
    session = make()
    session.ready()
    table = tuple(
        type(row)(row.id, row.name, row.colour, row.id == 2, row.order) for row in session.instances
    )
    other = make("off", instances=table)
    results = list(other.run(FrameRange.parse("1001-1003")))
    assert all(set(r.alphas) == {2} for r in results)


def test_garbage_and_core_bound_the_result(make: Make, tmp_path: Path, plate: Path) -> None:
    for kind, value in (("garbage", 0.0), ("core", 1.0)):
        folder = tmp_path / kind / ("disc1" if kind == "garbage" else "disc2")
        folder.mkdir(parents=True)
        for frame in range(1001, 1004):
            pixels = np.full((120, 200, 3), 1 - value, np.float32)
            pixels[:, :40] = value
            pixels = pixels if kind == "garbage" else pixels * (np.arange(200) < 40)[None, :, None]
            write_frame(folder / f"b.{frame}.exr", pixels)
    shot = Shot(plate, frames="1001-1003")
    folders = {"garbage": tmp_path / "garbage", "core": tmp_path / "core"}
    for result in make("bound", shot=shot, folders=folders).run():
        first, second = result.alphas[1], result.alphas[2]
        inside = max(0, 40 - first.window.x)
        assert not first.alpha[:, :inside].any()
        assert second.window.x == 0
        np.testing.assert_array_equal(second.alpha[:, :40], 1)


def test_a_bounding_matte_of_another_size(make: Make, tmp_path: Path, plate: Path) -> None:
    folder = tmp_path / "garbage" / "disc1"
    folder.mkdir(parents=True)
    write_frame(folder / "b.1001.exr", np.ones((10, 10, 3), np.float32))
    session = make(
        "size", shot=Shot(plate, frames="1001"), folders={"garbage": tmp_path / "garbage"}
    )
    with pytest.raises(GuidanceError, match="10x10"):
        run(session)


def test_one_frame(make: Make, plate: Path) -> None:
    assert run(make(shot=Shot(plate, frames="1007"))) == [1007]


def test_a_one_pixel_plate(make: Make, tmp_path: Path) -> None:
    (tmp_path / "dot").mkdir()
    write_frame(tmp_path / "dot" / "plate.1001.exr", np.ones((1, 1, 3), np.float32))
    session = make(path=tmp_path / "dot" / "plate.####.exr")
    assert run(session) == [1001]


def test_two_runs_on_one_cache_at_once(make: Make, whole: dict[str, bytes], tmp_path: Path) -> None:
    first, second = make("both"), make("both")
    runs: list[Any] = [first.run(), second.run()]
    while runs:
        for each in list(runs):
            if next(each, None) is None:
                runs.remove(each)
    assert contents(tmp_path / "both", "mattes") == whole
