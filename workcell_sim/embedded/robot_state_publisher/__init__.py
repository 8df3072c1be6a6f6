"""Publishes where the links of a robot are, from its description and its joint states."""
