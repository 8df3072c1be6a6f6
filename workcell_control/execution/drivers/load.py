"""Reads which driver moves the arm, and what of its names an installation changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from workcell_control.execution.drivers.driver import ArmDriver
from workcell_control.execution.drivers.embedded import EmbeddedDriver
from workcell_control.execution.drivers.mock import MockDriver
from workcell_control.execution.drivers.universal_robots import MockUniversalRobotsDriver, UniversalRobotsDriver
from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError

DRIVERS: dict[
    str, type[EmbeddedDriver] | type[MockDriver] | type[UniversalRobotsDriver] | type[MockUniversalRobotsDriver]
] = {
    "embedded": EmbeddedDriver,
    "mock": MockDriver,
    "universal_robots": UniversalRobotsDriver,
    "universal_robots_mock": MockUniversalRobotsDriver,
}


def driver_of(kind: str, file: str | Path = "") -> ArmDriver:
    """The driver of a kind, with the values of its block in a YAML file.

    Raises:
        ConfigError: no such kind, or the file has a value that the driver does not know or of another type.
    """
    if kind not in DRIVERS:
        raise ConfigError(str(file) or "cell", "arm_driver", f"no driver {kind!r}", ", ".join(sorted(DRIVERS)))
    plain = DRIVERS[kind]()
    values = load_yaml(file).get(kind, {}) if file else {}
    known = {field.name: getattr(plain, field.name) for field in dataclasses.fields(plain) if field.name != "kind"}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(str(file), f"{kind}.{name}", "is not known", ", ".join(sorted(known)))
        if not isinstance(value, type(known[name])):
            raise ConfigError(str(file), f"{kind}.{name}", f"{value!r}", f"a {type(known[name]).__name__}")
    return dataclasses.replace(plain, **values)
