"""Measures the motion: inverse kinematics, trajectories, planning, collisions and the demo cell's cycle."""
