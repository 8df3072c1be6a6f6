"""What happens in a launched system, as seen by event handlers."""

from __future__ import annotations


class Event:
    """Base of all events; ``name`` is what logs show."""

    name = "launch.Event"
