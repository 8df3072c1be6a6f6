"""From what the cell says on its topics to the values an OPC UA client sees, each with its time and status."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workcell_sensors.outward.opcua_robotics import (
    CYCLE_UNITS,
    MODE_AUTOMATIC_EXTERNAL,
    MODE_OTHER,
    SHIFT_UNITS,
    arm_path,
    axis_path,
    controller_path,
    kpi_path,
    motor_path,
    reading_path,
    safety_path,
    state_path,
    task_path,
)
from workcell_sensors.outward.opcua_space import Value
from workcell_sensors.reading import NS_PER_S, Quality

GOOD = 0x0000_0000
UNCERTAIN_SENSOR = 0x4093_0000
"""UncertainSensorNotAccurate."""
LAST_USABLE = 0x4090_0000
"""UncertainLastUsableValue: what updated the value has stopped to do so."""
BAD_SENSOR = 0x808C_0000
"""BadSensorFailure."""
BAD_WAITING = 0x8032_0000
"""BadWaitingForInitialData."""
STATUS_OF = {
    Quality.GOOD: GOOD,
    Quality.UNCERTAIN: UNCERTAIN_SENSOR,
    Quality.BAD: BAD_SENSOR,
    Quality.STALE: LAST_USABLE,
}
ACCELERATION_STEP_S_MIN = 0.02
"""Speeds closer together tell more of their noise than of the acceleration."""
EMERGENCY_STOP, PROTECTIVE_STOP, NORMAL = "emergency_stop", "protective_stop", "normal"
_METRICS = {"cycle": CYCLE_UNITS, "shift": SHIFT_UNITS}


@dataclass(frozen=True, slots=True)
class Update:
    """A variable's new value."""

    path: str
    value: Value
    """None with a bad status."""
    status: int
    stamp_ns: int


