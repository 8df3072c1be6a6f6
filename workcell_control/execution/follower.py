"""One move that a trajectory controller carries out: where on its path it is, and what to send for another rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workcell_control.execution.path import PLAIN, PathUnderWay
from workcell_control.execution.rate import RATE_MIN, PathPlace, RateRamp
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import JointTrajectory

NS_PER_S = 1_000_000_000
LEAD_S = 0.06
"""Time from now at which another rate begins: until then the controller has heard of it."""
RAMPS_S = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)
"""Times over which the rate may change; the shortest that keeps the limits is taken."""
STAMPED_FROM = 0.999
"""From this speed factor of the controller on, trajectory time runs with the clock, and a start can be dated."""
JOINT_SHARE_AIM = 0.99
"""Share of joint limits that a change of the rate may use: what a controller makes of samples differs a little."""
_MERGED_S = 1e-3

Excess = Callable[[JointTrajectory], float]


@dataclass(frozen=True)
class Sending:
    """A trajectory for the controller; `stamp_ns` is when it began, 0 where it begins on arrival."""

    trajectory: JointTrajectory
    stamp_ns: int = 0


def limit_excess(trajectory: JointTrajectory, limits: JointLimits) -> float:
    """Largest share of velocity, acceleration or jerk limits that a trajectory uses, by dense sampling."""
    times = np.arange(0.0, trajectory.duration_s, 0.004)
    _, velocity, acceleration, jerk = trajectory.states_at(times)
    shares = (velocity / limits.velocity, acceleration / limits.acceleration, jerk / limits.jerk)
    return max((float(np.abs(share).max()) for share in shares if share.size), default=0.0)


class Follower:
    """Keeps account of what was sent for one move.

    Args:
        trajectory: The move as planned.
        excess: Share of what is allowed that a trajectory uses; above 1 it is not sent where another will do.
        rate: Rate to begin with, above 0.
    """

    def __init__(self, trajectory: JointTrajectory, excess: Excess, rate: float = 1.0) -> None:
        self.path = PathUnderWay(trajectory)
        self._excess = excess
        self._ramp = PLAIN
        # Sent time at which the ramp begins.
        self._lead_s = 0.0
        self._heard: tuple[int, float] | None = None
        self.sent = Sending(trajectory)
        if rate < 1.0:
            self._ramp = RateRamp(PathPlace(0.0, rate), rate, 1.0)
            self.sent = Sending(trajectory.dilated(1.0 / rate))

    @property
    def rate(self) -> float:
        """The rate that was asked for last."""
        return self._ramp.rate_end

    @property
    def is_to_the_end(self) -> bool:
        """Whether what was sent leads to the path's end."""
        lead_s = self.sent.trajectory.duration_s - self._lead_s
        return self._ramp.place_at(lead_s).path_s >= self.path.duration_s - _MERGED_S

    @property
    def is_located(self) -> bool:
        """Whether the controller has told where it is on what was sent."""
        return self._heard is not None

    def on_feedback(self, stamp_ns: int, sent_s: float) -> None:
        """The controller was `sent_s` along what was sent last at a time."""
        self._heard = (stamp_ns, sent_s)

    def place(self, now_ns: int, scaling: float) -> PathPlace:
        """Where on the path the controller's reference is; the begin before it was heard."""
        return self._place_at(self._sent_s(now_ns, scaling))

    def retimed(self, rate: float, now_ns: int, scaling: float = 1.0) -> Sending | None:
        """What to send so that the rate becomes `rate` (0: stop on the path) soon; None where there is nothing to do.

        Between the present place and the ramp the old motion is repeated, so that nothing jumps when it arrives.
        Where time runs with the clock it is dated to the last feedback and joined wherever the controller is by
        then. Else nobody can say exactly where the controller will be: it begins at the present place on arrival, and
        only where the controller's own speed factor does not keep the arm slower already.
        """
        if self._heard is None or abs(rate - self._ramp.rate_end) < RATE_MIN:
            return None
        is_stamped = scaling >= STAMPED_FROM
        if not is_stamped and rate >= min(scaling, self._ramp.rate_end):
            return None
        from_s = self._heard[1] if is_stamped else self._sent_s(now_ns, scaling)
        splice_s = self._sent_s(now_ns, scaling) + LEAD_S * scaling
        begin = self._place_at(splice_s)
        if begin.path_s >= self.path.duration_s - _MERGED_S or splice_s >= self.sent.trajectory.duration_s:
            # It ends, or stands, before anything could change.
            return None
        ramp = self._gentlest(begin, rate)
        trajectory = self._spliced(from_s, splice_s, self.path.along(ramp))
        self.sent = Sending(trajectory, self._heard[0] if is_stamped else 0)
        self._ramp, self._lead_s = ramp, splice_s - from_s
        self._heard = (self._heard[0], 0.0) if is_stamped else (now_ns, 0.0)
        return self.sent

    def resumed(self, rate: float) -> Sending | None:
        """What to send from standing on the path; None where the rate is none."""
        if rate < RATE_MIN:
            return None
        stood_s = self._place_at(self.sent.trajectory.duration_s).path_s
        self._ramp = self._gentlest(PathPlace(stood_s, 0.0, 0.0), rate)
        self._lead_s, self._heard = 0.0, None
        self.sent = Sending(self.path.along(self._ramp))
        return self.sent

    def _sent_s(self, now_ns: int, scaling: float) -> float:
        if self._heard is None:
            return 0.0
        stamp_ns, sent_s = self._heard
        return min(sent_s + max(now_ns - stamp_ns, 0) / NS_PER_S * scaling, self.sent.trajectory.duration_s)

    def _place_at(self, sent_s: float) -> PathPlace:
        if sent_s >= self._lead_s:
            return self._ramp.place_at(sent_s - self._lead_s)
        # What was repeated before the ramp: nearly at the rate the ramp begins with.
        begin = self._ramp.begin
        return PathPlace(max(begin.path_s - (self._lead_s - sent_s) * begin.rate, 0.0), begin.rate, begin.slope)

    def _gentlest(self, begin: PathPlace, rate: float) -> RateRamp:
        """The shortest ramp that keeps to what is allowed; of ramps that all exceed it, the one that does least."""
        ramps = [RateRamp(begin, rate, ramp_s) for ramp_s in RAMPS_S]
        forward = [ramp for ramp in ramps if ramp.is_forward()]
        if not forward:
            # The rate is falling faster than the shortest ramp could end it: let it end as soon as it can.
            return RateRamp(PathPlace(begin.path_s, begin.rate, 0.0), rate, RAMPS_S[0])
        least, chosen = np.inf, forward[0]
        for ramp in forward:
            excess = self._excess(self.path.along(ramp))
            if excess <= 1.0:
                return ramp
            if excess < least:
                least, chosen = excess, ramp
        return chosen

    def _spliced(self, from_s: float, splice_s: float, rest: JointTrajectory) -> JointTrajectory:
        old = self.sent.trajectory
        inner: FloatArray = old.time_s[(old.time_s > from_s + _MERGED_S) & (old.time_s < splice_s - _MERGED_S)]
        times = np.concatenate([[from_s], inner, [splice_s]])
        position, velocity, acceleration, _ = old.states_at(times)
        position[-1], velocity[-1], acceleration[-1] = rest.position[0], rest.velocity[0], rest.acceleration[0]
        return JointTrajectory(times - from_s, position, velocity, acceleration).then(rest)
