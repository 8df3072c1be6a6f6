"""The cell as OPC 40010-1 (OPC UA Robotics 1.0) sees a robot, with its name plate after OPC 40001-1 (Machinery).

Names, types and modelling rules are those of the two specifications; paths are the feed's business too, which is why
they are made by functions here.
"""

from __future__ import annotations

from dataclasses import dataclass

from workcell_sensors.outward.opcua_space import (
    BASE_OBJECT,
    BOOLEAN,
    CELL,
    DATE_TIME,
    DI,
    DOUBLE,
    FOLDER,
    HAS_ADD_IN,
    HAS_PROPERTY,
    INT32,
    MACHINERY,
    OBJECTS,
    ORGANIZES,
    PROPERTY,
    ROBOTICS,
    STRING,
    Id,
    Node,
    Reference,
    Root,
    Space,
    analog,
    folder,
    item,
    text,
    variable,
)
from workcell_sensors.tags import TagTable

DEVICE_SET, MACHINES = Id(DI, 5001), Id(MACHINERY, 1001)
MOTION_DEVICE_SYSTEM, MOTION_DEVICE, CONTROLLER = Id(ROBOTICS, 1002), Id(ROBOTICS, 1004), Id(ROBOTICS, 1003)
AXIS, POWER_TRAIN, MOTOR = Id(ROBOTICS, 16601), Id(ROBOTICS, 16794), Id(ROBOTICS, 1019)
SAFETY_STATE, TASK_CONTROL, USER = Id(ROBOTICS, 1013), Id(ROBOTICS, 1011), Id(ROBOTICS, 18175)
SOFTWARE, IDENTIFICATION = Id(DI, 15106), Id(MACHINERY, 1012)
CONTROLS, MOVES, REQUIRES, HAS_SAFETY_STATES = (Id(ROBOTICS, number) for number in (4002, 18178, 18179, 18182))
OPERATIONAL_MODE, CATEGORY = Id(ROBOTICS, 3006), Id(ROBOTICS, 18193)
MOTION_PROFILE, EXECUTION_MODE = Id(ROBOTICS, 3008), Id(ROBOTICS, 18191)

ARTICULATED_ROBOT = 1
ROTARY = 1
MODE_OTHER, MODE_AUTOMATIC_EXTERNAL = 0, 4
EXECUTION_CONTINUOUS = 1

SYSTEM, CELL_OBJECT = "RobotSystem", "Cell"
ARM, CONTROL, SAFETY, TASK = "Arm", "Controller", "SafetyState", "Cell"

CYCLE_UNITS: dict[str, str] = {
    "cycle_time": "s",
    "drop": "1",
    "verdict": "1",
    "energy": "J",
    "vacuum_min": "Pa",
    "acceleration_max": "m/s^2",
    "serial": "1",
    "pick_attempts": "1",
    "tracking_error_max": "rad",
}
SHIFT_UNITS: dict[str, str] = {
    "produced_quantity": "1",
    "good_quantity": "1",
    "rework_quantity": "1",
    "scrap_quantity": "1",
    "drops": "1",
    "escapes": "1",
    "false_rejects": "1",
    "availability": "1",
    "effectiveness": "1",
    "quality_ratio": "1",
    "oee": "1",
    "energy_per_good_part": "J",
    "good_parts_per_hour": "1",
    "busy_time": "s",
    "down_time": "s",
}
"""The metrics of `cell/kpi`, names after ISO 22400-2, with their units."""


@dataclass(frozen=True)
class NamePlate:
    """What is written on a device."""

    manufacturer: str
    model: str
    product_code: str
    serial_number: str


@dataclass(frozen=True)
class Identity:
    """Who the cell's devices are."""

    arm: NamePlate
    controller: NamePlate
    software_revision: str
    product_instance_uri: str
    joints: tuple[str, ...]


def axis_path(joint: str, name: str) -> str:
    """Returns the path of an axis' measured value, as `ActualPosition`."""
    return f"{SYSTEM}.MotionDevices.{ARM}.Axes.{joint}.ParameterSet.{name}"


