"""Making and destroying what a node consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock
from rclpy.constants import S_TO_NS
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle
from rclpy.expand_topic_name import expand_topic_name
from rclpy.guard_condition import GuardCondition
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, qos_profile_services_default
from rclpy.qos_overriding_options import QoSOverridingOptions, _declare_qos_parameters
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Rate, Timer
from rclpy.type_support import check_is_valid_msg_type, check_is_valid_srv_type
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_topic_name import validate_topic_name
from rclpy.waitable import Waitable

from .clock_publisher import ensure_clock
from .endpoints import ClientHandle, PublisherHandle, ServiceHandle, SubscriptionHandle
from .errors import UnsupportedError


class EntitiesMixin:
    """Publishers, subscriptions, services, clients, timers, guard conditions and waitables of a node."""

    def _init_entities(self) -> None:
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._clients: list[Client] = []
        self._services: list[Service] = []
        self._timers: list[Timer] = []
        self._guards: list[GuardCondition] = []
        self._waitables: list[Waitable] = []

    @property
    def publishers(self) -> Iterator[Publisher]:
        yield from self._publishers

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        yield from self._subscriptions

    @property
    def clients(self) -> Iterator[Client]:
        yield from self._clients

    @property
    def services(self) -> Iterator[Service]:
        yield from self._services

    @property
    def timers(self) -> Iterator[Timer]:
        yield from self._timers

    @property
    def guards(self) -> Iterator[GuardCondition]:
        yield from self._guards

    @property
    def waitables(self) -> Iterator[Waitable]:
        yield from self._waitables

    # -- waitables ----------------------------------------------------------------------------------------------------

    def add_waitable(self, waitable: Waitable) -> None:
        """Let the executor look after a waitable."""
        self._waitables.append(waitable)
        for handle in getattr(waitable, "_handles", list)():
            handle.join(self._port)
        self._waitables_changed()

    def remove_waitable(self, waitable: Waitable) -> None:
        self._waitables.remove(waitable)
        self._waitables_changed()

    def _waitables_changed(self) -> None:
        executor = self.executor
        if executor is not None:
            executor._refresh_custom_waitables()
            executor.wake()

    def _custom_waitables(self) -> list[Waitable]:
        """Waitables that programs wrote themselves; the runtime's own report to the executor by themselves."""
        return [waitable for waitable in self._waitables if not hasattr(waitable, "_handles")]

    @property
    def _has_custom_waitables(self) -> bool:
        return bool(self._custom_waitables())

    def _find_executor(self) -> Any:
        return self.executor

    # -- names and QoS ------------------------------------------------------------------------------------------------

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Expand and remap a topic name."""
        return self._resolve(topic, is_service=False, only_expand=only_expand)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """Expand and remap a service name."""
        return self._resolve(service, is_service=True, only_expand=only_expand)

    def _resolve(self, name: str, *, is_service: bool, only_expand: bool = False) -> str:
        with self.handle:
            try:
                return self.handle.resolve(name, is_service=is_service, only_expand=only_expand)
            except ValueError:
                validate_topic_name(name, is_service=is_service)
                full_name = expand_topic_name(name, self.get_name(), self.get_namespace())
                validate_full_topic_name(full_name, is_service=is_service)
                raise

    @staticmethod
    def _validate_qos_or_depth_parameter(qos_or_depth: QoSProfile | int) -> QoSProfile:
        if isinstance(qos_or_depth, QoSProfile):
            return qos_or_depth
        if isinstance(qos_or_depth, int):
            if qos_or_depth < 0:
                raise ValueError("history depth must be greater than or equal to zero")
            return QoSProfile(depth=qos_or_depth)
        raise TypeError(f"Expected QoSProfile or int, but received {type(qos_or_depth)!r}")

    # -- making -------------------------------------------------------------------------------------------------------

    def create_publisher(
        self,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Publisher:
        """Make a publisher.

        Args:
            msg_type: message class.
            topic: name; relative ones get the node's namespace, ``~`` stands for the node.
            qos_profile: profile, or depth of the default one.
            callback_group: for the event callbacks.
            event_callbacks: for deadline, liveliness, matches and incompatibilities.
            qos_overriding_options: which policies parameters may override.
            publisher_class: class of the result.

        Raises:
            InvalidTopicNameException, TypeError, ValueError, RuntimeError: a bad name, QoS or type.
        """
        qos_profile = self._validate_qos_or_depth_parameter(qos_profile)
        final_topic = self.resolve_topic_name(topic)
        options = QoSOverridingOptions([]) if qos_overriding_options is None else qos_overriding_options
        _declare_qos_parameters(Publisher, self, final_topic, qos_profile, options)
        check_is_valid_msg_type(msg_type)
        with self.handle:
            handle = PublisherHandle(self.handle, msg_type, topic, qos_profile)
        try:
            publisher = publisher_class(
                handle,
                msg_type,
                topic,
                qos_profile,
                event_callbacks=event_callbacks or PublisherEventCallbacks(),
                callback_group=callback_group or self.default_callback_group,
            )
        except Exception:
            handle.destroy_when_not_in_use()
            raise
        self._publishers.append(publisher)
        for handler in publisher.event_handlers:
            self.add_waitable(handler)
        return publisher

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool = False,
        content_filter_options: Any = None,
    ) -> Subscription:
        """Make a subscription; see :meth:`create_publisher`.

        Args:
            callback: takes the message, or the message and its info.
            raw: let the callback get bytes instead of messages.
            content_filter_options: not supported.

        Raises:
            InvalidTopicNameException, TypeError, ValueError, RuntimeError: a bad name, QoS, type or callback.
        """
        if content_filter_options is not None:
            raise UnsupportedError("the embedded runtime does not support content filters; filter in the callback")
        qos_profile = self._validate_qos_or_depth_parameter(qos_profile)
        callback_group = callback_group or self.default_callback_group
        final_topic = self.resolve_topic_name(topic)
        options = QoSOverridingOptions([]) if qos_overriding_options is None else qos_overriding_options
        _declare_qos_parameters(Subscription, self, final_topic, qos_profile, options)
        check_is_valid_msg_type(msg_type)
        with self.handle:
            handle = SubscriptionHandle(self.handle, msg_type, topic, qos_profile)
        try:
            subscription = Subscription(
                handle,
                msg_type,
                topic,
                callback,
                callback_group,
                qos_profile,
                raw,
                event_callbacks=event_callbacks or SubscriptionEventCallbacks(),
            )
        except Exception:
            handle.destroy_when_not_in_use()
            raise
        callback_group.add_entity(subscription)
        self._subscriptions.append(subscription)
        for handler in subscription.event_handlers:
            self.add_waitable(handler)
        ensure_clock(self.handle.graph, final_topic)
        return subscription

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        """Make a service client.

        Raises:
            InvalidServiceNameException, RuntimeError: a bad name or type.
        """
        callback_group = callback_group or self.default_callback_group
        check_is_valid_srv_type(srv_type)
        self.resolve_service_name(srv_name)
        with self.handle:
            handle = ClientHandle(self.handle, srv_type, srv_name, qos_profile)
        client = Client(self.context, handle, srv_type, srv_name, qos_profile, callback_group)
        client._find_executor = self._find_executor
        callback_group.add_entity(client)
        self._clients.append(client)
        return client

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Service:
        """Make a service server; ``callback(request, response)`` returns the response.

        Raises:
            InvalidServiceNameException, RuntimeError: a bad name or type.
        """
        callback_group = callback_group or self.default_callback_group
        check_is_valid_srv_type(srv_type)
        self.resolve_service_name(srv_name)
        with self.handle:
            handle = ServiceHandle(self.handle, srv_type, srv_name, qos_profile)
        service = Service(handle, srv_type, srv_name, callback, callback_group, qos_profile)
        callback_group.add_entity(service)
        self._services.append(service)
        return service

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[..., Any] | None,
        callback_group: CallbackGroup | None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        """Make a timer on the node's clock or another one."""
        callback_group = callback_group or self.default_callback_group
        period_ns = int(float(timer_period_sec) * S_TO_NS)
        clock = self._clock if clock is None else clock
        timer = Timer(callback, callback_group, period_ns, clock, context=self.context, autostart=autostart)
        callback_group.add_entity(timer)
        self._timers.append(timer)
        timer.handle.join(self._port)
        return timer

    def create_guard_condition(
        self, callback: Callable[..., Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Make a guard condition."""
        callback_group = callback_group or self.default_callback_group
        guard = GuardCondition(callback, callback_group, context=self.context)
        callback_group.add_entity(guard)
        self._guards.append(guard)
        guard.handle.join(self._port)
        return guard

    def create_rate(self, frequency: float, clock: Clock | None = None) -> Rate:
        """Make a rate.

        Raises:
            ValueError: the frequency is not positive.
        """
        if frequency <= 0:
            raise ValueError("frequency must be > 0")
        timer = self.create_timer(1.0 / frequency, None, self._rate_group, clock)
        return Rate(timer, context=self.context)

    # -- destroying ---------------------------------------------------------------------------------------------------

    def destroy_publisher(self, publisher: Publisher) -> bool:
        """Destroy a publisher; returns false if it is none of this node's."""
        if publisher in self._publishers:
            self._forget_event_handlers(publisher)
        return self._destroy(self._publishers, publisher)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        if subscription in self._subscriptions:
            self._forget_event_handlers(subscription)
        return self._destroy(self._subscriptions, subscription)

    def destroy_client(self, client: Client) -> bool:
        return self._destroy(self._clients, client)

    def destroy_service(self, service: Service) -> bool:
        return self._destroy(self._services, service)

    def destroy_timer(self, timer: Timer) -> bool:
        return self._destroy(self._timers, timer)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        return self._destroy(self._guards, guard)

    def destroy_rate(self, rate: Rate) -> bool:
        success = self.destroy_timer(rate._timer)
        rate.destroy()
        return success

    def _forget_event_handlers(self, entity: Publisher | Subscription) -> None:
        for handler in entity.event_handlers:
            self._waitables.remove(handler)

    def _destroy(self, entities: list[Any], entity: Any) -> bool:
        if entity not in entities:
            return False
        entities.remove(entity)
        try:
            entity.destroy()
        except InvalidHandle:
            return False
        self._wake_executor()
        return True

    def _destroy_entities(self) -> None:
        for entities, destroy in (
            (self._publishers, self.destroy_publisher),
            (self._subscriptions, self.destroy_subscription),
            (self._clients, self.destroy_client),
            (self._services, self.destroy_service),
            (self._timers, self.destroy_timer),
            (self._guards, self.destroy_guard_condition),
        ):
            while entities:
                destroy(entities[0])
