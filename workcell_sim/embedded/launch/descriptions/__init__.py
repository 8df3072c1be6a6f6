"""Descriptions of what a process executes."""

from .executable import Executable

__all__ = ["Executable"]
