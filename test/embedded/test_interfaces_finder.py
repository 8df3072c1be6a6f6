"""Interface packages as importable modules, the bundled ones and a user's own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workcell_sim.embedded._interfaces import InterfaceError, find_class, serialize_message, store
from workcell_sim.embedded._interfaces.hashes import type_hash
from workcell_sim.embedded._interfaces.rosbags_types import PACKAGES, _definitions


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An install prefix with the package ``shop_msgs``."""
    share = tmp_path / "share" / "shop_msgs"
    for kind in ("msg", "srv", "action"):
        (share / kind).mkdir(parents=True)
    (share / "msg" / "Item.msg").write_text("string name\nfloat32[3] size\nItemKind kind\n")
    (share / "msg" / "ItemKind.msg").write_text("uint8 RAW=1\nuint8 value 1\n")
    (share / "msg" / "OnlyIdl.idl").write_text(
        "module shop_msgs { module msg { struct OnlyIdl { sequence<char> letters; double x; }; }; };"
    )
    (share / "srv" / "Sell.srv").write_text("Item item\n---\nbool sold\n")
    (share / "action" / "Make.action").write_text("Item item\n---\n---\nfloat32 done\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "shop_msgs"]:
        del sys.modules[name]


def test_a_users_package_is_found_by_the_prefix_path(prefix: Path) -> None:
    from shop_msgs.action import Make
    from shop_msgs.msg import Item, ItemKind
    from shop_msgs.srv import Sell

    item = Sell.Request(item=Item(name="a", kind=ItemKind(value=ItemKind.RAW))).item
    assert (item.kind.value, item.size.shape) == (1, (3,))
    assert Make.Impl.FeedbackMessage().feedback.done == 0.0
    assert Make.Impl.SendGoalService.Request(goal=Make.Goal(item=item)).goal.item.name == "a"
    assert serialize_message(item)
    assert Item.__module__ == "shop_msgs.msg._item"


def test_a_message_defined_in_idl_alone_is_found(prefix: Path) -> None:
    from shop_msgs.msg import OnlyIdl

    message = OnlyIdl(letters=["a", "b"], check_fields=True)
    assert serialize_message(message).hex() == "00010000" + "02000000" + "6162" + "0000" + "00" * 8
    with pytest.raises(AssertionError, match="letters"):
        message.letters = [1]


def test_a_broken_definition_tells_file_and_line(prefix: Path) -> None:
    path = prefix / "share" / "shop_msgs" / "msg" / "Broken.msg"
    path.write_text("int32 a\nint32 B\n")
    with pytest.raises(InterfaceError, match=rf"{path}:2: "):
        importlib.import_module("shop_msgs.msg").Broken  # noqa: B018


def test_an_unknown_type_names_what_there_is(prefix: Path) -> None:
    (prefix / "share" / "shop_msgs" / "msg" / "Needy.msg").write_text("Missing m\n")
    with pytest.raises(InterfaceError, match=r"no msg 'Missing'; it has Item, ItemKind"):
        find_class("shop_msgs/msg/Needy")
    with pytest.raises(InterfaceError, match="AMENT_PREFIX_PATH"):
        find_class("no_such_msgs/msg/Thing")


def test_star_import_and_dir_show_the_messages() -> None:
    names: dict[str, type] = {}
    exec("from std_srvs.srv import *", names)
    assert {"SetBool", "SetBool_Request", "Trigger_Response"} <= set(names)
    assert "JointState" in dir(importlib.import_module("sensor_msgs.msg"))


def test_a_name_that_is_no_message_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        from std_msgs.msg import NoSuchThing  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("std_msgs.srv")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("std_msgs.msg._no_such_thing")


def test_every_bundled_definition_gives_classes() -> None:
    for package in store.packages():
        for kind in store.package_kinds(package):
            for short in store.interface_names(package, kind):
                assert f"{package}/{kind}/{short}" == find_class(f"{package}/{kind}/{short}")._TYPE_NAME


def test_the_list_of_carried_packages_is_complete() -> None:
    assert {name.split("/")[0] for name in _definitions()} == PACKAGES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # As ROS 2 Jazzy's own generator gives them.
        ("std_msgs/msg/String", "df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"),
        (
            "control_msgs/action/FollowJointTrajectory",
            "738ebcb7a2d7cfa42f9f1001cc99ce3a4383d1cfe508015d9be8485e4b1c66f6",
        ),
        ("std_srvs/srv/SetBool", "abe9e4bb6b41b40e6789712c00ec8871923e089af3f667a79992a428cff2da0a"),
        (
            "service_msgs/msg/ServiceEventInfo",
            "41bcbbe07a75c9b52bc96bfd5c24d7f0fc0a08c0cb7921b3373c5732345a6f45",
        ),
        ("sensor_msgs/msg/CameraInfo", "b3dfd68ff46c9d56c80fd3bd4ed22c7a4ddce8c8348f2f59c299e73118e7e275"),
    ],
)
def test_type_hashes(name: str, expected: str) -> None:
    assert type_hash(name) == f"RIHS01_{expected}"
    assert f"RIHS01_{expected}" == find_class(name)._TYPE_HASH
