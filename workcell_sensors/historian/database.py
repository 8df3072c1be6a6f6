"""Where the database of the history is: a connection string from a file or the environment, never shown."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from workcell_ros.errors import ConfigError
from workcell_sensors.sources.credentials import Secret

VARIABLE = "WORKCELL_HISTORY_DATABASE"
_VALID = "a libpq connection string or URI, like postgresql://historian@db.plant:5432/cell"


def load_database(file: str | Path, environ: Mapping[str, str]) -> Secret:
    """Returns the connection string in a file, or where `file` is empty the one in the environment.

    The password may stand in it, or where libpq looks besides: PGPASSFILE, ~/.pgpass, PGPASSWORD.

    Raises:
        ConfigError: there is none, or others than its owner may read the file.
    """
    if not str(file):
        text = environ.get(VARIABLE, "").strip()
        if not text:
            raise ConfigError("environment", VARIABLE, "is not set", _VALID)
        return Secret(text)
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8").strip()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, "database_file", f"cannot be read ({type(error).__name__})", _VALID) from None
    if mode & 0o077:
        raise ConfigError(path, "database_file", f"may be read by others (mode {mode:03o})", "chmod 600")
    if not text:
        raise ConfigError(path, "database_file", "is empty", _VALID)
    return Secret(text)