class Feed:
    """Collects updates; of two to one variable the newer counts.

    Args:
        joints: names in `joint_states`, in the order of the axes.
        temperatures: tag of the motor temperature [K] by joint; a joint without one has none.
        energy: tag of the energy meter [J]; empty: none.
        tags: all tags that the server shows.
        silence_s: after so long without a word a value is no longer GOOD.
    """

    def __init__(
        self,
        joints: Sequence[str],
        temperatures: Mapping[str, str],
        energy: str,
        tags: Sequence[str],
        silence_s: float,
    ) -> None:
        self._joints = tuple(joints)
        self._tags = frozenset(tags)
        self._also = {tag: motor_path(joint) for joint, tag in temperatures.items()}
        if energy:
            self._also[energy] = controller_path("TotalEnergyConsumption")
        self._silence_ns = round(silence_s * NS_PER_S)
        self._waiting: dict[str, Update] = {}
        self._shown: dict[str, Update] = {}
        self._heard_ns: dict[str, int] = {}
        self._speeds: dict[str, tuple[int, float]] = {}
        self._bad: set[str] = set()
        self.ignored = 0
        """What came and has no variable: other joints, unknown tags and metrics."""

    def start(self, program: str, now_ns: int) -> None:
        """Says what is known before anything is heard."""
        self._say(task_path("TaskProgramName"), program, now_ns)
        self._say(task_path("TaskProgramLoaded"), True, now_ns)
        self._say(controller_path("StartUpTime"), now_ns / NS_PER_S, now_ns)
        self._say(safety_path("OperationalMode"), MODE_OTHER, now_ns)

    def joint_states(
        self, names: Sequence[str], positions: Sequence[float], velocities: Sequence[float], stamp_ns: int, now_ns: int
    ) -> None:
        """Takes joint angles [rad] and speeds [rad/s] in; speeds may be missing."""
        self._hear("joint_states", now_ns)
        place = {name: at for at, name in enumerate(names)}
        self.ignored += sum(1 for name in names if name not in self._joints)
        for joint in self._joints:
            at = place.get(joint)
            if at is None or at >= len(positions):
                continue
            self._say(axis_path(joint, "ActualPosition"), positions[at], stamp_ns)
            if at < len(velocities):
                self._say(axis_path(joint, "ActualSpeed"), velocities[at], stamp_ns)
                self._accelerate(joint, velocities[at], stamp_ns)

    def readings(self, tags: Sequence[str], values: Sequence[float], qualities: Sequence[int], stamp_ns: int) -> None:
        """Takes a scan in: values in SI, qualities as `Quality`."""
        for tag, value, quality in zip(tags, values, qualities, strict=True):
            if tag not in self._tags:
                self.ignored += 1
                continue
            grade = Quality(quality) if quality in STATUS_OF else Quality.BAD
            (self._bad.discard if grade <= Quality.UNCERTAIN else self._bad.add)(tag)
            for path in (reading_path(tag), self._also.get(tag)):
                if path is not None:
                    self._say(path, value, stamp_ns, STATUS_OF[grade])
        self._say(state_path("ReadingsBad"), len(self._bad), stamp_ns)

    def cell_state(self, text: str, now_ns: int) -> None:
        """Takes a state in, as `hold;reason=readings are stale`."""
        state, _, detail = text.partition(";")
        self._say(state_path("State"), state, now_ns)
        self._say(state_path("Reason"), detail.removeprefix("reason="), now_ns)
        # The safety controller's own mode is on no topic. An arm that carries out what the cell tells it is in the
        # mode for external control; of one that does not, nothing is known.
        is_run = state not in ("", "stopped")
        self._say(safety_path("OperationalMode"), MODE_AUTOMATIC_EXTERNAL if is_run else MODE_OTHER, now_ns)

    def robot_state(self, text: str, now_ns: int) -> None:
        """Takes the arm's safety state in: normal, protective_stop or emergency_stop, with `;reason=...`."""
        state = text.partition(";")[0]
        self._say(safety_path("EmergencyStop"), state == EMERGENCY_STOP, now_ns)
        self._say(safety_path("ProtectiveStop"), state == PROTECTIVE_STOP, now_ns)
        self._say(arm_path("InControl"), state == NORMAL, now_ns)

    def speed_scaling(self, share: float, now_ns: int) -> None:
        """Takes the speed in force in, as a share of the programmed one."""
        self._say(arm_path("SpeedOverride"), 100.0 * share, now_ns)

    def metric(self, group: str, name: str, value: float, stamp_ns: int) -> None:
        """Takes a figure of `cycle` or `shift` in."""
        if name not in _METRICS.get(group, ()):
            self.ignored += 1
            return
        self._say(kpi_path(group, name), value, stamp_ns)

    def changes(self, now_ns: int) -> list[Update]:
        """Returns what has changed since the last call; what fell silent is no longer good."""
        heard_ns = self._heard_ns.get("joint_states", now_ns)
        if now_ns - heard_ns > self._silence_ns:
            del self._heard_ns["joint_states"]
            self._speeds.clear()
            for path in [path for path in self._shown if ".Axes." in path]:
                last = self._shown[path]
                self._waiting[path] = Update(path, last.value, LAST_USABLE, last.stamp_ns)
        changed = list(self._waiting.values())
        self._shown.update(self._waiting)
        self._waiting = {}
        return changed

    def _hear(self, topic: str, now_ns: int) -> None:
        self._heard_ns[topic] = now_ns

    def _accelerate(self, joint: str, speed: float, stamp_ns: int) -> None:
        before_ns, before = self._speeds.get(joint, (stamp_ns, speed))
        step_s = (stamp_ns - before_ns) / NS_PER_S
        if step_s >= ACCELERATION_STEP_S_MIN:
            self._say(axis_path(joint, "ActualAcceleration"), (speed - before) / step_s, stamp_ns)
        if step_s >= ACCELERATION_STEP_S_MIN or step_s <= 0.0:
            self._speeds[joint] = (stamp_ns, speed)

    def _say(self, path: str, value: Value, stamp_ns: int, status: int = GOOD) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            value, status = None, status if status >> 31 else BAD_SENSOR
        self._waiting[path] = Update(path, value, status, stamp_ns)
