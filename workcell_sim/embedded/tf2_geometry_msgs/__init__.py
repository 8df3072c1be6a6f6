"""Makes the stamped messages of geometry_msgs transformable by ``Buffer.transform``."""

from .tf2_geometry_msgs import *  # noqa: F403
