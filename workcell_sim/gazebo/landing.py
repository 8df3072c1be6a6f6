"""Where a board that was let go comes to rest in Gazebo: on its seat again, in a bin, or on the floor."""

from __future__ import annotations

from workcell_sim.gazebo.belt import Belt
from workcell_sim.gazebo.slots import Slot, Stage
from workcell_sim.world.parts import Place
from workcell_sim.world.station import Station

# A board this long in the air or sliding is taken as it is.
_PATIENCE_S = 1.5
# Just let go, a board is not yet fast.
_FALL_MIN_S = 0.06
# A board that lies askew on a bin has its middle at most this far over it.
_OVER_BIN_M = 0.03


def landing(slot: Slot, station: Station, belt: Belt, time_s: float) -> Place | None:
    """The place of a board that was let go, `Place.PICK` for its seat; None while it is on its way."""
    if slot.stage is not Stage.FALLING or slot.pose is None or slot.heard_s < slot.since_s + _FALL_MIN_S:
        return None
    waited_s = time_s - slot.since_s
    if not slot.is_still and waited_s < _PATIENCE_S:
        return None
    if belt.is_seat(slot):
        return Place.PICK
    x, y, z = (float(value) for value in slot.pose[:3, 3])
    for bin_ in station.bins:
        if bin_.holds(x, y) and -_OVER_BIN_M / 3 < z - bin_.top_m < _OVER_BIN_M:
            return Place(bin_.name)
    return Place.FLOOR
