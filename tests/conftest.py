"""What holds for every test: it leaves the process as it found it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# CI tries the same examples every time: what lands is not decided by chance. Everywhere else new
# ones are tried in every run.
settings.register_profile("ci", derandomize=True)
if "VIMATTE_CI" in os.environ:
    settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _leave_the_process_as_it_was() -> Iterator[None]:
    """Put back the environment and torch's number of threads: no test may live on another's."""
    environment = dict(os.environ)
    torch = sys.modules.get("torch")
    threads = None if torch is None else torch.get_num_threads()
    yield
    for name in os.environ.keys() - environment.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value and name != "PYTEST_CURRENT_TEST":
            os.environ[name] = value
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
