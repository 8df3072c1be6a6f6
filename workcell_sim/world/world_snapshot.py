"""The whole world's changing state as one JSON value, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from workcell_sim.world.arm import ArmState
from workcell_sim.world.drive import DriveState
from workcell_sim.world.flex import FlexState
from workcell_sim.world.grip_station import GripStationState
from workcell_sim.world.gripper import GripperState
from workcell_sim.world.parts import InfeedState
from workcell_sim.world.power import PowerState
from workcell_sim.world.protective_stop import ProtectiveStopState
from workcell_sim.world.snapshot import SnapshotError, decode, encode, restore_rng, rng_state
from workcell_sim.world.trajectory_executor import ExecutorState
from workcell_sim.world.vacuum import VacuumState

VERSION = 1

STATE_KINDS: Mapping[str, type] = {
    "arm": ArmState,
    "executor": ExecutorState,
    "gripper": GripperState,
    "drives": DriveState,
    "vacuum": VacuumState,
    "infeed": InfeedState,
    "grip": GripStationState,
    "flex": FlexState,
    "power": PowerState,
    "stop": ProtectiveStopState,
}

C = TypeVar("C")


@runtime_checkable
class Restorable(Protocol):
    """A holder of state that keeps more than the state, made anew from it."""

    def restore(self, state: Any) -> None:
        """Takes over a state."""


def take(clock: Any, holders: Mapping[str, Any], rngs: Mapping[str, np.random.Generator]) -> dict[str, Any]:
    """The state of clock, holders (keys as in `STATE_KINDS`) and generators, as JSON values."""
    return {
        "version": VERSION,
        "clock": encode(clock),
        "states": {name: encode(holders[name].state) for name in STATE_KINDS},
        "rngs": {name: rng_state(rng) for name, rng in rngs.items()},
    }


def put_back(
    data: Mapping[str, Any], clock_kind: type[C], holders: Mapping[str, Any], rngs: Mapping[str, np.random.Generator]
) -> C:
    """Sets holders and generators to what `take` gave; returns the clock.

    Raises:
        SnapshotError: the data is not a snapshot of this version. Nothing was changed then.
    """
    if data.get("version") != VERSION:
        raise SnapshotError(f"snapshot version {data.get('version')!r}, expected {VERSION}")
    missing = {"clock", "states", "rngs"} - set(data)
    if missing or set(data["states"]) != set(STATE_KINDS) or set(data["rngs"]) != set(rngs):
        raise SnapshotError(f"the snapshot lacks {', '.join(sorted(missing)) or 'a state'}")
    clock = decode(clock_kind, data["clock"])
    states: dict[str, Any] = {name: decode(kind, data["states"][name]) for name, kind in STATE_KINDS.items()}
    for name, state in states.items():
        holder = holders[name]
        if isinstance(holder, Restorable):
            holder.restore(state)
        else:
            holder.state = state
    for name, rng in rngs.items():
        restore_rng(rng, data["rngs"][name])
    return clock
