"""The pose detector and the pose landmark network: pictures in, regions and mask logits out.

Both come as TensorFlow Lite files in the asset ``people`` and run under ``ai-edge-litert``. How
their numbers are to be read follows MediaPipe's own graphs: 2,254 anchors at strides 8, 16 and 32,
four key points a row, and a region that is a rotated square around the body.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import MissingDependencyError, ModelError

DETECTOR_SIZE = 224
REGION_SIZE = 256
DETECTOR_FILE = "pose_detection.tflite"
LANDMARK_FILE = "pose_landmark_full.tflite"
_STRIDES = ((8, 2), (16, 2), (32, 6))
_ROWS = 2254
# The two hidden landmarks that span the next region: mid hip, and a point of the body's circle.
_CENTRE, _RIM = 33, 34


@dataclass(frozen=True, slots=True)
class Region:
    """A rotated square of the picture, in pixels of the picture.

    Attributes
    ----------
    x, y : float
        Its centre.
    side : float
        Its side, in pixels.
    angle : float
        By how much its upright is turned clockwise from the picture's, in radians.
    """

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def of_points(cls, centre: NDArray[np.floating], rim: NDArray[np.floating]) -> Region:
        """Return the square around a body: `rim` lies straight above `centre` on its circle."""
        across, up = float(rim[0] - centre[0]), float(rim[1] - centre[1])
        side = 2.0 * math.hypot(across, up) * 1.25
        return cls(float(centre[0]), float(centre[1]), side, math.atan2(across, -up))

    def moved(self, across: float, down: float) -> Region:
        """Return the region shifted by so many pixels."""
        return Region(self.x + across, self.y + down, self.side, self.angle)

    def scaled(self, factor: float) -> Region:
        """Return the region in pixels that are so many times smaller."""
        return Region(self.x * factor, self.y * factor, self.side * factor, self.angle)

    def to_picture(self) -> NDArray[np.float64]:
        """Return the 2x3 matrix from the 256-pixel crop's coordinates to the picture's."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        scale = self.side / REGION_SIZE
        turn = np.array([[cos, -sin], [sin, cos]]) * scale
        # Pixel centres: crop pixel (i, j) covers [i, i + 1), as the picture's pixels do.
        half = (REGION_SIZE - 1) / 2.0
        origin = np.array([self.x - 0.5, self.y - 0.5]) - turn @ np.array([half, half])
        return np.concatenate([turn, origin[:, None]], axis=1)

    def row(self) -> tuple[float, float, float, float]:
        """Return ``(x, y, side, angle)``."""
        return self.x, self.y, self.side, self.angle


@dataclass(frozen=True, slots=True)
class Detection:
    """What the detector says about one anchor.

    Attributes
    ----------
    score : float
        In (0, 1).
    face : ndarray of float32, shape (4,)
        Left, top, right, bottom of the head, in pixels of the picture.
    region : Region
        Where the landmark network should look.
    """

    score: float
    face: NDArray[np.float32]
    region: Region


@dataclass(frozen=True, slots=True)
class Body:
    """What the landmark network says about one region.

    Attributes
    ----------
    presence : float
        In [0, 1]: whether the region holds a person at all.
    levels : ndarray of uint8, shape (256, 256)
        Logits of the person's mask, in the region's own turned coordinates: 0 is -8, 255 is 8.
        Kept in steps, so that what comes from the cache is exactly what was computed.
    region : Region
        The region that was looked at.
    next_region : Region
        Where the landmarks say the body is: what to look at next, or to look at again.
    """

    presence: float
    levels: NDArray[np.uint8]
    region: Region
    next_region: Region

    @property
    def logits(self) -> NDArray[np.float32]:
        """The mask's logits in [-8, 8], shape (256, 256)."""
        return self.levels.astype(np.float32) * np.float32(16 / 255) - np.float32(8)


def _anchors() -> NDArray[np.float32]:
    centres: list[NDArray[np.float64]] = []
    for stride, count in _STRIDES:
        cells = DETECTOR_SIZE // stride
        rows, columns = np.mgrid[0:cells, 0:cells]
        grid = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) / cells
        centres.append(np.repeat(grid, count, axis=0))
    return np.concatenate(centres).astype(np.float32)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -50.0, 50.0))), np.float32)


