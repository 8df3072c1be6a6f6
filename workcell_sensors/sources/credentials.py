"""Names, passwords and keys: from a file that only its owner may read, or from the environment, never from the table.

The file holds one mapping per name; the environment overrides it, key by key, as `WORKCELL_<NAME>_<KEY>`:

    press:
      user: operator
      password: ...                 or password_file: a file that holds nothing else
      certificate: press.der        paths are relative to the credentials file
      private_key: press.pem
      private_key_password: ...
      trusted: server.der           certificate (or authority) that the server must show
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError

FILE_VARIABLE = "WORKCELL_CREDENTIALS_FILE"
_TEXTS = ("user",)
_SECRETS = ("password", "private_key_password")
_PATHS = ("certificate", "private_key", "trusted")
_FILES_OF_SECRETS = tuple(f"{name}_file" for name in _SECRETS)
KEYS = (*_TEXTS, *_SECRETS, *_FILES_OF_SECRETS, *_PATHS)


class Secret:
    """A text that shows itself only when asked by name: not when printed, logged, formatted, pickled or compared.

    >>> Secret("hunter2"), f"{Secret('hunter2')}", bool(Secret(""))
    (Secret(***), '***', False)
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Returns the text, for the one call that needs it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True)
class Credentials:
    """What a source shows to its server. Everything is optional; a source says what it lacks."""

    name: str
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    certificate: Path | None = None
    private_key: Path | None = None
    private_key_password: Secret = field(default_factory=lambda: Secret(""))
    trusted: Path | None = None


def load_credentials(name: str, file: str | Path, environ: Mapping[str, str]) -> Credentials:
    """Returns the credentials of that name from `file` (may be empty: none), overridden by the environment.

    Raises:
        ConfigError: neither has the name, the file is readable to others, a key is unknown, a named file is missing.
    """
    prefix = f"WORKCELL_{variable(name)}_"
    given = _from_file(name, Path(file)) if str(file) else {}
    given |= {key: environ[prefix + key.upper()] for key in KEYS if prefix + key.upper() in environ}
    if not given:
        valid = f"a block {name} in the credentials file ({FILE_VARIABLE}), or {prefix}USER and {prefix}PASSWORD"
        raise ConfigError(file or "environment", f"credentials.{name}", "are not to be found", valid)
    base = Path(file).parent if str(file) else Path()

    def path(key: str) -> Path | None:
        return _path(name, base, given[key]) if key in given else None

    def secret(key: str) -> Secret:
        file_of_it = path(f"{key}_file")
        text = given.get(key, "") if file_of_it is None else file_of_it.read_text(encoding="utf-8").strip()
        return Secret(text)

    return Credentials(
        name,
        given.get("user", ""),
        secret("password"),
        path("certificate"),
        path("private_key"),
        secret("private_key_password"),
        path("trusted"),
    )


def variable(name: str) -> str:
    """Returns a credentials' name as a part of environment variables.

    >>> variable("press-1")
    'PRESS_1'
    """
    return re.sub(r"\W", "_", name).upper()


def _from_file(name: str, file: Path) -> dict[str, str]:
    data = load_yaml(file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(file, "file", f"may be read by others (mode {mode:03o})", "chmod 600")
    block = data.get(name, {})
    if not isinstance(block, dict):
        raise ConfigError(file, name, f"is a {type(block).__name__}", f"a mapping of {', '.join(KEYS)}")
    check_keys(file, name, block, KEYS)
    for key, value in block.items():
        if not isinstance(value, str):
            # The value itself is not shown: it may be a password that YAML took for a number.
            raise ConfigError(file, f"{name}.{key}", f"is a {type(value).__name__}", "a text, quoted if need be")
    return dict(block)


def _path(name: str, base: Path, text: str) -> Path:
    path = base / Path(text).expanduser()
    if not path.is_file():
        raise ConfigError(path, f"credentials.{name}", "does not exist", "the path of a readable file")
    return path
