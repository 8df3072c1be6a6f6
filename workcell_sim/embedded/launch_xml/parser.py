"""The parser of launch files in XML."""

from __future__ import annotations

import os
from typing import TextIO
from xml.etree import ElementTree

from launch import frontend

from .entity import Entity


class Parser(frontend.Parser):
    """Reads XML."""

    @classmethod
    def load(cls, file: str | os.PathLike[str] | TextIO) -> tuple[Entity, Parser]:
        """Return the root element of a file, and the parser for it.

        Raises:
            xml.etree.ElementTree.ParseError: it is not well-formed.
        """
        return Entity(ElementTree.parse(file).getroot()), cls()

    @classmethod
    def get_file_extensions(cls) -> set[str]:
        """Return the extensions of launch files in XML."""
        return {"launch.xml", "xml", "launch"}
