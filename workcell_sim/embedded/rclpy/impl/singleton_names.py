"""What rclpy's compiled half offers by name, as far as programs use it directly."""

from __future__ import annotations

from typing import Any

from rclpy.impl.node_handle import NodeHandle as Node
from rclpy.utilities import RMW_IDENTIFIER

RMW_DURATION_INFINITE = 2**63 - 1
RMW_QOS_DEADLINE_BEST_AVAILABLE = 2**63 - 2
RMW_QOS_LIVELINESS_LEASE_DURATION_BEST_AVAILABLE = 2**63 - 2


class rmw_qos_profile_t:
    """Access to the predefined profiles by their names in C."""

    @staticmethod
    def predefined(name: str) -> Any:
        """A copy of the profile called ``qos_profile_...``.

        Raises:
            ValueError: there is none of that name.
        """
        from rclpy import qos

        profile = getattr(qos, name, None)
        if not isinstance(profile, qos.QoSProfile):
            raise ValueError(f"Requested invalid rmw_qos_profile: {name!r}")
        return qos._silently(**profile.to_dict())


def rclpy_get_rmw_implementation_identifier() -> str:
    return RMW_IDENTIFIER


def rclpy_qos_check_compatible(publisher_qos: Any, subscription_qos: Any) -> Any:
    from rclpy.impl.qos_compatibility import check

    return check(publisher_qos, subscription_qos)


def rclpy_resolve_name(node: Node, name: str, only_expand: bool, is_service: bool) -> str:
    return node.resolve(name, is_service=is_service, only_expand=only_expand)


def rclpy_remap_topic_name(node: Node, name: str) -> str:
    return node.remap(name)


def rclpy_serialize(message: Any, message_type: Any) -> bytes:
    from workcell_sim.embedded._interfaces import serialize_message

    return serialize_message(message)


def rclpy_deserialize(data: bytes, message_type: Any) -> Any:
    from workcell_sim.embedded._interfaces import deserialize_message

    return deserialize_message(data, message_type)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"the embedded runtime's rclpy implementation has no {name!r}")


__all__ = [name for name in globals() if not name.startswith("_") and name not in ("Any", "annotations")]
