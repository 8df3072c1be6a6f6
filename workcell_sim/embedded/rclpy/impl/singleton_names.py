"""What rclpy's compiled half offers by name, as far as programs use it directly."""
# ruff: noqa: F401

from __future__ import annotations

from typing import Any

from rclpy.clock_type import ClockType
from rclpy.duration import DurationHandle as rcl_duration_t
from rclpy.impl.action_goal import GoalEvent
from rclpy.impl.arguments import remove_ros_args as rclpy_remove_ros_args
from rclpy.impl.clock_handle import ClockChange, ClockEvent
from rclpy.impl.clock_handle import ClockHandle as Clock
from rclpy.impl.context_handle import RCL_DEFAULT_DOMAIN_ID
from rclpy.impl.context_handle import ContextHandle as Context
from rclpy.impl.endpoints import ClientHandle as Client
from rclpy.impl.endpoints import PublisherHandle as Publisher
from rclpy.impl.endpoints import ServiceHandle as Service
from rclpy.impl.endpoints import SubscriptionHandle as Subscription
from rclpy.impl.errors import (
    InvalidHandle,
    NodeNameNonExistentError,
    RCLError,
    RCLInvalidROSArgsError,
    RCUtilsError,
    RMWError,
    UnknownROSArgsError,
    UnsupportedEventTypeError,
)
from rclpy.impl.event_types import EventHandle
from rclpy.impl.event_types import PublisherEventType as rcl_publisher_event_type_t
from rclpy.impl.event_types import SubscriptionEventType as rcl_subscription_event_type_t
from rclpy.impl.guard_handle import GuardConditionHandle as GuardCondition
from rclpy.impl.introspection import ServiceIntrospectionState
from rclpy.impl.lifecycle_machine import LifecycleStateMachine, TransitionCallbackReturnType
from rclpy.impl.names import expand as rclpy_expand_topic_name
from rclpy.impl.names import full_topic_name_error as rclpy_get_validation_error_for_full_topic_name
from rclpy.impl.names import namespace_error as rclpy_get_validation_error_for_namespace
from rclpy.impl.names import node_name_error as rclpy_get_validation_error_for_node_name
from rclpy.impl.names import topic_name_error as rclpy_get_validation_error_for_topic_name
from rclpy.impl.node_handle import NodeHandle as Node
from rclpy.impl.qos_compatibility import QoSCompatibility
from rclpy.impl.qos_compatibility import check as rclpy_qos_check_compatible
from rclpy.impl.signal_handling import SignalHandlerOptions
from rclpy.impl.timer_handle import TimerHandle as Timer
from rclpy.impl.wait_set import WaitSet
from rclpy.time import TimeHandle as rcl_time_point_t
from rclpy.utilities import get_rmw_implementation_identifier as rclpy_get_rmw_implementation_identifier

from workcell_sim.embedded._kernel.entity import Destroyable
from workcell_sim.embedded._kernel.service import RequestId as rmw_request_id_t
from workcell_sim.embedded._kernel.service import ServiceInfo as rmw_service_info_t

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
