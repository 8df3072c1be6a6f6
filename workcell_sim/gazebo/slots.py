"""Which boards are in Gazebo's world, and where each of them is.

A board has one of a few slots: a model name that boards take one after the other. What Gazebo says of a slot's pose
moves its board from stage to stage; what is to be done about it is told as orders.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from workcell_sim.world.parts import Part

FloatArray = npt.NDArray[np.float64]

STILL_M_S = 0.01
"""A board slower than this rests."""
# An order that had no effect by then is given again.
_ORDER_PATIENCE_S = 2.0
# A removed board is gone when nothing was heard of it for as long.
_GONE_AFTER_S = 0.5
# A body is not removed before the joint that held it: Gazebo would keep it.
_LOOSE_AFTER_S = 0.5
# Poses nearer in time say nothing of speed.
_POSE_STEP_MIN_S = 0.005


class Stage(Enum):
    """What a slot's board does. A slot begins with what the world file put there: it hangs at the cup, and is to go."""

    TIED = "tied"
    GOING = "going"
    FREE = "free"
    COMING = "coming"
    BELT = "belt"
    PICK = "pick"
    HELD = "held"
    FALLING = "falling"


@dataclass
class Slot:
    """One place for a board.

    Attributes:
        pose: of the middle of its plate, shape (4, 4), None before the first was heard.
        speed_m_s: by the last two poses.
        heard_s: when the last pose was heard.
        since_s: when its stage began.
        ordered_s: when something was last asked of Gazebo for this stage.
    """

    name: str
    stage: Stage = Stage.TIED
    part: Part | None = None
    pose: FloatArray | None = None
    speed_m_s: float = 0.0
    heard_s: float = -math.inf
    since_s: float = 0.0
    ordered_s: float = -math.inf

    def enter(self, stage: Stage, time_s: float) -> None:
        """Begins a stage."""
        self.stage, self.since_s, self.ordered_s = stage, time_s, -math.inf

    def is_order_due(self, time_s: float) -> bool:
        """Whether Gazebo is to be asked, or asked again; then the time of the next asking begins."""
        if time_s - self.ordered_s < _ORDER_PATIENCE_S:
            return False
        self.ordered_s = time_s
        return True

    @property
    def is_still(self) -> bool:
        """Whether the board rests, by what was last heard."""
        return self.speed_m_s < STILL_M_S


class Slots:
    """All places.

    Args:
        count: as many as the world file has.
    """

    def __init__(self, count: int) -> None:
        self._slots = {name: Slot(name) for name in (f"board_{number}" for number in range(count))}

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def in_stage(self, *stages: Stage) -> list[Slot]:
        """Slots in any of these stages, the oldest board first."""
        found = [slot for slot in self if slot.stage in stages]
        return sorted(found, key=lambda slot: slot.part.number if slot.part is not None else -1)

    def free(self) -> Slot | None:
        """A slot without a board, None where all are taken."""
        return next(iter(self.in_stage(Stage.FREE)), None)

    def on_pose(self, name: str, time_s: float, pose: FloatArray) -> None:
        """Takes up a pose that Gazebo told; of a name that is no slot nothing is kept."""
        slot = self._slots.get(name)
        if slot is None:
            return
        passed_s = time_s - slot.heard_s
        if slot.pose is None or slot.stage is Stage.COMING:
            slot.speed_m_s = math.inf
        elif passed_s < _POSE_STEP_MIN_S:
            return
        else:
            slot.speed_m_s = float(np.linalg.norm(pose[:3, 3] - slot.pose[:3, 3])) / passed_s
        slot.pose, slot.heard_s = pose, time_s
        if slot.stage is Stage.COMING:
            slot.enter(Stage.BELT, time_s)

    def let_go_of_tied(self, time_s: float) -> list[Slot]:
        """Returns what still hangs at the cup and is to be let go; what was let go before is to be removed."""
        tied = self.in_stage(Stage.TIED)
        for slot in tied:
            if slot.ordered_s > -math.inf and time_s - slot.ordered_s > _LOOSE_AFTER_S:
                slot.enter(Stage.GOING, time_s)
        return [slot for slot in tied if slot.stage is Stage.TIED and slot.is_order_due(time_s)]

    def forget_gone(self, time_s: float) -> None:
        """Frees the slots whose removed boards were not heard of any more."""
        for slot in self.in_stage(Stage.GOING):
            asked = slot.ordered_s > -math.inf
            if not asked or time_s - max(slot.heard_s, slot.since_s) <= _GONE_AFTER_S:
                continue
            slot.pose = slot.part = None
            slot.enter(Stage.FREE, time_s)