def motor_path(joint: str) -> str:
    """Returns the path of a joint's motor temperature."""
    train = f"PowerTrain_{joint}"
    return f"{SYSTEM}.MotionDevices.{ARM}.PowerTrains.{train}.Motor.ParameterSet.MotorTemperature"


def arm_path(name: str) -> str:
    """Returns the path of one of the arm's parameters."""
    return f"{SYSTEM}.MotionDevices.{ARM}.ParameterSet.{name}"


def controller_path(name: str) -> str:
    """Returns the path of one of the controller's parameters."""
    return f"{SYSTEM}.Controllers.{CONTROL}.ParameterSet.{name}"


def task_path(name: str) -> str:
    """Returns the path of one of the running task's parameters."""
    return f"{SYSTEM}.Controllers.{CONTROL}.TaskControls.{TASK}.ParameterSet.{name}"


def safety_path(name: str) -> str:
    """Returns the path of one of the safety state's parameters."""
    return f"{SYSTEM}.SafetyStates.{SAFETY}.ParameterSet.{name}"


def kpi_path(group: str, name: str) -> str:
    """Returns the path of a metric of `cycle` or `shift`."""
    return f"{CELL_OBJECT}.Kpi.{group}.{name}"


def reading_path(tag: str) -> str:
    """Returns the path of a tag's reading."""
    return f"{CELL_OBJECT}.Readings.{tag}"


def state_path(name: str) -> str:
    """Returns the path of the cell's `State` or `Reason`."""
    return f"{CELL_OBJECT}.{name}"


def cell_space(identity: Identity, table: TagTable) -> Space:
    """Returns the whole address space of a cell."""
    arm = f"{SYSTEM}.MotionDevices.{ARM}"
    controller = f"{SYSTEM}.Controllers.{CONTROL}"
    references = [
        Reference(controller, CONTROLS, arm),
        Reference(controller, HAS_SAFETY_STATES, f"{SYSTEM}.SafetyStates.{SAFETY}"),
        Reference(f"{controller}.TaskControls.{TASK}", CONTROLS, arm),
    ]
    for joint in identity.joints:
        axis, train = f"{arm}.Axes.{joint}", f"{arm}.PowerTrains.PowerTrain_{joint}"
        references += [Reference(axis, REQUIRES, train), Reference(train, MOVES, axis)]
    return Space(
        (
            Root(DEVICE_SET, _system(identity)),
            Root(MACHINES, _machine(identity)),
            Root(OBJECTS, _cell(table)),
        ),
        tuple(references),
    )


def _system(identity: Identity) -> Node:
    return item(
        SYSTEM,
        CELL,
        MOTION_DEVICE_SYSTEM,
        folder("MotionDevices", ROBOTICS, _arm(identity)),
        folder("Controllers", ROBOTICS, _controller(identity)),
        folder("SafetyStates", ROBOTICS, _safety()),
        text("ComponentName", "workcell", localized=True),
    )


def _plate(plate: NamePlate) -> tuple[Node, ...]:
    return (
        text("Manufacturer", plate.manufacturer, localized=True),
        text("Model", plate.model, localized=True),
        text("ProductCode", plate.product_code),
        text("SerialNumber", plate.serial_number),
    )


def _parameters(*below: Node) -> Node:
    return item("ParameterSet", DI, BASE_OBJECT, *below)


def _arm(identity: Identity) -> Node:
    category = Node("MotionDeviceCategory", ROBOTICS, PROPERTY, CATEGORY, ARTICULATED_ROBOT, reference=HAS_PROPERTY)
    return item(
        ARM,
        CELL,
        MOTION_DEVICE,
        *_plate(identity.arm),
        category,
        _parameters(
            variable("SpeedOverride", ROBOTICS, DOUBLE, description="Share of the programmed speed, in percent"),
            variable("InControl", ROBOTICS, BOOLEAN, description="Whether the arm follows what it is told"),
        ),
        folder("Axes", ROBOTICS, *(_axis(joint) for joint in identity.joints)),
        folder("PowerTrains", ROBOTICS, *(_power_train(joint, identity.arm) for joint in identity.joints)),
    )


