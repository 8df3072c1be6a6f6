"""Which Python program an executable of a package is."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ament_index_python._own_package import OWN_PACKAGE
from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from workcell_sim.embedded import RUNTIME_DIR


class ExecutableNotFoundError(Exception):
    """A package has no such executable, or it cannot run on the embedded runtime."""


@dataclass(frozen=True)
class PythonProgram:
    """A program to run in this process: its path as ``argv[0]``, and what to call."""

    path: str
    main: Callable[[], object]


def find_in_package(package: str, executable: str) -> PythonProgram:
    """Return the program of a package: of the runtime, of this project, or of a sourced workspace.

    Raises:
        PackageNotFoundError: there is no such package.
        ExecutableNotFoundError: it has no such executable, or not one in Python.
    """
    if (RUNTIME_DIR / package / f"{executable}.py").is_file():
        return _entry_point(package, executable, f"{package}.{executable}", "main")
    if package == OWN_PACKAGE:
        points = _own_entry_points()
        if executable not in points:
            raise ExecutableNotFoundError(
                f"package '{package}' has no executable '{executable}', expected one of {', '.join(sorted(points))}"
            )
        module, _, function = points[executable].partition(":")
        return _entry_point(package, executable, module, function)
    prefix = get_package_prefix(package)
    path = Path(prefix) / "lib" / package / executable
    if not path.is_file():
        raise ExecutableNotFoundError(f"executable '{executable}' not found in '{path.parent}' of package '{package}'")
    _add_site_packages(Path(prefix))
    program = from_file(path)
    module = _entry_module(package, executable)

    def main() -> object:
        # As a process of its own would: with module variables, and default arguments such as
        # sys.argv, that no other process has touched.
        sys.modules.pop(module, None)
        return program.main()

    return PythonProgram(program.path, main)


def from_file(path: Path) -> PythonProgram:
    """Return the program in a file.

    Raises:
        ExecutableNotFoundError: there is no such file, or it is not Python.
    """
    if not path.is_file():
        raise ExecutableNotFoundError(f"executable '{path}' does not exist")
    if not _is_python(path):
        raise ExecutableNotFoundError(
            f"'{path}' is not a Python program: nodes of the embedded runtime run within one "
            "process; start it with ExecuteProcess if it does not use ROS"
        )
    return PythonProgram(str(path), lambda: _run_script(path))


def is_interpreter(executable: str) -> bool:
    """Whether an executable is Python itself."""
    return re.fullmatch(r"python(\d+(\.\d+)?)?", Path(executable).name) is not None


def from_interpreter(arguments: Sequence[str]) -> tuple[PythonProgram, list[str]]:
    """Return what Python would run with these arguments, and the arguments for that.

    Raises:
        ExecutableNotFoundError: it is no file, ``-m MODULE`` or ``-c CODE``, or there is no such file or module.
    """
    # Output is unbuffered here anyway.
    rest = list(arguments[1:]) if arguments[:1] == ["-u"] else list(arguments)
    if len(rest) >= 2 and rest[0] == "-c":
        code = rest[1]
        return PythonProgram("-c", lambda: _execute(code, "<string>")), rest[2:]
    if len(rest) >= 2 and rest[0] == "-m":
        return from_file(_module_file(rest[1])), rest[2:]
    if not rest or rest[0].startswith("-"):
        raise ExecutableNotFoundError(f"python {' '.join(arguments)}: expected a file, -m MODULE or -c CODE")
    return from_file(Path(rest[0])), rest[1:]


def _module_file(module: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{module}.__main__")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise ExecutableNotFoundError(f"there is no module '{module}' to run")
    return Path(spec.origin)


def _entry_point(package: str, executable: str, module: str, function: str) -> PythonProgram:
    try:
        prefix = get_package_prefix(package)
    except PackageNotFoundError:
        prefix = str(RUNTIME_DIR)

    def main() -> object:
        # Imported when the process starts: a module that fails to import fails in its process.
        return getattr(import_module(module), function)()

    return PythonProgram(os.path.join(prefix, "lib", package, executable), main)


def _own_entry_points() -> dict[str, str]:
    """Return ``module:function`` of each node, from the checkout or the installed wheel."""
    setup_file = RUNTIME_DIR.parent.parent / "setup.py"
    if setup_file.is_file():
        return {name: f"{module}:main" for name, module in _literal(setup_file, "NODES").items()}
    points = importlib.metadata.distribution(OWN_PACKAGE).entry_points
    return {point.name: point.value for point in points.select(group="console_scripts")}


def _entry_module(package: str, executable: str) -> str:
    """Return the module of a workspace package's entry point; empty where its script is no entry point."""
    try:
        points = importlib.metadata.distribution(package).entry_points
    except importlib.metadata.PackageNotFoundError:
        return ""
    return next((point.module for point in points.select(group="console_scripts", name=executable)), "")


def _literal(file: Path, variable: str) -> dict[str, str]:
    """Return the dictionary that a module assigns to a variable, without executing the module."""
    for statement in ast.parse(file.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == variable:
            value: dict[str, str] = ast.literal_eval(statement.value)
            return value
    raise ExecutableNotFoundError(f"{file} does not define {variable}")


def _is_python(path: Path) -> bool:
    if path.suffix == ".py":
        return True
    with path.open("rb") as file:
        first_line = file.readline(256)
    return first_line.startswith(b"#!") and b"python" in first_line


def _run_script(path: Path) -> None:
    _execute(path.read_bytes(), str(path))


def _execute(code: str | bytes, file: str) -> None:
    """Execute code as that of ``__main__``, but leave ``sys.modules`` alone.

    ``runpy`` swaps the module ``__main__`` and ``sys.argv`` while the program runs; several
    programs run in turns here, which would mix them up.
    """
    namespace = {
        "__name__": "__main__",
        "__file__": file,
        "__builtins__": __builtins__,
        "__doc__": None,
        "__package__": None,
        "__spec__": None,
    }
    exec(compile(code, file, "exec"), namespace)


def _add_site_packages(prefix: Path) -> None:
    """Make a sourced workspace's Python packages importable, as its set-up script does."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for directory in (
        prefix / "lib" / version / "site-packages",
        prefix / "local" / "lib" / version / "dist-packages",
    ):
        if directory.is_dir() and str(directory) not in sys.path:
            sys.path.append(str(directory))
