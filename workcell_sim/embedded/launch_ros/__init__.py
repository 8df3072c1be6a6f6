"""ROS in launch files, on the embedded runtime: nodes run as processes of the kernel.

The classes and their behaviour are those of ROS 2's ``launch_ros``. A Node whose executable is a
Python program runs within this process; other executables raise an error, for they could not
reach the embedded graph.
"""

from . import actions, descriptions, event_handlers, events, substitutions, utilities

__all__ = ["actions", "descriptions", "event_handlers", "events", "substitutions", "utilities"]