def _axis(joint: str) -> Node:
    return item(
        joint,
        CELL,
        AXIS,
        Node("MotionProfile", ROBOTICS, PROPERTY, MOTION_PROFILE, ROTARY, reference=HAS_PROPERTY),
        _parameters(
            analog("ActualPosition", ROBOTICS, "rad"),
            analog("ActualSpeed", ROBOTICS, "rad/s"),
            analog("ActualAcceleration", ROBOTICS, "rad/s^2"),
        ),
    )


def _power_train(joint: str, arm: NamePlate) -> Node:
    # A motor's own name plate is not known to the cell; it came with the arm.
    plate = NamePlate(arm.manufacturer, f"{arm.model} {joint}", arm.product_code, f"{arm.serial_number}/{joint}")
    motor = item("Motor", CELL, MOTOR, *_plate(plate), _parameters(analog("MotorTemperature", ROBOTICS, "K")))
    return item(f"PowerTrain_{joint}", CELL, POWER_TRAIN, motor)


def _controller(identity: Identity) -> Node:
    software = item(
        "Workcell",
        CELL,
        SOFTWARE,
        text("Manufacturer", "workcell", localized=True),
        text("Model", "workcell", localized=True),
        text("SoftwareRevision", identity.software_revision),
    )
    task = item(
        TASK,
        CELL,
        TASK_CONTROL,
        text("ComponentName", "pick, inspect, place", localized=True),
        _parameters(
            variable("TaskProgramName", ROBOTICS, STRING),
            variable("TaskProgramLoaded", ROBOTICS, BOOLEAN),
            variable("ExecutionMode", ROBOTICS, EXECUTION_MODE, EXECUTION_CONTINUOUS),
        ),
    )
    return item(
        CONTROL,
        CELL,
        CONTROLLER,
        *_plate(identity.controller),
        _parameters(
            analog("TotalEnergyConsumption", ROBOTICS, "J"),
            variable("StartUpTime", ROBOTICS, DATE_TIME),
        ),
        item("CurrentUser", ROBOTICS, USER, text("Level", "operator", space=ROBOTICS)),
        folder("Software", ROBOTICS, software),
        folder("TaskControls", ROBOTICS, task),
    )


def _safety() -> Node:
    return item(
        SAFETY,
        CELL,
        SAFETY_STATE,
        _parameters(
            variable("OperationalMode", ROBOTICS, OPERATIONAL_MODE),
            variable("EmergencyStop", ROBOTICS, BOOLEAN),
            variable("ProtectiveStop", ROBOTICS, BOOLEAN),
        ),
    )


def _machine(identity: Identity) -> Node:
    plate = item(
        "Identification",
        DI,
        IDENTIFICATION,
        *_plate(identity.arm),
        text("ProductInstanceUri", identity.product_instance_uri),
        text("SoftwareRevision", identity.software_revision),
        reference=HAS_ADD_IN,
    )
    return item("Workcell", CELL, BASE_OBJECT, plate)


def _cell(table: TagTable) -> Node:
    readings = [analog(row.tag, CELL, row.si, description=row.description) for row in table.rows]
    kpis = [
        folder(group, CELL, *(analog(name, CELL, unit) for name, unit in units.items()))
        for group, units in (("cycle", CYCLE_UNITS), ("shift", SHIFT_UNITS))
    ]
    return Node(
        CELL_OBJECT,
        CELL,
        FOLDER,
        reference=ORGANIZES,
        below=(
            variable("State", CELL, STRING, description="What the cell is doing"),
            variable("Reason", CELL, STRING, description="What the state is about, in the cell's words"),
            variable("ReadingsBad", CELL, INT32, 0, description="Readings that are not to be acted on"),
            folder("Kpi", CELL, *kpis),
            folder("Readings", CELL, *readings),
        ),
    )
