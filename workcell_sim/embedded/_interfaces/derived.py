"""The messages that ROS 2 makes from a service or an action beside those its definition spells out."""

from __future__ import annotations

from .model import ActionSpec, Field, FieldType, MessageSpec, ServiceSpec, Shape, Spec

_UUID = Field("goal_id", FieldType("unique_identifier_msgs/msg/UUID"))


def service_event(service: ServiceSpec) -> MessageSpec:
    """Return the event that service introspection publishes (REP 2012)."""
    return MessageSpec(
        f"{service.name}_Event",
        (
            Field("info", FieldType("service_msgs/msg/ServiceEventInfo")),
            Field("request", FieldType(service.request.name, shape=Shape.BOUNDED, size=1)),
            Field("response", FieldType(service.response.name, shape=Shape.BOUNDED, size=1)),
        ),
    )


def send_goal_service(action: ActionSpec) -> ServiceSpec:
    """Return the service by which a client sends a goal."""
    name = f"{action.name}_SendGoal"
    return ServiceSpec(
        name,
        MessageSpec(f"{name}_Request", (_UUID, Field("goal", FieldType(action.goal.name)))),
        MessageSpec(
            f"{name}_Response",
            (
                Field("accepted", FieldType("boolean")),
                Field("stamp", FieldType("builtin_interfaces/msg/Time")),
            ),
        ),
    )


def get_result_service(action: ActionSpec) -> ServiceSpec:
    """Return the service by which a client asks for the result."""
    name = f"{action.name}_GetResult"
    return ServiceSpec(
        name,
        MessageSpec(f"{name}_Request", (_UUID,)),
        MessageSpec(
            f"{name}_Response",
            (Field("status", FieldType("int8")), Field("result", FieldType(action.result.name))),
        ),
    )


def feedback_message(action: ActionSpec) -> MessageSpec:
    """Return the message that carries feedback with the id of its goal."""
    return MessageSpec(
        f"{action.name}_FeedbackMessage",
        (_UUID, Field("feedback", FieldType(action.feedback.name))),
    )


def service_messages(service: ServiceSpec) -> tuple[MessageSpec, MessageSpec, MessageSpec]:
    """Return request, response and event."""
    return service.request, service.response, service_event(service)


def all_messages(spec: Spec) -> tuple[MessageSpec, ...]:
    """Return every message that an interface brings along."""
    if isinstance(spec, MessageSpec):
        return (spec,)
    if isinstance(spec, ServiceSpec):
        return service_messages(spec)
    return (
        spec.goal,
        spec.result,
        spec.feedback,
        *service_messages(send_goal_service(spec)),
        *service_messages(get_result_service(spec)),
        feedback_message(spec),
    )
