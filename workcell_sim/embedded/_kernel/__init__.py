"""Event kernel of the embedded runtime: time lines, processes and the ROS graph, without any ROS API."""

from .current import current_kernel, current_process, process_globals, set_default_kernel
from .errors import DeadlockError, KernelError, ProcessKilledError
from .kernel import Kernel
from .process import Fiber, Process
from .waiter import Waiter

__all__ = [
    "DeadlockError",
    "Fiber",
    "Kernel",
    "KernelError",
    "Process",
    "ProcessKilledError",
    "Waiter",
    "current_kernel",
    "current_process",
    "process_globals",
    "set_default_kernel",
]
