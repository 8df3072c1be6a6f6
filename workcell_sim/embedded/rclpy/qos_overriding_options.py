"""QoS that parameters may override."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.duration import Duration
from rclpy.exceptions import ParameterAlreadyDeclaredException
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSLivelinessPolicy,
    QoSPolicyEnum,
    QoSPolicyKind,
    QoSProfile,
    QoSReliabilityPolicy,
)
from rclpy.subscription import Subscription

QosCallbackResult = SetParametersResult
QosCallbackType = Callable[[QoSProfile], QosCallbackResult]


class InvalidQosOverridesError(Exception):
    """The overrides were refused by the entity's callback."""


_ENUM_OF_POLICY: dict[QoSPolicyKind, type[QoSPolicyEnum]] = {
    QoSPolicyKind.HISTORY: QoSHistoryPolicy,
    QoSPolicyKind.RELIABILITY: QoSReliabilityPolicy,
    QoSPolicyKind.DURABILITY: QoSDurabilityPolicy,
    QoSPolicyKind.LIVELINESS: QoSLivelinessPolicy,
}
_DURATIONS = (QoSPolicyKind.LIFESPAN, QoSPolicyKind.DEADLINE, QoSPolicyKind.LIVELINESS_LEASE_DURATION)


class QoSOverridingOptions:
    """Which policies of an entity parameters may override.

    Args:
        policy_kinds: the policies.
        callback: gets the final profile and says whether it is acceptable.
        entity_id: distinguishes several entities of a node on one topic.
    """

    def __init__(
        self,
        policy_kinds: Iterable[QoSPolicyKind],
        *,
        callback: Callable[[QoSProfile], Any] | None = None,
        entity_id: str | None = None,
    ) -> None:
        self._policy_kinds = policy_kinds
        self._callback = callback
        self._entity_id = entity_id

    @property
    def policy_kinds(self) -> Iterable[QoSPolicyKind]:
        return self._policy_kinds

    @property
    def callback(self) -> Callable[[QoSProfile], Any] | None:
        return self._callback

    @property
    def entity_id(self) -> str | None:
        return self._entity_id

    @classmethod
    def with_default_policies(
        cls, *, callback: Callable[[QoSProfile], Any] | None = None, entity_id: str | None = None
    ) -> QoSOverridingOptions:
        """Options for history, depth and reliability."""
        kinds = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY)
        return cls(policy_kinds=kinds, callback=callback, entity_id=entity_id)


def _declare_qos_parameters(
    entity_type: type[Publisher] | type[Subscription],
    node: Any,
    topic_name: str,
    qos: QoSProfile,
    options: QoSOverridingOptions,
) -> None:
    """Declare the parameters of the overridable policies and write their values into the profile.

    Raises:
        InvalidQosOverridesError: the callback refused the result.
    """
    if not issubclass(entity_type, (Publisher, Subscription)):
        raise TypeError("Argument `entity_type` should be a subclass of Publisher or Subscription")
    is_publisher = issubclass(entity_type, Publisher)
    entity = "publisher" if is_publisher else "subscription"
    suffix = "" if options.entity_id is None else f"_{options.entity_id}"
    about = f"for {entity} `{topic_name}` with id `{options.entity_id}`"
    for policy in options.policy_kinds:
        if policy is QoSPolicyKind.LIFESPAN and not is_publisher:
            continue
        policy_name = policy.name.lower()
        name = f"qos_overrides.{topic_name}.{entity}{suffix}.{policy_name}"
        descriptor = ParameterDescriptor(description=f"{policy_name} {about}", read_only=True)
        try:
            parameter = node.declare_parameter(name, _get_qos_policy_parameter(qos, policy), descriptor)
        except ParameterAlreadyDeclaredException:
            parameter = node.get_parameter(name)
        _override_qos_policy_with_param(qos, policy, parameter)
    if options.callback is not None:
        result = options.callback(qos)
        if not result.successful:
            raise InvalidQosOverridesError(f"Provided QoS overrides {about}, are not valid: {result.reason}")


def _get_qos_policy_parameter(qos: QoSProfile, policy: QoSPolicyKind) -> str | int | bool:
    value = getattr(qos, policy.name.lower())
    if isinstance(value, QoSPolicyEnum):
        name = value.name.lower()
        if name == "unknown":
            raise ValueError("User provided QoS profile is invalid")
        return name
    return value.nanoseconds if isinstance(value, Duration) else value


def _override_qos_policy_with_param(qos: QoSProfile, policy: QoSPolicyKind, param: Parameter) -> None:
    policy_name = policy.name.lower()
    value = param.value
    if policy in _ENUM_OF_POLICY:
        try:
            value = _ENUM_OF_POLICY[policy][value.upper()]
        except KeyError:
            raise RuntimeError(f"Unexpected QoS override for policy `{policy_name}`: `{value}`") from None
    elif policy in _DURATIONS:
        value = Duration(nanoseconds=value)
    setattr(qos, policy_name, value)
