"""Service introspection."""

from rclpy.impl.introspection import ServiceIntrospectionState

__all__ = ["ServiceIntrospectionState"]
