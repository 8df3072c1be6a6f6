"""A suction gripper whose valve hangs on a digital output of the arm. Pure but for its node."""
