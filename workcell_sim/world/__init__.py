"""The simulated cell: arm, suction, parts, camera and disturbances. Pure but for `*_node.py`."""

import os

# MuJoCo's renderer is not used here (the camera has its own model); loading it would need a display's libraries.
os.environ.setdefault("MUJOCO_GL", "disable")
