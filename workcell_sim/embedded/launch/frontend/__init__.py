"""Launch descriptions written in markup: what their elements and substitutions mean.

``launch_xml`` and ``launch_yaml`` read the files. Actions and substitutions of one's own are made
known with `expose_action` and `expose_substitution`.
"""

from . import type_utils
from .entity import Entity
from .expose import expose_action, expose_substitution
from .parser import InvalidFrontendLaunchFileError, Parser

__all__ = [
    "Entity",
    "InvalidFrontendLaunchFileError",
    "Parser",
    "expose_action",
    "expose_substitution",
    "type_utils",
]
