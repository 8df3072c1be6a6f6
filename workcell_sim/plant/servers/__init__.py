"""Real protocol servers on loopback that show the simulated devices' raw numbers."""
