from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.errors import ConfigError, OutputError, VerifyError
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import (
    COMPRESSIONS,
    LOSSLESS,
    check_compression,
    is_whole,
    read_layers,
    write_exr,
)
from vimatte.output.exr_layers import channel_names, round_alphas, stack_layers
from vimatte.output.records import digest

Alphas = dict[str, np.ndarray]
NAMES = channel_names(["person01", "person02"])


@pytest.fixture
def pixels(alphas: Alphas) -> np.ndarray:
    return stack_layers(round_alphas((12, 20), alphas), ["person01", "person02"])


def test_windows_aspect_and_metadata_are_kept(
    tmp_path: Path, pixels: np.ndarray, header: FrameHeader
) -> None:
    path = tmp_path / "m.exr"
    mark = write_exr(path, pixels, NAMES, header, extra={"vimatte/model": "ours"})
    channels, found, attributes = read_layers(path)
    assert list(channels) == NAMES
    for index, name in enumerate(NAMES):
        np.testing.assert_array_equal(channels[name], pixels[..., index])
    assert found.data_window == header.data_window
    assert found.display_window == header.display_window
    assert found.pixel_aspect == 2.0
    assert attributes["camera"] == "A"
    assert attributes["fps"] == 24
    assert mark == digest(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.exr"]


def test_nothing_in_the_header_lies(
    tmp_path: Path, pixels: np.ndarray, header: FrameHeader
) -> None:
    write_exr(tmp_path / "m.exr", pixels, NAMES, header, extra={"vimatte/model": "ours"})
    _, _, attributes = read_layers(tmp_path / "m.exr")
    assert attributes["vimatte/model"] == "ours"
    assert "vimatte/old" not in attributes  # the plate was a matte once
    assert not {"colorInteropID", "oiio:ColorSpace", "DateTime"} & set(attributes)


def test_equal_pixels_are_equal_bytes(
    tmp_path: Path, pixels: np.ndarray, header: FrameHeader
) -> None:
    marks = {write_exr(tmp_path / f"{n}.exr", pixels, NAMES, header) for n in range(2)}
    assert len(marks) == 1


def test_plain_readers_see_a_plain_scanline_rgba(
    tmp_path: Path, pixels: np.ndarray, header: FrameHeader
) -> None:
    write_exr(tmp_path / "m.exr", pixels, NAMES, header)
    spec = oiio.ImageBuf(str(tmp_path / "m.exr")).spec()
    assert spec.channelnames[:4] == ("R", "G", "B", "A")
    assert spec.format == oiio.HALF
    assert spec.tile_width == 0
    assert spec.getattribute("compression") == "zip"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_alpha_survives_every_compression(
    tmp_path: Path, header: FrameHeader, compression: str
) -> None:
    rng = np.random.default_rng(1)
    big = FrameHeader(Window(0, 0, 70, 90), Window(0, 0, 70, 90))
    alpha = np.clip(rng.normal(0.5, 0.6, (90, 70)), 0, 1).astype(np.float32)
    layers = stack_layers(round_alphas((90, 70), {"person01": alpha}), ["person01", "person02"])
    write_exr(tmp_path / "m.exr", layers, NAMES, big, compression=compression)
    channels, _, attributes = read_layers(tmp_path / "m.exr")
    assert attributes["compression"].split(":")[0] == compression
    exact = NAMES if compression in LOSSLESS else ["A", "person01.A", "person02.A"]
    for name in exact:
        np.testing.assert_array_equal(channels[name], layers[..., NAMES.index(name)])


@pytest.mark.parametrize("name", ["zap", "b44", "b44a", "", "ZIP"])
def test_other_compressions_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as info:
        check_compression(name)
    assert "piz" in str(info.value)


def test_an_empty_data_window_gets_one_black_pixel(tmp_path: Path) -> None:
    empty = FrameHeader(Window(5, 6, 0, 0), Window(0, 0, 16, 16))
    write_exr(tmp_path / "m.exr", np.zeros((0, 0, 4), np.float16), "RGBA", empty)
    channels, found, _ = read_layers(tmp_path / "m.exr")
    assert found.data_window == Window(5, 6, 1, 1)
    assert found.display_window == Window(0, 0, 16, 16)
    assert not any(plane.any() for plane in channels.values())


def test_one_pixel(tmp_path: Path) -> None:
    one = FrameHeader(Window(0, 0, 1, 1), Window(0, 0, 1, 1))
    write_exr(tmp_path / "m.exr", np.full((1, 1, 4), 0.5, np.float16), "RGBA", one)
    channels, _, _ = read_layers(tmp_path / "m.exr")
    assert channels["A"][0, 0] == 0.5


def test_every_cut_of_a_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.exr"
    header = FrameHeader(Window(0, 0, 9, 50), Window(0, 0, 9, 50))
    pixels = np.random.default_rng(0).random((50, 9, 4)).astype(np.float16)
    for compression in ("none", "zip", "dwab"):
        write_exr(path, pixels, "RGBA", header, compression=compression)
        data = path.read_bytes()
        assert is_whole(data)
        assert not is_whole(data + b"\0")
        assert not any(is_whole(data[:length]) for length in range(len(data)))


def _write_below_a_limit(folder: str, limit: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    header = FrameHeader(Window(0, 0, 64, 64), Window(0, 0, 64, 64))
    pixels = np.zeros((64, 64, 4), np.float16)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        write_exr(Path(folder) / "m.exr", pixels, "RGBA", header, compression="none", frame=1001)
    except OutputError as error:
        os._exit(5 if error.frame == 1001 and error.hint else 1)
    os._exit(0)


# The file has 33,719 bytes or so: in the last case only its last buffer finds no room, which the
# EXR library does not notice.
@pytest.mark.parametrize(("limit", "code"), [(3000, 5), (32768, 5), (100_000, 0)])
def test_a_full_disk_is_noticed_and_leaves_nothing(tmp_path: Path, limit: int, code: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_write_below_a_limit, args=(str(tmp_path), limit)
    )
    process.start()
    process.join(120)
    assert process.exitcode == code
    assert [p.name for p in tmp_path.iterdir()] == ([] if code else ["m.exr"])


# In a disk of its own that is filled to its last page: a picture so small that the EXR library
# keeps it back until it closes the file leaves an empty one there; larger ones are cut short.
_FILL_AND_WRITE = """
import sys
from pathlib import Path
import numpy as np
from vimatte.errors import OutputError
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import write_exr

folder, side, free = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
fill = folder / "fill"
with fill.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        file.truncate(fill.stat().st_size - 4096 * free)
window = Window(0, 0, side, side)
pixels = np.random.default_rng(1).random((side, side, 4)).astype(np.float16)
try:
    write_exr(folder / "m.exr", pixels, "RGBA", FrameHeader(window, window), frame=3)
except OutputError as error:
    print(error)
print(sorted(path.name for path in folder.iterdir()))
"""


@pytest.mark.parametrize(("side", "free"), [(4, 0), (40, 0), (40, 1), (100, 2), (300, 5)])
def test_a_disk_without_room(tmp_path: Path, side: int, free: int) -> None:
    unshare = shutil.which("unshare")
    mount = f"mount -t tmpfs -o size=256k tmpfs '{tmp_path}'"
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "sh", "-c", mount], check=False).returncode
    ):
        pytest.skip("no file system can be mounted here")
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, "-c",
         _FILL_AND_WRITE, str(tmp_path), str(side), str(free)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said, left = done.stdout.splitlines()
    assert said.startswith("cannot write the file: No space left on device | frame 3 | ")
    assert "the disk is full" in said
    assert left == "['fill']"


def test_a_folder_that_is_none(tmp_path: Path, pixels: np.ndarray, header: FrameHeader) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as info:
        write_exr(tmp_path / "file" / "m.exr", pixels, NAMES, header, frame=3)
    assert info.value.frame == 3
    assert info.value.hint


def test_reading_what_is_none(tmp_path: Path, pixels: np.ndarray, header: FrameHeader) -> None:
    with pytest.raises(VerifyError, match="cannot read"):
        read_layers(tmp_path / "missing.exr")
    (tmp_path / "text.exr").write_text("hello")
    with pytest.raises(VerifyError, match="cannot read"):
        read_layers(tmp_path / "text.exr")
    path = tmp_path / "m.exr"
    write_exr(path, pixels, NAMES, header)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(VerifyError):
        read_layers(path)
