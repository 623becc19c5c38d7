"""What is opened as a movie, by its name or by what it holds."""

from __future__ import annotations

import shlex
from pathlib import Path

import OpenImageIO as oiio

from vimatte.errors import FrameReadError

#: What is opened as a movie, whatever it holds.
MOVIE_SUFFIXES = frozenset({
    ".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".mxf", ".mts", ".m2ts", ".m2t", ".ts",
    ".mpg", ".mpeg", ".m2p", ".vob", ".mod", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".y4m",
    ".3gp", ".3g2", ".mj2", ".dv", ".qt", ".divx", ".lrv", ".insv", ".apng",
})  # fmt: skip
# Movies that FFmpeg reads, in containers that nobody needs read here.
_REWRAPPED = frozenset({
    ".m1v", ".m2v", ".mpv", ".h264", ".264", ".avc", ".h265", ".265", ".hevc", ".ivf", ".obu",
    ".nut", ".rm", ".rmvb", ".wtv", ".gxf", ".tod", ".ogm", ".ogg", ".swf", ".bik", ".amv",
    ".mjpeg", ".mjpg", ".cine", ".evo", ".trp", ".tp",
})  # fmt: skip
# Sensor data: only their makers' programs develop them.
_CAMERA_RAW = frozenset({".r3d", ".braw", ".ari", ".arx", ".crm", ".mlv", ".nev", ".rmf"})
# Pictures that may hold an animation.
_ANIMATIONS = frozenset({".gif", ".png", ".webp"})
# In a PNG, an animation says so before its first pixels.
_HEAD = 1 << 16


def is_movie(path: Path) -> bool:
    """Whether a plate is to be opened as a movie: by its suffix, or as an animation.

    Raises
    ------
    FrameReadError
        When it is a movie or an animation of a kind that is not read.
    """
    suffix = path.suffix.lower()
    if suffix in MOVIE_SUFFIXES:
        return True
    if suffix in _REWRAPPED:
        raise FrameReadError(
            f"movies of this kind ({suffix}) are not read",
            path=path,
            hint=f"read are {', '.join(sorted(MOVIE_SUFFIXES))}; {rewrap_line(path)}",
        )
    if suffix in _CAMERA_RAW:
        raise FrameReadError(
            f"camera raw files ({suffix}) are not read",
            path=path,
            hint="export the shot as EXR or ProRes from the camera maker's program",
        )
    if suffix not in _ANIMATIONS or not path.is_file() or not is_animation(path):
        return False
    if suffix == ".webp":
        raise refused_animation(path)
    return True


def is_animation(path: Path) -> bool:
    """Whether a GIF, PNG or WebP file holds more than one picture; of a damaged one, no."""
    if path.suffix.lower() == ".png":
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return b"acTL" in head.partition(b"IDAT")[0]
    source = oiio.ImageInput.open(str(path))
    if source is None:
        oiio.geterror()
        return False
    try:
        found = bool(source.seek_subimage(1, 0))
        source.geterror()
    except UnicodeDecodeError:
        return False  # in the words of an error
    finally:
        source.close()
    return found


def refused_animation(path: Path) -> FrameReadError:
    """Return the error for an animation where one picture was expected."""
    return FrameReadError(
        "the file holds an animation, not one picture",
        path=path,
        hint=f"make pictures of it: magick {quoted(path.name)} -coalesce "
        f"{quoted(path.stem + '.%04d.png')}",
    )


def rewrap_line(path: Path) -> str:
    """Return, as a hint, the command line that makes a movie that can be read of another one."""
    return (
        f"rewrap it: ffmpeg -i {quoted(path.name)} -c:v prores_ks "
        f"{quoted(path.stem + '_rewrapped.mov')}"
    )


def pictures_line(path: Path) -> str:
    """Return, as a hint, the command line that makes a frame of each picture of a movie."""
    return (
        f"for a frame a picture: ffmpeg -i {quoted(path.name)} -fps_mode passthrough "
        f"{quoted(path.stem + '.%04d.png')}"
    )


def whole_line(path: Path) -> str:
    """Return, as a hint, the command line that makes a movie of all that an edit list hides."""
    return (
        f"to have them: ffmpeg -ignore_editlist 1 -i {quoted(path.name)} -c:v prores_ks "
        f"{quoted(path.stem + '_whole.mov')}"
    )


def quoted(name: str) -> str:
    """Return a file name as a shell takes it."""
    return shlex.quote(name)
