"""The recorder node: topics, as they were serialized, into a bag."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rosidl_runtime_py import get_interface_path
from rosidl_runtime_py.utilities import get_message

from workcell_console.bag import BagLimits, BagWriter, QosRecord, Topic
from workcell_console.bag.definitions import DefinitionError, full_definition
from workcell_console.black_box.recorder import BlackBoxLimits
from workcell_console.black_box.store import IncidentStore
from workcell_console.black_box_node import BlackBoxKeeper
from workcell_console.parameter_snapshot_node import ParameterSnapshot
from workcell_ros import convert
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param

NS_PER_S = 1_000_000_000
UNKNOWN_HASH = "INVALID"


@dataclass(frozen=True)
class RecorderParameters:
    """Parameters of the recorder node."""

    bag_dir: str = param("out/bag", "Directory of the bag; made when the node is configured", read_only=True)
    go_on: bool = param(
        False, "Where the bag is there already, make the next free one: <bag_dir>_2, _3 ...", read_only=True
    )
    mode: str = param(
        "all",
        "all: a bag; black_box: only the last seconds, written on a fault or on ~/snapshot; both: one and the other",
        choices=("all", "black_box", "both"),
        read_only=True,
    )
    storage: str = param("mcap", "Storage format", choices=("mcap", "sqlite3"), read_only=True)
    topics: list[str] = param([], "Topics to record, by relative or full name; all where empty", read_only=True)
    excluded_topics: list[str] = param([], "Topics not to record, by relative or full name", read_only=True)
    hidden_topics: bool = param(False, "Record hidden topics too: those of actions", read_only=True)
    discovery_period_s: float = param(0.1, "How often to look for new topics", unit="s", low=0.01, high=60.0)
    queue_depth: int = param(1000, "Messages kept per topic while the node is busy", low=1, high=100_000)
    file_mib_max: int = param(0, "Size at which a next file is begun; 0 never", unit="MiB", low=0, high=1_000_000)
    file_s_max: float = param(0.0, "Time after which a next file is begun; 0 never", unit="s", low=0.0, high=1e9)
    black_box_dir: str = param("out/black_box", "Folder of the incidents that the black box wrote", read_only=True)
    black_box_before_s: float = param(30.0, "Time before a fault that is kept", unit="s", low=0.0, high=3600.0)
    black_box_after_s: float = param(10.0, "Time after a fault that is kept", unit="s", low=0.0, high=600.0)
    black_box_mib_max: int = param(
        64, "Memory for the time before a fault, and as much for that after it", unit="MiB", low=1, high=65536
    )
    black_box_bags_max: int = param(20, "Incidents kept on disk; the oldest goes first", low=1, high=100_000)


class RecorderNode(WorkcellNode[RecorderParameters]):
    """Records every topic that has a publisher, stamped by the node clock as it comes in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("recorder", RecorderParameters, **kwargs)
        self.add_status_source(self._statuses)
        self._writer: BagWriter | None = None
        self._box: BlackBoxKeeper | None = None
        self._topics: dict[str, Topic] = {}
        self._inputs: dict[str, Any] = {}
        self._refused: dict[str, str] = {}

    def configure(self) -> None:
        """Makes the bag; a directory that exists fails here, unless another is to be made then."""
        values = self.values
        self._wanted = {self.resolve_topic_name(name) for name in values.topics}
        self._excluded = {self.resolve_topic_name(name) for name in values.excluded_topics}
        if values.mode == "black_box":
            return
        wanted = Path(values.bag_dir)
        bag_dir = _unused(wanted) if values.go_on else wanted
        limits = BagLimits(values.file_mib_max << 20, int(values.file_s_max * NS_PER_S))
        self._writer = BagWriter(bag_dir, values.storage, limits)
        if bag_dir != wanted:
            self.get_logger().warning(f"{wanted} is there already; recording to {bag_dir}")

    def activate(self) -> None:
        """Begins to record what there is, and looks out for more."""
        self._snapshot = ParameterSnapshot(self)
        if self.values.mode != "all":
            self._box = self._make_box()
        self._discover()
        self._timer = self.create_timer(self.values.discovery_period_s, self._discover)

    def deactivate(self) -> None:
        """Stops to record."""
        self.destroy_timer(self._timer)
        self._snapshot.destroy()
        if self._box is not None:
            self._box.destroy()
            self._box = None
        for subscription in self._inputs.values():
            self.destroy_subscription(subscription)
        self._inputs.clear()

    def cleanup(self) -> None:
        """Completes the bag."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._topics.clear()

    def _make_box(self) -> BlackBoxKeeper:
        values = self.values
        limits = BlackBoxLimits(values.black_box_before_s, values.black_box_after_s, values.black_box_mib_max << 20)
        store = IncidentStore(Path(values.black_box_dir), values.black_box_bags_max, values.storage)
        return BlackBoxKeeper(self, limits, store, self._topics)

    def _discover(self) -> None:
        self._snapshot.look()
        if self._box is not None:
            self._box.look()
        for name, types in sorted(self.get_topic_names_and_types()):
            if name not in self._inputs and name not in self._refused and self._is_wanted(name):
                publishers = self.get_publishers_info_by_topic(name)
                if publishers:
                    self._begin(name, types, publishers)

    def _is_wanted(self, name: str) -> bool:
        if self._wanted:
            return name in self._wanted and name not in self._excluded
        is_hidden = "/_" in name
        return name not in self._excluded and (self.values.hidden_topics or not is_hidden)

    def _begin(self, name: str, types: list[str], publishers: list[Any]) -> None:
        try:
            if len(types) != 1:
                raise DefinitionError(f"it has several types, {', '.join(types)}")
            topic = _describe(name, types[0], publishers)
            message_class = get_message(types[0])
        except (DefinitionError, ImportError, AttributeError, ValueError) as error:
            self._refused[name] = str(error)
            self.get_logger().warning(f"not recording {name}: {error}")
            return
        self._topics[name] = topic
        if self._writer is not None:
            self._writer.add_topic(topic)
        if self._box is not None:
            self._box.note_topic(topic)
        profile = _adapted(publishers, self.values.queue_depth)
        callback = partial(self._on_message, name)
        self._inputs[name] = self.create_subscription(message_class, name, callback, profile, raw=True)

    def _on_message(self, topic: str, data: bytes) -> None:
        now_ns = self.now_ns()
        if self._writer is not None:
            self._writer.write(topic, now_ns, data)
        if self._box is not None:
            self._box.note(topic, now_ns, data)
        self.activity.note(now_ns)

    def _statuses(self) -> list[Any]:
        level = convert.WARN if self._refused else convert.OK
        message = "; ".join(f"not recording {name}: {reason}" for name, reason in self._refused.items())
        count = self._writer.message_count if self._writer is not None else 0
        bag = self.status("bag", level, message or "ok", messages=count, topics=len(self._inputs))
        return [bag] if self._box is None else [bag, self._box.status()]


def _unused(bag_dir: Path) -> Path:
    """Returns a folder's name, or with a number behind it the first that is not taken."""
    path, number = bag_dir, 2
    while path.exists():
        path, number = bag_dir.with_name(f"{bag_dir.name}_{number}"), number + 1
    return path


