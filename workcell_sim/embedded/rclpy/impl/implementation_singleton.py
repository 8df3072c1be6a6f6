"""Where rclpy's compiled half is found."""

from rclpy.impl import singleton_names as rclpy_implementation

__all__ = ["rclpy_implementation"]
