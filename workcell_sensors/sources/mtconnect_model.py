"""What an MTConnect device description (`/probe`, or an adapter's Devices.xml) says there is; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from workcell_sensors.sources.mtconnect_xml import local_name, parse_xml

DATA_ITEMS_MAX = 100_000


@dataclass(frozen=True)
class DataItem:
    """One quantity of a device.

    Attributes:
        id: unique in the agent.
        name: the adapter's key, where it differs from the id; may be empty.
        source: the adapter's key, where it differs from the name; may be empty.
        category: SAMPLE, EVENT or CONDITION.
        kind, sub_type: as POSITION, ACTUAL.
        units: of the agent's values.
        native_units: of the adapter's.
        representation: VALUE, TIME_SERIES, DATA_SET, TABLE or DISCRETE.
        device: name of the device.
        component: names of the components it is in, from the device on, `/` between.
    """

    id: str
    name: str
    source: str
    category: str
    kind: str
    sub_type: str
    units: str
    native_units: str
    representation: str
    device: str
    component: str

    @property
    def is_condition(self) -> bool:
        """Whether it is a condition, which has levels instead of values."""
        return self.category == "CONDITION"

    @property
    def is_message(self) -> bool:
        """Whether it is a message, to which an adapter gives a code besides the text."""
        return self.kind in ("MESSAGE", "ALARM")


class Model:
    """Data items by everything an agent or adapter may call them."""

    def __init__(self, items: Iterable[DataItem]) -> None:
        self.items = tuple(items)
        self.by_id = {item.id: item for item in self.items}
        self._by_key: dict[str, DataItem] = {}
        # What names an item most exactly is to win: the id, then the source, then the name.
        for key_of in ("name", "source", "id"):
            self._by_key |= {key: item for item in self.items if (key := getattr(item, key_of))}

    def of_key(self, key: str) -> DataItem | None:
        """Returns the item that an adapter's key means, `device:key` or `key`; None where there is none."""
        found = self._by_key.get(key)
        if found is None and ":" in key:
            device, _, rest = key.partition(":")
            found = self._by_key.get(rest)
            if found is not None and found.device != device:
                return None
        return found


def parse_model(data: bytes) -> Model:
    """Returns the data items of an MTConnectDevices document of any version.

    Raises:
        ValueError: it is no such document.
    """
    root = parse_xml(data)
    if local_name(root.tag) != "MTConnectDevices":
        raise ValueError(f"a document {local_name(root.tag)[:40]}; valid: MTConnectDevices")
    items: list[DataItem] = []
    for devices in (child for child in root if local_name(child.tag) == "Devices"):
        for device in devices:
            name = device.get("name", device.get("id", ""))
            for item in _items(device, name):
                items.append(item)
                if len(items) > DATA_ITEMS_MAX:
                    raise ValueError(f"more than {DATA_ITEMS_MAX} data items")
    return Model(items)


def _items(device: ElementTree.Element, name: str) -> Iterator[DataItem]:
    """Yields the data items of a device and of all components in it, without recursion: a document may be deep."""
    waiting = [(device, "")]
    while waiting:
        component, path = waiting.pop(0)
        for child in component:
            kind = local_name(child.tag)
            if kind == "DataItems":
                yield from (_item(item, name, path) for item in child if local_name(item.tag) == "DataItem")
            elif kind == "Components":
                for inner in child:
                    own = inner.get("name") or inner.get("id") or local_name(inner.tag)
                    waiting.append((inner, f"{path}/{own}" if path else own))


def _item(element: ElementTree.Element, device: str, component: str) -> DataItem:
    get = element.get
    source = next((child for child in element if local_name(child.tag) == "Source"), None)
    return DataItem(
        id=get("id", ""),
        name=get("name", ""),
        source="" if source is None or not source.text else source.text.strip(),
        category=get("category", ""),
        kind=get("type", ""),
        sub_type=get("subType", ""),
        units=get("units", ""),
        native_units=get("nativeUnits", get("units", "")),
        representation=get("representation", "VALUE"),
        device=device,
        component=component,
    )
