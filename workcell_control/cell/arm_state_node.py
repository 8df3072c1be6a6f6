"""Where the arm is, how it moves and how fast its controller lets it: heard from its driver."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from workcell_control.execution.drivers import ArmDriver
from workcell_control.execution.path import PathUnderWay
from workcell_control.motion.arrays import FloatArray
from workcell_ros import convert, qos

NS_PER_S = 1_000_000_000
STILL_RAD_S = 0.01
"""Below this speed of every joint the arm stands."""
STILL_FOR_S = 0.05
"""Time for which it must have been so slow: a brake is slow before it ends."""
FRESH_S = 0.15
"""Older joint states do not say that it stands now."""
REMEMBERED = 100
"""Joint states kept, to know where the arm was when something was measured."""


class ArmState:
    """Joint states and speed factor of an arm; `on_joints` is called with every joint state."""

    def __init__(self, node: Any, driver: ArmDriver, joint_names: Sequence[str], on_joints: Callable[[], None]) -> None:
        self._node = node
        self._driver = driver
        self._joint_names = tuple(joint_names)
        self._on_joints = on_joints
        subscribe = node.create_subscription
        self._subscriptions = [subscribe(JointState, "joint_states", self._on_joint_states, qos.SENSOR_DATA)]
        if driver.scaling_topic:
            self._subscriptions.append(subscribe(Float64, driver.scaling_topic, self._on_scaling, qos.SENSOR_DATA))
        self._order: list[int] = []
        self._joint_states: deque[Any] = deque(maxlen=REMEMBERED)
        self.scaling = 1.0

    @property
    def is_still(self) -> bool:
        """Whether the arm was heard of just now and has stood for a moment."""
        if self.is_silent(FRESH_S):
            return False
        newest_ns: int | None = None
        for message in reversed(self._joint_states):
            velocity = message.velocity
            if len(velocity) and max(abs(velocity[i]) for i in self._order) >= STILL_RAD_S:
                return False
            stamp_ns = convert.stamp_to_ns(message.header.stamp)
            newest_ns = stamp_ns if newest_ns is None else newest_ns
            if newest_ns - stamp_ns >= STILL_FOR_S * NS_PER_S:
                return True
        return newest_ns is not None

    def is_silent(self, for_s: float) -> bool:
        """Whether no joint state came for a time, by their own stamps."""
        if not self._joint_states:
            return True
        age_ns = int(self._node.now_ns()) - convert.stamp_to_ns(self._joint_states[-1].header.stamp)
        return age_ns > for_s * NS_PER_S

    @property
    def position(self) -> FloatArray | None:
        """Joint positions measured last, None before the arm was heard."""
        return self._position_of(self._joint_states[-1]) if self._joint_states else None

    @property
    def effort(self) -> list[float]:
        """Joint torques in [N m] measured last, empty where they are not told."""
        effort = self._joint_states[-1].effort if self._joint_states else ()
        return [effort[i] for i in self._order] if len(effort) else []

    def position_at(self, time_ns: int) -> FloatArray | None:
        """Joint positions measured nearest to a time, None before the arm was heard."""
        if not self._joint_states:
            return None
        nearest = min(self._joint_states, key=lambda item: abs(convert.stamp_to_ns(item.header.stamp) - time_ns))
        return self._position_of(nearest)

    def time_on(self, path: PathUnderWay) -> float:
        """Where on the path under way the arm is now, in [s]: where it was measured, and the time since."""
        last = self._joint_states[-1]
        age_ns = int(self._node.now_ns()) - convert.stamp_to_ns(last.header.stamp)
        return path.time_at(self._position_of(last)) + max(age_ns, 0) / NS_PER_S * self.scaling

    def destroy(self) -> None:
        """Free the subscriptions."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _position_of(self, message: Any) -> FloatArray:
        return np.array([message.position[i] for i in self._order])

    def _on_joint_states(self, message: Any) -> None:
        if not self._order:
            if not set(self._joint_names) <= set(message.name):
                return
            self._order = [list(message.name).index(name) for name in self._joint_names]
        self._joint_states.append(message)  # taken apart only when somebody asks: it comes often
        self._on_joints()

    def _on_scaling(self, message: Any) -> None:
        self.scaling = float(message.data) / self._driver.scaling_full
