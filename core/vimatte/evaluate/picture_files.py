"""The benchmark's pictures on disk: PNG in and out, photographs and movies in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.cache.atomic import write_atomically
from vimatte.errors import FrameReadError, InputError, OutputError
from vimatte.output.write_error import writing

Picture = NDArray[np.float32]
T = TypeVar("T")


class PictureFiles(Sequence[T], Generic[T]):
    """The pictures of a clip as a sequence that reads each when asked for it.

    Parameters
    ----------
    paths : sequence of Path
    convert : callable
        Makes what an element is from what `read_png` gives.
    """

    def __init__(self, paths: Sequence[Path], convert: Callable[[NDArray[Any]], T]) -> None:
        self._paths = paths
        self._convert = convert

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return PictureFiles(self._paths[index], self._convert)
        return self._convert(read_png(self._paths[index]))


def write_png(path: Path, picture: NDArray[Any]) -> None:
    """Write a PNG so that it is there whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made when missing.
    picture : ndarray of uint8 or uint16, shape (H, W) or (H, W, 3)
        Grey, or R, G, B.

    Raises
    ------
    OutputError
        The disk is full or read-only, or no PNG can hold the array.
    """
    pixels = picture[..., ::-1] if picture.ndim == 3 else picture
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not done:
        raise OutputError(f"no PNG can hold {picture.dtype} {picture.shape}", path=path)
    write_file(path, encoded.tobytes())


def write_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it and rename it. Raises OutputError."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)


def read_png(path: Path) -> NDArray[Any]:
    """Read a PNG as it is stored (R, G, B order). Raises FrameReadError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if pixels is None:
        raise FrameReadError("not a picture", path=path)
    result: NDArray[Any] = (
        pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    )
    return result


def read_picture(path: Path) -> Picture:
    """Read a photograph as sRGB in [0, 1], shape (H, W, 3). Raises FrameReadError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FrameReadError("not a picture", path=path)
    return pixels[..., ::-1].astype(np.float32) / np.float32(255)


def read_movie(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Decode a movie's frames as 8-bit RGB, shape (H, W, 3). Raises FrameReadError."""
    try:
        with av.open(str(path)) as movie:
            for frame in movie.decode(video=0):
                yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise FrameReadError(f"cannot decode the movie: {error}", path=path) from error


def find_picture(stem: str, places: Sequence[Path]) -> Path:
    """Return the file of that stem in the folders, or among the files, given. Raises InputError."""
    for place in places:
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            if path.stem == stem and path.is_file():
                return path
    raise InputError(f"no picture or movie named {stem}", hint="give its folder with --backgrounds")


def crop_picture(
    picture: Picture, left: float, top: float, width: float, size: tuple[int, int]
) -> Picture:
    """Return a crop of a picture, resampled.

    Parameters
    ----------
    picture : ndarray of float32, shape (H, W, 3)
    left, top, width : float
        Pixels; fractions are followed, so that a slow pan does not step.
    size : tuple of int
        Width and height of the result; they set the crop's height.
    """
    step = width / size[0]
    if step > 1.2:
        # The warp below samples points: what it would skip is averaged here first.
        small = (max(1, round(picture.shape[1] / step)), max(1, round(picture.shape[0] / step)))
        ratio = small[0] / picture.shape[1]
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.float32)
        left, top, step = left * ratio, top * ratio, step * ratio
    matrix = np.array([[step, 0, left], [0, step, top]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, np.float32)
