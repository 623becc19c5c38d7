# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators, one a file."""

from __future__ import annotations

from .cancel import VIMATTE_OT_cancel
from .find_people import VIMATTE_OT_find_people
from .matte import VIMATTE_OT_matte
from .open_qc import VIMATTE_OT_open_qc

CLASSES = (VIMATTE_OT_find_people, VIMATTE_OT_matte, VIMATTE_OT_cancel, VIMATTE_OT_open_qc)
