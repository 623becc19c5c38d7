"""What the user is told when the node cannot do what was asked."""

from __future__ import annotations


class Problem(Exception):
    """One clear line, shown in the node's status and, with a user interface, in a dialog."""
