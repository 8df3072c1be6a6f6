"""The parser of launch files in YAML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import yaml
from launch import frontend

from .entity import Entity


class Parser(frontend.Parser):
    """Reads YAML."""

    @classmethod
    def load(cls, file: str | os.PathLike[str] | TextIO) -> tuple[Entity, Parser]:
        """Return the root element of a file, and the parser for it.

        Raises:
            yaml.YAMLError: it is not YAML.
            RuntimeError: it is not a mapping with one key.
        """
        text = Path(file).read_text() if isinstance(file, str | os.PathLike) else file.read()
        tree = yaml.safe_load(text)
        if not isinstance(tree, dict) or len(tree) != 1:
            raise RuntimeError("Expected only one root")
        ((type_name, element),) = tree.items()
        return Entity(element, type_name), cls()

    @classmethod
    def get_file_extensions(cls) -> set[str]:
        """Return the extensions of launch files in YAML."""
        return {"launch.yaml", "launch.yml", "yaml", "yml", "launch"}
