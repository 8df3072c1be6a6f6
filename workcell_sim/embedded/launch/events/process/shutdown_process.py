"""The event that asks a process to end."""

from .process_targeted_event import ProcessTargetedEvent


class ShutdownProcess(ProcessTargetedEvent):
    """The process is to end: SIGINT first, then SIGTERM, then SIGKILL."""

    name = "launch.events.process.ShutdownProcess"
