"""Sessions: a shot with its guidance, its instances, its cache and its settings."""

from __future__ import annotations

from vimatte.session.results import FrameResult, Plan
from vimatte.session.session import MatteSession
from vimatte.session.shot import Shot

__all__ = ["FrameResult", "MatteSession", "Plan", "Shot"]
