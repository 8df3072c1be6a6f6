"""The arm: kinematics, jerk-limited trajectories, collision checks and the planner that joins them."""
