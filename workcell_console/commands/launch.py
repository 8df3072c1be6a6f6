"""`workcell launch FILE [arg:=value ...]`: runs a launch file on the runtime in use."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from workcell_console.cell_check import check_arguments
from workcell_ros.errors import ConfigError
from workcell_sim.embedded import activate, describe_runtime

CELL_LAUNCH = "cell.launch.py"


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "run a launch file; files in the package's launch folder may be given by name"
    parser = subparsers.add_parser("launch", help=text, description=text)
    parser.add_argument("file", help="launch file, e.g. cell.launch.py")
    parser.add_argument("arguments", nargs="*", metavar="name:=value", help="launch arguments")
    parser.add_argument("-s", "--show-args", action="store_true", help="list the file's arguments and stop")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    activate()
    path = _find(options.file)
    arguments = dict(_split(text) for text in options.arguments)
    if options.show_args:
        return _show_arguments(path)
    if path.samefile(_share_dir() / "launch" / CELL_LAUNCH):
        # Checked here too, so that what is wrong is one line and exit code 2 on either runtime.
        check_arguments(arguments, _share_dir())
    from workcell_ros.launching import LaunchRun

    print(describe_runtime(), file=sys.stderr)
    return LaunchRun(path, arguments).run()


def _share_dir() -> Path:
    from ament_index_python.packages import get_package_share_directory

    return Path(get_package_share_directory("workcell"))


def _find(name: str) -> Path:
    folder = _share_dir() / "launch"
    for path in (Path(name), folder / name):
        if path.is_file():
            return path
    shipped = sorted(path.name for path in folder.glob("*.launch.py"))
    raise ConfigError("command line", "FILE", f"{name!r} is no launch file", ["a path", *shipped])


def _split(text: str) -> tuple[str, str]:
    name, mark, value = text.partition(":=")
    if not mark or not name:
        raise ConfigError("command line", text, "is no launch argument", "name:=value")
    return name, value


def _show_arguments(path: Path) -> int:
    from launch import LaunchContext
    from launch.launch_description_sources import AnyLaunchDescriptionSource

    description = AnyLaunchDescriptionSource(str(path)).get_launch_description(LaunchContext())
    for argument in description.get_launch_arguments():
        default = "".join(part.perform(LaunchContext()) for part in argument.default_value or [])
        choices = f" {{{', '.join(argument.choices)}}}" if argument.choices else ""
        print(f"{argument.name}:={default}{choices}\n    {argument.description}")
    return 0
