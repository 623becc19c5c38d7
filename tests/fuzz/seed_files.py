"""Small files to start fuzzing from, as other programs write them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
from PIL import Image


def palette() -> bytes:
    """Return a small PNG of indices."""
    out = io.BytesIO()
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8) % 3, "L").convert("P")
    picture.save(out, "PNG")
    return out.getvalue()


def movies() -> list[bytes]:
    """Return small movies, one a container."""
    kinds = {"mpegts": "mpeg2video", "mpeg": "mpeg1video", "asf": "wmv2", "flv": "flv",
             "avi": "mpeg4", "yuv4mpegpipe": "rawvideo", "ogg": "theora", "mxf": "mpeg2video",
             "matroska": "ffv1", "mp4": "mpeg4"}  # fmt: skip
    found = []
    for container, codec in kinds.items():
        out = io.BytesIO()
        try:
            with av.open(out, "w", format=container) as movie_file:
                stream = movie_file.add_stream(codec, rate=25)
                stream.width = stream.height = 32
                stream.pix_fmt = "yuv420p"
                for at in range(4):
                    shade = np.full((32, 32, 3), 60 * at, np.uint8)
                    movie_file.mux(stream.encode(av.VideoFrame.from_ndarray(shade, "rgb24")))
                movie_file.mux(stream.encode(None))
        except (av.FFmpegError, ValueError):
            continue  # this FFmpeg cannot write it
        found.append(out.getvalue())
    return [*found, _animation("GIF"), _animation("PNG")]


def _animation(kind: str) -> bytes:
    out = io.BytesIO()
    pictures = [Image.new("RGB", (8, 6), (80 * at, 0, 0)) for at in range(3)]
    pictures[0].save(out, kind, save_all=True, append_images=pictures[1:], duration=40)
    return out.getvalue()


def pictures() -> list[bytes]:
    """Return small pictures that are to be turned, and animations."""
    found = [_animation(kind) for kind in ("GIF", "PNG", "WEBP")]
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("tif", "jpg", "dpx"):
            path = Path(folder) / f"turned.{suffix}"
            buffer = oiio.ImageBuf(np.linspace(0, 1, 144, dtype=np.float32).reshape(6, 8, 3))
            buffer.specmod().attribute("Orientation", 3 if suffix == "dpx" else 6)
            assert buffer.write(str(path), oiio.UINT8), buffer.geterror()
            found.append(path.read_bytes())
    return found


def layered() -> bytes:
    """Return a small EXR with two layers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layers.exr"
        buffer = oiio.ImageBuf(np.linspace(0, 1, 144, dtype=np.float32).reshape(6, 8, 3))
        buffer.specmod().channelnames = ("R", "anna.A", "bert.A")
        assert buffer.write(str(path), oiio.HALF), buffer.geterror()
        return path.read_bytes()