def _describe(name: str, msgtype: str, publishers: list[Any]) -> Topic:
    definition = full_definition(msgtype, _definition_file)
    type_hash = str(publishers[0].topic_type_hash)
    profiles = dict.fromkeys(_record(publisher.qos_profile) for publisher in publishers)
    return Topic(name, msgtype, definition, "" if type_hash == UNKNOWN_HASH else type_hash, tuple(profiles))


def _definition_file(msgtype: str) -> Path | None:
    try:
        path = Path(get_interface_path(msgtype))
    except LookupError:
        return None
    return path if path.suffix == ".msg" else None


def _record(profile: QoSProfile) -> QosRecord:
    return QosRecord(
        "keep_all" if profile.history == HistoryPolicy.KEEP_ALL else "keep_last",
        profile.depth,
        "best_effort" if profile.reliability == ReliabilityPolicy.BEST_EFFORT else "reliable",
        "transient_local" if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL else "volatile",
        profile.deadline.nanoseconds,
        profile.lifespan.nanoseconds,
        "manual_by_topic" if profile.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC else "automatic",
        profile.liveliness_lease_duration.nanoseconds,
    )


def _adapted(publishers: list[Any], depth: int) -> QoSProfile:
    """Asks for the most that all publishers offer, so that every one of them is heard."""
    profiles = [publisher.qos_profile for publisher in publishers]
    is_reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles)
    is_latched = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if is_reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if is_latched else DurabilityPolicy.VOLATILE,
    )


def main(args: list[str] | None = None) -> None:
    """Runs the node."""
    run_node(RecorderNode, args)
