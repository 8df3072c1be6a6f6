"""A ROS domain of their own for what launch tests start: earlier tests may have left nodes in the tests' process."""

from __future__ import annotations

import os

from launch.actions import SetEnvironmentVariable

DOMAINS = 101
"""Of these the ports lie below those that systems hand out."""
FAR = 50


def apart(is_embedded: bool) -> list[SetEnvironmentVariable]:
    """Returns what puts the processes of a launch into another domain; the embedded runtime has a kernel for each."""
    if is_embedded:
        return []
    domain = (int(os.environ.get("ROS_DOMAIN_ID", "0")) + FAR) % DOMAINS
    return [SetEnvironmentVariable("ROS_DOMAIN_ID", str(domain))]
