"""The users of the outward server: by name from the credentials, or one of its own making."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from workcell_ros.errors import ConfigError
from workcell_sensors.sources.credentials import load_credentials

OWN_USER = "viewer"
PASSWORD_BYTES = 18


def load_passwords(
    names: Sequence[str], credentials_file: str, environ: Mapping[str, str], own_file: Path
) -> dict[str, str]:
    """Returns the password by user; with no names that of `viewer`, made on first use and kept in `own_file`.

    Raises:
        ConfigError: credentials of a name are missing, or have no user or no password.
        OSError: `own_file` cannot be written.
    """
    if not names:
        return {OWN_USER: _own_password(own_file)}
    passwords: dict[str, str] = {}
    for name in names:
        found = load_credentials(name, credentials_file, environ)
        if not found.user or not found.password:
            where = credentials_file or "environment"
            raise ConfigError(where, f"credentials.{name}", "have no user or no password", "both")
        passwords[found.user] = found.password.reveal()
    return passwords


def _own_password(file: Path) -> str:
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as made:
            made.write(secrets.token_urlsafe(PASSWORD_BYTES))
    return file.read_text(encoding="utf-8").strip()
