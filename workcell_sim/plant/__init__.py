"""The simulated field: devices that measure the world, behind real servers or in memory."""
