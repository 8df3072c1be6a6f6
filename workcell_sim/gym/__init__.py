"""The cell as a gymnasium environment: one step is one cycle, the action its governed parameters."""
