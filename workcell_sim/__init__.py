"""The simulated side of the workcell: the world, the plant and the embedded runtime."""
