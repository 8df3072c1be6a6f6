"""Endpoints of the nodes that run only where an argument asks for them; a test holds each against its source."""

from __future__ import annotations

from collections.abc import Mapping

from workcell_console.graph.endpoints import TRIGGER, Endpoints

_READINGS = "control_msgs/msg/DynamicInterfaceGroupValues"
_DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
_DETECTIONS = "vision_msgs/msg/Detection2DArray"
_METRICS = "statistics_msgs/msg/MetricsMessage"
_STRING = "std_msgs/msg/String"
_HEARTBEAT = {"diagnostics": _DIAGNOSTICS}
EVERYTHING = "<every>"
"""Stands for every topic of the cell."""

OPTIONAL: Mapping[str, Endpoints] = {
    "recorder": Endpoints(
        publishes=_HEARTBEAT,
        subscribes={EVERYTHING: "any type"},
        offers={"recorder/snapshot": TRIGGER},
    ),
    "historian": Endpoints(
        publishes={**_HEARTBEAT, "readings/acknowledged": "std_msgs/msg/Header"},
        subscribes={
            "readings": _READINGS,
            "readings/historical": _READINGS,
            "cell/kpi": _METRICS,
            "inspection/detections": _DETECTIONS,
            "governor/verdicts": _DIAGNOSTICS,
        },
    ),
    "sparkplug_edge": Endpoints(
        publishes=_HEARTBEAT,
        subscribes={
            "readings": _READINGS,
            "readings/historical": _READINGS,
            "cell/kpi": _METRICS,
            "cell/state": _STRING,
            "inspection/detections": _DETECTIONS,
            "diagnostics": _DIAGNOSTICS,
        },
    ),
    "opcua_server": Endpoints(
        publishes=_HEARTBEAT,
        subscribes={
            "joint_states": "sensor_msgs/msg/JointState",
            "readings": _READINGS,
            "cell/state": _STRING,
            "world/robot_state": _STRING,
            "cell/kpi": _METRICS,
            "speed_scaling_state_broadcaster/speed_scaling": "std_msgs/msg/Float64",
        },
    ),
    "gripper": Endpoints(
        publishes={**_HEARTBEAT, "gripper_controller/valve": "std_msgs/msg/Float64"},
        subscribes={"readings": _READINGS},
        calls={"io_and_status_controller/set_io": "ur_msgs/srv/SetIO"},
        executes={"gripper_controller/gripper_cmd": "control_msgs/action/GripperCommand"},
    ),
}
