"""The simulated cell: arm, suction, parts, camera and disturbances. Pure but for `*_node.py`."""
