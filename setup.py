"""ament_python package `workcell`: also an ordinary wheel where no ROS 2 is installed."""

from itertools import groupby
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "workcell"
NODES = {
    "compose": "workcell_ros.compose",
    "world_node": "workcell_sim.world.world_node",
    "gazebo_world_node": "workcell_sim.gazebo.gazebo_world_node",
    "plant_node": "workcell_sim.plant.plant_node",
    "gateway_node": "workcell_sensors.gateway_node",
    "monitor_node": "workcell_sensors.monitor_node",
    "sparkplug_edge_node": "workcell_sensors.outward.sparkplug_edge_node",
    "historian_node": "workcell_sensors.historian.historian_node",
    "opcua_server_node": "workcell_sensors.outward.opcua_server_node",
    "inspection_node": "workcell_perception.inspection_node",
    "gripper_node": "workcell_control.gripper.gripper_node",
    "cell_node": "workcell_control.cell.cell_node",
    "policy_node": "workcell_control.policy.policy_node",
    "governor_node": "workcell_control.governance.governor_node",
    "twin_node": "workcell_control.twin.twin_node",
    "console_node": "workcell_console.console_node",
    "recorder_node": "workcell_console.recorder_node",
    "lifecycle_manager_node": "workcell_ros.lifecycle_manager_node",
}
SHARED = ("config", "launch", "security", "urdf", "worlds", "rviz", "foxglove")


def shared_files() -> list[tuple[str, list[str]]]:
    """Returns the data files under share/workcell, folder by folder."""
    files = [
        ("share/ament_index/resource_index/packages", ["resource/workcell"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ]
    for top in SHARED:
        paths = [path for path in Path(top).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        for folder, names in groupby(sorted(paths, key=lambda path: (path.parent, path)), key=lambda path: path.parent):
            files.append((f"share/{PACKAGE}/{folder}", [str(name) for name in names]))
    return files


setup(
    name=PACKAGE,
    version="0.1.0",
    description="Field sensors, in-station vision, robot arm motion and a governed AI policy as one closed loop",
    license="Apache-2.0",
    maintainer="workcell maintainers",
    maintainer_email="maintainers@workcell.example",
    python_requires=">=3.11",
    packages=find_packages(include=["workcell_*"]),
    package_data={
        "workcell_sim": ["embedded/**/*.msg", "embedded/**/*.srv", "embedded/**/*.action", "embedded/**/*.idl"],
        "workcell_sim.cycle": ["verdicts.csv"],
        "workcell_console": ["static/*", "static/**/*", "templates/*"],
        "": ["py.typed"],
    },
    data_files=shared_files(),
    zip_safe=False,
    install_requires=[
        "numpy>=1.26",
        "scipy>=1.11",
        "opencv-python-headless>=4.10",
        "transforms3d>=0.4.2",
        "PyYAML>=6",
        "pin>=3",
        "coal>=3",
        "eaik>=1.2",
        "ruckig>=0.14",
        "asyncua>=2.1",
        "cryptography>=42",
        "paho-mqtt>=2.1",
        "httpx>=0.27",
        "duckdb>=1.2",
        "protobuf>=5",
        "pint>=0.24",
        "rosbags>=0.10",
        "apsw>=3.45",
        "mcap>=1.2",
        "xacro>=2",
        "rich>=13",
        "starlette>=0.40",
        "uvicorn>=0.30",
        "matplotlib>=3.8",
        "scikit-learn>=1.4",
    ],
    extras_require={
        "onnx": ["onnxruntime>=1.17"],
        "gym": ["gymnasium>=1.0", "onnx>=1.16"],
        "sim": ["mujoco>=3.3", "greenlet>=3", "amqtt>=0.11", "aiomqtt>=2.3", "pymodbus>=3.8"],
        "postgres": ["psycopg[binary]>=3.2"],
        "fuzz": ["atheris>=2.3; sys_platform == 'linux' and python_version < '3.14'"],
        "bench": ["toppra>=0.6", "ur-analytic-ik>=0.1.0.post3", "river>=0.21", "optuna>=4", "threadpoolctl>=3"],
        "test": [
            "pytest>=8",
            "onnx>=1.16",
            "onnxruntime>=1.17",
            "gymnasium>=1.0",
            "psycopg[binary]>=3.2",
            "pytest-timeout>=2.3",
            "hypothesis>=6.100",
            "selenium>=4.20",
            "ruff>=0.8",
            "mypy>=1.11",
            "types-PyYAML>=6",
            "types-protobuf>=5",
            "threadpoolctl>=3",
        ],
    },
    entry_points={
        "console_scripts": [
            "workcell = workcell_console.main:main",
            *(f"{name} = {module}:main" for name, module in NODES.items()),
        ],
    },
)
