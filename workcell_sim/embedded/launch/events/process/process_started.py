"""The event that a process was started."""

from .running_process_event import RunningProcessEvent


class ProcessStarted(RunningProcessEvent):
    """The process has been started."""

    name = "launch.events.process.ProcessStarted"
