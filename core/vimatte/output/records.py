"""A frame's record: the checksums of its published files, written after them.

A record that is there and agrees with the files says that the frame is finished. Every frame has
its own, so any number of processes can write frames of one version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from vimatte.output.version import Manifest, expected_files, frame_number
from vimatte.output.write_error import make_folder, write_file

FOLDER = "records"
_MAX_BYTES = 1 << 20
_CHUNK = 1 << 20


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def write_record(folder: Path, frame: int, digests: Mapping[str, str]) -> None:
    """Write a frame's record. Raises OutputError."""
    path = _path(folder, frame)
    make_folder(path.parent, frame)
    write_file(path, (json.dumps(digests, indent=1) + "\n").encode(), frame)


def problems(folder: Path, manifest: Manifest, frame: int) -> Iterator[str]:
    """Yield one line for each file of a frame that is missing or not what its record says.

    Only the files that the manifest asks for are opened, whatever a record names.
    """
    path = _path(folder, frame)
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_MAX_BYTES))
        if not isinstance(record, dict):
            raise ValueError("it holds no table")
    except FileNotFoundError:
        yield f"frame {frame}: missing"
        return
    except (OSError, ValueError, RecursionError) as error:
        yield f"frame {frame}: its record cannot be read: {error}"
        return
    for name in expected_files(manifest, frame):
        file_path = folder / name
        if name not in record:
            yield f"frame {frame}: its record does not know {file_path}"
            continue
        try:
            if digest(file_path) != record[name]:
                yield f"frame {frame}: another checksum than when it was written: {file_path}"
        except OSError as error:
            yield f"frame {frame}: {error.strerror}: {file_path}"


def _path(folder: Path, frame: int) -> Path:
    return folder / FOLDER / f"{frame_number(frame)}.json"
