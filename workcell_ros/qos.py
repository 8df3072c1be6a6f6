"""QoS profiles by what a topic carries, as the table in docs/design.md lists them."""

from __future__ import annotations

from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy, qos_profile_sensor_data

SENSOR_DATA: QoSProfile = qos_profile_sensor_data
"""Newest matters, loss does not: joint states, images."""


def reliable(depth: int = 100) -> QoSProfile:
    """Every message counts; the last `depth` are kept for a slow reader."""
    return QoSProfile(depth=depth, reliability=QoSReliabilityPolicy.RELIABLE)


def latched(depth: int = 1) -> QoSProfile:
    """Reliable, and the last `depth` messages reach late joiners."""
    return QoSProfile(
        depth=depth,
        reliability=QoSReliabilityPolicy.RELIABLE,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
    )


READINGS = reliable(100)
DIAGNOSTICS = reliable(100)
KPI = latched(200)
VERDICTS = latched(200)
AUDIT = latched(500)
STATE = latched(1)