class PoseNets:
    """The two networks, loaded once; not for use from two threads at a time.

    Parameters
    ----------
    folder : Path
        The asset ``people``.

    Raises
    ------
    MissingDependencyError
        When ``ai-edge-litert`` is not installed.
    ModelError
        When a file is not the network expected.
    """

    def __init__(self, folder: Path) -> None:
        self._detector = _load(folder / DETECTOR_FILE, [(1, _ROWS, 12), (1, _ROWS, 1)])
        self._landmark = _load(folder / LANDMARK_FILE, [(1, 195), (1, 1), (1, 256, 256, 1)])
        self._anchors = _anchors()

    def detect(self, picture: NDArray[np.uint8], threshold: float) -> list[Detection]:
        """Find people in a picture by their heads.

        Parameters
        ----------
        picture : ndarray of uint8, shape (height, width, 3)
            sRGB; it is scaled to fit 224 pixels and padded with black.
        threshold : float
            Detections that score less are dropped.

        Returns
        -------
        list of Detection
            Best first, heads overlapping by at most 0.3; in pixels of `picture`.
        """
        height, width = picture.shape[:2]
        scale = DETECTOR_SIZE / max(height, width)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
        left, top = (DETECTOR_SIZE - inner[0]) // 2, (DETECTOR_SIZE - inner[1]) // 2
        padded = np.full((1, DETECTOR_SIZE, DETECTOR_SIZE, 3), -1.0, np.float32)
        padded[0, top : top + inner[1], left : left + inner[0]] = small * np.float32(2 / 255) - 1
        rows, logits = self._detector(padded)[:2]
        scores = _sigmoid(logits[0, :, 0])
        kept = np.flatnonzero(scores >= threshold)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        # A row is centre, size, then four key points; all but the size are relative to the anchor.
        pairs = rows[0, kept].reshape(-1, 6, 2) / DETECTOR_SIZE
        pairs[:, [0, 2, 3, 4, 5]] += self._anchors[kept][:, None]
        to_picture = np.array([width / inner[0], height / inner[1]], np.float32)
        points = (pairs * DETECTOR_SIZE - np.array([left, top], np.float32)) * to_picture
        sizes = pairs[:, 1] * DETECTOR_SIZE * to_picture
        found: list[Detection] = []
        for index, (point, size) in enumerate(zip(points, sizes, strict=True)):
            face = np.concatenate([point[0] - size / 2, point[0] + size / 2])
            if all(_overlap(face, other.face) <= 0.3 for other in found):
                region = Region.of_points(point[2], point[3])
                found.append(Detection(float(scores[kept[index]]), face, region))
        return found

    def look(self, crop: NDArray[np.uint8], region: Region) -> Body:
        """Run the landmark network on a region.

        Parameters
        ----------
        crop : ndarray of uint8, shape (256, 256, 3)
            The region's pixels, upright, sRGB.
        region : Region
            Where they came from.
        """
        outputs = self._landmark(crop[None].astype(np.float32) / np.float32(255))
        points = outputs[0].reshape(39, 5)[:, :2].astype(np.float64)
        matrix = region.to_picture()
        spanned = points[[_CENTRE, _RIM]] @ matrix[:, :2].T + matrix[:, 2]
        return Body(
            presence=float(outputs[1].reshape(-1)[0]),
            levels=np.rint((np.clip(outputs[2][0, :, :, 0], -8, 8) + 8) * (255 / 16)).astype(
                np.uint8
            ),
            region=region,
            next_region=Region.of_points(spanned[0], spanned[1]),
        )


class _Net:
    """An interpreter with one input, as a function from an array to its outputs."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._outputs = [entry["index"] for entry in interpreter.get_output_details()]

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


def _load(path: Path, shapes: list[tuple[int, ...]]) -> _Net:
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - optional and slow
    except ImportError as error:
        raise MissingDependencyError(
            "finding people needs the package ai-edge-litert",
            hint="pip install 'vimatte[people]'",
        ) from error
    try:
        # One thread: equal bytes whatever the machine is busy with, and shots run side by side.
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"the network cannot be loaded: {error}", path=path) from error
    found = [tuple(int(n) for n in e["shape"]) for e in interpreter.get_output_details()]
    if found[: len(shapes)] != shapes:
        raise ModelError(f"the network gives {found}, expected {shapes}", path=path)
    return _Net(interpreter)


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return intersection over union of two boxes (left, top, right, bottom)."""
    wide, high = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(0.0, float(wide)) * max(0.0, float(high))
    areas = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]))
    return shared / max(areas - shared, 1e-9)
