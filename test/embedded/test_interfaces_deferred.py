"""Messages whose picture is only made when somebody looks at it."""

from __future__ import annotations

import array

import pytest
import rclpy
from sensor_msgs.msg import Image

from workcell_sim.embedded._interfaces import copy_message, serialize_message
from workcell_sim.embedded._interfaces.deferred import defer

pytestmark = pytest.mark.embedded("deferred messages are the runtime's own")

PIXELS = array.array("B", [1, 2, 3])


class Maker:
    """Counts how often the picture was made."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> array.array[int]:
        self.calls += 1
        return PIXELS


def picture(make: Maker) -> Image:
    message = defer(Image, "data", make, height=1, width=3, step=3, encoding="mono8")
    message.header.frame_id = "camera"
    return message


def plain() -> Image:
    message = Image(height=1, width=3, step=3, encoding="mono8", data=PIXELS)
    message.header.frame_id = "camera"
    return message


def test_the_field_is_made_once_for_all_copies_and_only_when_read():
    make = Maker()
    first = picture(make)
    copies = [copy_message(first), copy_message(copy_message(first))]
    assert [item.header.frame_id for item in copies] == ["camera", "camera"]
    assert make.calls == 0
    assert all(item.data == PIXELS for item in (*copies, first))
    assert make.calls == 1


def test_copies_share_nothing():
    first = picture(Maker())
    other = copy_message(first)
    other.data[0] = 99
    other.header.frame_id = "elsewhere"
    assert (first.data, first.header.frame_id) == (PIXELS, "camera")
    again = copy_message(other)
    again.data[1] = 98
    assert other.data.tolist() == [99, 2, 3]


def test_it_passes_for_one_of_its_class():
    message = picture(Maker())
    assert isinstance(message, Image)
    assert plain() == message
    assert repr(message) == repr(plain())
    assert serialize_message(message) == serialize_message(plain())


def test_a_field_that_was_set_is_not_made():
    make = Maker()
    message = picture(make)
    message.data = [7]
    assert message.data.tolist() == [7]
    assert copy_message(message).data.tolist() == [7]
    assert make.calls == 0


def test_receivers_who_do_not_look_cost_nothing_and_those_who_do_see_it():
    rclpy.init()
    node = rclpy.create_node("camera")
    make, heard = Maker(), []
    node.create_subscription(Image, "image", heard.append, 10)
    node.create_subscription(Image, "image", lambda message: heard.append(message.height), 10)
    publisher = node.create_publisher(Image, "image", 10)
    publisher.publish(picture(make))
    while len(heard) < 2:
        rclpy.spin_once(node)
    assert make.calls == 0
    assert 1 in heard
    assert next(item for item in heard if item != 1).data == PIXELS
    node.destroy_node()
    rclpy.shutdown()
