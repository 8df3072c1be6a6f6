"""Why an image gives no verdict. Pure; each text is one line for a person."""

from __future__ import annotations

from workcell_ros.errors import WorkcellError


class ImageError(WorkcellError):
    """An image cannot be used at all: wrong size, type or encoding, or it cannot be decoded."""


class RegistrationError(WorkcellError):
    """The board in an image could not be located or identified."""


class GoldenError(WorkcellError):
    """A golden reference is missing, damaged, or could not be taught."""


class CalibrationError(WorkcellError):
    """A camera, or where it is, could not be calibrated."""
