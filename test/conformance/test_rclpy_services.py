"""Services: calls, availability, failures and introspection, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rclpy.exceptions import InvalidServiceNameException
from rclpy.qos import QoSProfile
from rclpy.service_introspection import ServiceIntrospectionState
from rclpy_harness import Ros, running_ros
from service_msgs.msg import ServiceEventInfo
from std_srvs.srv import Empty, SetBool, Trigger


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


def echo(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
    response.success = request.data
    response.message = "done"
    return response


def test_call(ros: Ros) -> None:
    server, client_node = ros.node("server"), ros.node("client")
    server.create_service(SetBool, "switch", echo)
    client = client_node.create_client(SetBool, "switch")
    assert client.wait_for_service(timeout_sec=20.0)
    response = ros.result(client.call_async(SetBool.Request(data=True)))
    assert (response.success, response.message) == (True, "done")


def test_asynchronous_server(ros: Ros) -> None:
    server, client_node = ros.node("server"), ros.node("client")

    async def slow(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        return echo(request, response)

    server.create_service(SetBool, "switch", slow)
    client = client_node.create_client(SetBool, "switch")
    assert client.wait_for_service(timeout_sec=20.0)
    assert ros.result(client.call_async(SetBool.Request(data=True))).success


def test_answers_belong_to_their_requests(ros: Ros) -> None:
    server, client_node = ros.node("server"), ros.node("client")
    server.create_service(SetBool, "switch", echo)
    clients = [client_node.create_client(SetBool, "switch") for _ in range(2)]
    assert all(client.wait_for_service(timeout_sec=20.0) for client in clients)
    futures = [client.call_async(SetBool.Request(data=index == 0)) for index, client in enumerate(clients)]
    assert [ros.result(future).success for future in futures] == [True, False]


def test_no_server(ros: Ros) -> None:
    client = ros.node().create_client(Empty, "nobody")
    assert not client.service_is_ready()
    assert not client.wait_for_service(timeout_sec=0.3)
    future = client.call_async(Empty.Request())
    ros.spin_for(0.2)
    assert not future.done()
    client.remove_pending_request(future)


def test_server_that_goes_away(ros: Ros) -> None:
    server, client_node = ros.node("server"), ros.node("client")
    service = server.create_service(Empty, "there", lambda request, response: response)
    client = client_node.create_client(Empty, "there")
    assert client.wait_for_service(timeout_sec=20.0)
    server.destroy_service(service)
    assert ros.until(lambda: not client.service_is_ready())


def test_requests_are_copies(ros: Ros) -> None:
    server, client_node = ros.node("server"), ros.node("client")
    seen: list[Any] = []

    def keep(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        seen.append(request)
        return response

    server.create_service(SetBool, "switch", keep)
    client = client_node.create_client(SetBool, "switch")
    assert client.wait_for_service(timeout_sec=20.0)
    request = SetBool.Request(data=True)
    future = client.call_async(request)
    request.data = False
    ros.result(future)
    assert seen[0].data is True


def test_wrong_request_type(ros: Ros) -> None:
    client = ros.node().create_client(SetBool, "switch")
    with pytest.raises(TypeError):
        client.call_async(Trigger.Request())


def test_message_class_is_no_service(ros: Ros) -> None:
    with pytest.raises((RuntimeError, AttributeError)):
        ros.node().create_client(SetBool.Request, "switch")


def test_bad_service_name(ros: Ros) -> None:
    with pytest.raises(InvalidServiceNameException):
        ros.node().create_service(Empty, "no good", lambda request, response: response)


def test_exception_in_a_server_reaches_the_spinning_code(ros: Ros) -> None:
    server, client_node = ros.node("server"), ros.node("client")

    def fail(request: Any, response: Any) -> Any:
        raise LookupError("broken")

    server.create_service(Empty, "fails", fail)
    client = client_node.create_client(Empty, "fails")
    assert client.wait_for_service(timeout_sec=20.0)
    client.call_async(Empty.Request())
    with pytest.raises(LookupError, match="broken"):
        ros.spin_for(5.0)


def test_graph_shows_services(ros: Ros) -> None:
    node = ros.node("server", namespace="/area")
    node.create_service(Trigger, "pull", lambda request, response: response)
    node.create_client(Empty, "push")
    assert ros.until(lambda: node.count_services("/area/pull") == 1)
    assert ("/area/pull", ["std_srvs/srv/Trigger"]) in node.get_service_names_and_types()
    assert ("/area/pull", ["std_srvs/srv/Trigger"]) in node.get_service_names_and_types_by_node("server", "/area")
    assert ("/area/push", ["std_srvs/srv/Empty"]) in node.get_client_names_and_types_by_node("server", "/area")
    assert node.count_clients("/area/push") == 1


def test_introspection_shows_both_sides(ros: Ros) -> None:
    node = ros.node()
    events: list[Any] = []
    service = node.create_service(SetBool, "switch", echo)
    client = node.create_client(SetBool, "switch")
    qos = QoSProfile(depth=10)
    service.configure_introspection(node.get_clock(), qos, ServiceIntrospectionState.CONTENTS)
    client.configure_introspection(node.get_clock(), qos, ServiceIntrospectionState.METADATA)
    node.create_subscription(SetBool.Event, "switch/_service_event", events.append, 10)
    assert ros.until(lambda: node.count_publishers("switch/_service_event") == 2)
    assert client.wait_for_service(timeout_sec=20.0)
    ros.spin_for(0.5)
    ros.result(client.call_async(SetBool.Request(data=True)))
    assert ros.until(lambda: len(events) == 4)
    kinds = {event.info.event_type for event in events}
    assert kinds == {
        ServiceEventInfo.REQUEST_SENT,
        ServiceEventInfo.REQUEST_RECEIVED,
        ServiceEventInfo.RESPONSE_SENT,
        ServiceEventInfo.RESPONSE_RECEIVED,
    }
    contents = {event.info.event_type: len(event.request) + len(event.response) for event in events}
    assert contents[ServiceEventInfo.REQUEST_RECEIVED] == 1
    assert contents[ServiceEventInfo.REQUEST_SENT] == 0
